//! Tracks in the order of a descriptor.

use std::cmp::Ordering;

use leitmotif_domain::error::InvalidValue;
use leitmotif_domain::{TenantScope, TrackId};

use super::service::Searcher;
use super::told::ToldKind;
use crate::error::Result;
use crate::off_thread::off_thread;

/// Where a track stands in an order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SortPlace {
    /// Its value; `None` where the descriptor is not known of it.
    pub value: Option<f32>,
    /// The track.
    pub track: TrackId,
}

/// An order.
#[derive(Debug, Clone, PartialEq)]
pub struct SortOrder {
    /// The descriptor, ours or a plugin's, of numbers.
    pub by: String,
    /// The greatest first.
    pub is_descending: bool,
}

impl SortPlace {
    /// The place as text, exactly.
    pub fn key(&self) -> String {
        match self.value {
            Some(value) => format!("{:08x}:{}", value.to_bits(), self.track),
            None => format!("-:{}", self.track),
        }
    }

    /// Reads [`Self::key`] again.
    ///
    /// - Errors: `Invalid` for any other text.
    pub fn of_key(text: &str) -> std::result::Result<Self, InvalidValue> {
        let wrong = || InvalidValue::new("cursor", "is no place in this order");
        let (value, track) = text.split_once(':').ok_or_else(wrong)?;
        let value = match value {
            "-" => None,
            bits => Some(f32::from_bits(
                u32::from_str_radix(bits, 16).map_err(|_| wrong())?,
            )),
        };
        let track = track.parse().map_err(|_| wrong())?;
        Ok(Self { value, track })
    }

    /// By value, the unknown behind all of them whichever way the order runs, and by age where values are equal.
    fn compare(&self, other: &Self, is_descending: bool) -> Ordering {
        let by_value = match (self.value, other.value) {
            (Some(one), Some(two)) if is_descending => two.total_cmp(&one),
            (Some(one), Some(two)) => one.total_cmp(&two),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        };
        by_value.then(self.track.cmp(&other.track))
    }
}

impl Searcher {
    /// The first `count` tracks behind `after` of those in `among`, put into an order. Tracks that come or go
    /// meanwhile move no other; one whose value changes stands where it then belongs.
    ///
    /// - Errors: `Invalid` with the names that there are, where no analysis told such a number.
    /// - Cost: that of [`Searcher::told_column`], whose column is kept in memory and follows the log; then O(tracks)
    ///   to choose, and a sort of what is answered, whatever page it is. There is no index to keep.
    pub async fn sorted(
        &self,
        scope: &TenantScope,
        order: SortOrder,
        among: Vec<TrackId>,
        after: Option<SortPlace>,
        count: usize,
    ) -> Result<Vec<SortPlace>> {
        let number = Some(ToldKind::Number);
        let column = self.told_column(scope, &order.by, number).await?;
        off_thread(move || {
            let places = among.into_iter().map(|track| SortPlace {
                value: column.values.get(&track).copied(),
                track,
            });
            first_behind(places.collect(), after, order.is_descending, count)
        })
        .await
    }
}

fn first_behind(
    mut places: Vec<SortPlace>,
    after: Option<SortPlace>,
    is_descending: bool,
    count: usize,
) -> Vec<SortPlace> {
    let compare = |one: &SortPlace, other: &SortPlace| one.compare(other, is_descending);
    if let Some(after) = after {
        places.retain(|place| compare(place, &after).is_gt());
    }
    if count < places.len() {
        places.select_nth_unstable_by(count, compare);
        places.truncate(count);
    }
    places.sort_unstable_by(compare);
    places
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn place(value: Option<f32>, track: u128) -> SortPlace {
        SortPlace {
            value,
            track: TrackId::from_u128(track),
        }
    }

    #[test]
    fn the_unknown_come_last_either_way() {
        let places = vec![
            place(None, 1),
            place(Some(2.0), 2),
            place(Some(-1.0), 3),
            place(None, 4),
            place(Some(2.0), 5),
        ];
        let order = |is_descending| {
            let sorted = first_behind(places.clone(), None, is_descending, 9);
            let tracks = sorted.iter().map(|place| place.track.as_u128());
            tracks.collect::<Vec<_>>()
        };
        assert_eq!(order(false), [3, 2, 5, 1, 4]);
        assert_eq!(order(true), [2, 5, 3, 1, 4]);
    }

    proptest! {
        /// Pages of any size follow each other without a gap or a repetition, through the text of their ends.
        #[test]
        fn pages_are_the_whole_order(
            values in prop::collection::vec(prop::option::of(-3_i8..3), 0..40),
            is_descending: bool,
            size in 1_usize..7,
        ) {
            let numbered = values.iter().zip(1..);
            let places: Vec<SortPlace> = numbered
                .map(|(value, track)| place(value.map(|value| f32::from(value) / 3.0), track))
                .collect();
            let whole = first_behind(places.clone(), None, is_descending, usize::MAX);
            let (mut paged, mut after) = (Vec::new(), None);
            loop {
                let page = first_behind(places.clone(), after, is_descending, size);
                let Some(last) = page.last() else { break };
                let read = SortPlace::of_key(&last.key()).unwrap();
                prop_assert_eq!(read, *last);
                after = Some(read);
                paged.extend(page);
            }
            prop_assert_eq!(paged, whole);
        }
    }

    #[test]
    fn only_its_own_keys_are_read() {
        for wrong in ["", "-", "x:1", "3f800000", "3f8000000:1", "-:?"] {
            assert!(SortPlace::of_key(wrong).is_err(), "{wrong}");
        }
    }
}
