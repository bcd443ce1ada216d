//! How many typing mistakes apart two words are, up to a bound.

/// Counts the mistakes between two words, when there are at most `distance_max`.
///
/// A mistake is a letter too many, too few, or wrong, or two neighbours swapped; no letter is
/// changed twice (optimal string alignment).
///
/// - Cost: O(length · `distance_max`); ends at the first row that is wholly above the bound.
/// - Source: Damerau 1964; Ukkonen 1985 for the band.
pub fn edit_distance_within(a: &[char], b: &[char], distance_max: usize) -> Option<usize> {
    if a.len().abs_diff(b.len()) > distance_max {
        return None;
    }
    let beyond = distance_max + 1;
    let width = b.len() + 1;
    let mut before = vec![beyond; width];
    let mut above: Vec<usize> = (0..width).map(|column| column.min(beyond)).collect();
    let mut row = vec![beyond; width];
    for (i, &letter) in a.iter().enumerate() {
        row.fill(beyond);
        if i < distance_max {
            row[0] = i + 1;
        }
        let from = (i + 1).saturating_sub(distance_max).max(1);
        let to = (i + 1 + distance_max).min(b.len());
        for j in from..=to {
            let other = b[j - 1];
            let mut least = above[j - 1] + usize::from(letter != other);
            least = least.min(above[j] + 1).min(row[j - 1] + 1);
            let is_swap = i > 0 && j > 1 && letter == b[j - 2] && a[i - 1] == other;
            if is_swap {
                least = least.min(before[j - 2] + 1);
            }
            row[j] = least.min(beyond);
        }
        if row.iter().all(|&cost| cost >= beyond) && above.iter().all(|&cost| cost >= beyond) {
            return None;
        }
        std::mem::swap(&mut before, &mut above);
        std::mem::swap(&mut above, &mut row);
    }
    Some(above[b.len()]).filter(|&distance| distance <= distance_max)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn distance(a: &str, b: &str, most: usize) -> Option<usize> {
        let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
        edit_distance_within(&a, &b, most)
    }

    /// The whole table, without a band.
    fn in_full(a: &[char], b: &[char]) -> usize {
        let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
        for (i, row) in table.iter_mut().enumerate() {
            row[0] = i;
        }
        table[0] = (0..=b.len()).collect();
        for i in 1..=a.len() {
            for j in 1..=b.len() {
                let wrong = usize::from(a[i - 1] != b[j - 1]);
                let mut least = (table[i - 1][j - 1] + wrong)
                    .min(table[i - 1][j] + 1)
                    .min(table[i][j - 1] + 1);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    least = least.min(table[i - 2][j - 2] + 1);
                }
                table[i][j] = least;
            }
        }
        table[a.len()][b.len()]
    }

    #[test]
    fn hand_worked() {
        assert_eq!(distance("heart", "heart", 2), Some(0));
        assert_eq!(distance("heart", "haert", 2), Some(1));
        assert_eq!(distance("heart", "hart", 1), Some(1));
        assert_eq!(distance("heart", "hearth", 1), Some(1));
        assert_eq!(distance("heart", "harth", 1), None);
        assert_eq!(distance("heart", "harth", 2), Some(2));
        assert_eq!(distance("ночь", "нчоь", 1), Some(1));
        assert_eq!(distance("", "ab", 2), Some(2));
        assert_eq!(distance("", "abc", 2), None);
    }

    proptest! {
        #[test]
        fn the_band_agrees_with_the_whole_table(
            a in proptest::collection::vec(prop_oneof![Just('a'), Just('b'), Just('c')], 0..9),
            b in proptest::collection::vec(prop_oneof![Just('a'), Just('b'), Just('c')], 0..9),
            most in 0usize..4,
        ) {
            let whole = in_full(&a, &b);
            prop_assert_eq!(edit_distance_within(&a, &b, most), Some(whole).filter(|&d| d <= most));
        }
    }
}
