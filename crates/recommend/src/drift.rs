//! What is counted of the days of a tenant, and which of it drifts.

use std::collections::BTreeMap;

use leitmotif_domain::Timestamp;
use leitmotif_domain::event::{EventPayload, Listen, ListenOutcome, RecordedEvent};
use leitmotif_domain::zone::LocalHour;
use leitmotif_learn::drift::{
    BlockCounts, discoveries, probability_among, probability_by_habit, resampled_indices,
    stability_index,
};
use serde::{Deserialize, Serialize};

/// Days that a day is held against: every day of the week once.
pub const REFERENCE_DAYS: i64 = 7;
/// Fewest of them that say what is usual.
const REFERENCE_DAYS_MIN: usize = 4;
/// Days whose indices are remembered: eight weekends are a habit.
const HABIT_DAYS: usize = 56;
/// Days from which on the remembered indices are the habit; before, those of the reference's own days are.
const HABIT_DAYS_MIN: usize = 14;
/// Counts that a day and its reference need at least: fewer tell next to nothing.
const COUNT_MIN: u64 = 200;
/// Groups of listeners, by their ids, that are drawn as one: people are not told apart, and their plays belong together.
const BLOCKS: usize = 32;
/// Draws of what chance does.
const ROUNDS: usize = 9_999;
/// Share of the messages that may be false: one day in a thousand without a cause.
pub const FALSE_SHARE: f64 = 0.001;
/// Plays whose day is longer ago than this when they come are a history, and say nothing of the present.
const LATE_MS: i64 = 2 * DAY_MS;
const DAY_MS: i64 = 24 * 3_600_000;

/// What is counted, each in its bins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
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

    /// The stable name.
    pub fn name(self) -> &'static str {
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

/// The counts of a day by what is counted: `[blocks × bins]` each.
type Counts = BTreeMap<Counted, Vec<u32>>;

/// The days that are counted, each as it was recorded, the day that goes on, and how far days past lay apart.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Days {
    today: i64,
    days: BTreeMap<i64, Counts>,
    indices: BTreeMap<Counted, Vec<f32>>,
}

/// Something that differs.
#[derive(Debug, Clone, PartialEq)]
pub struct Drifted {
    /// What.
    pub counted: Counted,
    /// The population stability index of the day against those before it.
    pub index: f64,
    /// How probable an index as large is by chance, and by the habit of days past; the larger one is judged.
    pub probabilities: [f64; 2],
    /// The counts of the day by bin.
    pub bins: Vec<u64>,
    /// Those of the days before it.
    pub reference: Vec<u64>,
}

impl Days {
    /// The day that goes on, by its number since 1970.
    pub fn today(&self) -> i64 {
        self.today
    }

    /// Goes to the day of a moment. Where another one ended by that, tells which it was and how it differed; a clock that
    /// is set back ends no day.
    ///
    /// - Cost: of a day that ended some 0.1 s.
    pub fn turn_to(&mut self, at: Timestamp) -> Option<(i64, Vec<Drifted>)> {
        let day = at.as_ms().div_euclid(DAY_MS);
        if day <= self.today {
            return None;
        }
        let ended = std::mem::replace(&mut self.today, day);
        let found = self.judge(ended);
        self.days.retain(|known, _| *known >= day - REFERENCE_DAYS);
        Some((ended, found))
    }

    /// Counts an event of the day that goes on.
    pub fn count(&mut self, recorded: &RecordedEvent) {
        let event = &recorded.event;
        if recorded.recorded_at.since_ms(event.occurred_at) > LATE_MS {
            return;
        }
        let who = event.listener.map(|listener| listener.as_u128());
        let block = who.unwrap_or(event.event_id.as_u128()) as usize % BLOCKS;
        let counts = self.days.entry(self.today).or_default();
        let mut add = |counted: Counted, bin: usize| {
            let bins = counted.bin_count();
            let counts = counts
                .entry(counted)
                .or_insert_with(|| vec![0; BLOCKS * bins]);
            if let Some(count) = counts.get_mut(block * bins + bin) {
                *count = count.saturating_add(1);
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

    /// Everything of a day that differs from the days before it, and remembers how far it lay apart.
    fn judge(&mut self, day: i64) -> Vec<Drifted> {
        let all = Counted::ALL
            .into_iter()
            .filter_map(|counted| self.compare(counted, day));
        let all: Vec<Drifted> = all.collect();
        for one in &all {
            let indices = self.indices.entry(one.counted).or_default();
            indices.push(one.index as f32);
            let surplus = indices.len().saturating_sub(HABIT_DAYS);
            indices.drain(..surplus);
        }
        let judged: Vec<f64> = (all.iter())
            .map(|one| one.probabilities[0].max(one.probabilities[1]))
            .collect();
        let is_found = discoveries(&judged, FALSE_SHARE);
        let found = all.into_iter().zip(is_found);
        found.filter(|(_, is)| *is).map(|(one, _)| one).collect()
    }

    fn compare(&self, counted: Counted, day: i64) -> Option<Drifted> {
        let bins = counted.bin_count();
        let today = BlockCounts {
            counts: self.days.get(&day)?.get(&counted)?,
            bins,
        };
        let before = self.days.range(day - REFERENCE_DAYS..day);
        let before: Vec<BlockCounts<'_>> = before
            .filter_map(|(_, counts)| counts.get(&counted))
            .map(|counts| BlockCounts { counts, bins })
            .collect();
        let totals: Vec<Vec<u64>> = before.iter().map(BlockCounts::total).collect();
        let reference = sum(&totals, bins, None);
        let own = today.total();
        let (count, count_before) = (own.iter().sum::<u64>(), reference.iter().sum::<u64>());
        if before.len() < REFERENCE_DAYS_MIN || count.min(count_before) < COUNT_MIN {
            return None;
        }
        let index = stability_index(&own, &reference);
        let drawn = resampled_indices(&before, count, ROUNDS, day.cast_unsigned());
        let remembered = self.indices.get(&counted).into_iter().flatten();
        let remembered: Vec<f64> = remembered.map(|one| f64::from(*one)).collect();
        let by_habit = if remembered.len() < HABIT_DAYS_MIN {
            let apart =
                |place: usize| stability_index(&totals[place], &sum(&totals, bins, Some(place)));
            let own_days: Vec<f64> = (0..totals.len()).map(apart).collect();
            probability_by_habit(index, &own_days)
        } else {
            probability_by_habit(index, &remembered)
        };
        Some(Drifted {
            counted,
            index,
            probabilities: [probability_among(index, &drawn), by_habit],
            bins: own,
            reference,
        })
    }
}

/// The sum of the counts of days, but for one.
fn sum(totals: &[Vec<u64>], bins: usize, but: Option<usize>) -> Vec<u64> {
    let mut all = vec![0; bins];
    for (place, total) in totals.iter().enumerate() {
        if Some(place) != but {
            all.iter_mut()
                .zip(total)
                .for_each(|(sum, count)| *sum += count);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use leitmotif_domain::event::{EVENT_SCHEMA_VERSION, Event};
    use leitmotif_domain::{EventId, ListenerId, TrackId};

    use super::*;

    /// A world of listeners who each skip as they do, more on some days than on others.
    struct World {
        days: Days,
        number: u128,
    }

    impl World {
        fn new() -> Self {
            Self {
                days: Days::default(),
                number: 0,
            }
        }

        /// A day on which a share of plays more than usual is skipped; what was found of the day before.
        fn day(&mut self, day: i64, more: f64) -> Vec<Drifted> {
            let at = Timestamp::from_ms(day * DAY_MS + 12 * 3_600_000);
            let found = self
                .days
                .turn_to(at)
                .map_or_else(Vec::new, |(_, found)| found);
            // People skip more on weekends.
            let weekend = if day % 7 > 4 { 0.1 } else { 0.0 };
            for _ in 0..1_500 {
                self.number += 1;
                let random = mixed(self.number);
                let who = random % 300;
                let share = 0.1 + who as f64 / 600.0 + weekend + more;
                let is_skipped = (mixed(random) % 10_000) as f64 / 10_000.0 < share;
                let outcome = if is_skipped {
                    ListenOutcome::Skipped
                } else {
                    ListenOutcome::Completed
                };
                self.days.count(&RecordedEvent {
                    offset: self.number as u64,
                    recorded_at: at,
                    event: Event {
                        event_id: EventId::from_u128(self.number),
                        occurred_at: at,
                        listener: Some(ListenerId::from_u128(who)),
                        schema_version: EVENT_SCHEMA_VERSION,
                        payload: EventPayload::Listen(Listen::of(TrackId::from_u128(1), outcome)),
                    },
                });
            }
            found
        }
    }

    fn mixed(number: u128) -> u128 {
        let mut state = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        u128::from((state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 20)
    }

    #[test]
    fn thirty_days_that_are_as_ever_tell_nothing_and_a_shift_is_told_the_day_after() {
        let mut world = World::new();
        for day in 0..40 {
            let found = world.day(day, 0.0);
            assert!(found.is_empty(), "day {day}: {found:?}");
        }
        assert!(world.day(40, 0.3).is_empty());
        let found = world.day(41, 0.0);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].counted, Counted::Outcome);
        assert!(found[0].probabilities.iter().all(|one| *one < 1e-3));
    }

    #[test]
    fn few_days_and_few_plays_tell_nothing() {
        let mut world = World::new();
        for day in 0..3 {
            assert!(world.day(day, 0.0).is_empty());
        }
        assert!(world.day(3, 0.4).is_empty());
        assert!(world.day(4, 0.0).is_empty(), "three days are no reference");
    }

    #[test]
    fn the_state_reads_as_it_was_written() {
        let mut world = World::new();
        (0..10).for_each(|day| drop(world.day(day, 0.0)));
        let text = serde_json::to_string(&world.days).unwrap();
        assert_eq!(serde_json::from_str::<Days>(&text).unwrap(), world.days);
    }
}
