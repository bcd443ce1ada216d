//! The best set of categories to part from the others.

use super::histogram::Sums;
use super::split::{Best, Rule, Scale};

/// Finds the best set: one category when there are few, else a run of those with similar slopes.
///
/// - Source: Fisher 1958 for the order by mean, with LightGBM's smoothing and limits. Bin 0, which
///   holds missing and rare categories, always goes right.
pub(super) fn best_categories(scale: &Scale<'_>, sums: &[Sums]) -> Option<Best> {
    if sums.len() <= scale.parameters.categories.one_hot_max {
        best_single(scale, sums)
    } else {
        best_run(scale, sums)
    }
}

fn best_single(scale: &Scale<'_>, sums: &[Sums]) -> Option<Best> {
    let lambda = scale.parameters.lambda_l2;
    let mut best: Option<Best> = None;
    for (bin, &left) in sums.iter().enumerate().skip(1) {
        let right = scale.rest(left);
        if !scale.is_enough(left[1]) || !scale.is_enough(right[1]) {
            continue;
        }
        let gain = scale.gain(left, right, lambda);
        if best.as_ref().is_none_or(|best| gain > best.gain) {
            best = Some(Best {
                gain,
                rule: Rule::Among(vec![bin]),
                left,
                lambda,
            });
        }
    }
    best
}

fn best_run(scale: &Scale<'_>, sums: &[Sums]) -> Option<Best> {
    let options = &scale.parameters.categories;
    let smoothing = options.smoothing;
    let mut order: Vec<(f64, usize)> = (sums.iter().enumerate().skip(1))
        .filter(|(_, sums)| scale.rows(sums[1]) as f64 >= smoothing)
        .map(|(bin, sums)| (sums[0] / (sums[1] + smoothing), bin))
        .collect();
    order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let side_max = options.side_max.min(order.len().div_ceil(2));
    let lambda = scale.parameters.lambda_l2 + options.lambda_l2;
    let mut best: Option<(f64, Sums, bool, usize)> = None;
    for is_from_end in [false, true] {
        let bin_at = |place: usize| match is_from_end {
            false => order[place].1,
            true => order[order.len() - 1 - place].1,
        };
        let mut left = [0.0; 2];
        let mut group_rows = 0;
        for place in 0..side_max {
            let sum = sums[bin_at(place)];
            left = [left[0] + sum[0], left[1] + sum[1]];
            group_rows += scale.rows(sum[1]);
            let right = scale.rest(left);
            if !scale.is_enough(right[1]) || scale.rows(right[1]) < options.group_rows_min {
                break;
            }
            if !scale.is_enough(left[1]) || group_rows < options.group_rows_min {
                continue;
            }
            group_rows = 0;
            let gain = scale.gain(left, right, lambda);
            if best.is_none_or(|best| gain > best.0) {
                best = Some((gain, left, is_from_end, place + 1));
            }
        }
    }
    best.map(|(gain, left, is_from_end, count)| {
        let mut bins: Vec<usize> = if is_from_end {
            order
                .iter()
                .rev()
                .take(count)
                .map(|&(_, bin)| bin)
                .collect()
        } else {
            order.iter().take(count).map(|&(_, bin)| bin).collect()
        };
        bins.sort_unstable();
        Best {
            gain,
            rule: Rule::Among(bins),
            left,
            lambda,
        }
    })
}
