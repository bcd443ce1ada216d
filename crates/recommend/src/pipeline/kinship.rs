//! How alike two candidates are, for variety.

use std::cell::Cell;

use crate::trace::Deadline;
use crate::view::TenantView;

/// Pairs that are compared between two looks at the clock: some ten microseconds.
const PAIRS_PER_LOOK: u32 = 256;

/// What two tracks of one artist share at least.
const SAME_ARTIST: f32 = 0.8;

/// Similarity of a few candidates, in 0.0..=1.0: by who plays them where the model knows both, and by
/// artist.
pub struct Kinship<'v> {
    tracks: Vec<Kin<'v>>,
    deadline: Deadline,
    /// Pairs that were compared, and whether the deadline has come since.
    compared: Cell<(u32, bool)>,
}

struct Kin<'v> {
    /// Item factor and its length, which is not 0.
    factor: Option<(&'v [f32], f32)>,
    artist: Option<u64>,
}

impl<'v> Kinship<'v> {
    /// Looks the candidates up.
    pub fn new(view: &'v TenantView, indexes: &[usize]) -> Self {
        let track = |index: &usize| {
            let column = view.column(*index);
            let factor = column
                .zip(view.model.as_deref())
                .and_then(|(column, model)| model.taste.item_factor(column));
            let length = |factor: &[f32]| factor.iter().map(|x| x * x).sum::<f32>().sqrt();
            let factor = factor.map(|factor| (factor, length(factor)));
            let artist = view.catalogue.card(*index).map(|card| card.artist_key);
            Kin {
                factor: factor.filter(|(_, length)| *length > 0.0),
                artist,
            }
        };
        Self {
            tracks: indexes.iter().map(track).collect(),
            deadline: Deadline::default(),
            compared: Cell::default(),
        }
    }

    /// The same, which tells no likeness once the deadline is over: what picks by it then picks by relevance.
    pub fn until(self, deadline: Deadline) -> Self {
        Self { deadline, ..self }
    }

    fn is_late(&self) -> bool {
        let (count, is_late) = self.compared.get();
        let looks = count % PAIRS_PER_LOOK == PAIRS_PER_LOOK - 1;
        let is_late = is_late || looks && self.deadline.is_over();
        self.compared.set((count.wrapping_add(1), is_late));
        is_late
    }

    /// Similarity of the candidates at two places.
    ///
    /// Not a number once the deadline is over.
    ///
    /// - Source: `(1 + cosine) / 2` of the item factors, as similar listeners make similar factors.
    pub fn of(&self, one: usize, other: usize) -> f32 {
        if self.is_late() {
            return f32::NAN;
        }
        if one == other {
            return 1.0;
        }
        let (Some(one), Some(other)) = (self.tracks.get(one), self.tracks.get(other)) else {
            return 0.0;
        };
        let alike = match (one.factor, other.factor) {
            (Some((a, length_a)), Some((b, length_b))) => {
                let dot: f32 = a.iter().zip(b).map(|(x, y)| x * y).sum();
                (1.0 + dot / (length_a * length_b)) / 2.0
            }
            _ => 0.0,
        };
        if one.artist.is_some() && one.artist == other.artist {
            alike.max(SAME_ARTIST)
        } else {
            alike
        }
    }
}
