//! Features of views as columns of the ranker, behind its own: which there are, and what they are for candidates.
//!
//! Rows of the past are read from a set that took in what had happened by then, rows of a request from the one that
//! lives; both by [`FeatureColumns::read`].

use std::sync::Arc;

use leitmotif_domain::event::{EventPayload, Moment};
use leitmotif_domain::{ListenerId, Timestamp, TrackId, limits};
use leitmotif_features::definition::{Entity, EventKind, RANKER_SERVICE, ValueType, text_id};
use leitmotif_features::entity::moment_cell_id;
use leitmotif_features::{EntityKey, FeatureSet, LiveView};

use super::columns::days_between;

/// What parts view and feature in the name of a column: no column of the product has it.
const SEPARATOR: char = '.';
/// What parts that from the [meaning](leitmotif_features::ViewDefinition::meaning) it had when the order was learnt. Files
/// of rankers need not tell it.
const MEANING: char = '@';

/// Whether a column of this name is a feature's.
pub(super) fn is_feature(column: &str) -> bool {
    column.contains(SEPARATOR)
}

/// The view of a feature's column.
pub(super) fn view_of(column: &str) -> &str {
    column
        .split_once(SEPARATOR)
        .map_or(column, |(view, _)| view)
}

/// The views that columns of these names are read from.
pub fn views_of(views: &[LiveView], columns: &[String]) -> Vec<LiveView> {
    let is_read = |view: &&LiveView| {
        let name = view.definition.name.as_str();
        columns.iter().any(|column| view_of(column) == name)
    };
    views.iter().filter(is_read).cloned().collect()
}

/// The name of a column as people know it: of a feature without its meaning.
pub fn shown(column: &str) -> &str {
    column.split_once(MEANING).map_or(column, |(name, _)| name)
}

/// A column whose feature is no more, has no number any more, or means something else.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeatureGone {
    /// It is not there, or no number.
    #[error(
        "the feature `{0}`, on which the order was learnt, is not served any more: put its view back, or train anew"
    )]
    NotServed(String),
    /// What its values follow from is not what it was.
    #[error(
        "the feature `{0}` is defined otherwise than when the order was learnt: put its former definition back, or train anew"
    )]
    Redefined(String),
}

/// Columns that are features.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FeatureColumns {
    /// `view.feature@meaning`, in the order of the row.
    names: Arc<[String]>,
    views: Vec<ViewColumns>,
}

/// The columns of one view.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ViewColumns {
    view: String,
    entity: Entity,
    /// Columns of the view.
    columns: Vec<usize>,
    /// What their values are.
    types: Vec<ValueType>,
    /// Where each stands among the features of the row.
    places: Vec<usize>,
}

/// For whom and when features are read.
#[derive(Clone, Copy)]
pub struct FeatureAsk<'a> {
    /// Who asks.
    pub listener: Option<ListenerId>,
    /// What is said of the moment.
    pub moment: &'a Moment,
    /// The moment.
    pub now: Timestamp,
}

impl FeatureColumns {
    /// The features that views list in the service [`RANKER_SERVICE`], and a sentence for each that cannot be a column.
    pub fn of_service(views: &[LiveView]) -> (Self, Vec<String>) {
        let (mut names, mut refused) = (Vec::new(), Vec::new());
        for definition in views.iter().map(|view| &view.definition) {
            let columns: Vec<&str> = definition.columns().collect();
            for column in definition.service(RANKER_SERVICE) {
                let name = format!("{}{SEPARATOR}{}", definition.name, columns[*column]);
                let reason = if !has_candidates(definition.entity) {
                    let entity = definition.entity.name();
                    format!("is about a `{entity}`, of which a candidate has none")
                } else if !is_number(definition.value_type(*column)) {
                    let kind = definition.value_type(*column).name();
                    format!("is a {kind}, not a number")
                } else if names.len() >= limits::FEATURE_COLUMNS_MAX {
                    let most = limits::FEATURE_COLUMNS_MAX;
                    format!("is beyond the {most} features that are columns at most")
                } else {
                    let meaning = definition.meaning(*column).unwrap_or_default();
                    names.push(format!("{name}{MEANING}{meaning:08x}"));
                    continue;
                };
                refused.push(format!("the feature `{name}` is no column: it {reason}"));
            }
        }
        let named = |name: &str| views.iter().find(|view| view.definition.name == name);
        let found = Self::find(&names, named).unwrap_or_default();
        (found, refused)
    }

    /// Finds columns by their names in the views that are found by theirs.
    ///
    /// - Errors: the first whose view or feature is no more, is no number, or means something else than its name says.
    pub fn find<'v>(
        names: &[String],
        view_named: impl Fn(&str) -> Option<&'v LiveView>,
    ) -> Result<Self, FeatureGone> {
        let mut found: Vec<ViewColumns> = Vec::new();
        for (place, name) in names.iter().enumerate() {
            let gone = || FeatureGone::NotServed(shown(name).to_owned());
            let (view, feature) = shown(name).split_once(SEPARATOR).ok_or_else(gone)?;
            let definition = &view_named(view).ok_or_else(gone)?.definition;
            let column = definition.column(feature).ok_or_else(gone)?;
            let value_type = definition.value_type(column);
            if !has_candidates(definition.entity) || !is_number(value_type) {
                return Err(gone());
            }
            let meaning = name.split_once(MEANING).map(|(_, meaning)| meaning);
            let is_other =
                |learnt| definition.meaning(column) != u32::from_str_radix(learnt, 16).ok();
            if meaning.is_some_and(is_other) {
                return Err(FeatureGone::Redefined(shown(name).to_owned()));
            }
            let known = found.iter().position(|one| one.view == view);
            let at = known.unwrap_or_else(|| {
                found.push(ViewColumns {
                    view: view.to_owned(),
                    entity: definition.entity,
                    columns: Vec::new(),
                    types: Vec::new(),
                    places: Vec::new(),
                });
                found.len() - 1
            });
            if let Some(one) = found.get_mut(at) {
                one.columns.push(column);
                one.types.push(value_type);
                one.places.push(place);
            }
        }
        Ok(Self {
            names: names.into(),
            views: found,
        })
    }

    /// `view.feature@meaning` of each, in the order of the row.
    pub fn names(&self) -> &Arc<[String]> {
        &self.names
    }

    /// Whether a view that is read counts what is answered, for one of its features or for how long entities are kept.
    pub fn counts_answers<'v>(&self, view_named: impl Fn(&str) -> Option<&'v LiveView>) -> bool {
        let mut views = self.views.iter().filter_map(|one| view_named(&one.view));
        let is_answer = |kind: EventKind| EventPayload::ANSWER_KINDS.contains(&kind.name());
        views.any(|view| {
            let features = &view.definition.features;
            features.iter().any(|feature| is_answer(feature.event))
        })
    }

    /// A number that follows from the definitions of the views that are read.
    pub fn definitions<'v>(&self, view_named: impl Fn(&str) -> Option<&'v LiveView>) -> u64 {
        let views = self.views.iter().filter_map(|one| view_named(&one.view));
        views.fold(0, |sum, view| {
            sum.rotate_left(1) ^ text_id(&view.text) as u64
        })
    }

    /// Reads the columns for candidates. A track is credited to whom its events are counted for.
    ///
    /// - Shape: one row for each candidate, in their order.
    /// - Units: numbers as the view has them; moments as `ln(1 + days since)`, as the ranker's own columns.
    /// - Cost: one read of each view, of an entity or of the candidates'; see [`FeatureSet::read`].
    pub fn read(
        &self,
        set: &mut FeatureSet,
        asked: &FeatureAsk<'_>,
        candidates: &[TrackId],
    ) -> FeatureRows {
        let width = self.names.len();
        let mut values = vec![f32::NAN; width * candidates.len()];
        let mut is_of_track = vec![false; width];
        for one in &self.views {
            let (of_all, keys) = keys_of(one.entity, set, asked, candidates);
            let Some(read) = set.read(&one.view, &keys, &one.columns, asked.now) else {
                continue;
            };
            let columns = one.types.iter().zip(&one.places).enumerate();
            for (column, (value_type, place)) in columns {
                is_of_track[*place] = one.entity == Entity::Track;
                let number = |row: usize| {
                    let number = read.numbers[row * one.columns.len() + column];
                    match value_type {
                        ValueType::Moment if !number.is_nan() => {
                            days_between(Timestamp::from_ms(number as i64), asked.now)
                        }
                        _ => number as f32,
                    }
                };
                let same = (of_all && !keys.is_empty()).then(|| number(0));
                let rows = values.chunks_exact_mut(width.max(1)).enumerate();
                for (row, values) in rows.filter(|_| !keys.is_empty()) {
                    values[*place] = same.unwrap_or_else(|| number(row));
                }
            }
        }
        FeatureRows {
            is_of_track,
            values,
        }
    }
}

/// The entities of candidates in a view, one for all of them or one for each; none where nobody is asked for.
fn keys_of(
    entity: Entity,
    set: &FeatureSet,
    asked: &FeatureAsk<'_>,
    candidates: &[TrackId],
) -> (bool, Vec<EntityKey>) {
    // Of no artist there are no events.
    let artist = |track: &TrackId| set.artist(*track).unwrap_or_default();
    let listener = asked.listener.map(|listener| listener.as_u128());
    let each = |key: &dyn Fn(&TrackId) -> EntityKey| candidates.iter().map(key).collect();
    match (entity, listener) {
        (Entity::Track, _) => (false, each(&|track| EntityKey::of(track.as_u128()))),
        (Entity::Artist, _) => (false, each(&|track| EntityKey::of(artist(track)))),
        (Entity::ListenerArtist, Some(listener)) => {
            let pair = |track: &TrackId| EntityKey::pair(listener, artist(track));
            (false, each(&pair))
        }
        (Entity::Listener, Some(listener)) => (true, vec![EntityKey::of(listener)]),
        (Entity::ContextCell, _) => {
            let cell = moment_cell_id(asked.moment).map(EntityKey::of);
            (true, cell.into_iter().collect())
        }
        _ => (true, Vec::new()),
    }
}

/// Whether a candidate of a request has such an entity.
fn has_candidates(entity: Entity) -> bool {
    !matches!(entity, Entity::Request | Entity::Named)
}

fn is_number(value_type: ValueType) -> bool {
    matches!(
        value_type,
        ValueType::Number | ValueType::Moment | ValueType::Any
    )
}

/// Features of candidates.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FeatureRows {
    /// Whether each is a feature of the track.
    is_of_track: Vec<bool>,
    /// `[candidates × columns]`.
    values: Vec<f32>,
}

impl FeatureRows {
    /// Features in a row.
    pub fn width(&self) -> usize {
        self.is_of_track.len()
    }

    /// Appends the features of a candidate, by its place. Of a track that the model does not know those of the track
    /// are left out, as [`super::fill_row`] leaves out what was counted of it.
    pub fn append(&self, place: usize, is_known: bool, row: &mut Vec<f32>) {
        let width = self.width();
        let values = self.values.get(place * width..(place + 1) * width);
        let told = values.unwrap_or_default().iter().zip(&self.is_of_track);
        row.extend(told.map(|(value, is_of_track)| {
            if *is_of_track && !is_known {
                f32::NAN
            } else {
                *value
            }
        }));
    }
}

#[cfg(test)]
mod tests;
