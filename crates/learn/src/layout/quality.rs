//! How well a layout keeps neighbourhoods.

use super::Place;

/// Two sides of a layout's quality, each 0 to 1, more is better.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LayoutQuality {
    /// Points that look near are near: low when strangers stand among the neighbours.
    pub trustworthiness: f64,
    /// Points that are near look near: low when neighbours were torn apart.
    pub continuity: f64,
}

/// Judges a layout by the neighbourhoods of some of its points among all points.
///
/// - Shape: `rows` is `[points × width]`, compared by Euclidean distance, `places` has one place per row,
///   `judged` names points; `neighbour_count` is under half of the points.
/// - Returns `None` when nothing is judged or there are too few points.
/// - Cost: O(judged × points × (width + log points)).
/// - Source: Venna & Kaski, "Neighborhood preservation in nonlinear projection methods", ICANN 2001:
///   means over the judged points instead of all.
pub fn layout_quality(
    rows: &[f32],
    width: usize,
    places: &[Place],
    judged: &[usize],
    neighbour_count: usize,
) -> Option<LayoutQuality> {
    let count = places.len();
    let k = neighbour_count;
    if k == 0 || judged.is_empty() || 2 * count <= 3 * k + 1 || width == 0 {
        return None;
    }
    let worst = k as f64 * (2 * count - 3 * k - 1) as f64 / 2.0;
    let (mut intruders, mut missing) = (0.0, 0.0);
    for point in judged {
        let own = rows.get(point * width..(point + 1) * width)?;
        let far = |other: usize| -> f32 {
            let row = rows[other * width..].iter().zip(own);
            row.take(width).map(|(a, b)| (a - b) * (a - b)).sum()
        };
        let place = places.get(*point)?;
        let near = |other: usize| -> f32 {
            let [dx, dy] = [places[other][0] - place[0], places[other][1] - place[1]];
            dx * dx + dy * dy
        };
        let (by_row, by_place) = (order(count, *point, far), order(count, *point, near));
        intruders += excess(&by_place[..k], &by_row, k);
        missing += excess(&by_row[..k], &by_place, k);
    }
    let scale = 1.0 / (worst * judged.len() as f64);
    Some(LayoutQuality {
        trustworthiness: 1.0 - intruders * scale,
        continuity: 1.0 - missing * scale,
    })
}

/// The other points, nearest first, ties by number.
fn order(count: usize, own: usize, distance: impl Fn(usize) -> f32) -> Vec<u32> {
    let others = (0..count).filter(|other| *other != own);
    let mut keyed: Vec<(f32, u32)> = others
        .map(|other| (distance(other), other as u32))
        .collect();
    keyed.sort_unstable_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
    keyed.into_iter().map(|(_, other)| other).collect()
}

/// By how much the ranks of some points in an order go beyond `k`.
fn excess(points: &[u32], order: &[u32], k: usize) -> f64 {
    let mut ranks = vec![0u32; order.len() + 1];
    for (rank, point) in order.iter().enumerate() {
        ranks[*point as usize] = rank as u32 + 1;
    }
    let beyond = points
        .iter()
        .map(|point| ranks[*point as usize].saturating_sub(k as u32));
    beyond.map(f64::from).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_true_picture_is_perfect_and_a_torn_one_is_not() {
        // Six points on a line.
        let rows: Vec<f32> = (0..6u8).map(f32::from).collect();
        let all: Vec<usize> = (0..6).collect();
        let straight: Vec<Place> = rows.iter().map(|x| [*x, 0.0]).collect();
        let perfect = layout_quality(&rows, 1, &straight, &all, 1).unwrap();
        assert_eq!((perfect.trustworthiness, perfect.continuity), (1.0, 1.0));
        // The ends change places: by hand for point 0, now at 5: its nearest in the picture is 4, which is
        // fourth in truth, three beyond; its true nearest is 1, which is fourth in the picture.
        let mut torn = straight.clone();
        torn.swap(0, 5);
        let zero = layout_quality(&rows, 1, &torn, &[0], 1).unwrap();
        let worst = (2.0 * 6.0 - 3.0 - 1.0) / 2.0;
        assert_eq!(zero.trustworthiness, 1.0 - 3.0 / worst);
        assert_eq!(zero.continuity, 1.0 - 3.0 / worst);
        for (judged, k) in [(&all[..0], 1), (&all[..], 0), (&all[..], 4)] {
            assert_eq!(layout_quality(&rows, 1, &straight, judged, k), None);
        }
    }
}
