//! What many play.

use crate::audiences::{mixed, shares};
use crate::candidates::best::Best;
use crate::candidates::{Candidate, Offer};
use crate::explain::Source;
use crate::keyed::KeyedMap;
use crate::view::TenantView;

/// Scores tracks by decayed popularity; tracks nobody plays are not offered.
///
/// - Cost: O(count) where the counting kept as many of the most popular, else O(tracks).
pub fn popular(view: &TenantView, count: usize) -> Offer {
    let living = |index: &u32| {
        let (index, card) = (*index as usize, view.catalogue.card(*index as usize));
        let score = view
            .counts
            .popularity
            .get(index)
            .copied()
            .filter(|_| card.is_some());
        score.filter(|score| *score > 0.0).map(|score| Candidate {
            index,
            score,
            because_of: None,
        })
    };
    let (most, is_all) = view.most_popular();
    let known: Vec<Candidate> = most.iter().filter_map(living).take(count).collect();
    if is_all || known.len() == count {
        return Offer::of_sorted(Source::Popular, known);
    }
    let mut best = Best::new(count);
    for candidate in (0..view.counts.popularity.len() as u32).filter_map(|index| living(&index)) {
        best.tell(candidate.index as u32, candidate.score);
    }
    Offer::of_best(Source::Popular, best, |_| None)
}

/// The same where what some audiences play most counts too, each list by column of the model with shares of its first.
///
/// A track is scored by its share of the most popular with everybody and with the audiences, mixed as the weight
/// beside the lists says. Beyond `count` of the one and what is in the lists, nothing stands first.
///
/// - Cost: that of `popular`, and O(lists).
pub fn popular_with(
    view: &TenantView,
    (lists, weight): &(Vec<&[(u32, f32)]>, f32),
    count: usize,
) -> Offer {
    let everybody = popular(view, count);
    if lists.is_empty() || view.counts.popularity_max <= 0.0 {
        return everybody;
    }
    let mut of_audience: KeyedMap<usize, f32> = KeyedMap::default();
    for one in &everybody.candidates {
        of_audience.insert(one.index, 0.0);
    }
    shares(lists, |column, share| {
        let index = view
            .index_of_column(column as usize)
            .map(|index| index as usize);
        if let Some(index) = index.filter(|index| view.catalogue.card(*index).is_some()) {
            *of_audience.entry(index).or_insert(0.0) += share;
        }
    });
    let mut best = Best::new(count);
    for (index, share) in of_audience {
        let played = view.counts.popularity.get(index).copied().unwrap_or(0.0);
        let score = mixed(played / view.counts.popularity_max, share, *weight);
        if score > 0.0 {
            best.tell(index as u32, score);
        }
    }
    Offer::of_best(Source::Popular, best, |_| None)
}

#[cfg(test)]
mod tests {
    use leitmotif_domain::event::{
        EVENT_SCHEMA_VERSION, Event, EventPayload, Listen, ListenOutcome, RecordedEvent,
    };
    use leitmotif_domain::track::{Track, TrackDetails};
    use leitmotif_domain::{EventId, Timestamp, TrackId};

    use super::*;
    use crate::counts::MOST_POPULAR;

    /// Tracks of which the first are played twice, the others once.
    fn view(track_count: usize) -> TenantView {
        let (mut view, at) = (TenantView::default(), Timestamp::from_ms(0));
        let ids = || (1..=track_count as u128).map(TrackId::from_u128);
        for id in ids() {
            view.catalogue.put(&Track {
                id,
                details: TrackDetails::default(),
                audio: None,
                has_lyrics: false,
                created_at: at,
                updated_at: at,
            });
        }
        let plays = ids().chain(ids().take(3)).zip(1..);
        let events: Vec<RecordedEvent> = plays
            .map(|(track, offset)| RecordedEvent {
                offset,
                recorded_at: at,
                event: Event {
                    event_id: EventId::from_u128(u128::from(offset)),
                    occurred_at: at,
                    listener: None,
                    schema_version: EVENT_SCHEMA_VERSION,
                    payload: EventPayload::Listen(Listen::of(track, ListenOutcome::Completed)),
                },
            })
            .collect();
        view.take(&events);
        view.count_popularity(at);
        view
    }

    #[test]
    fn more_than_are_kept_in_order_are_offered_and_those_that_are_gone_are_made_up_for() {
        for track_count in [MOST_POPULAR - 1, MOST_POPULAR, MOST_POPULAR + 5] {
            let mut view = view(track_count);
            let indexes = |view: &TenantView, count| -> Vec<usize> {
                let offered = popular(view, count).candidates.into_iter();
                offered.map(|one| one.index).collect()
            };
            let all: Vec<usize> = (0..track_count).collect();
            assert_eq!(indexes(&view, 2), all[..2]);
            assert_eq!(
                indexes(&view, MOST_POPULAR),
                all[..all.len().min(MOST_POPULAR)]
            );
            assert_eq!(indexes(&view, track_count), all);
            view.catalogue.remove(TrackId::from_u128(2));
            assert_eq!(indexes(&view, 2), [0, 2]);
            assert_eq!(indexes(&view, track_count).len(), track_count - 1);
            let wanted = MOST_POPULAR.min(track_count - 1);
            assert_eq!(indexes(&view, MOST_POPULAR).len(), wanted);
        }
    }
}
