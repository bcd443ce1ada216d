//! From what an item is like to its factors: for items that nobody has played.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::dense::{dot, invert};
use crate::error::{Error, Result};

/// Most spaces of attributes: there is a map for each set of them.
pub const SPACES_MAX: usize = 4;
/// Fewest items that a map is fitted on.
const ITEMS_MIN: usize = 20;

/// The attributes of one item, by space; none where a space does not hold it.
pub type Attributes<'a> = [Option<&'a [f32]>];

/// Linear maps from the attributes of an item to the factors of a factorisation, one for each set of spaces.
///
/// A space that does not hold an item is not taken for zeros: an item that only some spaces hold is mapped by
/// what those alone told of the items that they hold.
///
/// - Source: Gantner et al. 2010, *Learning attribute-to-feature mappings for cold-start recommendations*,
///   the linear map with squared loss (section 3.3), in closed form (ridge regression).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttributeMap {
    factors: usize,
    /// Width of each space.
    widths: Vec<usize>,
    maps: Vec<SetMap>,
}

/// The map of one set of spaces.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct SetMap {
    /// Bit by space.
    spaces: u8,
    /// `[factors × (width + 1)]`, the last of each row for the constant.
    weights: Vec<f32>,
}

/// What a map is fitted on.
pub struct AttributedFactors<'a> {
    /// Width of each space.
    pub widths: &'a [usize],
    /// Attributes by item.
    pub attributes: &'a [Vec<Option<&'a [f32]>>],
    /// `[items × factors]`, row-major.
    pub targets: &'a [f32],
    /// Components of a factor.
    pub factors: usize,
}

impl AttributeMap {
    /// Fits `‖Y − XW‖² + penalty · items · ‖W‖²` for each set of spaces that at least 20 items have.
    /// Attributes and factors are centred, so that the constant is not held down.
    ///
    /// - Errors: [`Error::InvalidOption`] for a penalty that is not above 0 or more than four spaces,
    ///   [`Error::Mismatch`] where lengths differ, [`Error::NotFinite`] for an attribute or factor (row the
    ///   item, column the place), [`Error::NotPositiveDefinite`].
    /// - Cost: O(items · width² + width³) time for each set, 2 width² doubles.
    pub fn fit(examples: &AttributedFactors<'_>, penalty: f64) -> Result<Self> {
        check(examples, penalty)?;
        let all = 1_u8 << examples.widths.len();
        let mut maps = Vec::new();
        for spaces in 1..all {
            if let Some(weights) = fit_set(examples, spaces, penalty)? {
                maps.push(SetMap { spaces, weights });
            }
        }
        // The set of most spaces speaks first, of equals the one that begins first.
        maps.sort_by_key(|map| (std::cmp::Reverse(map.spaces.count_ones()), map.spaces));
        Ok(Self {
            factors: examples.factors,
            widths: examples.widths.to_vec(),
            maps,
        })
    }

    /// Components of a factor.
    pub fn factors(&self) -> usize {
        self.factors
    }

    /// Whether a map that was read from anywhere could have been fitted: every weight is there and finite.
    pub fn is_sound(&self) -> bool {
        let width = |spaces: u8| -> usize {
            let widths = self.widths.iter().enumerate();
            let chosen = widths.filter(|(space, _)| *space < 8 && spaces & (1 << space) != 0);
            chosen
                .map(|(_, width)| *width)
                .fold(1, usize::saturating_add)
        };
        self.widths.len() <= SPACES_MAX
            && self.maps.iter().all(|map| {
                let count = width(map.spaces).saturating_mul(self.factors);
                map.weights.len() == count && map.weights.iter().all(|weight| weight.is_finite())
            })
    }

    /// The factor of an item with these attributes; none where no map is of spaces that hold it, or where
    /// what they hold is of another width.
    ///
    /// - Cost: O(width · factors).
    pub fn factor(&self, attributes: &Attributes<'_>) -> Option<Vec<f32>> {
        let holds = |space: usize, width: usize| {
            let held = attributes.get(space).copied().flatten();
            held.is_some_and(|held| held.len() == width)
        };
        let held: u8 = (self.widths.iter().enumerate())
            .filter(|(space, width)| holds(*space, **width))
            .map(|(space, _)| 1 << space)
            .sum();
        let map = (self.maps.iter()).find(|map| map.spaces & held == map.spaces)?;
        let row = row_of(attributes, map.spaces);
        let lines = map.weights.chunks_exact(row.len() + 1);
        let factor = lines.map(|line| dot(&line[..row.len()], &row) + line[row.len()]);
        Some(factor.collect())
    }
}

fn check(examples: &AttributedFactors<'_>, penalty: f64) -> Result<()> {
    if !(penalty > 0.0 && penalty.is_finite()) {
        return Err(Error::InvalidOption {
            name: "penalty",
            value: penalty,
            allowed: "more than 0",
        });
    }
    if examples.widths.len() > SPACES_MAX {
        return Err(Error::InvalidOption {
            name: "spaces",
            value: examples.widths.len() as f64,
            allowed: "at most 4",
        });
    }
    let same = |name, count, expected| match count == expected {
        true => Ok(()),
        false => Err(Error::Mismatch {
            name,
            count,
            expected,
        }),
    };
    let items = examples.attributes.len();
    same(
        "components",
        examples.targets.len(),
        items * examples.factors,
    )?;
    for (row, attributes) in examples.attributes.iter().enumerate() {
        same("spaces", attributes.len(), examples.widths.len())?;
        for (held, width) in attributes.iter().zip(examples.widths) {
            let held = held.unwrap_or_default();
            if !held.is_empty() {
                same("attributes", held.len(), *width)?;
            }
            if let Some(column) = held.iter().position(|value| !value.is_finite()) {
                return Err(Error::NotFinite { row, column });
            }
        }
    }
    match examples.targets.iter().position(|value| !value.is_finite()) {
        Some(at) => Err(Error::NotFinite {
            row: at / examples.factors.max(1),
            column: at % examples.factors.max(1),
        }),
        None => Ok(()),
    }
}

/// The attributes of the spaces of a set, on end.
fn row_of(attributes: &Attributes<'_>, spaces: u8) -> Vec<f32> {
    let chosen = attributes.iter().enumerate();
    let chosen = chosen.filter(|(space, _)| spaces & (1 << space) != 0);
    chosen
        .flat_map(|(_, held)| held.unwrap_or_default().iter().copied())
        .collect()
}

/// Fits the map of a set on the items that all its spaces hold; none for too few.
fn fit_set(examples: &AttributedFactors<'_>, spaces: u8, penalty: f64) -> Result<Option<Vec<f32>>> {
    let holds = |attributes: &Vec<Option<&[f32]>>| {
        let held = attributes.iter().enumerate();
        held.filter(|(space, _)| spaces & (1 << space) != 0)
            .all(|(_, held)| held.is_some_and(|held| !held.is_empty()))
    };
    let items: Vec<usize> = (examples.attributes.iter().enumerate())
        .filter(|(_, attributes)| holds(attributes))
        .map(|(item, _)| item)
        .collect();
    if items.len() < ITEMS_MIN {
        return Ok(None);
    }
    let rows: Vec<Vec<f32>> = (items.iter())
        .map(|item| row_of(&examples.attributes[*item], spaces))
        .collect();
    let factors = examples.factors;
    let targets: Vec<&[f32]> = (items.iter())
        .map(|item| &examples.targets[item * factors..][..factors])
        .collect();
    let width = rows.first().map_or(0, Vec::len);
    let (row_means, target_means) = (means(rows.iter().map(Vec::as_slice), width), {
        means(targets.iter().copied(), factors)
    });
    let centred = |row: &[f32]| -> Vec<f64> {
        let pairs = row.iter().zip(&row_means);
        pairs
            .map(|(value, mean)| f64::from(*value) - mean)
            .collect()
    };
    let rows: Vec<Vec<f64>> = rows.iter().map(|row| centred(row)).collect();
    let mut system = vec![0.0; width * width];
    let lines = system.par_chunks_mut(width.max(1)).enumerate();
    lines.for_each(|(at, line)| {
        for row in &rows {
            (line.iter_mut().zip(row)).for_each(|(sum, value)| *sum += row[at] * value);
        }
        line[at] += penalty * rows.len() as f64;
    });
    let inverse = invert(system, width)?;
    let weights = (0..factors).flat_map(|factor| {
        let mut products = vec![0.0; width];
        for (row, target) in rows.iter().zip(&targets) {
            let target = f64::from(target[factor]) - target_means[factor];
            (products.iter_mut().zip(row)).for_each(|(sum, value)| *sum += target * value);
        }
        let mut line: Vec<f64> = (inverse.chunks_exact(width))
            .map(|line| line.iter().zip(&products).map(|(a, b)| a * b).sum())
            .collect();
        let shift: f64 = line.iter().zip(&row_means).map(|(a, b)| a * b).sum();
        line.push(target_means[factor] - shift);
        line
    });
    Ok(Some(weights.map(|weight| weight as f32).collect()))
}

fn means<'r>(rows: impl ExactSizeIterator<Item = &'r [f32]>, width: usize) -> Vec<f64> {
    let (count, mut sums) = (rows.len().max(1) as f64, vec![0.0; width]);
    for row in rows {
        (sums.iter_mut().zip(row)).for_each(|(sum, value)| *sum += f64::from(*value));
    }
    sums.iter().map(|sum| sum / count).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fit<'a>(
        widths: &'a [usize],
        attributes: &'a [Vec<Option<&'a [f32]>>],
        targets: &'a [f32],
        penalty: f64,
    ) -> Result<AttributeMap> {
        let examples = AttributedFactors {
            widths,
            attributes,
            targets,
            factors: targets.len() / attributes.len().max(1),
        };
        AttributeMap::fit(&examples, penalty)
    }

    #[test]
    fn hand_worked_line() {
        // y = 3x + 1 at x = −1 and 1: the mean of x² is 1, so a penalty of ½ leaves 3 / (1 + ½) = 2.
        let x = [[-1.0_f32], [1.0]];
        let attributes: Vec<Vec<Option<&[f32]>>> =
            (0..20).map(|at| vec![Some(&x[at % 2][..])]).collect();
        let targets: Vec<f32> = (0..20).map(|at| 3.0 * x[at % 2][0] + 1.0).collect();
        let map = fit(&[1], &attributes, &targets, 0.5).unwrap();
        let factor = |x: f32| map.factor(&[Some(&[x])]).unwrap()[0];
        assert!((factor(0.0) - 1.0).abs() < 1e-6 && (factor(1.0) - 3.0).abs() < 1e-6);
        assert!((factor(2.0) - 5.0).abs() < 1e-6);
    }

    #[test]
    fn an_item_is_mapped_by_the_spaces_that_hold_it() {
        // The first space tells the factor, the second is its double; a third of the items lack each.
        let numbers: Vec<[f32; 2]> = (0..90).map(|at| [at as f32, 2.0 * at as f32]).collect();
        let attributes: Vec<Vec<Option<&[f32]>>> = numbers
            .iter()
            .enumerate()
            .map(|(at, both)| {
                let first = (at % 3 != 0).then_some(&both[..1]);
                let second = (at % 3 != 1).then_some(&both[1..]);
                vec![first, second]
            })
            .collect();
        let targets: Vec<f32> = (0..90).map(|at| at as f32).collect();
        let map = fit(&[1, 1], &attributes, &targets, 1e-9).unwrap();
        for held in [
            [Some(&[40.0_f32][..]), None],
            [None, Some(&[80.0_f32][..])],
            [Some(&[40.0]), Some(&[80.0])],
        ] {
            let factor = map.factor(&held).unwrap()[0];
            assert!((factor - 40.0).abs() < 1e-2, "{held:?}: {factor}");
        }
        assert!(map.factor(&[None, None]).is_none() && map.is_sound());
        let mut damaged = map.clone();
        damaged.maps[0].weights.pop();
        assert!(!damaged.is_sound());
        assert!(
            map.factor(&[Some(&[1.0, 2.0]), None]).is_none(),
            "another width"
        );
        // Too few items have both: one of them speaks.
        let few: Vec<_> = attributes[..30].to_vec();
        let map = fit(&[1, 1], &few, &targets[..30], 1e-9).unwrap();
        assert!(map.maps.iter().all(|map| map.spaces != 3));
        assert!(map.factor(&[Some(&[4.0]), Some(&[8.0])]).is_some());
    }

    #[test]
    fn bad_input_is_refused() {
        let (one, two) = ([1.0_f32], [1.0_f32, f32::NAN]);
        let rows = |row: &'static [f32]| vec![vec![Some(row)]; 20];
        let (good, long) = (rows(&[1.0]), rows(&[1.0, 2.0]));
        let targets = [0.5; 20];
        assert!(fit(&[1], &good, &targets, 0.0).is_err());
        assert!(fit(&[1], &long, &targets, 1.0).is_err());
        assert!(fit(&[1; 5], &good, &targets, 1.0).is_err());
        assert!(fit(&[1], &good, &[f32::INFINITY; 20], 1.0).is_err());
        let broken: Vec<Vec<Option<&[f32]>>> = vec![vec![Some(&two[..])]; 20];
        assert!(fit(&[2], &broken, &targets, 1.0).is_err());
        let few: Vec<Vec<Option<&[f32]>>> = vec![vec![Some(&one[..])]; 3];
        let map = fit(&[1], &few, &targets[..3], 1.0).unwrap();
        assert!(map.factor(&[Some(&one)]).is_none(), "too few to fit on");
    }

    proptest! {
        #[test]
        fn a_heavy_penalty_leaves_the_mean(
            numbers in prop::collection::vec((-5.0_f32..5.0, -5.0_f32..5.0), 20..40),
        ) {
            let x: Vec<[f32; 1]> = numbers.iter().map(|(x, _)| [*x]).collect();
            let attributes: Vec<Vec<Option<&[f32]>>> =
                x.iter().map(|x| vec![Some(&x[..])]).collect();
            let targets: Vec<f32> = numbers.iter().map(|(_, y)| *y).collect();
            let map = fit(&[1], &attributes, &targets, 1e9).unwrap();
            let mean = targets.iter().sum::<f32>() / targets.len() as f32;
            prop_assert!((map.factor(&[Some(&[3.0])]).unwrap()[0] - mean).abs() < 1e-3);
        }
    }
}
