//! What tests look at: columns with their missing values put where a test sends them.

use std::collections::HashMap;

use super::binning::{ZERO, category_of, floor_f32};
use super::tree::{Missing, Test};

/// Rows looked at together; their values and leaf sets stay in vector registers.
pub(super) const LANES: usize = 16;

/// A number of each row of a batch.
pub(super) type Lane = [f32; LANES];

/// A column as a test sees it, so that every test is one comparison.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum View {
    /// NaN is 0.
    Plain,
    /// NaN is below everything, or else above.
    Nan { is_left: bool },
    /// NaN and 0 are below everything, or else above.
    Zero { is_left: bool },
    /// 0 for the categories of the set, 1 for others.
    Categories(Vec<u32>),
}

impl View {
    fn look(&self, values: &Lane) -> Lane {
        let edge = |is_left: bool| {
            if is_left {
                f32::NEG_INFINITY
            } else {
                f32::INFINITY
            }
        };
        match self {
            Self::Plain => values.map(|value| if value.is_nan() { 0.0 } else { value }),
            Self::Nan { is_left } => {
                let edge = edge(*is_left);
                values.map(|value| if value.is_nan() { edge } else { value })
            }
            Self::Zero { is_left } => {
                let edge = edge(*is_left);
                let is_missing = |value: f32| value.is_nan() || value.abs() <= ZERO;
                values.map(|value| if is_missing(value) { edge } else { value })
            }
            Self::Categories(set) => values.map(|value| {
                let is_in = category_of(value).is_some_and(|category| {
                    let word = set.get(category as usize / 32).copied().unwrap_or(0);
                    word >> (category % 32) & 1 == 1
                });
                f32::from(u8::from(!is_in))
            }),
        }
    }
}

/// Views in use, each once.
#[derive(Debug, Clone, Default)]
pub(super) struct Views {
    list: Vec<(u32, View)>,
}

impl Views {
    /// Bytes on the heap, without the sets of categories.
    pub(super) fn memory_bytes(&self) -> usize {
        self.list.len() * size_of::<(u32, View)>()
    }

    /// Looks at up to [`LANES`] rows; lanes beyond them are 0 or what 0 is seen as.
    ///
    /// - Shape: `rows` is `[rows × width]`; one lane a view comes back.
    pub(super) fn look<'s>(&self, rows: &[f32], width: usize, sight: &'s mut Sight) -> &'s [Lane] {
        let Sight { columns, viewed } = sight;
        columns.resize(width, [0.0; LANES]);
        if rows.len() < LANES * width {
            columns.fill([0.0; LANES]);
        }
        for (place, row) in rows.chunks_exact(width).take(LANES).enumerate() {
            for (lane, value) in columns.iter_mut().zip(row) {
                lane[place] = *value;
            }
        }
        viewed.clear();
        let views = self.list.iter();
        viewed.extend(views.map(|(column, view)| view.look(&columns[*column as usize])));
        viewed
    }
}

/// What is looked at, kept from one batch of rows to the next.
#[derive(Default)]
pub(super) struct Sight {
    /// The rows of a batch, turned.
    columns: Vec<Lane>,
    viewed: Vec<Lane>,
}

/// Collects views while trees are laid out.
#[derive(Default)]
pub(super) struct ViewsMaker {
    views: Views,
    places: HashMap<(u32, View), u32>,
}

impl ViewsMaker {
    /// Place of the view a test needs, and its threshold there: right when the value is above it.
    pub(super) fn place(&mut self, column: u32, test: &Test) -> (u32, f32) {
        let (view, threshold) = match test {
            Test::Number {
                threshold,
                missing,
                is_missing_left: is_left,
            } => {
                let is_left = *is_left;
                let view = match missing {
                    Missing::None => View::Plain,
                    Missing::Zero => View::Zero { is_left },
                    Missing::Nan => View::Nan { is_left },
                };
                (view, floor_f32(*threshold))
            }
            Test::Categories { set, .. } => (View::Categories(set.clone()), 0.5),
        };
        let key = (column, view);
        if let Some(&place) = self.places.get(&key) {
            return (place, threshold);
        }
        let place = self.views.list.len() as u32;
        self.views.list.push(key.clone());
        self.places.insert(key, place);
        (place, threshold)
    }

    /// All of them.
    pub(super) fn finish(self) -> Views {
        self.views
    }
}
