//! What nothing can be learnt from, and what makes what is learnt doubtful.

use std::collections::HashSet;

use leitmotif_domain::Timestamp;
use serde::{Deserialize, Serialize};

use super::dataset::{Dataset, Play};
use super::{JUDGE_AT, WEIGH_AT};
use crate::error::{Error, Result};

/// Fewest listens that say anything about taste.
const LISTENS_MIN: usize = 200;
/// Fewest listeners: taste is learnt by comparing.
const LISTENERS_MIN: usize = 2;
/// Fewest tracks that were played: of fewer, the first ten are always the same.
const TRACKS_MIN: usize = 10;
/// Shares from which a fault of the log is told.
const TOLD_FROM: f64 = 0.01;
/// Share of skips from which it is told.
const SKIPS_FROM: f64 = 0.9;
/// Listens before this moment, 2000-01-01, were dated by a clock that was never set.
const UNSET_CLOCK_BEFORE: Timestamp = Timestamp::from_ms(946_684_800_000);

/// What the log holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFacts {
    /// Listens and judgements that training reads.
    pub listens: u64,
    /// Those of them that were skipped or disliked.
    pub skips: u64,
    /// Listeners in them.
    pub listeners: u64,
    /// Tracks of the catalogue.
    pub tracks: u64,
    /// Tracks that were played.
    pub played_tracks: u64,
    /// Listens of tracks that are not in the catalogue, left out.
    pub unknown_tracks: u64,
    /// Listens of nobody, left out.
    pub without_listener: u64,
    /// Listens of one track by one listener at one moment, beyond the first.
    pub duplicates: u64,
    /// Listens dated before 2000 or after the training.
    pub clock_anomalies: u64,
    /// Held-out listens that judge.
    pub held_out: u64,
}

/// Counts what the log holds.
pub fn facts(dataset: &Dataset, now: Timestamp) -> DataFacts {
    let plays = &dataset.listens;
    let is_odd = |play: &&Play| play.at < UNSET_CLOCK_BEFORE || play.at > now;
    let played: HashSet<u32> = plays.iter().map(|play| play.item).collect();
    // Plays lie in order of time, so that repeated ones are of one run.
    let repeated = |run: &[Play]| {
        let kinds: HashSet<_> = run.iter().map(|play| (play.listener, play.item)).collect();
        (run.len() - kinds.len()) as u64
    };
    DataFacts {
        listens: plays.len() as u64,
        skips: plays.iter().filter(|play| play.signal < 0.0).count() as u64,
        listeners: dataset.listeners.len() as u64,
        tracks: dataset.items.len() as u64,
        played_tracks: played.len() as u64,
        unknown_tracks: dataset.unknown_tracks,
        without_listener: dataset.without_listener,
        duplicates: (plays.chunk_by(|a, b| a.at == b.at))
            .filter(|run| run.len() > 1)
            .map(repeated)
            .sum(),
        clock_anomalies: plays.iter().filter(is_odd).count() as u64,
        held_out: dataset.split(JUDGE_AT, 1.0).test().len() as u64,
    }
}

/// Refuses a log that nothing can be learnt from.
///
/// - Errors: `TooLittle` with what is missing and what to do.
pub fn check(dataset: &Dataset, facts: &DataFacts) -> Result<()> {
    let plays = &dataset.listens;
    let refusal = if dataset.items.is_empty() {
        Some("the catalogue is empty, import tracks first".to_owned())
    } else if plays.len() < LISTENS_MIN {
        let left_out = match facts.unknown_tracks {
            0 => String::new(),
            count => format!(" ({count} more are of tracks that are not in the catalogue)"),
        };
        let known = plays.len();
        Some(format!("{known} listens, at least {LISTENS_MIN}{left_out}"))
    } else if dataset.listeners.len() < LISTENERS_MIN {
        let reason = "all listens are of one listener, and taste is learnt by comparing: at least";
        Some(format!("{reason} {LISTENERS_MIN} listeners"))
    } else if (facts.played_tracks as usize) < TRACKS_MIN {
        let played = facts.played_tracks;
        Some(format!(
            "{played} tracks were played, at least {TRACKS_MIN}"
        ))
    } else if plays.iter().all(|play| play.signal <= 0.0) {
        let count = plays.len();
        let reason = "listens are skips: nothing says what anybody likes, send completed plays too";
        Some(format!("all {count} {reason}"))
    } else {
        order_refusal(dataset)
    };
    refusal.map_or(Ok(()), |reason| Err(Error::TooLittle { reason }))
}

/// Without an order in time there is nothing to hold out.
fn order_refusal(dataset: &Dataset) -> Option<String> {
    let weigh = dataset.split(WEIGH_AT, JUDGE_AT);
    let judge = dataset.split(JUDGE_AT, 1.0);
    if !weigh.test().is_empty() && !judge.test().is_empty() {
        return None;
    }
    let moments: HashSet<Timestamp> = dataset.listens.iter().map(|play| play.at).collect();
    let count = dataset.listens.len();
    Some(format!(
        "{count} listens carry {} moments, too few to hold the last ones out: send each with the \
         moment it occurred at",
        moments.len()
    ))
}

/// What makes the result doubtful, as sentences.
pub fn warnings(facts: &DataFacts) -> Vec<String> {
    let read = facts.listens.max(1);
    let all = facts.listens + facts.unknown_tracks + facts.without_listener;
    let mut told = Vec::new();
    let mut tell = |count: u64, of: u64, from: f64, what: &str| {
        let share = count as f64 / of.max(1) as f64;
        if count > 0 && share >= from {
            told.push(format!(
                "{count} of {of} listens ({:.1}%) {what}",
                share * 100.0
            ));
        }
    };
    tell(
        facts.unknown_tracks,
        all,
        TOLD_FROM,
        "are of tracks that are not in the catalogue and teach nothing",
    );
    tell(
        facts.without_listener,
        all,
        TOLD_FROM,
        "name no listener and teach nothing",
    );
    tell(
        facts.duplicates,
        read,
        TOLD_FROM,
        "repeat another of the same listener, track and moment; send the same event id to count once",
    );
    tell(
        facts.clock_anomalies,
        read,
        0.0,
        "are dated before 2000 or in the future; their order in time is doubtful",
    );
    tell(
        facts.skips,
        read,
        SKIPS_FROM,
        "are skips; check how the player reports outcomes",
    );
    told
}

#[cfg(test)]
mod tests {
    use leitmotif_domain::{ListenerId, TrackId};

    use super::*;
    use crate::moments::{ItemGroups, MomentTable, UNKNOWN};

    /// Plays spread over listeners, tracks and minutes.
    fn dataset(change: impl Fn(usize, &mut Play)) -> Dataset {
        let play = |number: usize| {
            let mut play = Play {
                listener: (number % 5) as u32,
                item: (number % 20) as u32,
                at: Timestamp::from_ms(1_700_000_000_000 + number as i64 * 60_000),
                signal: 1.0,
                offset: number as u64,
                listened_share: None,
                moment: UNKNOWN,
            };
            change(number, &mut play);
            play
        };
        let mut listens: Vec<Play> = (0..400).map(play).collect();
        listens.sort_by_key(|play| play.at);
        let most = listens.iter().map(|play| play.listener).max().unwrap_or(0);
        Dataset {
            listeners: (0..=u128::from(most)).map(ListenerId::from_u128).collect(),
            items: (0..20).map(TrackId::from_u128).collect(),
            listens,
            unknown_tracks: 0,
            without_listener: 0,
            moments: MomentTable::default(),
            groups: ItemGroups::default(),
        }
    }

    #[test]
    fn each_kind_of_too_little_has_its_sentence() {
        let now = Timestamp::from_ms(1_800_000_000_000);
        type Change = fn(usize, &mut Play);
        let cases: [(&str, Change); 4] = [
            ("one listener", |_, play| play.listener = 0),
            ("4 tracks were played, at least 10", |number, play| {
                play.item = (number % 4) as u32;
            }),
            ("all 400 listens are skips", |_, play| play.signal = -1.0),
            ("carry 1 moments", |_, play| play.at = Timestamp::from_ms(5)),
        ];
        for (expected, change) in cases {
            let dataset = dataset(change);
            let refused = check(&dataset, &facts(&dataset, now)).unwrap_err();
            assert!(refused.to_string().contains(expected), "{refused}");
        }
        let good = dataset(|_, _| {});
        let found = facts(&good, now);
        assert!(check(&good, &found).is_ok() && warnings(&found).is_empty());
    }

    #[test]
    fn faults_of_the_log_are_told_with_their_share() {
        let now = Timestamp::from_ms(1_700_000_000_000 + 390 * 60_000);
        let mut dataset = dataset(|number, play| {
            if number < 40 {
                (play.listener, play.item) = (0, 0);
                play.at = Timestamp::from_ms(7);
            }
        });
        dataset.unknown_tracks = 100;
        let told = warnings(&facts(&dataset, now));
        let told: Vec<&str> = told.iter().map(String::as_str).collect();
        assert!(
            told[0].starts_with("100 of 500 listens (20.0%) are of tracks"),
            "{told:?}"
        );
        assert!(
            told[1].starts_with("39 of 400 listens (9.8%) repeat"),
            "{told:?}"
        );
        assert!(told[2].starts_with("49 of 400 listens"), "{told:?}");
        assert_eq!(told.len(), 3);
    }
}
