//! How many pairs of a catalogue are at most as far apart as two of its tracks.

use super::Comparison;

/// Keys on the circle of fifths, major and minor.
const KEYS: usize = 24;

/// Counts the unordered pairs of values that are at most `distance` apart.
///
/// - Shape: `sorted` holds the known values in rising order: of [`Comparison::Octaves`] the fractions
///   of their logarithms, of the others the values themselves.
/// - Cost: O(values), for [`Comparison::Wheel`] and [`Comparison::Sameness`] O(distinct²).
pub fn pairs_within(comparison: Comparison, sorted: &[f32], distance: f64) -> u64 {
    match comparison {
        Comparison::Difference => {
            let mut first = 0;
            let mut count = 0;
            for (place, value) in sorted.iter().enumerate() {
                while f64::from(*value) - f64::from(sorted[first]) > distance {
                    first += 1;
                }
                count += (place - first) as u64;
            }
            count
        }
        Comparison::Octaves => pairs_around(sorted, distance),
        Comparison::Wheel | Comparison::Sameness => {
            let groups = groups(sorted);
            let mut count = 0;
            for (place, (one, size)) in groups.iter().enumerate() {
                count += size * (size - 1) / 2;
                for (other, other_size) in &groups[place + 1..] {
                    if comparison.distance(*one, *other) <= distance {
                        count += size * other_size;
                    }
                }
            }
            count
        }
    }
}

/// Pairs on a circle of circumference one. From every point, those that follow it within the distance:
/// a pair less than half a turn apart is met from one side only.
fn pairs_around(sorted: &[f32], distance: f64) -> u64 {
    let size = sorted.len();
    let all = (size as u64) * (size as u64).saturating_sub(1) / 2;
    if distance >= 0.5 {
        return all;
    }
    let at = |place: usize| f64::from(sorted[place % size]) + (place / size) as f64;
    let mut end = 0;
    let mut count = 0;
    for start in 0..size {
        end = end.max(start);
        while end + 1 < start + size && at(end + 1) - at(start) <= distance {
            end += 1;
        }
        count += (end - start) as u64;
    }
    count.min(all)
}

/// Distinct values with how often each stands.
pub fn groups(sorted: &[f32]) -> Vec<(f32, u64)> {
    let mut groups: Vec<(f32, u64)> = Vec::new();
    for value in sorted {
        match groups.last_mut() {
            Some((last, size)) if last == value => *size += 1,
            _ => groups.push((*value, 1)),
        }
    }
    groups
}

/// Distance on a circle of circumference one.
pub fn around(one: f64, other: f64) -> f64 {
    let turn = (one - other).rem_euclid(1.0);
    turn.min(1.0 - turn)
}

/// The fraction of a logarithm to base 2, as [`pairs_within`] wants it.
pub fn octave_place(value: f32) -> f32 {
    (f64::from(value).log2().rem_euclid(1.0)) as f32
}

/// Steps between two places of keys: numbers on the circle, and one for the other mode.
pub fn wheel_steps(one: u8, other: u8) -> u8 {
    let numbers = (KEYS / 2) as u8;
    let turn = (one / 2).abs_diff(other / 2) % numbers;
    turn.min(numbers - turn) + u8::from(one % 2 != other % 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every pair looked at.
    fn by_hand(comparison: Comparison, values: &[f32], distance: f64) -> u64 {
        let mut count = 0;
        for (place, one) in values.iter().enumerate() {
            for other in &values[place + 1..] {
                let apart = match comparison {
                    Comparison::Octaves => around(f64::from(*one), f64::from(*other)),
                    _ => comparison.distance(*one, *other),
                };
                count += u64::from(apart <= distance);
            }
        }
        count
    }

    #[test]
    fn hand_worked_pairs() {
        let check = |comparison, sorted: &[f32], distance: f64, expected: u64| {
            let found = pairs_within(comparison, sorted, distance);
            assert_eq!(found, expected, "{comparison:?} {sorted:?} {distance}");
        };
        use Comparison::{Difference, Octaves, Sameness, Wheel};
        // Of 1, 2, 4, 8 the pairs (1, 2) and (2, 4) are at most 2 apart, (1, 4) is 3.
        check(Difference, &[1.0, 2.0, 4.0, 8.0], 2.0, 2);
        check(Difference, &[1.0, 2.0, 4.0, 8.0], 3.0, 3);
        check(Difference, &[5.0, 5.0, 5.0], 0.0, 3);
        check(Difference, &[], 1.0, 0);
        // 0.95 and 0.05 are a tenth of an octave apart, around the end.
        check(Octaves, &[0.05, 0.5, 0.95], 0.11, 1);
        check(Octaves, &[0.25, 0.25, 0.75], 0.0, 1);
        check(Octaves, &[0.0, 0.5, 0.6], 0.5, 3);
        check(Sameness, &[1.0, 1.0, 1.0, 2.0], 0.0, 3);
        check(Sameness, &[1.0, 1.0, 1.0, 2.0], 1.0, 6);
        // C major, A minor, G major, F major, F# major.
        check(Wheel, &[0.0, 1.0, 2.0, 12.0, 22.0], 1.0, 3);
        check(Wheel, &[0.0, 12.0], 5.0, 0);
        check(Wheel, &[0.0, 12.0], 6.0, 1);
    }

    #[test]
    fn counting_agrees_with_looking_at_every_pair() {
        let mut state = 9u32;
        let mut next = |bound: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % bound
        };
        for size in [2usize, 3, 17, 60] {
            // Steps of 1/32 and of one are exact, so that both counts see the same distances.
            let mut circle: Vec<f32> = (0..size).map(|_| next(32) as f32 / 32.0).collect();
            let mut keys: Vec<f32> = (0..size).map(|_| next(24) as f32).collect();
            circle.sort_by(f32::total_cmp);
            keys.sort_by(f32::total_cmp);
            for step in 0..=16 {
                let distance = f64::from(step) / 32.0;
                for comparison in [Comparison::Octaves, Comparison::Difference] {
                    let found = pairs_within(comparison, &circle, distance);
                    assert_eq!(
                        found,
                        by_hand(comparison, &circle, distance),
                        "{size} {step}"
                    );
                }
                for comparison in [Comparison::Wheel, Comparison::Sameness] {
                    let found = pairs_within(comparison, &keys, f64::from(step));
                    assert_eq!(
                        found,
                        by_hand(comparison, &keys, f64::from(step)),
                        "{size} {step}"
                    );
                }
            }
        }
    }
}
