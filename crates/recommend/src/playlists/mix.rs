//! Mixes: what a listener loves beside what is new to them, another one every day or week.

use std::collections::HashSet;

use leitmotif_domain::chance::Seed;
use leitmotif_domain::error::InvalidValue;
use leitmotif_domain::{ListenerId, TenantScope, Timestamp, TrackId};

use super::generate::{Material, PlaylistRequest, recommended};
use crate::error::Result;
use crate::known::KnownTracks;
use crate::pipeline::{RecommendRequest, let_through};
use crate::service::Recommender;
use crate::view::TenantView;

/// Tracks that a mix is drawn from, per track of it: more would reach for what is loved less.
const DRAWN_FROM: usize = 2;
const DAY_MS: i64 = 86_400_000;

/// How long a mix stays what it is while nothing new is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// From midnight to midnight, UTC.
    Day,
    /// From Monday to Sunday, UTC.
    Week,
}

impl Period {
    /// The number of the day, or of the week, that a moment lies in.
    fn number(self, at: Timestamp) -> i64 {
        let day = at.as_ms().div_euclid(DAY_MS);
        match self {
            Self::Day => day,
            // The first of January 1970 was a Thursday.
            Self::Week => (day + 3).div_euclid(7),
        }
    }
}

/// The listener's favourites and what is new to them, in shares as asked, each drawn for the period.
///
/// - Errors: `Invalid` without a listener.
/// - Cost: one recommendation, one pass over the listener's tracks.
pub async fn mix(
    recommender: &Recommender,
    scope: &TenantScope,
    request: &PlaylistRequest,
    familiarity: f32,
    period: Period,
) -> Result<Material> {
    let Some(listener) = request.listener else {
        return Err(InvalidValue::new("listener", "a mix is made for somebody").into());
    };
    let now = recommender.stores().clock.now();
    let seed = |part: &str| {
        let purpose = format!("{period:?} {} {listener} {part}", period.number(now));
        Seed(0).derive(&purpose)
    };
    let known_count = (request.count as f32 * familiarity.clamp(0.0, 1.0)).round() as usize;
    let loved = recommender
        .with_view(scope, |view| {
            favourites(view, request, listener, known_count * DRAWN_FROM, now)
        })
        .await?;
    let mut tracks = drawn(loved, known_count, seed("loved"));
    let missing = request.count - tracks.len();
    let wanted = missing * DRAWN_FROM;
    let fresh = recommended(recommender, scope, request, &[], wanted, None).await?;
    let known: HashSet<TrackId> = tracks.iter().copied().collect();
    let new = fresh.tracks.into_iter();
    let new: Vec<TrackId> = new.filter(|track| !known.contains(track)).collect();
    // What was too little for a choice may be enough for the list.
    let shortage = fresh.shortage.filter(|_| new.len() < missing);
    tracks.extend(drawn(new, missing, seed("new")));
    let mut origin = fresh.origin;
    origin.is_drawn = true;
    Ok(Material {
        tracks,
        origin,
        shortage,
    })
}

/// Draws so many of a list, the first ones more often, and keeps their order.
///
/// - Source: Efraimidis and Spirakis 2006, "Weighted random sampling with a reservoir"; a track weighs one
///   over its place.
fn drawn(list: Vec<TrackId>, count: usize, seed: Seed) -> Vec<TrackId> {
    let mut draws = seed.rng();
    let mut keyed: Vec<(f64, usize)> = (0..list.len())
        .map(|place| (-draws.next_f64().ln() * (place + 1) as f64, place))
        .collect();
    keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
    let kept: HashSet<usize> = keyed.iter().take(count).map(|(_, place)| *place).collect();
    let places = list.into_iter().enumerate();
    (places.filter(|(place, _)| kept.contains(place)))
        .map(|(_, track)| track)
        .collect()
}

/// What the listener loves, best first and of equals what was not heard for longest, each recording once and by
/// the track that stands for it; the rules of the placement and what the playlist must be among hold.
fn favourites(
    view: &TenantView,
    asked: &PlaylistRequest,
    listener: ListenerId,
    count: usize,
    now: Timestamp,
) -> Vec<TrackId> {
    let known = KnownTracks::of(view, Some(listener));
    let mut loved: Vec<_> = (known.iter())
        .filter(|one| one.history.signal() > 0.0)
        .filter_map(|one| Some((one.history.signal(), one.history.last_played, one.index?)))
        .collect();
    loved.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let loved = loved.into_iter().map(|(_, _, index)| index);
    let request = RecommendRequest {
        listener: Some(listener),
        include_heard: true,
        placement: super::PLACEMENT.to_owned(),
        ..RecommendRequest::default()
    };
    let allowed = let_through(view, &request, &known, now, loved);
    let standing = allowed.filter_map(|index| {
        let card = view.catalogue.card(view.catalogue.standing_for(index))?;
        Some(card.id)
    });
    let only = asked.only.as_ref();
    let standing = standing.filter(|track| only.is_none_or(|only| only.tracks.contains(track)));
    let mut tracks = standing.collect();
    view.catalogue.recordings().distinct(&mut tracks);
    tracks.truncate(count);
    tracks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_begin_on_monday() {
        let day = |number: i64| Timestamp::from_ms(number * DAY_MS);
        // 30 November 2026 is a Monday.
        let monday = 20_787;
        let week = |number| Period::Week.number(day(number));
        assert_eq!(week(monday), week(monday + 6));
        assert_eq!(week(monday - 1) + 1, week(monday));
        assert_eq!(Period::Day.number(day(monday)), monday);
    }

    #[test]
    fn a_draw_keeps_the_order_and_prefers_the_first() {
        let list: Vec<TrackId> = (0..40).map(TrackId::from_u128).collect();
        let mut firsts = 0;
        for seed in 0..200 {
            let kept = drawn(list.clone(), 20, Seed(seed));
            assert_eq!(kept.len(), 20);
            assert!(kept.is_sorted());
            firsts += usize::from(kept.contains(&list[0]));
            assert_eq!(kept, drawn(list.clone(), 20, Seed(seed)));
        }
        assert!(firsts > 190, "{firsts}");
        assert_eq!(drawn(list.clone(), 99, Seed(1)), list, "too few to choose");
    }
}
