//! What the ranker is told of a candidate: the same code for a live request and for training.

use leitmotif_domain::Timestamp;
use leitmotif_features::{ListenerProfile, TrackHistory};

use super::pool::Pooled;
use crate::error::Result;
use crate::explain::Source;
use crate::keyed::KeyedMap;
use crate::model::RecommenderModel;
use crate::view::{TenantView, taste_weight};

/// Columns of one source: share of its best, place.
const OF_SOURCE: usize = 2;
/// Columns besides those of the sources, with their group and the source a contribution is told under.
const OTHERS: [(&str, &str, Source); 18] = [
    ("source_count", "blend", Source::Taste),
    ("blended", "blend", Source::Taste),
    ("recent_taste", "taste", Source::Taste),
    ("distaste", "neighbours", Source::Neighbours),
    ("track_popularity", "popular", Source::Popular),
    ("track_skip_rate", "popular", Source::Popular),
    ("track_age_days", "age", Source::Fresh),
    ("listener_plays", "listener", Source::Taste),
    ("listener_skip_rate", "listener", Source::Taste),
    ("artist_signal", "artist", Source::Artist),
    ("artist_plays", "artist", Source::Artist),
    ("artist_skip_rate", "artist", Source::Artist),
    ("artist_days_since", "artist", Source::Artist),
    ("track_signal", "familiar", Source::Familiar),
    ("track_days_since", "familiar", Source::Familiar),
    ("genre_signal", "genre", Source::Taste),
    ("genre_plays", "genre", Source::Taste),
    ("genre_skip_rate", "genre", Source::Taste),
];
/// Columns of a row.
pub const COLUMN_COUNT: usize = Source::LEARNT * OF_SOURCE + OTHERS.len();
/// Plays and skips that every rate starts from: one in four, the usual skip rate of music services,
/// worth four plays.
const RATE_PRIOR: (f32, f32) = (4.0, 1.0);
/// Newest plays that stand for the taste of the last days.
const RECENT_PLAYS: usize = 24;
const DAY_MS: f32 = 24.0 * 3_600.0 * 1_000.0;

/// The names of all columns, in order: what a stored ranker must have been fitted on.
pub fn column_names() -> Vec<String> {
    let sources = Source::ALL.iter().take(Source::LEARNT).flat_map(|source| {
        let name = source.name();
        [format!("{name}_share"), format!("{name}_place")]
    });
    sources
        .chain(OTHERS.iter().map(|(name, ..)| (*name).to_owned()))
        .collect()
}

/// The source, by its number, that each column's contribution is told under.
pub(super) fn column_sources() -> Vec<usize> {
    let sources = Source::ALL.iter().take(Source::LEARNT);
    let of_sources = sources.flat_map(|source| [*source; OF_SOURCE]);
    of_sources
        .chain(OTHERS.iter().map(|(_, _, source)| *source))
        .map(|source| source as usize)
        .collect()
}

/// The group of a column: what is left out together when a report asks what the ranker needs.
pub fn group_of(column: usize) -> &'static str {
    let others = Source::LEARNT * OF_SOURCE;
    match column.checked_sub(others) {
        None => Source::ALL[column / OF_SOURCE].name(),
        Some(other) => OTHERS.get(other).map_or("none", |(_, group, _)| *group),
    }
}

/// What is known of a listener at a moment, read once a request.
pub struct ListenerFacts<'p> {
    profile: Option<&'p ListenerProfile>,
    plays: u32,
    skips: u32,
    artists: KeyedMap<u64, PlayedFacts>,
    /// By [`crate::catalogue::TrackCard::genre_key`].
    genres: KeyedMap<u64, PlayedFacts>,
    /// Factor of the newest plays alone: tastes drift.
    recent_taste: Vec<f32>,
    /// Similarity to rejected tracks by column of the model, per rejected track.
    distaste: Vec<f32>,
    now: Timestamp,
}

/// What a listener made of an artist or of a genre.
#[derive(Default)]
struct PlayedFacts {
    signal: f32,
    plays: u32,
    skips: u32,
    last_played: Option<Timestamp>,
}

impl PlayedFacts {
    fn add(&mut self, history: &TrackHistory) {
        self.signal += history.signal();
        self.plays = self.plays.saturating_add(history.plays);
        self.skips = self.skips.saturating_add(history.skips);
        self.last_played = self.last_played.max(Some(history.last_played));
    }
}

impl<'p> ListenerFacts<'p> {
    /// Sums a profile by artist and genre and folds its newest plays in.
    ///
    /// - Cost: O(tracks of the profile + rejected tracks × neighbours + f³).
    pub fn of(
        view: &TenantView,
        profile: Option<&'p ListenerProfile>,
        now: Timestamp,
    ) -> Result<Self> {
        let mut facts = Self {
            profile,
            plays: 0,
            skips: 0,
            artists: KeyedMap::default(),
            genres: KeyedMap::default(),
            recent_taste: Vec::new(),
            distaste: Vec::new(),
            now,
        };
        if let (Some(model), Some(profile)) = (view.model.as_deref(), profile) {
            facts.recent_taste = recent_taste(model, profile)?;
            facts.distaste = distaste(model, profile);
        }
        for (track, history) in profile.into_iter().flat_map(|profile| profile.tracks()) {
            facts.plays = facts.plays.saturating_add(history.plays);
            facts.skips = facts.skips.saturating_add(history.skips);
            let index = view.catalogue.index(track);
            if let Some(card) = index.and_then(|index| view.catalogue.card(index)) {
                let artist = facts.artists.entry(card.artist_key).or_default();
                artist.add(&history);
                if let Some(genre) = card.genre_key() {
                    facts.genres.entry(genre).or_default().add(&history);
                }
            }
        }
        Ok(facts)
    }

    /// The columns of a genre: that of a genre never played is known, that of no genre is not.
    fn of_genre(&self, genre: u64) -> [f32; 3] {
        self.genres.get(&genre).map_or([0.0, 0.0, f32::NAN], |of| {
            let plays = (of.plays as f32).ln_1p();
            [of.signal, plays, skip_rate(of.plays, of.skips)]
        })
    }

    fn days_since(&self, at: Timestamp) -> f32 {
        (self.now.since_ms(at).max(0) as f32 / DAY_MS).ln_1p()
    }
}

/// Folds in the newest plays, each for itself.
fn recent_taste(model: &RecommenderModel, profile: &ListenerProfile) -> Result<Vec<f32>> {
    let mut entries: Vec<(usize, f32)> = Vec::with_capacity(RECENT_PLAYS);
    for (_, track) in profile.recent().take(RECENT_PLAYS) {
        let signal = profile
            .history(track)
            .map_or(0.0, |history| history.signal());
        if let Some(column) = model.column(track)
            && !entries.iter().any(|(known, _)| *known == column)
        {
            entries.push((column, taste_weight(signal)));
        }
    }
    entries.retain(|(_, weight)| *weight != 0.0);
    Ok(model.taste.fold_in(&entries)?)
}

/// Sums similarities to the rejected tracks, divided by how many they are.
fn distaste(model: &RecommenderModel, profile: &ListenerProfile) -> Vec<f32> {
    let rejected: Vec<(usize, f32)> = (profile.tracks())
        .filter(|(_, history)| history.signal() < 0.0)
        .filter_map(|(track, _)| Some((model.column(track)?, 1.0)))
        .collect();
    let mut sums = model.neighbours.score(&rejected);
    let count = rejected.len().max(1) as f32;
    sums.iter_mut().for_each(|sum| *sum /= count);
    sums
}

/// Appends the row of a candidate; what does not apply is NaN.
///
/// A candidate that the model does not know is told by content, artist, genre and age alone, as training
/// shows it some of the known ones: the ranker has to be able to place what it has never seen.
///
/// - Shape: [`COLUMN_COUNT`] values in the order of [`column_names`]; counts and days as `ln(1 + x)`.
pub fn fill_row(
    view: &TenantView,
    facts: &ListenerFacts<'_>,
    one: &Pooled,
    column: Option<usize>,
    row: &mut Vec<f32>,
) {
    for offer in &one.offers {
        row.push(offer.map_or(f32::NAN, |(share, _)| share));
        row.push(offer.map_or(f32::NAN, |(_, place)| place as f32));
    }
    let card = view.catalogue.card(one.index);
    let artist = card.and_then(|card| facts.artists.get(&card.artist_key));
    let history = card
        .zip(facts.profile)
        .and_then(|(card, profile)| profile.history(card.id));
    let number = |list: &[f32]| {
        let known = column.and_then(|_| list.get(one.index));
        known.copied().unwrap_or(f32::NAN)
    };
    row.push(one.offers.iter().flatten().count() as f32);
    row.push(one.blended);
    let factor = column
        .zip(view.model.as_deref())
        .and_then(|(column, model)| model.taste.item_factor(column));
    row.push(factor.map_or(f32::NAN, |factor| {
        let products = factor.iter().zip(&facts.recent_taste).map(|(a, b)| a * b);
        products.sum()
    }));
    let distaste = column.and_then(|column| facts.distaste.get(column));
    row.push(distaste.copied().unwrap_or(f32::NAN));
    row.push(number(&view.popularity).ln_1p());
    row.push(number(&view.skip_rates));
    row.push(card.map_or(f32::NAN, |card| facts.days_since(card.created_at)));
    row.push((facts.plays as f32).ln_1p());
    row.push(skip_rate(facts.plays, facts.skips));
    row.push(artist.map_or(0.0, |artist| artist.signal));
    row.push(artist.map_or(0.0, |artist| (artist.plays as f32).ln_1p()));
    row.push(artist.map_or(f32::NAN, |artist| skip_rate(artist.plays, artist.skips)));
    let artist_played = artist.and_then(|artist| artist.last_played);
    row.push(artist_played.map_or(f32::NAN, |at| facts.days_since(at)));
    row.push(history.map_or(0.0, |history| history.signal()));
    row.push(history.map_or(f32::NAN, |history| facts.days_since(history.last_played)));
    let genre = card.and_then(|card| card.genre_key());
    row.extend(genre.map_or([f32::NAN; 3], |genre| facts.of_genre(genre)));
}

/// Skips per play, drawn towards the usual rate where there are few plays.
pub fn skip_rate(plays: u32, skips: u32) -> f32 {
    (skips as f32 + RATE_PRIOR.1) / (plays as f32 + RATE_PRIOR.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_genre_is_told_by_what_was_made_of_it() {
        let view = TenantView::default();
        let mut facts = ListenerFacts::of(&view, None, Timestamp::from_ms(0)).unwrap();
        let played = PlayedFacts {
            signal: 1.5,
            plays: 4,
            skips: 1,
            last_played: None,
        };
        facts.genres.insert(7, played);
        // One skip in four plays, with one in four of the four that rates start from.
        assert_eq!(facts.of_genre(7), [1.5, 5.0_f32.ln(), 0.25]);
        let [signal, plays, rate] = facts.of_genre(8);
        assert!((signal, plays) == (0.0, 0.0) && rate.is_nan());

        let mut row = Vec::new();
        let one = Pooled {
            index: 0,
            blended: 0.5,
            offers: [None; Source::LEARNT],
        };
        fill_row(&view, &facts, &one, None, &mut row);
        assert_eq!(
            (row.len(), column_names().len()),
            (COLUMN_COUNT, COLUMN_COUNT)
        );
        let without_genre = &row[COLUMN_COUNT - 3..];
        assert!(without_genre.iter().all(|value| value.is_nan()));
    }
}
