//! How much more often tracks are played at a moment.

use std::collections::HashMap;

use leitmotif_domain::event::Moment;
use serde::{Deserialize, Serialize};

use super::table::{Aspect, MomentTable, said};

/// Most values of devices, and of activities, that something is learnt of.
const VALUES_MAX: usize = 16;
/// Fewest listens that a value is learnt from.
const LISTENS_MIN: u64 = 200;
/// Plays expected at a value from which what was counted weighs as much as what is known of the artist,
/// and for an artist as much as what is known of the genre.
const PRIOR_PLAYS: f32 = 4.0;
/// Steps of a lift for each unit of its natural logarithm: a byte then reaches from a fiftieth to
/// fifty times as often.
const STEPS: f32 = 32.0;
/// Whose each item is, as lifts are drawn together.
#[derive(Debug, Default)]
pub struct ItemGroups {
    artists: Vec<u32>,
    genres: Vec<Option<u32>>,
    artist_count: usize,
    /// The key of each genre, by number.
    genre_keys: Vec<u64>,
}

impl ItemGroups {
    /// Takes artist and genre of each item, by any keys.
    pub fn new(keys: impl Iterator<Item = (u64, Option<u64>)>) -> Self {
        let (mut artists, mut genres) = (HashMap::new(), HashMap::new());
        let number = |known: &mut HashMap<u64, u32>, key: u64| {
            let next = known.len() as u32;
            *known.entry(key).or_insert(next)
        };
        let mut groups = Self::default();
        for (artist, genre) in keys {
            groups.artists.push(number(&mut artists, artist));
            (groups.genres).push(genre.map(|genre| number(&mut genres, genre)));
        }
        groups.artist_count = artists.len();
        groups.genre_keys = vec![0; genres.len()];
        for (key, number) in genres {
            groups.genre_keys[number as usize] = key;
        }
        groups
    }

    /// The genre of an item, by its key.
    pub fn genre_key(&self, item: u32) -> Option<u64> {
        let genre = self.genres.get(item as usize).copied().flatten()?;
        self.genre_keys.get(genre as usize).copied()
    }

    fn by_artist(&self, counts: &[u32]) -> Vec<f32> {
        let mut sums = vec![0.0; self.artist_count];
        for (artist, count) in self.artists.iter().zip(counts) {
            sums[*artist as usize] += *count as f32;
        }
        sums
    }

    fn by_genre(&self, counts: &[u32]) -> Vec<f32> {
        let mut sums = vec![0.0; self.genre_keys.len()];
        for (genre, count) in self.genres.iter().zip(counts) {
            if let Some(genre) = genre {
                sums[*genre as usize] += *count as f32;
            }
        }
        sums
    }
}

/// A value of an aspect that lifts were learnt of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MomentValue {
    /// The aspect.
    pub aspect: Aspect,
    /// The value, for example `evening` or `running`.
    pub name: String,
    /// Listens that it was learnt from.
    pub listens: u64,
}

/// How much more often than else each item is played at each value of each aspect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MomentLifts {
    items: usize,
    values: Vec<MomentValue>,
    /// `[values × items]`, natural logarithms in [`STEPS`].
    steps: Vec<i8>,
}

/// The lifts of all items at one moment, by aspect; none where nothing is known.
pub type LiftsAt<'m> = [Option<&'m [i8]>; Aspect::COUNT];

impl MomentLifts {
    /// Counts what was taken to at which moments; none where hardly a listen tells its moment.
    ///
    /// - Shape: `plays` are item and number of the moment of each listen that was taken to.
    /// - Cost: two passes over the plays for each aspect and O(values × items); at most 54 values of a byte an item
    ///   are kept, and for a while 16 of four.
    /// - Source: the shrunken ratio of counted to expected of DuMouchel 1999, "Bayesian data mining in
    ///   large frequency tables", with one gamma prior, whose mean is that of the artist, and of the
    ///   genre for an artist.
    pub fn fit(
        plays: impl Iterator<Item = (u32, u16)> + Clone,
        moments: &MomentTable,
        groups: &ItemGroups,
    ) -> Option<Self> {
        if moments.is_empty() {
            return None;
        }
        let items = groups.artists.len();
        let mut found = Self {
            items,
            values: Vec::new(),
            steps: Vec::new(),
        };
        for aspect in Aspect::ALL {
            let names = moments.values(aspect);
            let told = (plays.clone())
                .filter_map(|(item, moment)| Some((item as usize, moments.place(moment, aspect)?)));
            let mut listens = vec![0_u64; names.len()];
            told.clone().for_each(|(_, place)| listens[place] += 1);
            let kept = most_told(&listens);
            let mut of_items = vec![0_u32; items];
            let mut at_values = vec![vec![0_u32; items]; kept.len()];
            for (item, place) in told {
                of_items[item] += 1;
                if let Ok(value) = kept.binary_search(&place) {
                    at_values[value][item] += 1;
                }
            }
            let all = Counts::of(groups, of_items);
            let total: u64 = listens.iter().sum();
            for (place, at_value) in kept.into_iter().zip(at_values) {
                let share = listens[place] as f32 / total as f32;
                let at_value = Counts::of(groups, at_value);
                (found.steps).extend(at_value.lifts(&all, share, groups));
                found.values.push(MomentValue {
                    aspect,
                    name: names[place].clone(),
                    listens: listens[place],
                });
            }
        }
        (!found.values.is_empty()).then_some(found)
    }

    /// The lifts at a moment, as far as it is told and known.
    pub fn at(&self, moment: &Moment) -> LiftsAt<'_> {
        let said = said(moment);
        Aspect::ALL.map(|aspect| {
            let name = said[aspect as usize].as_deref()?;
            let known = |one: &MomentValue| one.aspect == aspect && one.name == name;
            let place = self.values.iter().position(known)?;
            self.steps.get(place * self.items..(place + 1) * self.items)
        })
    }

    /// What was learnt of.
    pub fn values(&self) -> &[MomentValue] {
        &self.values
    }

    /// Whether it is of so many items.
    pub fn fits(&self, items: usize) -> bool {
        self.items == items && Some(self.steps.len()) == items.checked_mul(self.values.len())
    }
}

/// A lift as the natural logarithm of how many times as often.
pub fn lift(steps: i8) -> f32 {
    f32::from(steps) / STEPS
}

/// The logarithm of how many times as often an item is played, by all that is said of the moment together, as if
/// what is said of one aspect said nothing of another; none where nothing is known.
pub fn lift_of(lifts: &LiftsAt<'_>, column: usize) -> Option<f32> {
    let told = lifts.iter().flatten().filter_map(|steps| steps.get(column));
    told.map(|steps| lift(*steps)).reduce(|sum, one| sum + one)
}

/// What a moment adds to the blended score of each item.
#[derive(Debug, Clone, Copy, Default)]
pub struct MomentShift<'m> {
    lifts: LiftsAt<'m>,
    weight: f32,
}

impl<'m> MomentShift<'m> {
    /// Each unit of a lift counts so much.
    pub fn new(lifts: LiftsAt<'m>, weight: f32) -> Self {
        Self { lifts, weight }
    }

    /// Whether it adds nothing to anything.
    pub fn is_nothing(&self) -> bool {
        self.weight == 0.0 || self.lifts.iter().all(Option::is_none)
    }

    /// What it adds to a column of the model; nothing to what the model does not know.
    pub fn of(&self, column: Option<usize>) -> f32 {
        let lift = column.and_then(|column| lift_of(&self.lifts, column));
        self.weight * lift.unwrap_or(0.0)
    }
}

/// The places of the values that enough listens tell of, at most so many, by place.
///
/// Of an aspect of one value nothing can be told.
fn most_told(listens: &[u64]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..listens.len())
        .filter(|place| listens[*place] >= LISTENS_MIN)
        .collect();
    places.sort_by_key(|place| (std::cmp::Reverse(listens[*place]), *place));
    places.truncate(VALUES_MAX);
    places.sort_unstable();
    let others = listens.iter().filter(|listens| **listens > 0).count();
    if others < 2 { Vec::new() } else { places }
}

/// Plays by item, by artist and by genre.
struct Counts {
    items: Vec<u32>,
    artists: Vec<f32>,
    genres: Vec<f32>,
}

impl Counts {
    fn of(groups: &ItemGroups, items: Vec<u32>) -> Self {
        Self {
            artists: groups.by_artist(&items),
            genres: groups.by_genre(&items),
            items,
        }
    }

    /// The lift of each item, where so large a share of all plays lie at the value.
    fn lifts(&self, all: &Self, share: f32, groups: &ItemGroups) -> Vec<i8> {
        let ratio = |at_value: f32, all: f32, prior: f32| {
            (at_value + PRIOR_PLAYS * prior) / (all * share + PRIOR_PLAYS)
        };
        let genres = self.genres.iter().zip(&all.genres);
        let genres: Vec<f32> = genres.map(|(at, all)| ratio(*at, *all, 1.0)).collect();
        // An artist is of the genre of most of their items; the last one stands for it.
        let mut genre_of_artist = vec![None; groups.artist_count];
        for (artist, genre) in groups.artists.iter().zip(&groups.genres) {
            genre_of_artist[*artist as usize] = *genre;
        }
        let prior = |genre: &Option<u32>| genre.map_or(1.0, |genre| genres[genre as usize]);
        let artists = self.artists.iter().zip(&all.artists).zip(&genre_of_artist);
        let artists: Vec<f32> = artists
            .map(|((at, all), genre)| ratio(*at, *all, prior(genre)))
            .collect();
        let items = self.items.iter().zip(&all.items).zip(&groups.artists);
        items
            .map(|((at, all), artist)| {
                let ratio = ratio(*at as f32, *all as f32, artists[*artist as usize]);
                (STEPS * ratio.ln()).round().clamp(-127.0, 127.0) as i8
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::UNKNOWN;
    use super::*;

    fn moment(hour: u8) -> Moment {
        Moment {
            hour: Some(hour),
            ..Moment::default()
        }
    }

    /// Two artists of two genres, two items each.
    fn groups() -> ItemGroups {
        let keys = [(7, Some(1)), (7, Some(1)), (9, Some(2)), (9, Some(2))];
        ItemGroups::new(keys.into_iter())
    }

    #[test]
    fn lifts_are_shrunken_ratios_of_counted_to_expected() {
        let mut table = MomentTable::default();
        let (morning, evening) = (table.number(&moment(8)), table.number(&moment(20)));
        // Half of all plays lie in the morning. Item 0 is played in mornings alone, item 2 in evenings;
        // item 1 was never played and goes by its artist, and so does item 3.
        let plays = (0..400)
            .map(|_| (0, morning))
            .chain((0..400).map(|_| (2, evening)));
        let lifts = MomentLifts::fit(plays, &table, &groups()).unwrap();
        assert!(lifts.fits(4) && !lifts.fits(5));
        let names: Vec<&str> = lifts.values().iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["morning", "evening"]);
        let at = lifts.at(&moment(9));
        let [Some(row), None, None, None, None] = at else {
            panic!("{at:?}");
        };
        // Genre (400 + 4)/(200 + 4), then artist and item with that as prior.
        let mut ratio = 1.0_f32;
        for _ in 0..3 {
            ratio = (400.0 + 4.0 * ratio) / 204.0;
        }
        assert!((lift(row[0]) - ratio.ln()).abs() < 0.5 / STEPS);
        let mut artist = 1.0_f32;
        for _ in 0..2 {
            artist = (400.0 + 4.0 * artist) / 204.0;
        }
        assert!((lift(row[1]) - artist.ln()).abs() < 0.5 / STEPS);
        assert!(lift(row[2]) < -3.0 && lift(row[3]) < -3.0, "{row:?}");
        assert_eq!(lifts.at(&moment(2)), [None; 5], "never seen");
    }

    #[test]
    fn too_little_and_what_never_varies_teach_nothing() {
        let mut table = MomentTable::default();
        let (morning, evening) = (table.number(&moment(8)), table.number(&moment(20)));
        let fit = |plays: Vec<(u32, u16)>| MomentLifts::fit(plays.into_iter(), &table, &groups());
        assert!(fit(Vec::new()).is_none());
        assert!(fit(vec![(0, morning); 1_000]).is_none(), "always morning");
        assert!(fit([vec![(0, morning); 100], vec![(1, evening); 100]].concat()).is_none());
        assert!(fit(vec![(0, UNKNOWN); 1_000]).is_none());
    }

    #[test]
    fn values_are_learnt_of_from_two_hundred_listens_and_sixteen_at_most() {
        assert_eq!(most_told(&[200, 199, 0]), [0]);
        let many: Vec<u64> = (0..17).map(|place| 1_000 - place).collect();
        assert_eq!(most_told(&many), (0..VALUES_MAX).collect::<Vec<_>>());
        assert!(most_told(&[9_000, 0]).is_empty(), "one value tells nothing");
    }

    #[test]
    fn an_item_that_is_played_alike_has_no_lift() {
        let mut table = MomentTable::default();
        let numbers = [moment(8), moment(20)].map(|one| table.number(&one));
        let plays = (0..4_000_u32).map(|play| (play % 4, numbers[(play / 4 % 2) as usize]));
        let lifts = MomentLifts::fit(plays, &table, &groups()).unwrap();
        assert_eq!(lifts.at(&moment(8))[0], Some(&[0_i8; 4][..]));
    }
}
