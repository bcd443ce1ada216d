//! Descent: neighbours pull each other near, everything else pushes away.

use super::Place;
use crate::random::SplitMix;

/// The neighbours of every point.
#[derive(Debug, Clone, Default)]
pub struct NeighbourLists {
    ends: Vec<u32>,
    neighbours: Vec<u32>,
}

impl NeighbourLists {
    /// Makes room for so many neighbours.
    pub fn with_capacity(neighbour_count: usize) -> Self {
        Self {
            ends: Vec::new(),
            neighbours: Vec::with_capacity(neighbour_count),
        }
    }

    /// Adds the neighbours of the next point; the point itself is no neighbour of its own.
    pub fn push(&mut self, neighbours: impl IntoIterator<Item = u32>) {
        let own = self.ends.len() as u32;
        let others = neighbours.into_iter().filter(|other| *other != own);
        self.neighbours.extend(others);
        self.ends.push(self.neighbours.len() as u32);
    }

    /// How many points there are.
    pub fn point_count(&self) -> usize {
        self.ends.len()
    }

    /// The neighbours of a point.
    pub fn of(&self, point: usize) -> &[u32] {
        let end = self.ends.get(point).map_or(0, |end| *end as usize);
        let start = if point == 0 {
            0
        } else {
            self.ends[point - 1] as usize
        };
        &self.neighbours[start..end]
    }
}

/// How a layout is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LayoutOptions {
    /// Rounds over all neighbours.
    pub rounds: usize,
    /// Points that push a point away for each neighbour that pulls it.
    pub pushes: usize,
    /// Which points push.
    pub seed: u64,
}

impl Default for LayoutOptions {
    /// 200 rounds and five pushes are what UMAP takes for sets of this size.
    fn default() -> Self {
        Self {
            rounds: 200,
            pushes: 5,
            seed: 1,
        }
    }
}

/// Widest move of one step along an axis, as UMAP has it: near points push very hard.
const STEP_MAX: f32 = 4.0;
/// Keeps the push of points on one spot finite.
const NEAR: f32 = 0.001;
/// Standard deviation of the start: wide enough that distant groups begin apart.
const START_SPREAD: f32 = 5.0;
/// Scatter of the start, so that copies of one vector do not stand on one spot for ever.
const START_SCATTER: f32 = 1e-3;

/// Lays points out from a start, so that neighbours stand near each other.
///
/// - Shape: `start` has one place per point of `neighbours`, with a standard deviation of about one;
///   neighbours beyond the points are passed over.
/// - `is_wanted` is asked after each round with how many are done; `false` gives up, and `None` comes back.
/// - Cost: O(rounds × neighbours × pushes) time, two floats per point.
/// - Source: the attraction and repulsion of UMAP (McInnes, Healy & Melville, arXiv 1802.03426) with
///   negative sampling (LargeVis, Tang et al., WWW 2016) and the kernel `1 / (1 + d²)`, which needs no
///   power function; every neighbour pulls alike, which Böhm, Berens & Kobak ("Attraction-repulsion
///   spectrum in neighbor embeddings", JMLR 2022) find to give the same pictures as graded weights; the
///   start is the principal plane, which keeps what is far apart (Kobak & Linderman, "Initialization is
///   critical", Nature Biotechnology 2021).
pub fn lay_out(
    start: Vec<Place>,
    neighbours: &NeighbourLists,
    options: &LayoutOptions,
    is_wanted: &mut dyn FnMut(usize) -> bool,
) -> Option<Vec<Place>> {
    let mut places = start;
    let count = places.len().min(neighbours.point_count());
    let mut chance = SplitMix::new(options.seed ^ 0x9e37_79b9_7f4a_7c15);
    for place in &mut places {
        for axis in place {
            *axis = *axis * START_SPREAD + (chance.unit() - 0.5) * START_SCATTER;
        }
    }
    for round in 0..options.rounds {
        let rate = 1.0 - round as f32 / options.rounds as f32;
        for point in 0..count {
            for other in neighbours.of(point) {
                let other = *other as usize;
                if other >= count {
                    continue;
                }
                pull(&mut places, point, other, rate);
                for _ in 0..options.pushes {
                    let stranger = chance.below(count);
                    push(&mut places, point, stranger, rate);
                }
            }
        }
        if !is_wanted(round + 1) {
            return None;
        }
    }
    Some(places)
}

fn pull(places: &mut [Place], point: usize, other: usize, rate: f32) {
    let (a, b) = (places[point], places[other]);
    let apart = [a[0] - b[0], a[1] - b[1]];
    let square = apart[0] * apart[0] + apart[1] * apart[1];
    let strength = -2.0 / (1.0 + square);
    for axis in 0..2 {
        let step = (strength * apart[axis]).clamp(-STEP_MAX, STEP_MAX) * rate;
        places[point][axis] += step;
        places[other][axis] -= step;
    }
}

fn push(places: &mut [Place], point: usize, stranger: usize, rate: f32) {
    let (a, b) = (places[point], places[stranger]);
    let apart = [a[0] - b[0], a[1] - b[1]];
    let square = apart[0] * apart[0] + apart[1] * apart[1];
    let strength = 2.0 / ((NEAR + square) * (1.0 + square));
    for axis in 0..2 {
        let step = (strength * apart[axis]).clamp(-STEP_MAX, STEP_MAX) * rate;
        places[point][axis] += step;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Groups of points in which each is a neighbour of the next three.
    fn rings(groups: usize, size: usize) -> NeighbourLists {
        let mut lists = NeighbourLists::default();
        for group in 0..groups {
            for place in 0..size {
                lists.push((1..=3).map(|step| (group * size + (place + step) % size) as u32));
            }
        }
        lists
    }

    fn distance(a: Place, b: Place) -> f32 {
        ((a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2)).sqrt()
    }

    #[test]
    fn groups_part_even_from_one_spot() {
        let lists = rings(3, 20);
        let options = LayoutOptions::default();
        let laid = lay_out(vec![[0.0, 0.0]; 60], &lists, &options, &mut |_| true).unwrap();
        let again = lay_out(vec![[0.0, 0.0]; 60], &lists, &options, &mut |_| true).unwrap();
        assert_eq!(laid, again, "it follows from the seed");
        assert!(laid.iter().flatten().all(|x| x.is_finite()));
        let middle = |group: usize| {
            laid[group * 20..][..20]
                .iter()
                .fold([0.0, 0.0], |sum, place| {
                    [sum[0] + place[0] / 20.0, sum[1] + place[1] / 20.0]
                })
        };
        for group in 0..3 {
            let own = laid[group * 20..][..20].iter();
            let widest = own
                .map(|place| distance(*place, middle(group)))
                .fold(0.0, f32::max);
            for other in 0..group {
                let apart = distance(middle(group), middle(other));
                assert!(apart > widest, "{group} {other}: {apart} {widest}");
            }
        }
    }

    #[test]
    fn one_point_nothing_and_strange_neighbours_are_no_trouble() {
        let options = LayoutOptions::default();
        let none = lay_out(
            Vec::new(),
            &NeighbourLists::default(),
            &options,
            &mut |_| true,
        );
        assert_eq!(none, Some(Vec::new()));
        let mut one = NeighbourLists::default();
        one.push([0, 7, u32::MAX]);
        assert_eq!(one.of(0), [7, u32::MAX]);
        let laid = lay_out(vec![[1.0, 1.0]], &one, &options, &mut |_| true).unwrap();
        assert!(laid[0].iter().all(|x| x.is_finite()));
        let mut done = 0;
        let given_up = lay_out(vec![[1.0, 1.0]], &one, &options, &mut |rounds| {
            done = rounds;
            rounds < 3
        });
        assert_eq!((given_up, done), (None, 3));
    }
}
