//! The plane in which vectors are spread most.

use super::Place;

/// Directions iterated together: the two wanted and two more, so that a third direction of nearly the
/// same spread does not hold up the second.
const DIRECTIONS: usize = 4;
/// Rounds; the error of a direction shrinks by the ratio of the spreads squared each time.
const ROUNDS: usize = 12;

/// Projects vectors onto their two principal directions.
///
/// - Shape: `rows` is `[points × width]`, finite. One place per row, scaled to a standard deviation of one
///   along the first direction; all zero when the rows are all the same.
/// - Cost: O(rounds × points × width), one copy of the directions.
/// - Source: subspace iteration with few more directions than wanted: Halko, Martinsson & Tropp,
///   "Finding structure with randomness", SIAM Review 2011, algorithm 4.4, from a fixed start.
pub fn principal_plane(rows: &[f32], width: usize) -> Vec<Place> {
    if width == 0 {
        return Vec::new();
    }
    let count = rows.len() / width;
    let mean = mean_of(rows, width);
    let mut directions: [Vec<f64>; DIRECTIONS] = std::array::from_fn(|index| start(index, width));
    orthonormalise(&mut directions);
    for _ in 0..ROUNDS {
        let mut next: [Vec<f64>; DIRECTIONS] = std::array::from_fn(|_| vec![0.0; width]);
        for row in rows.chunks_exact(width) {
            let along = shares(row, &mean, &directions);
            for (sum, along) in next.iter_mut().zip(along) {
                for ((sum, x), mean) in sum.iter_mut().zip(row).zip(&mean) {
                    *sum += along * (f64::from(*x) - mean);
                }
            }
        }
        directions = next;
        orthonormalise(&mut directions);
    }
    let mut places: Vec<[f64; 2]> = Vec::with_capacity(count);
    for row in rows.chunks_exact(width) {
        let along = shares(row, &mean, &directions);
        places.push([along[0], along[1]]);
    }
    let square: f64 = places.iter().map(|place| place[0] * place[0]).sum();
    let deviation = (square / count.max(1) as f64).sqrt();
    let scale = if deviation > 0.0 {
        1.0 / deviation
    } else {
        0.0
    };
    let places = places.iter();
    places
        .map(|place| place.map(|x| (x * scale) as f32))
        .collect()
}

fn mean_of(rows: &[f32], width: usize) -> Vec<f64> {
    let count = (rows.len() / width).max(1) as f64;
    let mut mean = vec![0.0f64; width];
    for row in rows.chunks_exact(width) {
        (mean.iter_mut().zip(row)).for_each(|(sum, x)| *sum += f64::from(*x));
    }
    mean.iter_mut().for_each(|sum| *sum /= count);
    mean
}

/// How far a row lies along each direction.
fn shares(row: &[f32], mean: &[f64], directions: &[Vec<f64>; DIRECTIONS]) -> [f64; DIRECTIONS] {
    let mut along = [0.0; DIRECTIONS];
    for (index, (x, mean)) in row.iter().zip(mean).enumerate() {
        let centred = f64::from(*x) - mean;
        for (along, direction) in along.iter_mut().zip(directions) {
            *along += centred * direction[index];
        }
    }
    along
}

/// Directions that no data is at right angles to by design: low-discrepancy numbers about zero.
fn start(index: usize, width: usize) -> Vec<f64> {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    let at =
        |component: usize| ((component * DIRECTIONS + index + 1) as f64 * GOLDEN).fract() - 0.5;
    (0..width).map(at).collect()
}

/// Gram–Schmidt, twice for what rounding leaves; a direction that vanishes stays zero. Signs are fixed by
/// the largest component.
fn orthonormalise(directions: &mut [Vec<f64>; DIRECTIONS]) {
    for index in 0..DIRECTIONS {
        let (known, rest) = directions.split_at_mut(index);
        let Some(direction) = rest.first_mut() else {
            continue;
        };
        let before = norm(direction);
        for _ in 0..2 {
            for other in known.iter() {
                let along: f64 = direction.iter().zip(other).map(|(x, y)| x * y).sum();
                (direction.iter_mut().zip(other)).for_each(|(x, y)| *x -= along * y);
            }
        }
        let length = norm(direction);
        let is_left = length > before * 1e-9 && length > 0.0;
        let largest =
            direction.iter().copied().fold(
                0.0f64,
                |best, x| {
                    if x.abs() > best.abs() { x } else { best }
                },
            );
        let scale = if is_left {
            largest.signum() / length
        } else {
            0.0
        };
        direction.iter_mut().for_each(|x| *x *= scale);
    }
}

fn norm(direction: &[f64]) -> f64 {
    direction.iter().map(|x| x * x).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_directions_of_a_stretched_cloud() {
        // Spread 10 along (3, 4, 0)/5, 2 along (0, 0, 1), 0.1 along (4, −3, 0)/5.
        let mut rows = Vec::new();
        for a in -3i16..=3 {
            for b in -3i16..=3 {
                for c in -1i16..=1 {
                    let (a, b, c) = (f32::from(a) * 10.0, f32::from(b) * 2.0, f32::from(c) * 0.1);
                    rows.extend([0.6 * a + 0.8 * c + 7.0, 0.8 * a - 0.6 * c, b - 1.0]);
                }
            }
        }
        let places = principal_plane(&rows, 3);
        // The standard deviation of −3..=3 is 2: tens are scaled by 1/20.
        assert_eq!(places.len(), 147);
        let (first, last) = (places[0], places[146]);
        assert!(
            (first[0] + 1.5).abs() < 1e-4 && (last[0] - 1.5).abs() < 1e-4,
            "{first:?} {last:?}"
        );
        assert!(
            (first[1] + 0.3).abs() < 1e-3 && (last[1] - 0.3).abs() < 1e-3,
            "{first:?} {last:?}"
        );
    }

    #[test]
    fn little_data_is_no_trouble() {
        assert!(principal_plane(&[], 3).is_empty());
        assert!(principal_plane(&[], 0).is_empty());
        assert_eq!(principal_plane(&[1.0, 2.0], 2), [[0.0, 0.0]]);
        assert_eq!(principal_plane(&[1.0, 2.0].repeat(5), 2), [[0.0, 0.0]; 5]);
        let line = principal_plane(&[0.0, 1.0, 2.0], 1);
        assert!(
            line.iter().all(|place| place[1] == 0.0) && line[0][0] < line[2][0],
            "{line:?}"
        );
    }
}
