//! Matrix factorisation for implicit feedback by alternating least squares.

use rayon::prelude::*;

use crate::dense::{add_scaled, dot, gram, solve_small};
use crate::error::{Error, Result};
use crate::matrix::InteractionMatrix;

/// Largest scale of the random factors at the start; small, so that the first solve decides.
const INIT_SCALE: f32 = 0.01;

/// Steps of the conjugate gradient towards each factor in a pass: the next pass goes on from there. The
/// library `implicit` takes as many.
const GRADIENT_STEPS: usize = 3;

/// Squared length of a residual that is rounding alone.
const RESIDUAL_MIN: f32 = 1e-20;

/// Hyper-parameters of [`IalsModel::fit`].
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct IalsOptions {
    /// Components of a factor, 1..=1024.
    pub factors: usize,
    /// Weight of the squared length of each factor, at least 0.
    pub regularization: f32,
    /// Slope of the confidence: an entry of weight `w` counts `1 + alpha·|w|`, others 1.
    pub alpha: f32,
    /// Counts every non-zero weight as ±1.
    pub is_binary: bool,
    /// Number of passes over listeners and items.
    pub iterations: usize,
    /// Seed of the first item factors.
    pub seed: u64,
}

impl Default for IalsOptions {
    fn default() -> Self {
        Self {
            factors: 64,
            regularization: 40.0,
            alpha: 19.0,
            is_binary: true,
            iterations: 15,
            seed: 1,
        }
    }
}

/// Listeners and items as vectors whose product predicts preference.
///
/// A weight above 0 is a preference of 1 and one below 0, such as a skip, a preference of 0; both
/// with confidence `1 + alpha·|w|`. Everything else is a preference of 0 with confidence 1.
///
/// - Source: Hu, Koren and Volinsky 2008, sections 4 and 5. Passes go a few steps of the conjugate
///   gradient from the factors before, as Takács, Pilászy and Tikk 2011; the listeners are solved
///   exactly at the end. The library `implicit` says `alpha·w` for our `1 + alpha·w`: its `alpha` on
///   binary data is ours + 1.
#[derive(Debug, Clone, PartialEq)]
pub struct IalsModel {
    pub(super) options: IalsOptions,
    /// Item factors, `[items × factors]`.
    item_factors: Vec<f32>,
    /// Listener factors, `[listeners × factors]`.
    user_factors: Vec<f32>,
    /// `YᵀY + regularization·I` over the item factors, `[factors × factors]`.
    item_system: Vec<f32>,
}

impl IalsModel {
    /// Fits factors to a matrix; the result is the same for any number of threads.
    ///
    /// - Errors: [`Error::InvalidOption`]; [`Error::NotPositiveDefinite`] when rounding defeats too
    ///   little regularisation.
    /// - Cost: per iteration O(entries·f + (rows + columns)·f²), and O(entries·f² + rows·f³) at the end,
    ///   on all threads of the current pool.
    pub fn fit(matrix: &InteractionMatrix, options: IalsOptions) -> Result<Self> {
        check_options(&options)?;
        let by_item = matrix.transpose()?;
        let factors = options.factors;
        let mut items = initial_factors(matrix.column_count() * factors, options.seed);
        let mut users = vec![0.0; matrix.row_count() * factors];
        for _ in 0..options.iterations {
            improve_side(&options, matrix, &items, &mut users);
            improve_side(&options, &by_item, &users, &mut items);
        }
        // Listener factors belong to the final item factors, as those of a fold-in do.
        solve_side(&options, matrix, &items, &mut users)?;
        Ok(Self::assemble(options, items, users))
    }

    /// Puts a model together from factors of right lengths.
    pub(super) fn assemble(options: IalsOptions, items: Vec<f32>, users: Vec<f32>) -> Self {
        Self {
            item_system: regularized_gram(&options, &items),
            options,
            item_factors: items,
            user_factors: users,
        }
    }

    /// The options the model was fitted with.
    pub fn options(&self) -> &IalsOptions {
        &self.options
    }

    /// Number of components of a factor.
    pub fn factors(&self) -> usize {
        self.options.factors
    }

    /// Item factors, row-major `[items × factors]`.
    pub fn item_factors(&self) -> &[f32] {
        &self.item_factors
    }

    /// Listener factors, row-major `[listeners × factors]`.
    pub fn user_factors(&self) -> &[f32] {
        &self.user_factors
    }

    /// Drops the factors of the listeners, where everybody is folded in as they are now.
    pub fn forget_users(&mut self) {
        self.user_factors = Vec::new();
    }

    /// Number of items.
    pub fn item_count(&self) -> usize {
        self.item_factors.len() / self.options.factors
    }

    /// The factor of an item; none for a stranger.
    pub fn item_factor(&self, column: usize) -> Option<&[f32]> {
        self.item_factors.chunks(self.factors().max(1)).nth(column)
    }

    /// Returns the factor of a listener seen in fitting.
    pub fn user_factor(&self, row: usize) -> Option<&[f32]> {
        let start = row.checked_mul(self.options.factors)?;
        self.user_factors.get(start..)?.get(..self.options.factors)
    }

    /// Computes the factor of a listener from their weights alone, as fitting would.
    ///
    /// - Errors: [`Error::OutOfRange`] and [`Error::NotFinite`] for an entry (row 0),
    ///   [`Error::NotPositiveDefinite`].
    /// - Cost: O(entries·f² + f³): well under a millisecond at f = 64.
    pub fn fold_in(&self, entries: &[(usize, f32)]) -> Result<Vec<f32>> {
        let count = self.item_count();
        for &(index, weight) in entries {
            if index >= count {
                return Err(Error::OutOfRange {
                    axis: "item",
                    index,
                    count,
                });
            }
            if !weight.is_finite() {
                return Err(Error::NotFinite {
                    row: 0,
                    column: index,
                });
            }
        }
        let mut factor = vec![0.0; self.options.factors];
        let mut system = self.item_system.clone();
        let entries = entries.iter().copied();
        solve_row(
            &self.options,
            entries,
            &self.item_factors,
            &mut system,
            &mut factor,
        )?;
        Ok(factor)
    }

    /// Writes the predicted preference for every item into `scores`.
    ///
    /// - Shape: `user_factor` is `[factors]`, `scores` is `[items]`; of longer slices the front.
    pub fn score(&self, user_factor: &[f32], scores: &mut [f32]) {
        let rows = self.item_factors.chunks_exact(self.options.factors);
        for (score, row) in scores.iter_mut().zip(rows) {
            *score = dot(row, user_factor);
        }
    }
}

pub(super) fn check_options(options: &IalsOptions) -> Result<()> {
    let check = |name, value: f64, is_valid: bool, allowed| {
        let error = Error::InvalidOption {
            name,
            value,
            allowed,
        };
        if is_valid { Ok(()) } else { Err(error) }
    };
    let (factors, alpha) = (options.factors, options.alpha);
    let regularization = options.regularization;
    let is_size = (1..=1024).contains(&factors);
    check("factors", factors as f64, is_size, "1 to 1024")?;
    let is_weight = |x: f32| x.is_finite() && x >= 0.0;
    let allowed = "0 or more";
    check("alpha", f64::from(alpha), is_weight(alpha), allowed)?;
    let value = f64::from(regularization);
    check("regularization", value, is_weight(regularization), allowed)
}

/// Draws small numbers of both signs by SplitMix64.
fn initial_factors(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    (0..count)
        .map(|_| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = state;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^= mixed >> 31;
            ((mixed >> 40) as f32 / (1u64 << 23) as f32 - 1.0) * INIT_SCALE
        })
        .collect()
}

fn regularized_gram(options: &IalsOptions, fixed: &[f32]) -> Vec<f32> {
    let mut system = gram(fixed, options.factors);
    for at in 0..options.factors {
        system[at * options.factors + at] += options.regularization;
    }
    system
}

/// Brings every row of `solved` nearer to its solution with the other side `fixed`.
fn improve_side(
    options: &IalsOptions,
    matrix: &InteractionMatrix,
    fixed: &[f32],
    solved: &mut [f32],
) {
    let base = regularized_gram(options, fixed);
    let rows = solved.par_chunks_mut(options.factors).enumerate();
    rows.for_each_init(
        || Scratch::new(options.factors),
        |scratch, (row, factor)| {
            let entries = || {
                matrix
                    .entries(row)
                    .map(|(index, weight)| (index, extra_confidence(options, weight), weight > 0.0))
            };
            if entries().any(|(_, _, is_preference)| is_preference) {
                improve_row(entries, fixed, &base, scratch, factor);
            } else {
                factor.fill(0.0); // no preference at all: the solution is zero
            }
        },
    );
}

/// Vectors of a conjugate gradient.
struct Scratch {
    residual: Vec<f32>,
    direction: Vec<f32>,
    /// The system times the direction.
    image: Vec<f32>,
}

impl Scratch {
    fn new(factors: usize) -> Self {
        Self {
            residual: vec![0.0; factors],
            direction: vec![0.0; factors],
            image: vec![0.0; factors],
        }
    }
}

/// Takes steps towards the solution of the system of [`solve_row`], without building it. Entries are
/// index, confidence beyond 1, and whether it is a preference.
fn improve_row<E: Iterator<Item = (usize, f32, bool)>>(
    entries: impl Fn() -> E,
    fixed: &[f32],
    base: &[f32],
    scratch: &mut Scratch,
    factor: &mut [f32],
) {
    let width = factor.len();
    let other = |index: usize| &fixed[index * width..][..width];
    let Scratch {
        residual,
        direction,
        image,
    } = scratch;
    for (out, row) in residual.iter_mut().zip(base.chunks_exact(width)) {
        *out = -dot(row, factor);
    }
    for (index, extra, is_preference) in entries() {
        let other = other(index);
        let wanted = if is_preference { 1.0 + extra } else { 0.0 };
        add_scaled(residual, wanted - extra * dot(other, factor), other);
    }
    direction.copy_from_slice(residual);
    let mut length = dot(residual, residual);
    for _ in 0..GRADIENT_STEPS {
        for (out, row) in image.iter_mut().zip(base.chunks_exact(width)) {
            *out = dot(row, direction);
        }
        for (index, extra, _) in entries() {
            let other = other(index);
            add_scaled(image, extra * dot(other, direction), other);
        }
        let curvature = dot(direction, image);
        // Arrived, or too little regularisation for the digits: the exact solve at the end tells.
        if length < RESIDUAL_MIN || curvature <= 0.0 {
            break;
        }
        let step = length / curvature;
        add_scaled(factor, step, direction);
        add_scaled(residual, -step, image);
        let next = dot(residual, residual);
        let share = next / length;
        for (component, residual) in direction.iter_mut().zip(residual.iter()) {
            *component = residual + share * *component;
        }
        length = next;
    }
}

/// The confidence of an entry beyond the 1 that everything has.
fn extra_confidence(options: &IalsOptions, weight: f32) -> f32 {
    match weight {
        // A weight of nothing says nothing, also in binary mode, where its sign would be 1.
        0.0 => 0.0,
        _ if options.is_binary => options.alpha,
        _ => options.alpha * weight.abs(),
    }
}

/// Solves every row of `solved` with the other side `fixed`.
fn solve_side(
    options: &IalsOptions,
    matrix: &InteractionMatrix,
    fixed: &[f32],
    solved: &mut [f32],
) -> Result<()> {
    let base = regularized_gram(options, fixed);
    solved
        .par_chunks_mut(options.factors)
        .enumerate()
        .try_for_each_init(
            || base.clone(),
            |system, (row, factor)| {
                system.copy_from_slice(&base);
                solve_row(options, matrix.entries(row), fixed, system, factor)
            },
        )
}

/// Solves one row: `(YᵀY + reg·I + Σ (c − 1) y yᵀ) x = Σ c p y`, where `system` holds the first two.
fn solve_row(
    options: &IalsOptions,
    entries: impl Iterator<Item = (usize, f32)>,
    fixed: &[f32],
    system: &mut [f32],
    factor: &mut [f32],
) -> Result<()> {
    let width = options.factors;
    factor.fill(0.0);
    let mut is_preferring = false;
    for (index, weight) in entries {
        let extra = extra_confidence(options, weight);
        let other = &fixed[index * width..][..width];
        for (at, &component) in other.iter().enumerate() {
            // Only the lower triangle is read.
            add_scaled(
                &mut system[at * width..][..=at],
                extra * component,
                &other[..=at],
            );
        }
        if weight > 0.0 {
            is_preferring = true;
            add_scaled(factor, 1.0 + extra, other);
        }
    }
    if is_preferring {
        solve_small(system, factor)
    } else {
        Ok(()) // no preference at all: the solution is zero
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::Triplet;

    fn matrix() -> InteractionMatrix {
        let triplets: Vec<Triplet> = (0..40usize)
            .flat_map(|row| {
                (0..6usize).map(move |step| (row, (row * 3 + step * step * 5) % 30, step))
            })
            .map(|(row, column, step)| Triplet {
                row,
                column,
                weight: step as f32 - 1.5,
            })
            .collect();
        InteractionMatrix::from_triplets(40, 30, &triplets).unwrap()
    }

    fn options(factors: usize) -> IalsOptions {
        IalsOptions {
            factors,
            regularization: 0.1,
            alpha: 2.0,
            is_binary: false,
            iterations: 4,
            seed: 3,
        }
    }

    #[test]
    fn fold_in_is_the_trained_row() {
        let matrix = matrix();
        for is_binary in [false, true] {
            let model = IalsModel::fit(
                &matrix,
                IalsOptions {
                    is_binary,
                    ..options(8)
                },
            )
            .unwrap();
            for row in 0..matrix.row_count() {
                let entries: Vec<(usize, f32)> = matrix.entries(row).collect();
                let folded = model.fold_in(&entries).unwrap();
                assert_eq!(Some(folded.as_slice()), model.user_factor(row));
            }
        }
    }

    #[test]
    fn steps_lead_to_the_exact_solution() {
        let (matrix, options) = (matrix(), options(8));
        let fixed: Vec<f32> = initial_factors(30 * 8, 5)
            .iter()
            .map(|x| x * 80.0)
            .collect();
        let mut exact = vec![0.0; 40 * 8];
        solve_side(&options, &matrix, &fixed, &mut exact).unwrap();
        let mut near = vec![0.0; 40 * 8];
        let mut distances = Vec::new();
        for _ in 0..6 {
            improve_side(&options, &matrix, &fixed, &mut near);
            let differences = near.iter().zip(&exact).map(|(a, b)| (a - b) * (a - b));
            distances.push(differences.sum::<f32>().sqrt());
        }
        assert!(
            distances.is_sorted_by(|a, b| a > b || *b < 1e-4),
            "{distances:?}"
        );
        assert!(
            distances[5] < 1e-3 * dot(&exact, &exact).sqrt(),
            "{distances:?}"
        );
    }

    #[test]
    fn hand_worked_fold_in() {
        // One factor, items 1 and 2: YᵀY = 5, regularisation 1, alpha 3.
        let options = IalsOptions {
            regularization: 1.0,
            alpha: 3.0,
            ..options(1)
        };
        let model = IalsModel::assemble(options, vec![1.0, 2.0], vec![]);
        // Item 0 with weight 2: (6 + 6·1) x = 7·1.
        let liked = model.fold_in(&[(0, 2.0)]).unwrap();
        assert!((liked[0] - 7.0 / 12.0).abs() < 1e-6);
        // A skip of item 1 with weight −1 adds 3·4 on the left only.
        let skipped = model.fold_in(&[(0, 2.0), (1, -1.0)]).unwrap();
        assert!((skipped[0] - 7.0 / 24.0).abs() < 1e-6);
        assert_eq!(model.fold_in(&[(1, -1.0)]).unwrap(), [0.0]);
        assert_eq!(model.fold_in(&[]).unwrap(), [0.0]);
        let mut scores = [0.0; 2];
        model.score(&[0.5], &mut scores);
        assert_eq!(scores, [0.5, 1.0]);
        assert!(model.fold_in(&[(2, 1.0)]).is_err());
        assert!(model.fold_in(&[(0, f32::NAN)]).is_err());
    }

    #[test]
    fn threads_do_not_change_the_model() {
        let fit = |threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| IalsModel::fit(&matrix(), options(8)).unwrap())
        };
        assert!(fit(1) == fit(3));
    }

    #[test]
    fn listened_items_score_above_skipped_ones() {
        let matrix = matrix();
        let model = IalsModel::fit(&matrix, options(12)).unwrap();
        let mut scores = vec![0.0; 30];
        let (mut liked, mut skipped) = (0.0, 0.0);
        for row in 0..40 {
            model.score(model.user_factor(row).unwrap(), &mut scores);
            for (item, weight) in matrix.entries(row) {
                *(if weight > 0.0 {
                    &mut liked
                } else {
                    &mut skipped
                }) += scores[item];
            }
        }
        assert!(liked / 160.0 > skipped / 80.0 + 0.3, "{liked} {skipped}");
    }

    #[test]
    fn bad_options_are_refused() {
        let refuse = |options| assert!(IalsModel::fit(&matrix(), options).is_err());
        refuse(options(0));
        refuse(IalsOptions {
            alpha: -1.0,
            ..options(2)
        });
        refuse(IalsOptions {
            regularization: f32::NAN,
            ..options(2)
        });
    }
}
