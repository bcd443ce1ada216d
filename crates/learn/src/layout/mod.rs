//! A map of vectors: points in the plane that stand near each other where their vectors do.
//!
//! `neighbours + principal plane → descent → places in a unit square`. Everything runs on one thread and
//! uses additions, multiplications, divisions and square roots only, so that a map is the same to the bit
//! wherever it is made.

mod descent;
mod principal;
mod quality;

pub use descent::{LayoutOptions, NeighbourLists, lay_out};
pub use principal::principal_plane;
pub use quality::{LayoutQuality, layout_quality};

/// A place in the plane.
pub type Place = [f32; 2];

/// Moves and scales places so that they fill the unit square without being stretched.
///
/// - One place, or places that are all the same, stand in the middle.
pub fn fill_unit_square(places: &mut [Place]) {
    let mut low = [f32::INFINITY; 2];
    let mut high = [f32::NEG_INFINITY; 2];
    for place in places.iter() {
        for axis in 0..2 {
            low[axis] = low[axis].min(place[axis]);
            high[axis] = high[axis].max(place[axis]);
        }
    }
    let span = (high[0] - low[0]).max(high[1] - low[1]);
    let scale = if span > 0.0 && span.is_finite() {
        1.0 / span
    } else {
        0.0
    };
    for place in places {
        for axis in 0..2 {
            let middle = low[axis] + (high[axis] - low[axis]) / 2.0;
            place[axis] = ((place[axis] - middle) * scale + 0.5).clamp(0.0, 1.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_square_is_filled_and_nothing_is_stretched() {
        let mut places = [[2.0, 10.0], [6.0, 11.0], [4.0, 12.0]];
        fill_unit_square(&mut places);
        assert_eq!(places, [[0.0, 0.25], [1.0, 0.5], [0.5, 0.75]]);
        for mut same in [vec![], vec![[3.0, -2.0]], vec![[1.0, 1.0]; 3]] {
            fill_unit_square(&mut same);
            assert!(same.iter().all(|place| *place == [0.5, 0.5]), "{same:?}");
        }
    }
}
