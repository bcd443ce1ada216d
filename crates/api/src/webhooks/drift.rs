//! The daily look for drift: a consumer of the log that counts a day in bins and holds it against the week before.

use std::collections::BTreeMap;

use leitmotif_domain::event::{EventPayload, Listen, ListenOutcome, RecordedEvent};
use leitmotif_domain::webhook::{NoticeKind, notice};
use leitmotif_domain::zone::LocalHour;
use leitmotif_domain::{EventId, TenantScope, Timestamp};
use leitmotif_storage::ports::{Checkpoint, EventLog};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::middleware::daily::{DAY_MS, day_text};
use crate::problem::Problem;

/// Name of the consumer with the version of its state.
const CONSUMER: &str = "drift-1";
/// Days that a day is held against: every day of the week once.
const REFERENCE_DAYS: i64 = 7;
/// Events of the log that the first look reads, from the newest back: some seconds, and enough for a week of most.
const FIRST_EVENTS: u64 = 500_000;
/// Counts that a day and its reference need at least: of fewer, an index of 0.25 is usual by chance.
const COUNT_MIN: u64 = 200;
/// The index from which on a difference is worth a message: what is called a major shift since Siddiqi 2006.
const INDEX_MIN: f64 = 0.25;
/// Plays whose day is longer ago than this when they come are a history, and say nothing of the present.
const LATE_MS: i64 = 2 * DAY_MS;
/// Events read at once.
const READ_BATCH: usize = 5_000;
/// Events after which the position is written down: what the next look reads again.
const EVENTS_PER_CHECKPOINT: u64 = 5_000;
/// 99.9 % of the normal distribution lies below it.
const Z: f64 = 3.090_232_306_167_813;
/// What stands in a bin beside its counts, so that an empty one has a logarithm.
const SMOOTHING: f64 = 0.5;

/// What is counted, each in its bins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Counted {
    /// How plays ended: completed, skipped, partial.
    Outcome,
    /// Share heard of a play, in tenths; plays that do not say it are not in it.
    ShareHeard,
    /// Hour of a play on the listener's clock.
    Hour,
    /// Length of the track played: by minutes, ten and more in the last.
    TrackMinutes,
    /// How personal answers were: personalised, session, content, popular, static.
    Rung,
}

impl Counted {
    const ALL: [Self; 5] = [
        Self::Outcome,
        Self::ShareHeard,
        Self::Hour,
        Self::TrackMinutes,
        Self::Rung,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Outcome => "outcome",
            Self::ShareHeard => "share_heard",
            Self::Hour => "hour",
            Self::TrackMinutes => "track_minutes",
            Self::Rung => "rung",
        }
    }

    fn bin_count(self) -> usize {
        match self {
            Self::Outcome => 3,
            Self::ShareHeard => 10,
            Self::Hour => 24,
            Self::TrackMinutes => 11,
            Self::Rung => 5,
        }
    }

    fn of_play(self, listen: &Listen, at: Timestamp) -> Option<usize> {
        let length = listen.track_ms.filter(|length| *length > 0);
        match self {
            Self::Outcome => Some(match listen.outcome {
                ListenOutcome::Completed => 0,
                ListenOutcome::Skipped => 1,
                ListenOutcome::Partial => 2,
            }),
            Self::ShareHeard => {
                let tenth = u64::from(listen.played_ms?) * 10 / u64::from(length?);
                Some(tenth.min(9) as usize)
            }
            Self::Hour => Some(usize::from(LocalHour::at(at, listen.zone.as_deref()).hour)),
            Self::TrackMinutes => Some((length? / 60_000).min(10) as usize),
            Self::Rung => None,
        }
    }
}

/// The counts of a day, by what is counted.
type Counts = BTreeMap<Counted, Vec<u64>>;

/// The days that are counted, each as it was recorded, and the day that goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Days {
    today: i64,
    days: BTreeMap<i64, Counts>,
}

/// Looks for drift in what a tenant's listeners do.
pub struct Drift<'d> {
    /// Where events are read, and notices appended.
    pub log: &'d dyn EventLog,
    /// Whose.
    pub scope: &'d TenantScope,
}

impl Drift<'_> {
    /// Reads what came, and once a day is over, tells when it differed from the week before.
    ///
    /// - Errors: those of the log; the next call goes on where this one came to.
    /// - Cost: what came since the last call is read; the first call reads at most the newest 500,000 events.
    pub async fn follow(&self, now: Timestamp) -> Result<(), Problem> {
        let head = self.log.head(self.scope).await?;
        let stored = self.log.checkpoint(self.scope, CONSUMER).await?;
        let is_new = stored.is_none();
        let (mut offset, mut days) = match stored {
            Some(stored) => {
                let read = serde_json::from_slice(&stored.state);
                (stored.offset, read.map_err(|error| Problem::bug(&error))?)
            }
            None => (head.saturating_sub(FIRST_EVENTS), Days::default()),
        };
        let (begun, former_day) = (offset, days.today);
        while offset < head {
            let events = self.log.read(self.scope, offset, READ_BATCH).await?;
            let Some(last) = events.last() else { break };
            offset = last.offset;
            for recorded in &events {
                let day = day_of(recorded.recorded_at);
                // What ended before the first look is told of by nobody: it is long ago.
                self.turn_to(day, &mut days, now, !is_new).await?;
                days.count(recorded);
            }
        }
        self.turn_to(day_of(now), &mut days, now, !is_new).await?;
        if is_new || days.today != former_day || offset - begun >= EVENTS_PER_CHECKPOINT {
            let state = serde_json::to_vec(&days).map_err(|error| Problem::bug(&error))?;
            let checkpoint = Checkpoint { offset, state };
            (self.log.save_checkpoint(self.scope, CONSUMER, checkpoint)).await?;
        }
        Ok(())
    }

    /// Ends the day that went on when another begins.
    async fn turn_to(
        &self,
        day: i64,
        days: &mut Days,
        now: Timestamp,
        is_told: bool,
    ) -> Result<(), Problem> {
        // A clock that was set back ends no day.
        if day <= days.today {
            return Ok(());
        }
        let ended = std::mem::replace(&mut days.today, day);
        let found = days.drift(ended);
        days.days.retain(|known, _| *known >= day - REFERENCE_DAYS);
        if found.is_empty() || !is_told {
            return Ok(());
        }
        let id = EventId::derive(&[
            b"drift noticed",
            &self.scope.tenant().as_u128().to_be_bytes(),
            &ended.to_be_bytes(),
        ]);
        let date = day_text(Timestamp::from_ms(ended * DAY_MS));
        let names: Vec<&str> = found.iter().map(|one| one.counted.name()).collect();
        let conclusion = format!("{} differed from the week before", names.join(", "));
        let told: Vec<Value> = found.iter().map(Found::told).collect();
        let detail = json!({"day": date, "reference_days": REFERENCE_DAYS, "index_min": INDEX_MIN, "drifts": told});
        let event = notice(NoticeKind::DriftNoticed, id, now, conclusion, detail);
        self.log.append(self.scope, vec![event]).await?;
        Ok(())
    }
}

impl Days {
    fn count(&mut self, recorded: &RecordedEvent) {
        let event = &recorded.event;
        if recorded.recorded_at.since_ms(event.occurred_at) > LATE_MS {
            return;
        }
        let counts = self.days.entry(self.today).or_default();
        let mut add = |counted: Counted, bin: usize| {
            let bins = counts
                .entry(counted)
                .or_insert_with(|| vec![0; counted.bin_count()]);
            if let Some(count) = bins.get_mut(bin) {
                *count += 1;
            }
        };
        match &event.payload {
            EventPayload::Listen(listen) if !listen.private && !listen.is_inferred_skip() => {
                for counted in Counted::ALL {
                    if let Some(bin) = counted.of_play(listen, event.occurred_at) {
                        add(counted, bin);
                    }
                }
            }
            EventPayload::Exposure(shown) => add(Counted::Rung, shown.rung as usize),
            _ => {}
        }
    }

    /// What differed on a day from those before it.
    fn drift(&self, day: i64) -> Vec<Found> {
        let Some(counts) = self.days.get(&day) else {
            return Vec::new();
        };
        let before = || self.days.range(day - REFERENCE_DAYS..day);
        let found = counts.iter().filter_map(|(counted, bins)| {
            let mut reference = vec![0; counted.bin_count()];
            for known in before().filter_map(|(_, counts)| counts.get(counted)) {
                for (sum, count) in reference.iter_mut().zip(known) {
                    *sum += count;
                }
            }
            Found::of(*counted, bins.clone(), reference)
        });
        found.collect()
    }
}

/// Something that differs.
struct Found {
    counted: Counted,
    index: f64,
    bound: f64,
    bins: Vec<u64>,
    reference: Vec<u64>,
}

impl Found {
    /// The difference, where there is enough to tell and it is beyond both bounds.
    fn of(counted: Counted, bins: Vec<u64>, reference: Vec<u64>) -> Option<Self> {
        let (count, before) = (bins.iter().sum::<u64>(), reference.iter().sum::<u64>());
        if count.min(before) < COUNT_MIN {
            return None;
        }
        let found = Self {
            counted,
            index: stability_index(&bins, &reference),
            bound: chance_bound(bins.len(), count, before),
            bins,
            reference,
        };
        (found.index >= INDEX_MIN && found.index > found.bound).then_some(found)
    }

    fn told(&self) -> Value {
        json!({
            "what": self.counted.name(),
            "population_stability_index": self.index,
            "chance_bound": self.bound,
            "count": self.bins.iter().sum::<u64>(),
            "reference_count": self.reference.iter().sum::<u64>(),
            "bins": self.bins,
            "reference_bins": self.reference,
        })
    }
}

/// The population stability index of counts against those of a reference, with half a count more in every bin.
///
/// - Source: Siddiqi 2006, "Credit Risk Scorecards", chapter 8: Σ (p − q) ln (p / q), which is the divergence of Kullback
///   and Leibler in both directions.
fn stability_index(bins: &[u64], reference: &[u64]) -> f64 {
    let shares = |bins: &[u64]| -> Vec<f64> {
        let total = bins.iter().sum::<u64>() as f64 + SMOOTHING * bins.len() as f64;
        (bins.iter().map(|count| (*count as f64 + SMOOTHING) / total)).collect()
    };
    let pairs = shares(bins).into_iter().zip(shares(reference));
    pairs.map(|(p, q)| (p - q) * (p / q).ln()).sum()
}

/// What the index exceeds once in a thousand times when nothing differs and counts are independent. Plays of one
/// listener are not, so that it is a lower bound.
///
/// - Source: Yurdakul 2018, "Statistical Properties of Population Stability Index", theorem 3.1: (1/n + 1/m) times a
///   chi-squared variable with one degree fewer than bins; its quantile by Wilson and Hilferty 1931, within 3 %.
fn chance_bound(bin_count: usize, count: u64, reference_count: u64) -> f64 {
    let degrees = bin_count.saturating_sub(1).max(1) as f64;
    let spread = 2.0 / (9.0 * degrees);
    let quantile = degrees * (1.0 - spread + Z * spread.sqrt()).powi(3);
    (1.0 / count as f64 + 1.0 / reference_count as f64) * quantile
}

fn day_of(at: Timestamp) -> i64 {
    at.as_ms().div_euclid(DAY_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_by_hand() {
        assert_eq!(stability_index(&[500, 500], &[50, 50]), 0.0);
        // 3/4 against 1/4 of large numbers: 2 × 0.5 ln 3.
        let index = stability_index(&[750_000, 250_000], &[250_000, 750_000]);
        assert!((index - 3.0_f64.ln()).abs() < 1e-4, "{index}");
        assert!(stability_index(&[100, 0], &[0, 100]).is_finite());
    }

    #[test]
    fn the_bound_is_that_of_the_chi_squared_table() {
        // 99.9 % of chi-squared with 2 and with 23 degrees: 13.816 and 49.728.
        for (bins, expected) in [(3, 13.816), (24, 49.728)] {
            let bound = chance_bound(bins, 1_000, 1_000) * 500.0;
            assert!((bound / expected - 1.0).abs() < 0.03, "{bins}: {bound}");
        }
    }

    #[test]
    fn little_and_small_differences_are_not_told() {
        let of = |bins: &[u64], reference: &[u64]| {
            Found::of(Counted::Outcome, bins.to_vec(), reference.to_vec()).is_some()
        };
        assert!(of(&[100, 800, 100], &[800, 100, 100]));
        assert!(!of(&[10, 80, 10], &[800, 100, 100]), "too few");
        assert!(!of(&[450, 350, 200], &[500, 300, 200]), "a small shift");
    }
}
