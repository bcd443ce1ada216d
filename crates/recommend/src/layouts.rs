//! Which layout of a page a listener sees where what came of each decides.
//!
//! What came of a layout is how many of its lists led to a track that was heard to the end, counted over the last weeks for each part of
//! the listener's day. A part that has seen little leans on all of them. Nobody waits for a count: until there is one, layouts have
//! equal shares.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use leitmotif_domain::event::{EventPayload, Moment};
use leitmotif_domain::zone::{Calendar, DayPart, LocalHour};
use leitmotif_domain::{Clock, TenantId, TenantScope, Timestamp, bucket};
use leitmotif_features::metrics::{
    Breakdown, MetricDefinition, MetricRegistry, Query, VALUE_SCALE,
};
pub use leitmotif_learn::bandit::SampleRatio;
use leitmotif_learn::bandit::{Counts, ThompsonOptions, sample_ratio, shares};
use leitmotif_storage::ports::{EventLog, EventSelection};
use parking_lot::Mutex;
use tokio::runtime::Handle;

use crate::error::{Error, Result};
use crate::off_thread::off_thread;
use crate::pipeline::ShownLayout;

/// How far back lists count: what people want of a page changes.
const COUNTED_MS: i64 = 28 * DAY_MS;
/// How long a count stands.
const STANDS_MS: i64 = 10 * 60_000;
const DAY_MS: i64 = 86_400_000;
/// Exposures that are looked at for the chances of layouts: some seconds of reading at most, and far more pages than a mismatch
/// that matters needs.
const SHOWN_LOOKED_AT: usize = 100_000;
const SHOWN_PER_READ: usize = 1_000;
/// Parts that a share is given in, so that the probability of a layout is exact.
const PARTS: f64 = 1_000_000.0;

/// What is known of the layouts of a page.
#[derive(Debug, Clone, PartialEq)]
pub struct LayoutTable {
    /// When it was counted; none where nothing was yet.
    pub counted_at: Option<Timestamp>,
    /// Lists shown, and those that led to a track heard to the end: `[layout][part of the day]`.
    pub counts: Vec<Vec<Counts>>,
    /// The share of each layout in parts of their sum: `[part of the day][layout]`.
    pub weights: Vec<Vec<u32>>,
}

impl LayoutTable {
    /// Gives each layout its share by what was counted.
    ///
    /// - Deterministic for the counts and the day.
    pub fn new(counted_at: Timestamp, counts: Vec<Vec<Counts>>) -> Self {
        let options = ThompsonOptions::default();
        let weights = (0..DayPart::ALL.len()).map(|part| {
            let seed = day_of(counted_at).unsigned_abs() * DayPart::ALL.len() as u64 + part as u64;
            let shares = shares(&counts, part, &options, seed);
            shares.iter().map(|share| (share * PARTS) as u32).collect()
        });
        Self {
            counted_at: Some(counted_at),
            weights: weights.collect(),
            counts,
        }
    }

    /// Nothing counted, equal shares.
    pub fn even(layouts: usize) -> Self {
        Self {
            counted_at: None,
            counts: vec![vec![Counts::default(); DayPart::ALL.len()]; layouts],
            weights: vec![vec![1; layouts]; DayPart::ALL.len()],
        }
    }

    /// The layout of a listener at a moment: the same all day, as long as the part of the day and the shares stay.
    pub fn choose(
        &self,
        names: &[&'static str],
        listener: &str,
        moment: &Moment,
        now: Timestamp,
    ) -> Option<ShownLayout> {
        let hour = moment.hour.unwrap_or(LocalHour::at(now, None).hour);
        let weights = self.weights.get(DayPart::of_hour(hour) as usize)?;
        let unit = format!("{listener} {}", day_of(now));
        let chosen = bucket::choose("learnt layout", &unit, weights)?;
        let sum: f64 = weights.iter().map(|weight| f64::from(*weight)).sum();
        Some(ShownLayout {
            name: names.get(chosen)?,
            propensity: Some((f64::from(*weights.get(chosen)?) / sum) as f32),
        })
    }

    fn stands(&self, now: Timestamp) -> bool {
        self.counted_at
            .is_some_and(|at| now.since_ms(at) < STANDS_MS)
    }
}

fn day_of(at: Timestamp) -> i64 {
    at.as_ms().div_euclid(DAY_MS)
}

/// What is known of the layouts of a page, for every tenant that asks.
pub struct Layouts {
    /// The layouts there are.
    names: &'static [&'static str],
    metrics: Arc<MetricRegistry>,
    clock: Arc<dyn Clock>,
    kept: Mutex<HashMap<TenantId, Kept>>,
}

struct Kept {
    table: Arc<LayoutTable>,
    is_being_counted: bool,
}

impl Layouts {
    /// Starts with nothing counted.
    pub fn new(
        names: &'static [&'static str],
        metrics: Arc<MetricRegistry>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            names,
            metrics,
            clock,
            kept: Mutex::default(),
        }
    }

    /// The layout of a listener, by the last count; where that is old, another is begun beside.
    pub fn choose(
        self: &Arc<Self>,
        scope: &TenantScope,
        listener: &str,
        moment: &Moment,
    ) -> Option<ShownLayout> {
        let now = self.clock.now();
        let (table, is_due) = {
            let mut kept = self.kept.lock();
            let kept = kept.entry(scope.tenant()).or_insert_with(|| Kept {
                table: Arc::new(LayoutTable::even(self.names.len())),
                is_being_counted: false,
            });
            let is_due = !kept.is_being_counted && !kept.table.stands(now);
            kept.is_being_counted |= is_due;
            (Arc::clone(&kept.table), is_due)
        };
        if is_due {
            let (layouts, scope) = (Arc::clone(self), scope.clone());
            tokio::spawn(async move {
                if let Err(error) = layouts.count(&scope).await {
                    tracing::warn!(tenant = %scope.tenant(), %error, "layouts were not counted");
                }
                if let Some(kept) = layouts.kept.lock().get_mut(&scope.tenant()) {
                    kept.is_being_counted = false;
                }
            });
        }
        table.choose(self.names, listener, moment, now)
    }

    /// Forgets a tenant that was removed.
    pub fn forget(&self, tenant: TenantId) {
        self.kept.lock().remove(&tenant);
    }

    /// Counts what came of each layout.
    ///
    /// - Cost: one pass over the rows of the tenant's metrics for each part of the day.
    pub async fn count(&self, scope: &TenantScope) -> Result<Arc<LayoutTable>> {
        let now = self.clock.now();
        let query = Query {
            from: Some(now.plus_ms(-COUNTED_MS)),
            to: None,
            by: vec![Breakdown::Layout],
            calendar: Calendar::of(None).map_err(Error::bug)?,
        };
        let parts = DayPart::ALL.map(definition_of);
        let parts: Vec<Arc<MetricDefinition>> = parts.into_iter().collect::<Result<_>>()?;
        let (metrics, own, scope_of_task) =
            (Arc::clone(&self.metrics), parts.clone(), scope.clone());
        let runtime = Handle::current();
        // It computes, and others answer meanwhile.
        let read = move || runtime.block_on(metrics.read(&scope_of_task, &own, &query));
        let readings = off_thread(read).await?.map_err(Error::bug)?;
        let mut counts = LayoutTable::even(self.names.len()).counts;
        for (part, (definition, reading)) in parts.iter().zip(readings).enumerate() {
            for (key, tally) in &reading.evaluation.groups {
                let label = key.labels.first().and_then(Option::as_deref);
                let layout = self.names.iter().position(|name| Some(*name) == label);
                let Some(of_layout) = layout.and_then(|layout| counts.get_mut(layout)) else {
                    continue;
                };
                let value = reading.evaluation.value(definition, tally);
                let played = value.numerator / i128::from(VALUE_SCALE);
                of_layout[part] = Counts {
                    trials: value.observations,
                    successes: u64::try_from(played).unwrap_or_default(),
                };
            }
        }
        let table = Arc::new(LayoutTable::new(now, counts));
        let mut kept = self.kept.lock();
        let is_being_counted = kept
            .get(&scope.tenant())
            .is_some_and(|kept| kept.is_being_counted);
        kept.insert(
            scope.tenant(),
            Kept {
                table: Arc::clone(&table),
                is_being_counted,
            },
        );
        Ok(table)
    }
}

/// Holds the layouts that were shown against the chances they were drawn with: of each listener, day and part of the
/// day the newest page once.
///
/// `None` where layouts are not drawn, or too few were. Pages are those of the newest 100,000 exposures.
///
/// - Shape: `first` is the layout whose chance is judged; there are two of them.
/// - Cost: reads so many exposures.
pub async fn drawn_ratio(
    log: &dyn EventLog,
    scope: &TenantScope,
    first: &str,
) -> Result<Option<SampleRatio>> {
    let selection = EventSelection {
        kind: Some("exposure".to_owned()),
        is_newest_first: true,
        ..EventSelection::default()
    };
    let (mut from, mut looked_at) = (log.head(scope).await? + 1, 0);
    let (mut seen, mut drawn) = (HashSet::new(), Vec::new());
    while from > 1 && looked_at < SHOWN_LOOKED_AT {
        let slice = log.select(scope, &selection, from, SHOWN_PER_READ).await?;
        looked_at += slice.events.len();
        for event in slice.events.iter().map(|recorded| &recorded.event) {
            let EventPayload::Exposure(shown) = &event.payload else {
                continue;
            };
            let (Some(layout), Some(propensity)) = (&shown.layout, shown.layout_propensity) else {
                continue;
            };
            let hour = shown.moment.hour;
            let hour = hour.unwrap_or(LocalHour::at(event.occurred_at, None).hour);
            let unit = (
                event.listener,
                day_of(event.occurred_at),
                DayPart::of_hour(hour),
            );
            if seen.insert(unit) {
                let is_first = layout == first;
                let propensity = f64::from(propensity);
                drawn.push((
                    is_first,
                    if is_first {
                        propensity
                    } else {
                        1.0 - propensity
                    },
                ));
            }
        }
        if slice.reached >= from {
            break;
        }
        from = slice.reached;
    }
    Ok(sample_ratio(&drawn))
}

/// Lists shown in a part of the day, and whether they led to a track that was heard to the end.
fn definition_of(part: DayPart) -> Result<Arc<MetricDefinition>> {
    let (from, before) = part.hours();
    let text = format!(
        "name = \"played_to_the_end\"\ndescription = \"Lists that led to a track heard to the end\"\n\
         observation = \"answer\"\nfilter = \"hour >= {from} and hour < {before}\"\nwindow = \"24h\"\n\
         better = \"higher\"\nunit = \"share\"\n\n[[numerator]]\nevent = \"listen\"\n\
         filter = \"outcome == completed\"\ncount = \"any\"\n"
    );
    Ok(Arc::new(
        MetricDefinition::parse(&text).map_err(Error::bug)?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 2] = ["one", "other"];
    const T0: i64 = 1_700_000_000_000;

    fn counted(mornings: [Counts; 2]) -> LayoutTable {
        let mut counts = LayoutTable::even(2).counts;
        for (of_layout, morning) in counts.iter_mut().zip(mornings) {
            of_layout[DayPart::Morning as usize] = morning;
        }
        LayoutTable::new(Timestamp::from_ms(T0), counts)
    }

    fn at(hour: u8) -> Moment {
        Moment {
            hour: Some(hour),
            ..Moment::default()
        }
    }

    #[test]
    fn the_layout_that_is_played_more_is_shown_to_most() {
        let played = |successes| Counts {
            trials: 2_000,
            successes,
        };
        let table = counted([played(200), played(400)]);
        let now = Timestamp::from_ms(T0);
        let shown: Vec<ShownLayout> = (0..500)
            .filter_map(|number| table.choose(&NAMES, &number.to_string(), &at(8), now))
            .collect();
        let others = shown.iter().filter(|one| one.name == "other").count();
        assert!(others > 480, "{others} of 500");
        for one in &shown {
            let propensity = one.propensity.unwrap();
            assert_eq!(one.name == "other", propensity > 0.5, "{one:?}");
        }
        // Of the evening nothing is known but what the mornings say.
        let evening = table.choose(&NAMES, "0", &at(20), now).unwrap();
        assert!(evening.propensity.unwrap() > 0.5 || evening.name == "one");
        assert_eq!(counted([played(200), played(400)]), table);
    }

    #[test]
    fn a_listener_keeps_a_layout_for_the_day_and_all_have_equal_shares_at_first() {
        let table = LayoutTable::even(2);
        let now = Timestamp::from_ms(T0 - T0 % DAY_MS);
        let shown = |hours: i64| {
            let now = now.plus_ms(hours * 3_600_000);
            table.choose(&NAMES, "ann", &at(8), now)
        };
        assert_eq!(shown(0), shown(23));
        assert_eq!(shown(0).unwrap().propensity, Some(0.5));
        let days: Vec<_> = (0..40).map(|day| shown(24 * day).unwrap().name).collect();
        assert!(days.contains(&"one") && days.contains(&"other"));
        assert!(!table.stands(now), "nothing was counted");
        assert!(counted([Counts::default(); 2]).stands(Timestamp::from_ms(T0 + STANDS_MS - 1)));
        assert!(!counted([Counts::default(); 2]).stands(Timestamp::from_ms(T0 + STANDS_MS)));
    }

    #[test]
    fn every_part_of_the_day_is_counted() {
        for part in DayPart::ALL {
            assert!(definition_of(part).is_ok(), "{part:?}");
        }
    }
}
