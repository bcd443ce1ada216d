//! What the ranker is told of a candidate: the same code for a live request and for training.

use std::borrow::Cow;
use std::sync::Arc;

use leitmotif_domain::Timestamp;
use leitmotif_domain::event::Moment;
use leitmotif_domain::zone::DayPart;
use leitmotif_features::TrackHistory;

use super::features::{shown, view_of};
use super::pool::Pooled;
use super::running::{RunningSession, SOUND_COLUMNS, TracksBefore};
use crate::candidates::Votes;
use crate::error::Result;
use crate::explain::Source;
use crate::keyed::{KeyedMap, map_for};
use crate::known::{KnownTrack, KnownTracks};
use crate::model::RecommenderModel;
use crate::moments::{Aspect, LiftsAt, lift, lift_of};
use crate::scratch::Lent;
use crate::trace::Deadline;
use crate::view::{TenantView, taste_weight};

/// Columns of one source: share of its best, place.
const OF_SOURCE: usize = 2;
/// Columns besides those of the sources, with their group and the source a contribution is told under.
const OTHERS: [(&str, &str, Source); 34] = [
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
    ("moment_lift", "moment", Source::Moment),
    ("part_of_day_lift", "moment", Source::Moment),
    ("kind_of_day_lift", "moment", Source::Moment),
    ("device_lift", "moment", Source::Moment),
    ("activity_lift", "moment", Source::Moment),
    ("part_of_day_taste", "moment", Source::Moment),
    ("cell_lift", "moment", Source::Moment),
    ("session_plays", "running_session", Source::Session),
    ("session_skips", "running_session", Source::Session),
    ("tempo_step", "before", Source::Session),
    ("key_step", "before", Source::Session),
    ("energy_step", "before", Source::Session),
    ("likeness_to_last", "before", Source::Session),
    ("tempo_steps", "before", Source::Session),
    ("key_steps", "before", Source::Session),
    ("energy_steps", "before", Source::Session),
];
/// Where [`OTHERS`] has the blended score.
pub(super) const BLENDED: usize = Source::LEARNT * OF_SOURCE + 1;
/// Columns of a row before those of features.
pub const COLUMN_COUNT: usize = Source::LEARNT * OF_SOURCE + OTHERS.len();
/// Plays and skips that every rate starts from: one in four, the usual skip rate of music services,
/// worth four plays.
const RATE_PRIOR: (f32, f32) = (4.0, 1.0);
/// Newest plays that stand for the taste of the last days.
const RECENT_PLAYS: usize = 24;
const DAY_MS: f32 = 24.0 * 3_600.0 * 1_000.0;

/// The names of these columns, in order: what a stored ranker must have been fitted on.
pub fn column_names() -> Vec<String> {
    let sources = Source::ALL.iter().take(Source::LEARNT).flat_map(|source| {
        let name = source.name();
        [format!("{name}_share"), format!("{name}_place")]
    });
    sources
        .chain(OTHERS.iter().map(|(name, ..)| (*name).to_owned()))
        .collect()
}

/// The names of all columns where these features stand behind the ranker's own.
pub fn names_with(features: &[String]) -> Vec<String> {
    let own = column_names().into_iter();
    own.chain(features.iter().cloned()).collect()
}

/// The same as people know them.
pub(super) fn shown_names_with(features: &[String]) -> Vec<String> {
    let names = names_with(features).into_iter();
    names.map(|name| shown(&name).to_owned()).collect()
}

/// The source, by its number, that each column's contribution is told under; so many features come last.
pub(super) fn column_sources(feature_count: usize) -> Vec<usize> {
    let sources = Source::ALL.iter().take(Source::LEARNT);
    let of_sources = sources.flat_map(|source| [*source; OF_SOURCE]);
    of_sources
        .chain(OTHERS.iter().map(|(_, _, source)| *source))
        .chain(std::iter::repeat_n(Source::Features, feature_count))
        .map(|source| source as usize)
        .collect()
}

/// The group of a column: what is left out together when a report asks what the ranker needs. Features, by their
/// names, are a group for each view.
pub fn group_of(column: usize, features: &[String]) -> Cow<'_, str> {
    let others = Source::LEARNT * OF_SOURCE;
    let feature = column.checked_sub(COLUMN_COUNT);
    match (column.checked_sub(others), feature) {
        (None, _) => Source::ALL[column / OF_SOURCE].name().into(),
        (_, Some(feature)) => {
            let view = features.get(feature).map_or("", |name| view_of(name));
            format!("view {view}").into()
        }
        (Some(other), None) => (OTHERS.get(other))
            .map_or("none", |(_, group, _)| *group)
            .into(),
    }
}

/// What is known of a listener at a moment, read once a request.
pub struct ListenerFacts<'p> {
    known: Arc<KnownTracks<'p>>,
    plays: u32,
    skips: u32,
    /// Columns of the listener alone: plays and skip rate.
    habits: [f32; 2],
    /// Columns of the running session: plays and skips.
    session: [f32; 2],
    before: TracksBefore<'p>,
    artists: KeyedMap<u64, PlayedFacts>,
    /// By [`crate::catalogue::TrackCard::genre_key`].
    genres: KeyedMap<u64, PlayedFacts>,
    /// Factor of the newest plays alone: tastes drift.
    recent_taste: Vec<f32>,
    /// How much more often tracks are played at the moment, by column of the model.
    lifts: LiftsAt<'p>,
    /// Factor of the newest plays in the same part of the day; empty where nothing is known of it.
    part_taste: Vec<f32>,
    /// Similarities to rejected tracks by column of the model, added up, and how many these are.
    distaste: Option<(Lent<'p, Votes>, f32)>,
    now: Timestamp,
}

/// What a listener made of an artist or of a genre.
#[derive(Default)]
struct PlayedFacts {
    signal: f32,
    plays: u32,
    skips: u32,
    last_played: Option<Timestamp>,
    /// Its columns, the same for all its tracks: signal, plays, skip rate, days since the last play.
    columns: [f32; 4],
}

impl PlayedFacts {
    /// Works out the columns once all is added.
    fn settle(&mut self, now: Timestamp) {
        self.columns = [
            self.signal,
            (self.plays as f32).ln_1p(),
            skip_rate(self.plays, self.skips),
            self.last_played
                .map_or(f32::NAN, |at| days_between(at, now)),
        ];
    }

    fn add(&mut self, history: &TrackHistory) {
        self.signal += history.signal();
        self.plays = self.plays.saturating_add(history.plays);
        self.skips = self.skips.saturating_add(history.skips);
        self.last_played = self.last_played.max(Some(history.last_played));
    }
}

impl<'p> ListenerFacts<'p> {
    /// Sums what is known by artist and genre and folds the newest plays in.
    ///
    /// - Cost: O(known tracks + rejected tracks × neighbours + f³).
    pub fn of(view: &'p TenantView, known: Arc<KnownTracks<'p>>, now: Timestamp) -> Result<Self> {
        // Most listeners come back to their artists.
        let artists = map_for(known.iter().len().div_ceil(2));
        let mut facts = Self {
            known: Arc::clone(&known),
            plays: 0,
            skips: 0,
            habits: [0.0; 2],
            session: [0.0; 2],
            before: TracksBefore::default(),
            artists,
            genres: KeyedMap::default(),
            recent_taste: Vec::new(),
            lifts: LiftsAt::default(),
            part_taste: Vec::new(),
            distaste: None,
            now,
        };
        if let Some(model) = view.model.as_deref().filter(|_| known.has_profile()) {
            facts.recent_taste = taste_of(model, known.recent())?;
            facts.distaste = Some(distaste(view, model, &known));
        }
        for KnownTrack { history, index, .. } in known.iter() {
            facts.plays = facts.plays.saturating_add(history.plays);
            facts.skips = facts.skips.saturating_add(history.skips);
            if let Some(card) = index.and_then(|index| view.catalogue.card(index)) {
                let artist = facts.artists.entry(card.artist_key).or_default();
                artist.add(history);
                if let Some(genre) = card.genre_key() {
                    facts.genres.entry(genre).or_default().add(history);
                }
            }
        }
        facts.habits = [
            (facts.plays as f32).ln_1p(),
            skip_rate(facts.plays, facts.skips),
        ];
        let session = RunningSession::of_known(&known, now);
        let mut facts = facts.in_session(view, &session);
        let groups = facts.artists.values_mut().chain(facts.genres.values_mut());
        groups.for_each(|group| group.settle(now));
        Ok(facts)
    }

    /// The same listener at a moment, of which nothing was known so far.
    ///
    /// - Cost: O(f³) where the hour is told.
    pub fn at(self, view: &'p TenantView, moment: &Moment) -> Result<Self> {
        let model = view.model.as_deref();
        let lifts = model.and_then(|model| model.moments.as_ref());
        let part = moment.hour.map(DayPart::of_hour);
        let part = part.filter(|part| self.known.recent_in(*part).next().is_some());
        let part_taste = match (model, part) {
            (Some(model), Some(part)) => taste_of(model, self.known.recent_in(part))?,
            _ => Vec::new(),
        };
        Ok(Self {
            lifts: lifts.map_or(LiftsAt::default(), |lifts| lifts.at(moment)),
            part_taste,
            ..self
        })
    }

    /// The same listener in a session.
    ///
    /// - Cost: O(neighbours of a track).
    pub fn in_session(self, view: &'p TenantView, session: &RunningSession) -> Self {
        let model = view.model.as_deref();
        Self {
            session: session.columns(),
            before: model.map_or_else(TracksBefore::default, |model| {
                TracksBefore::of(model, session)
            }),
            ..self
        }
    }

    /// The columns of an artist: none were played of one never played.
    fn of_artist(&self, artist: Option<u64>) -> [f32; 4] {
        let played = artist.and_then(|artist| self.artists.get(&artist));
        played.map_or([0.0, 0.0, f32::NAN, f32::NAN], |played| played.columns)
    }

    /// The columns of a genre: that of a genre never played is known, that of no genre is not.
    fn of_genre(&self, genre: u64) -> [f32; 3] {
        let played = self.genres.get(&genre).map(|played| played.columns);
        played.map_or([0.0, 0.0, f32::NAN], |[signal, plays, skips, _]| {
            [signal, plays, skips]
        })
    }

    fn days_since(&self, at: Timestamp) -> f32 {
        days_between(at, self.now)
    }
}

/// Days as a column has them.
pub(super) fn days_between(at: Timestamp, now: Timestamp) -> f32 {
    (now.since_ms(at).max(0) as f32 / DAY_MS).ln_1p()
}

/// Folds in the first of these plays, each track for itself; nothing for none.
fn taste_of<'k>(
    model: &RecommenderModel,
    plays: impl Iterator<Item = &'k KnownTrack>,
) -> Result<Vec<f32>> {
    let mut entries: Vec<(usize, f32)> = Vec::with_capacity(RECENT_PLAYS);
    for one in plays.take(RECENT_PLAYS) {
        if let Some(column) = one.column
            && !entries.iter().any(|(known, _)| *known == column)
        {
            entries.push((column, taste_weight(one.history.signal())));
        }
    }
    entries.retain(|(_, weight)| *weight != 0.0);
    Ok(model.taste.fold_in(&entries)?)
}

/// Adds up similarities to the rejected tracks, and counts these.
fn distaste<'v>(
    view: &'v TenantView,
    model: &RecommenderModel,
    known: &KnownTracks<'_>,
) -> (Lent<'v, Votes>, f32) {
    let rejected: Vec<(usize, f32)> = (known.iter())
        .filter(|one| one.history.signal() < 0.0)
        .filter_map(|one| Some((one.column?, 1.0)))
        .collect();
    let mut votes = view.votes.lend_for(model.items.len());
    votes.add(&model.neighbours, &rejected, Deadline::default());
    (votes, rejected.len().max(1) as f32)
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
    let mut values = [f32::NAN; COLUMN_COUNT];
    let (of_sources, others) = values.split_at_mut(Source::LEARNT * OF_SOURCE);
    let source_count = fill_offers(one, column, of_sources);
    let card = view.catalogue.card(one.index);
    let history = facts.known.history(one.index);
    let number = |list: &[f32]| number_of(list, column.map(|_| one.index));
    let factor = column
        .zip(view.model.as_deref())
        .and_then(|(column, model)| model.taste.item_factor(column));
    let liking = |taste: &[f32]| {
        factor.map_or(f32::NAN, |factor| {
            factor.iter().zip(taste).map(|(a, b)| a * b).sum()
        })
    };
    let recent_taste = liking(&facts.recent_taste);
    let distaste = column.zip(facts.distaste.as_ref());
    let distaste = distaste.map(|(column, (votes, count))| votes.sum(column) / count);
    let [artist_signal, artist_plays, artist_skips, artist_days] =
        facts.of_artist(card.map(|card| card.artist_key));
    let genre = card.and_then(|card| card.genre_key());
    let [genre_signal, genre_plays, genre_skips] =
        genre.map_or([f32::NAN; 3], |genre| facts.of_genre(genre));
    let [lift, of_aspects @ ..] = lifts_of(&facts.lifts, column);
    let [part_lift, kind_lift, device_lift, activity_lift, cell_lift] = of_aspects;
    // Of a part of the day of which nothing is known there is no taste.
    let has_part = !facts.part_taste.is_empty();
    let part_taste = has_part.then(|| liking(&facts.part_taste) - recent_taste);
    let (others, of_sound) = others.split_at_mut(OTHERS.len() - SOUND_COLUMNS);
    of_sound.copy_from_slice(&facts.before.columns(column));
    others.copy_from_slice(&[
        f32::from(source_count),
        one.blended,
        recent_taste,
        distaste.unwrap_or(f32::NAN),
        number(view.popularity_logs()),
        number(&view.counts.skip_rates),
        card.map_or(f32::NAN, |card| facts.days_since(card.created_at)),
        facts.habits[0],
        facts.habits[1],
        artist_signal,
        artist_plays,
        artist_skips,
        artist_days,
        history.map_or(0.0, |history| history.signal()),
        history.map_or(f32::NAN, |history| facts.days_since(history.last_played)),
        genre_signal,
        genre_plays,
        genre_skips,
        lift,
        part_lift,
        kind_lift,
        device_lift,
        activity_lift,
        part_taste.unwrap_or(f32::NAN),
        cell_lift,
        facts.session[0],
        facts.session[1],
    ]);
    row.extend_from_slice(&values);
}

/// A number of a catalogue index; NaN where there is none.
fn number_of(list: &[f32], index: Option<usize>) -> f32 {
    let known = index.and_then(|index| list.get(index));
    known.copied().unwrap_or(f32::NAN)
}

/// Fills in what each source offered, and counts them.
fn fill_offers(one: &Pooled, column: Option<usize>, of_sources: &mut [f32]) -> u8 {
    // What else offers a new track knows it by means that the trees never saw for one.
    let is_told = |source: usize| column.is_some() || source == Source::Content as usize;
    let mut source_count = 0;
    for (source, told) in of_sources.chunks_exact_mut(OF_SOURCE).enumerate() {
        if let Some((share, place)) = one.offers[source].filter(|_| is_told(source)) {
            told.copy_from_slice(&[share, place as f32]);
            source_count += 1;
        }
    }
    source_count
}

/// How much more often a track is played at the moment: by all that is said of it together, and by each aspect.
fn lifts_of(lifts: &LiftsAt<'_>, column: Option<usize>) -> [f32; 1 + Aspect::ALL.len()] {
    let mut told = [f32::NAN; 1 + Aspect::ALL.len()];
    let (sum, each) = told.split_at_mut(1);
    if let Some(column) = column {
        for (one, lifts) in each.iter_mut().zip(lifts) {
            let steps = lifts.and_then(|lifts| lifts.get(column));
            *one = steps.map_or(f32::NAN, |steps| lift(*steps));
        }
        sum.fill(lift_of(lifts, column).unwrap_or(f32::NAN));
    }
    told
}

/// What the sources offered of a candidate, read back from its row.
pub fn pooled_of_row(index: usize, row: &[f32]) -> Pooled {
    let value = |column: usize| row.get(column).copied().unwrap_or(f32::NAN);
    let offer = |source: usize| {
        let (share, place) = (value(OF_SOURCE * source), value(OF_SOURCE * source + 1));
        (!share.is_nan()).then_some((share, place as u32))
    };
    Pooled {
        index,
        blended: value(BLENDED),
        offers: std::array::from_fn(offer),
    }
}

/// Skips per play, drawn towards the usual rate where there are few plays.
pub fn skip_rate(plays: u32, skips: u32) -> f32 {
    (skips as f32 + RATE_PRIOR.1) / (plays as f32 + RATE_PRIOR.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sources_offered_is_read_back_from_a_row() {
        let view = TenantView::default();
        let nobody = Arc::new(KnownTracks::of(&view, None));
        let facts = ListenerFacts::of(&view, nobody, Timestamp::from_ms(0)).unwrap();
        let mut offers = [None; Source::LEARNT];
        (offers[0], offers[Source::LEARNT - 1]) = (Some((0.5, 3)), Some((1.0, 0)));
        let one = Pooled {
            index: 7,
            blended: 0.25,
            offers,
        };
        let mut row = Vec::new();
        fill_row(&view, &facts, &one, Some(0), &mut row);
        assert_eq!(row.len(), COLUMN_COUNT);
        assert_eq!(column_names()[BLENDED], "blended");
        assert_eq!(pooled_of_row(7, &row), one);
    }

    #[test]
    fn a_genre_is_told_by_what_was_made_of_it() {
        let view = TenantView::default();
        let mut facts = ListenerFacts::of(
            &view,
            Arc::new(KnownTracks::of(&view, None)),
            Timestamp::from_ms(0),
        )
        .unwrap();
        let mut played = PlayedFacts {
            signal: 1.5,
            plays: 4,
            skips: 1,
            ..PlayedFacts::default()
        };
        played.settle(Timestamp::from_ms(0));
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
        let names = column_names();
        let of_genre = names
            .iter()
            .zip(&row)
            .filter(|(name, _)| name.starts_with("genre_"));
        assert!(of_genre.map(|(_, value)| *value).all(f32::is_nan));
    }
}
