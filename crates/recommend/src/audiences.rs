//! What is popular with whom, and when: popularity by audience.
//!
//! An audience is everybody who plays in one part of one kind of day, everybody at one activity, or everybody
//! whose leading genre is one. What few of an audience play is drawn towards what all play.

use std::collections::HashMap;

use leitmotif_domain::event::Moment;
use leitmotif_domain::zone::{DayPart, is_weekend};
use serde::{Deserialize, Serialize};

use crate::moments::MomentTable;

/// Fewest listens that an audience is told apart from.
const LISTENS_MIN: u64 = 200;
/// Decayed plays that the popularity with everybody counts in an audience: one of so many plays is half its own.
const PRIOR_PLAYS: f64 = 200.0;
/// Most audiences of one kind, those with most listens.
const AUDIENCES_MAX: usize = 32;
/// Tracks that are kept of an audience: more than a list is made of.
const KEPT: usize = 300;

/// Who plays together.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Audience {
    /// Everybody in a part of a day, by its number, on weekends or on other days.
    Time(u8, bool),
    /// Everybody at an activity.
    Activity(String),
    /// Everybody whose leading genre is that of a [`crate::catalogue::TrackCard::genre_key`].
    Genre(u64),
}

impl Audience {
    /// Those that a request is of, by its moment and the leading genre of its listener.
    pub fn of(moment: &Moment, leading_genre: Option<u64>) -> Vec<Self> {
        let part = moment.hour.map(|hour| DayPart::of_hour(hour) as u8);
        let time = part.zip(moment.weekday);
        let time = time.map(|(part, weekday)| Self::Time(part, is_weekend(weekday)));
        let activity = moment.activity.as_deref().map(str::trim);
        let activity = activity.filter(|text| !text.is_empty());
        let activity = activity.map(|text| Self::Activity(text.to_lowercase()));
        let genre = leading_genre.map(Self::Genre);
        time.into_iter().chain(activity).chain(genre).collect()
    }

    fn kind(&self) -> usize {
        match self {
            Self::Time(..) => 0,
            Self::Activity(_) => 1,
            Self::Genre(_) => 2,
        }
    }
}

/// One play as audiences count it.
#[derive(Debug, Clone, Copy)]
pub struct AudiencePlay {
    /// Index of the listener.
    pub listener: u32,
    /// Column of the track.
    pub item: u32,
    /// The number of the moment.
    pub moment: u16,
    /// What it weighs: 1 when it is new, half after a half-life.
    pub weight: f64,
}

/// An audience with what it plays most.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Known {
    audience: Audience,
    listens: u64,
    /// Column and share of the audience's plays as a part of its most played track's, best first.
    most: Vec<(u32, f32)>,
}

/// What is popular with each audience.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AudiencePopularity {
    known: Vec<Known>,
}

impl AudiencePopularity {
    /// Counts plays by audience; none where no audience has enough.
    ///
    /// With `n` decayed plays of a track in an audience of `N`, and the share `p` of all plays that are of the track,
    /// its share there is `(n + 200 p) / (N + 200)`.
    ///
    /// - Shape: `leading_genres` is by listener.
    /// - Cost: one pass over the plays for each audience, of which there are at most 72, and O(items) memory.
    /// - Source: a Dirichlet prior whose mean is the popularity with everybody, as language models are smoothed; Zhai
    ///   and Lafferty, ACM TOIS 22, 2004.
    pub fn fit<P: Iterator<Item = AudiencePlay>>(
        plays: impl Fn() -> P,
        moments: &MomentTable,
        leading_genres: &[Option<u64>],
        item_count: usize,
    ) -> Option<Self> {
        let mut numbers: HashMap<Audience, usize> = HashMap::new();
        let mut audiences: Vec<(Audience, u64)> = Vec::new();
        let mut of_moments: HashMap<(u16, Option<u64>), Vec<usize>> = HashMap::new();
        let mut all = vec![0.0; item_count];
        for play in plays() {
            let genre = leading_genres
                .get(play.listener as usize)
                .copied()
                .flatten();
            let found = of_moments.entry((play.moment, genre)).or_insert_with(|| {
                let named = Audience::of(&moments.moment(play.moment), genre).into_iter();
                let number = named.map(|audience| {
                    *numbers.entry(audience.clone()).or_insert_with(|| {
                        audiences.push((audience, 0));
                        audiences.len() - 1
                    })
                });
                number.collect()
            });
            found.iter().for_each(|number| audiences[*number].1 += 1);
            all[play.item as usize] += play.weight;
        }
        let whole: f64 = all.iter().sum();
        if whole <= 0.0 {
            return None;
        }
        let count = |wanted: usize| {
            let mut counts = vec![0.0; item_count];
            for play in plays() {
                let genre = leading_genres
                    .get(play.listener as usize)
                    .copied()
                    .flatten();
                let found = of_moments.get(&(play.moment, genre));
                if found.is_some_and(|found| found.contains(&wanted)) {
                    counts[play.item as usize] += play.weight;
                }
            }
            counts
        };
        let known = kept(&audiences).into_iter().map(|number| {
            let (audience, listens) = &audiences[number];
            Known {
                audience: audience.clone(),
                listens: *listens,
                most: most_of(&count(number), &all, whole),
            }
        });
        let known: Vec<Known> = known.collect();
        (!known.is_empty()).then_some(Self { known })
    }

    /// What the known of some audiences play most, each by column and share of its most played.
    pub fn at(&self, audiences: &[Audience]) -> Vec<&[(u32, f32)]> {
        let known = self.known.iter();
        let asked = known.filter(|one| audiences.contains(&one.audience));
        asked.map(|one| one.most.as_slice()).collect()
    }

    /// Whether every number is one, of so many items.
    pub fn fits(&self, items: usize) -> bool {
        let is_share =
            |(item, share): &(u32, f32)| (*item as usize) < items && (0.0..=1.0).contains(share);
        self.known.iter().all(|one| one.most.iter().all(is_share))
    }
}

/// The mean of what several audiences play, added to what is there by column.
pub fn shares(lists: &[&[(u32, f32)]], mut add: impl FnMut(u32, f32)) {
    for (column, share) in lists.iter().flat_map(|list| list.iter()) {
        add(*column, share / lists.len() as f32);
    }
}

/// The popularity with everybody, mixed with that of the audience: both as a share of the most popular.
pub fn mixed(popular: f32, audience: f32, weight: f32) -> f32 {
    (1.0 - weight) * popular + weight * audience
}

/// The genre of which a listener took to most.
///
/// - Shape: `tracks` are genre and signal of each track of the listener.
pub fn leading_genre(tracks: impl Iterator<Item = (u64, f32)>) -> Option<u64> {
    let mut sums: Vec<(u64, f32)> = Vec::new();
    for (genre, signal) in tracks.filter(|(_, signal)| *signal > 0.0) {
        match sums.iter_mut().find(|(known, _)| *known == genre) {
            Some((_, sum)) => *sum += signal,
            None => sums.push((genre, signal)),
        }
    }
    let most = (sums.into_iter()).max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)));
    most.map(|(genre, _)| genre)
}

/// The numbers of the audiences that are kept, in the order in which they came.
fn kept(audiences: &[(Audience, u64)]) -> Vec<usize> {
    let mut kept = Vec::new();
    for kind in 0..3 {
        let of_kind = |number: &usize| {
            let (audience, listens) = &audiences[*number];
            audience.kind() == kind && *listens >= LISTENS_MIN
        };
        let mut numbers: Vec<usize> = (0..audiences.len()).filter(of_kind).collect();
        numbers.sort_by_key(|number| (std::cmp::Reverse(audiences[*number].1), *number));
        numbers.truncate(AUDIENCES_MAX);
        kept.extend(numbers);
    }
    kept.sort_unstable();
    kept
}

/// What an audience plays most, drawn towards what everybody plays.
fn most_of(counts: &[f64], all: &[f64], whole: f64) -> Vec<(u32, f32)> {
    let prior = PRIOR_PLAYS / whole;
    let drawn = counts.iter().zip(all);
    let drawn = drawn.map(|(here, everywhere)| here + prior * everywhere);
    let mut shares: Vec<(u32, f64)> = (0..).zip(drawn).filter(|(_, plays)| *plays > 0.0).collect();
    let order = |a: &(u32, f64), b: &(u32, f64)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
    if shares.len() > KEPT {
        shares.select_nth_unstable_by(KEPT, order);
        shares.truncate(KEPT);
    }
    shares.sort_unstable_by(order);
    let best = shares.first().map_or(1.0, |(_, plays)| *plays);
    let share = |(item, plays): (u32, f64)| (item, (plays / best) as f32);
    shares.into_iter().map(share).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::moments::UNKNOWN;

    fn moment(hour: u8, weekday: u8, activity: Option<&str>) -> Moment {
        Moment {
            hour: Some(hour),
            weekday: Some(weekday),
            activity: activity.map(str::to_owned),
            ..Moment::default()
        }
    }

    #[test]
    fn a_request_is_of_its_time_its_activity_and_its_genre() {
        let found = Audience::of(&moment(8, 6, Some(" Running ")), Some(7));
        let expected = [
            Audience::Time(1, true),
            Audience::Activity("running".to_owned()),
            Audience::Genre(7),
        ];
        assert_eq!(found, expected);
        let hour_alone = Moment {
            hour: Some(8),
            ..Moment::default()
        };
        assert_eq!(Audience::of(&hour_alone, None), []);
    }

    #[test]
    fn shares_are_drawn_towards_those_of_everybody() {
        let mut moments = MomentTable::default();
        let evening = moments.number(&moment(20, 1, None));
        // 200 evening plays of the first track, 200 of the second at no known time.
        let plays = || {
            (0..400).map(|number| AudiencePlay {
                listener: 0,
                item: u32::from(number >= 200),
                moment: if number < 200 { evening } else { UNKNOWN },
                weight: 1.0,
            })
        };
        let found = AudiencePopularity::fit(plays, &moments, &[None], 2).unwrap();
        let evening = found.at(&Audience::of(&moment(20, 3, None), None));
        // (200 + 200 / 2) and (0 + 200 / 2) of 400: a third as popular there.
        let [(first, whole), (second, part)] = evening[0] else {
            panic!("two tracks, {evening:?}")
        };
        assert_eq!((*first, *whole, *second), (0, 1.0, 1));
        assert!((part - 1.0 / 3.0).abs() < 1e-6);
        assert!(
            found
                .at(&Audience::of(&moment(8, 3, None), None))
                .is_empty()
        );
        assert!(found.fits(2) && !found.fits(1));
    }

    #[test]
    fn few_listens_make_no_audience_and_genres_do_without_moments() {
        let moments = MomentTable::default();
        let plays = |count: u32| {
            move || {
                (0..count).map(|number| AudiencePlay {
                    listener: number % 2,
                    item: number % 2,
                    moment: UNKNOWN,
                    weight: 0.5,
                })
            }
        };
        let genres = [Some(3), Some(4)];
        assert!(AudiencePopularity::fit(plays(398), &moments, &genres, 2).is_none());
        let found = AudiencePopularity::fit(plays(400), &moments, &genres, 2).unwrap();
        assert_eq!(found.known.len(), 2);
        let of = |genre| found.at(&[Audience::Genre(genre)])[0][0].0;
        assert_eq!((of(3), of(4)), (0, 1));
        assert!(AudiencePopularity::fit(plays(0), &moments, &genres, 2).is_none());
    }

    #[test]
    fn a_leading_genre_is_that_of_most_liking() {
        let check = |tracks: &[(u64, f32)], expected| {
            assert_eq!(
                leading_genre(tracks.iter().copied()),
                expected,
                "{tracks:?}"
            );
        };
        check(&[(1, 2.0), (2, 1.5), (2, 1.0), (3, -9.0)], Some(2));
        check(&[(2, 1.0), (1, 1.0)], Some(1));
        check(&[(3, -1.0)], None);
    }

    proptest! {
        #[test]
        fn a_mixture_lies_between_both(popular in 0.0_f32..=1.0, audience in 0.0_f32..=1.0, weight in 0.0_f32..=1.0) {
            let both = mixed(popular, audience, weight);
            prop_assert!(both >= popular.min(audience) - 1e-6 && both <= popular.max(audience) + 1e-6);
        }
    }
}
