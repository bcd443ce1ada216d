//! Walking down from a point until it is flat.

/// Steps at most; with scaled columns and a penalty a fit ends after 15 to 60.
const STEPS_MAX: usize = 100;
/// Step differences that the search direction remembers.
const MEMORY: usize = 10;
/// Largest slope at which a fit has ended.
const SLOPE_MIN: f64 = 1e-6;
/// Halvings of a step before a fit ends: the next would be lost in rounding.
const HALVINGS_MAX: usize = 30;

/// What is minimised: convex, and smooth enough to walk on.
pub(super) trait Objective {
    /// The value at a point; writes the slope there.
    fn value(&self, point: &[f64], slope: &mut [f64]) -> f64;
}

/// The sum of products.
pub(super) fn dot(weights: &[f64], row: &[f32]) -> f64 {
    let products = weights.iter().zip(row);
    products
        .map(|(weight, value)| weight * f64::from(*value))
        .sum()
}

fn inner(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// A step and what it changed of the slope.
struct Difference {
    step: Vec<f64>,
    slope: Vec<f64>,
    product: f64,
}

/// Walks down from a point until it is flat.
///
/// - Source: L-BFGS (Nocedal and Wright, Numerical Optimization, algorithm 7.4), Armijo backtracking.
pub(super) fn minimise(problem: &impl Objective, mut point: Vec<f64>) -> Vec<f64> {
    let mut slope = vec![0.0; point.len()];
    let mut value = problem.value(&point, &mut slope);
    let mut memory: Vec<Difference> = Vec::new();
    for _ in 0..STEPS_MAX {
        if slope.iter().all(|part| part.abs() <= SLOPE_MIN) {
            break;
        }
        let direction = direction(&slope, &memory);
        let descent = inner(&slope, &direction);
        let Some((next, next_slope, next_value)) =
            step_along(problem, &point, value, &direction, descent)
        else {
            break;
        };
        let step: Vec<f64> = next.iter().zip(&point).map(|(b, a)| b - a).collect();
        let change: Vec<f64> = next_slope.iter().zip(&slope).map(|(b, a)| b - a).collect();
        let product = inner(&step, &change);
        if product > 0.0 {
            if memory.len() == MEMORY {
                memory.remove(0);
            }
            memory.push(Difference {
                step,
                slope: change,
                product,
            });
        }
        (point, slope, value) = (next, next_slope, next_value);
    }
    point
}

/// The two loops of L-BFGS.
fn direction(slope: &[f64], memory: &[Difference]) -> Vec<f64> {
    let mut direction: Vec<f64> = slope.iter().map(|part| -part).collect();
    let mut factors = Vec::with_capacity(memory.len());
    for known in memory.iter().rev() {
        let factor = inner(&known.step, &direction) / known.product;
        (direction.iter_mut().zip(&known.slope)).for_each(|(part, by)| *part -= factor * by);
        factors.push(factor);
    }
    if let Some(last) = memory.last() {
        let scale = last.product / inner(&last.slope, &last.slope);
        direction.iter_mut().for_each(|part| *part *= scale);
    }
    for (known, factor) in memory.iter().zip(factors.iter().rev()) {
        let back = factor - inner(&known.slope, &direction) / known.product;
        (direction.iter_mut().zip(&known.step)).for_each(|(part, by)| *part += back * by);
    }
    direction
}

/// Goes as far along a direction as the value falls enough; `None` where it does not.
fn step_along(
    problem: &impl Objective,
    point: &[f64],
    value: f64,
    direction: &[f64],
    descent: f64,
) -> Option<(Vec<f64>, Vec<f64>, f64)> {
    let mut length = 1.0;
    let mut slope = vec![0.0; point.len()];
    for _ in 0..HALVINGS_MAX {
        let moved = point.iter().zip(direction).map(|(at, by)| at + length * by);
        let next: Vec<f64> = moved.collect();
        let found = problem.value(&next, &mut slope);
        if found <= value + 1e-4 * length * descent && descent < 0.0 {
            return Some((next, slope, found));
        }
        length *= 0.5;
    }
    None
}
