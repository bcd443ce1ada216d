//! The traits of every track of a tenant, and what a value means among them.

use leitmotif_domain::TrackId;

use super::pairs::{groups, octave_place, pairs_within};
use super::{Comparison, TRAIT_COUNT, TRAITS, TraitValues};

/// Tracks with a trait known, from which on a share of pairs says something: 45 pairs.
const TRACKS_MIN: usize = 10;
/// Bars of a distribution.
const BARS: usize = 24;
/// Shared traits named as the strongest.
const STRONGEST: usize = 3;
/// Share of pairs below which two tracks are nearer than most pairs are.
const NEARER_THAN_MOST: f64 = 0.5;

/// Where a value stands among those of the catalogue.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// The value.
    pub value: f32,
    /// Tracks of which the trait is known.
    pub known: usize,
    /// Share of them that are lower, ties counting half, in per cent; `None` where values have no order.
    pub percentile: Option<f64>,
    /// How many tracks lie in equal steps from `low` to `high`; the ends take what lies beyond.
    pub counts: Vec<u32>,
    /// Where the first step begins: the hundredth part of the values lies below.
    pub low: f32,
    /// Where the last step ends.
    pub high: f32,
}

/// How two tracks are alike in one trait.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coincidence {
    /// The place of the trait in [`TRAITS`].
    pub index: usize,
    /// How far apart they are, in the measure of the trait's comparison.
    pub distance: f64,
    /// Share of the pairs of the catalogue that are at most as far apart, the pair itself among them;
    /// `None` under ten tracks with the trait.
    pub pairs_ratio: Option<f64>,
    /// Tracks of which the trait is known.
    pub known: usize,
}

/// The traits of every track, by id.
#[derive(Debug, Default)]
pub struct TraitTable {
    tracks: Vec<TrackId>,
    columns: Vec<Vec<f32>>,
    /// Known values in rising order, as [`pairs_within`] wants them.
    sorted: Vec<Vec<f32>>,
    languages: Vec<String>,
    genres: Vec<String>,
}

impl TraitTable {
    /// Puts a table together. `languages` and `genres` are the names behind the numbers.
    ///
    /// - Cost: one sort per trait.
    pub fn new(
        mut rows: Vec<(TrackId, TraitValues)>,
        languages: Vec<String>,
        genres: Vec<String>,
    ) -> Self {
        rows.sort_unstable_by_key(|(track, _)| *track);
        let column = |index: usize| -> Vec<f32> {
            let values = rows.iter().map(|(_, values)| values.get(index));
            values.map(|value| value.unwrap_or(f32::NAN)).collect()
        };
        let columns: Vec<Vec<f32>> = (0..TRAIT_COUNT).map(column).collect();
        let sorted = columns.iter().zip(TRAITS).map(|(column, kind)| {
            let known = column.iter().copied().filter(|value| !value.is_nan());
            let mut known: Vec<f32> = match kind.comparison {
                Comparison::Octaves => known.map(octave_place).collect(),
                _ => known.collect(),
            };
            known.sort_unstable_by(f32::total_cmp);
            known
        });
        Self {
            sorted: sorted.collect(),
            tracks: rows.iter().map(|(track, _)| *track).collect(),
            columns,
            languages,
            genres,
        }
    }

    /// How many tracks there are.
    pub fn track_count(&self) -> usize {
        self.tracks.len()
    }

    /// Reads a value.
    pub fn value(&self, index: usize, track: TrackId) -> Option<f32> {
        let row = self.tracks.binary_search(&track).ok()?;
        let value = self.columns.get(index)?.get(row).copied();
        value.filter(|value| !value.is_nan())
    }

    /// The name behind the number of a genre or a language; other values have none.
    pub fn name(&self, index: usize, value: f32) -> Option<&str> {
        let names = match TRAITS.get(index)?.name {
            "genre" => &self.genres,
            "language" => &self.languages,
            _ => return None,
        };
        names.get(value as usize).map(String::as_str)
    }

    /// Says where a track stands in a trait; `None` when it is not known of it.
    ///
    /// - Cost: one pass over the values.
    pub fn standing(&self, index: usize, track: TrackId) -> Option<Standing> {
        let value = self.value(index, track)?;
        let kind = TRAITS.get(index)?;
        let mut known: Vec<f32> = self.columns[index].clone();
        known.retain(|value| !value.is_nan());
        let has_order = matches!(
            kind.comparison,
            Comparison::Difference | Comparison::Octaves
        );
        let percentile = has_order.then(|| {
            let lower = known.iter().filter(|other| **other < value).count();
            let equal = known.iter().filter(|other| **other == value).count();
            (lower as f64 + equal as f64 / 2.0) / known.len() as f64 * 100.0
        });
        known.sort_unstable_by(f32::total_cmp);
        let at = |share: f64| known[((known.len() - 1) as f64 * share).round() as usize];
        let (low, high) = (at(0.01), at(0.99));
        let counts = if has_order {
            bars(&known, low, high)
        } else {
            Vec::new()
        };
        Some(Standing {
            value,
            known: known.len(),
            percentile,
            counts,
            low,
            high,
        })
    }

    /// Holds two tracks against each other in every trait that is known of both.
    ///
    /// - Cost: one pass over the values of each.
    pub fn coincidences(&self, one: TrackId, other: TrackId) -> Vec<Coincidence> {
        let shared = TRAITS.iter().enumerate().filter_map(|(index, kind)| {
            let (a, b) = (self.value(index, one)?, self.value(index, other)?);
            let distance = kind.comparison.distance(a, b);
            let sorted = &self.sorted[index];
            // The distance between the places as they are kept, so that the pair counts itself.
            let kept = match kind.comparison {
                Comparison::Octaves => {
                    super::pairs::around(f64::from(octave_place(a)), f64::from(octave_place(b)))
                }
                _ => distance,
            };
            let pairs = sorted.len() as u64 * (sorted.len() as u64).saturating_sub(1) / 2;
            let ratio = || pairs_within(kind.comparison, sorted, kept) as f64 / pairs as f64;
            Some(Coincidence {
                index,
                distance,
                pairs_ratio: (sorted.len() >= TRACKS_MIN).then(ratio),
                known: sorted.len(),
            })
        });
        shared.collect()
    }

    /// Reads a column for some tracks, in their order.
    pub fn column(&self, index: usize, tracks: &[TrackId]) -> Vec<Option<f32>> {
        let values = tracks.iter().map(|track| self.value(index, *track));
        values.collect()
    }

    /// The names of a column with how many tracks have each, the commonest first.
    pub fn named_groups(&self, index: usize) -> Vec<(f32, u64)> {
        let mut groups = self.sorted.get(index).map_or(Vec::new(), |all| groups(all));
        groups.sort_by(|one, other| other.1.cmp(&one.1).then(one.0.total_cmp(&other.0)));
        groups
    }
}

fn bars(sorted: &[f32], low: f32, high: f32) -> Vec<u32> {
    let mut counts = vec![0u32; BARS];
    let width = f64::from(high) - f64::from(low);
    for value in sorted {
        let share = if width > 0.0 {
            (f64::from(*value) - f64::from(low)) / width
        } else {
            0.5
        };
        let bar = ((share * BARS as f64).max(0.0) as usize).min(BARS - 1);
        counts[bar] += 1;
    }
    counts
}

/// The strongest shared traits: at most three, of different families, in which two tracks are nearer
/// than most pairs of the catalogue, the rarest coincidence first.
pub fn strongest(coincidences: &[Coincidence]) -> Vec<usize> {
    let mut rare: Vec<(f64, usize)> = (coincidences.iter())
        .filter_map(|one| Some((one.pairs_ratio?, one.index)))
        .filter(|(ratio, _)| *ratio < NEARER_THAN_MOST)
        .collect();
    rare.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
    let mut chosen: Vec<usize> = Vec::new();
    for (_, index) in rare {
        let is_new = |taken: &usize| TRAITS[*taken].family != TRAITS[index].family;
        if chosen.len() < STRONGEST && chosen.iter().all(is_new) {
            chosen.push(index);
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::super::trait_index;
    use super::*;

    fn id(number: u128) -> TrackId {
        TrackId::from_u128(number)
    }

    /// Twelve tracks: loudness −1 to −12, tempo alternating between 100 and 51, one genre of three.
    fn table() -> TraitTable {
        let rows = (1..=12u8).map(|number| {
            let mut values = TraitValues::default();
            let mut set =
                |name: &str, value: f32| values.set(trait_index(name).unwrap(), Some(value));
            set("integrated_loudness_lufs", -f32::from(number));
            set("tempo_bpm", if number % 2 == 0 { 100.0 } else { 51.0 });
            set("genre", f32::from(number % 3));
            if number <= 4 {
                set("energy", 0.5);
            }
            (id(u128::from(number)), values)
        });
        let genres = ["folk", "jazz", "techno"].map(str::to_owned).to_vec();
        TraitTable::new(rows.rev().collect(), Vec::new(), genres)
    }

    #[test]
    fn a_standing_is_a_percentile_and_a_distribution() {
        let table = table();
        let loudness = trait_index("integrated_loudness_lufs").unwrap();
        let standing = table.standing(loudness, id(3)).unwrap();
        // Nine of twelve are lower than −3, and it is equal to itself.
        assert_eq!(standing.percentile, Some(9.5 / 12.0 * 100.0));
        assert_eq!((standing.value, standing.known), (-3.0, 12));
        assert_eq!(standing.counts.iter().sum::<u32>(), 12);
        assert_eq!((standing.low, standing.high), (-12.0, -1.0));
        let genre = trait_index("genre").unwrap();
        let standing = table.standing(genre, id(3)).unwrap();
        assert_eq!(standing.percentile, None);
        assert_eq!(table.name(genre, standing.value), Some("folk"));
        assert_eq!(table.standing(trait_index("key").unwrap(), id(3)), None);
        assert_eq!(table.standing(loudness, id(99)), None);
        // One value only: all in the middle, and half of the ties below.
        let energy = table
            .standing(trait_index("energy").unwrap(), id(1))
            .unwrap();
        assert_eq!((energy.percentile, energy.known), (Some(50.0), 4));
        assert_eq!(energy.counts[BARS / 2], 4);
    }

    #[test]
    fn coincidences_are_shares_of_pairs() {
        let table = table();
        let found = table.coincidences(id(1), id(2));
        let of = |name: &str| {
            let index = trait_index(name).unwrap();
            *found.iter().find(|one| one.index == index).unwrap()
        };
        // Eleven of 66 pairs are at most 1 LU apart.
        assert_eq!(
            of("integrated_loudness_lufs").pairs_ratio,
            Some(11.0 / 66.0)
        );
        assert_eq!(of("integrated_loudness_lufs").distance, 1.0);
        // 51 is the half of 102, next to 100: no pair is further apart.
        assert!(of("tempo_bpm").distance < 0.03);
        assert_eq!(of("tempo_bpm").pairs_ratio, Some(1.0));
        // Different genres are as far apart as can be.
        assert_eq!(of("genre").pairs_ratio, Some(1.0));
        // Four tracks are too few to tell.
        assert_eq!((of("energy").pairs_ratio, of("energy").known), (None, 4));
        assert_eq!(
            strongest(&found),
            [trait_index("integrated_loudness_lufs").unwrap()]
        );
        // Four tracks of a genre: three times six of 66 pairs.
        let same = table.coincidences(id(3), id(6));
        let genre = trait_index("genre").unwrap();
        let genre = same.iter().find(|one| one.index == genre).unwrap();
        assert_eq!(genre.pairs_ratio, Some(18.0 / 66.0));
        assert_eq!(table.coincidences(id(1), id(99)), []);
    }

    #[test]
    fn the_strongest_are_of_different_families() {
        let of = |name: &str, ratio: f64| Coincidence {
            index: trait_index(name).unwrap(),
            distance: 0.0,
            pairs_ratio: Some(ratio),
            known: 50,
        };
        let all = [
            of("tempo_bpm", 0.30),
            of("instrumentalness", 0.02),
            of("speechiness", 0.01),
            of("key", 0.04),
            of("energy", 0.04),
            of("sentiment", 0.9),
        ];
        let names: Vec<&str> = strongest(&all)
            .iter()
            .map(|index| TRAITS[*index].name)
            .collect();
        assert_eq!(names, ["speechiness", "key", "energy"]);
        assert!(strongest(&[of("sentiment", 0.9)]).is_empty());
    }
}
