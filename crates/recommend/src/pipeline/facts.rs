//! What a rule or a control may know of a candidate.

use std::collections::HashMap;

use leitmotif_domain::Timestamp;

use super::request::RecommendRequest;
use crate::catalogue::TrackCard;
use crate::keyed::KeyedMap;
use crate::known::KnownTracks;
use crate::rules::{Facts, Field, Value};
use crate::view::TenantView;

const DAY_MS: f64 = 24.0 * 3_600.0 * 1_000.0;

/// What is the same for every candidate of a request.
pub struct RequestFacts<'a> {
    view: &'a TenantView,
    request: &'a RecommendRequest,
    known: &'a KnownTracks<'a>,
    /// Plays by artist.
    artist_plays: KeyedMap<u64, u32>,
    artist_plays_max: u32,
    now: Timestamp,
}

impl<'a> RequestFacts<'a> {
    /// Reads what is asked for; the listener's plays are summed by artist only when somebody will ask.
    ///
    /// - Cost: O(tracks of the profile) with artists.
    pub fn new(
        view: &'a TenantView,
        request: &'a RecommendRequest,
        known: &'a KnownTracks<'a>,
        now: Timestamp,
        has_artists: bool,
    ) -> Self {
        let mut artist_plays = KeyedMap::default();
        for one in known.iter().filter(|_| has_artists) {
            if let Some(card) = one.index.and_then(|index| view.catalogue.card(index)) {
                *artist_plays.entry(card.artist_key).or_insert(0) += one.history.plays;
            }
        }
        Self {
            view,
            request,
            known,
            artist_plays_max: artist_plays.values().copied().max().unwrap_or(0),
            artist_plays,
            now,
        }
    }

    /// The facts of one candidate.
    pub fn of<'c>(&'c self, index: usize, card: &'c TrackCard) -> TrackFacts<'c> {
        TrackFacts {
            shared: self,
            index,
            card,
        }
    }
}

/// What is known of one candidate.
pub struct TrackFacts<'c> {
    shared: &'c RequestFacts<'c>,
    index: usize,
    card: &'c TrackCard,
}

impl TrackFacts<'_> {
    /// Plays of its artist by the listener.
    pub fn artist_plays(&self) -> u32 {
        let plays = self.shared.artist_plays.get(&self.card.artist_key);
        plays.copied().unwrap_or(0)
    }

    /// Plays of its artist by the listener as a share of those of their most played artist, both as `ln(1 + x)`.
    pub fn artist_share(&self) -> f32 {
        let most = (self.shared.artist_plays_max as f32).ln_1p();
        if most > 0.0 {
            (self.artist_plays() as f32).ln_1p() / most
        } else {
            0.0
        }
    }

    /// Decayed plays, as a share of those of the most played track.
    pub fn popularity(&self) -> f32 {
        let view = self.shared.view;
        let played = view
            .counts
            .popularity
            .get(self.index)
            .copied()
            .unwrap_or(0.0);
        if view.counts.popularity_max > 0.0 {
            played / view.counts.popularity_max
        } else {
            0.0
        }
    }

    /// Days since it entered the catalogue.
    pub fn age_days(&self) -> f64 {
        self.shared.now.since_ms(self.card.created_at).max(0) as f64 / DAY_MS
    }

    fn track_plays(&self) -> u32 {
        let history = self.shared.known.history(self.index);
        history.map_or(0, |history| history.plays)
    }
}

/// A text, of which an empty one says nothing.
fn text(text: Option<&str>) -> Value<'_> {
    match text {
        Some(text) if !text.is_empty() => Value::Text(text),
        _ => Value::Unknown,
    }
}

impl Facts for TrackFacts<'_> {
    fn value(&self, field: Field) -> Value<'_> {
        let number = |number: Option<f64>| number.map_or(Value::Unknown, Value::Number);
        let (card, moment) = (self.card, &self.shared.request.moment);
        match field {
            Field::Title => text(Some(&card.title)),
            Field::Artist => text(Some(&card.artist)),
            Field::Album => text(card.album.as_deref()),
            Field::Genre => text(card.genre.as_deref()),
            Field::Tags => Value::List(&card.tags),
            Field::Year => number(card.year.map(f64::from)),
            Field::DurationS => number(card.duration_ms.map(|length| f64::from(length) / 1_000.0)),
            Field::Explicit => card.explicit.map_or(Value::Unknown, Value::Flag),
            Field::AgeDays => Value::Number(self.age_days()),
            Field::Popularity => Value::Number(f64::from(self.popularity())),
            Field::Trend => {
                let trend = self.shared.view.counts.trends.get(self.index);
                number(trend.map(|trend| f64::from(*trend)))
            }
            Field::SkipRate => {
                let rate = self.shared.view.counts.skip_rates.get(self.index);
                number(rate.map(|rate| f64::from(*rate)))
            }
            Field::TrackPlays => Value::Number(f64::from(self.track_plays())),
            Field::ArtistPlays => Value::Number(f64::from(self.artist_plays())),
            Field::IsKnown => Value::Flag(self.shared.known.has_profile()),
            Field::Placement => text(Some(&self.shared.request.placement)),
            Field::Device => text(moment.device.as_deref()),
            Field::Activity => text(moment.activity.as_deref()),
            Field::Hour => number(moment.hour.map(f64::from)),
            Field::Weekday => number(moment.weekday.map(f64::from)),
        }
    }
}

impl RequestFacts<'_> {
    /// The genre of each candidate as a class, and how much the listener plays of each class.
    ///
    /// - Cost: O(tracks of the profile + candidates).
    pub fn genre_mix(&self, indexes: &[usize]) -> (Vec<Option<usize>>, Vec<f32>) {
        let genre = |index: usize| self.view.catalogue.card(index)?.genre_key();
        let mut class_of = HashMap::new();
        let mut target = Vec::new();
        for one in self.known.iter() {
            let played = one.history.signal();
            if let Some(key) = one.index.and_then(genre)
                && played > 0.0
            {
                let class = *class_of.entry(key).or_insert_with(|| {
                    target.push(0.0);
                    target.len() - 1
                });
                target[class] += played;
            }
        }
        let classes = indexes
            .iter()
            .map(|index| class_of.get(&genre(*index)?).copied());
        (classes.collect(), target)
    }
}
