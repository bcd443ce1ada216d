//! Genre and mood heads: which labels are told, how well, and what is missing for the others.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use leitmotif_domain::job::{JobTask, NewJob};
use leitmotif_domain::page::Page;
use leitmotif_domain::{ModelId, TenantScope, Timestamp};

use leitmotif_recommend::heads::{
    BAR, HeadMeasure, HeadRow, Heads, Interval, Label, LabelKind, Need, Needs, Shortage, Standing,
    Untrained, VALUE_BAR, ValueMeasure, ValueRow, ValueStanding,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::jobs::{QueuedAnswer, queue_one};
use crate::middleware::auth::{ReadAccess, WriteAccess};
use crate::middleware::body::QueryParameters;
use crate::paging::{Listing, PageInfo, PageQuery};
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// A value with the bounds of its 95 % interval.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct IntervalAnswer {
    /// The value.
    pub value: f64,
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
}

impl From<Interval> for IntervalAnswer {
    fn from(interval: Interval) -> Self {
        Self {
            value: interval.value,
            low: interval.low,
            high: interval.high,
        }
    }
}

/// What a head is worth on artists that it did not learn from.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct HeadMeasureAnswer {
    /// Share of the labelled tracks that carry the label: the average precision of a guess.
    pub prevalence: f64,
    /// Area under precision by recall.
    pub average_precision: IntervalAnswer,
    /// Where average precision lies between a guess (0) and perfection (1).
    pub skill: IntervalAnswer,
    /// Probability that a track with the label scores above one without.
    pub roc_auc: IntervalAnswer,
    /// Harmonic mean of precision and recall of what is named.
    pub f1: IntervalAnswer,
    /// F1 of naming the label everywhere.
    pub f1_of_yes: f64,
}

impl From<&HeadMeasure> for HeadMeasureAnswer {
    fn from(measure: &HeadMeasure) -> Self {
        Self {
            prevalence: measure.prevalence,
            average_precision: measure.average_precision.into(),
            skill: measure.skill.into(),
            roc_auc: measure.roc_auc.into(),
            f1: measure.f1.into(),
            f1_of_yes: measure.f1_of_yes,
        }
    }
}

/// Labels that are missing.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct MissingAnswer {
    /// More tracks with the label.
    pub tracks: usize,
    /// More artists with the label.
    pub artists: usize,
    /// More tracks with another label of the kind.
    pub other_tracks: usize,
    /// More artists with another label of the kind.
    pub other_artists: usize,
}

impl From<Shortage> for MissingAnswer {
    fn from(shortage: Shortage) -> Self {
        Self {
            tracks: shortage.tracks,
            artists: shortage.artists,
            other_tracks: shortage.other_tracks,
            other_artists: shortage.other_artists,
        }
    }
}

/// How many there are, are asked for, and are missing of those.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct NeedAnswer {
    /// There are.
    pub have: usize,
    /// Are asked for.
    pub need: usize,
    /// Are missing.
    pub missing: usize,
}

impl From<Need> for NeedAnswer {
    fn from(need: Need) -> Self {
        Self {
            have: need.have,
            need: need.need,
            missing: need.missing,
        }
    }
}

/// What a label needs until it is learnt, or until another training is worth it.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct NeedsAnswer {
    /// Tracks with the label.
    pub tracks: NeedAnswer,
    /// Their artists.
    pub artists: NeedAnswer,
    /// Tracks with another label of the kind, counted up to what is needed; absent for values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_tracks: Option<NeedAnswer>,
    /// Their artists, counted so too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_artists: Option<NeedAnswer>,
}

impl From<Needs> for NeedsAnswer {
    fn from(needs: Needs) -> Self {
        let (tracks, artists) = needs.others.unzip();
        Self {
            tracks: needs.tracks.into(),
            artists: needs.artists.into(),
            other_tracks: tracks.map(NeedAnswer::from),
            other_artists: artists.map(NeedAnswer::from),
        }
    }
}

/// What is known of a label.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct HeadAnswer {
    /// Its name: `genre:drill`.
    pub name: String,
    /// `genre` or `mood`.
    pub kind: &'static str,
    /// The label.
    pub label: String,
    /// Measured tracks that carry it.
    pub tracks: usize,
    /// Their artists.
    pub artists: usize,
    /// `shown`, `below_bar`, `too_few`, `too_many`, or `not_trained` before the first training.
    pub state: &'static str,
    /// Why it is not shown, in a sentence.
    pub reason: Option<String>,
    /// How many labels are missing until another training is worth it; absent where it is shown.
    pub missing: Option<MissingAnswer>,
    /// The same with how many there are and are asked for.
    pub needs: Option<NeedsAnswer>,
    /// What it is worth; absent where there was too little to measure.
    pub measure: Option<HeadMeasureAnswer>,
}

impl From<&HeadRow> for HeadAnswer {
    fn from(row: &HeadRow) -> Self {
        let (state, measure) = match &row.standing {
            Standing::Shown(measure) => ("shown", Some(measure)),
            Standing::BelowBar(measure, _) => ("below_bar", Some(measure)),
            Standing::TooFew(_) => ("too_few", None),
            Standing::TooMany => ("too_many", None),
            Standing::NotTrained(_) => ("not_trained", None),
        };
        Self {
            name: row.label.to_string(),
            kind: row.label.kind.name(),
            label: row.label.name.clone(),
            tracks: row.tracks,
            artists: row.artists,
            state,
            reason: row.reason(),
            missing: row.missing().map(MissingAnswer::from),
            needs: row.needs().map(NeedsAnswer::from),
            measure: measure.map(HeadMeasureAnswer::from),
        }
    }
}

/// What the head of a value is worth on artists that it did not learn from.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ValueMeasureAnswer {
    /// Share of the variance that is told: 0 is telling the mean everywhere, 1 is perfect.
    pub skill: IntervalAnswer,
    /// Mean absolute distance from the labels.
    pub mean_error: IntervalAnswer,
    /// That distance when the mean is told everywhere.
    pub mean_error_of_mean: f64,
    /// Share of tracks that are told a value within 0.15 of their label: the confidence in a value.
    pub near: IntervalAnswer,
}

impl From<&ValueMeasure> for ValueMeasureAnswer {
    fn from(measure: &ValueMeasure) -> Self {
        Self {
            skill: measure.skill.into(),
            mean_error: measure.mean_error.into(),
            mean_error_of_mean: measure.mean_error_of_mean,
            near: measure.near.into(),
        }
    }
}

/// What is known of a value.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ValueHeadAnswer {
    /// Its name: `valence` or `liveness`.
    pub name: &'static str,
    /// Measured tracks that carry it.
    pub tracks: usize,
    /// Their artists.
    pub artists: usize,
    /// `shown`, `below_bar`, `too_few`, or `not_trained` before the first training.
    pub state: &'static str,
    /// Why it is not shown, in a sentence.
    pub reason: Option<String>,
    /// How many tracks with it are missing until another training is worth it; absent where it is shown.
    pub missing: Option<MissingAnswer>,
    /// The same with how many there are and are asked for.
    pub needs: Option<NeedsAnswer>,
    /// What it is worth; absent where there was too little to measure.
    pub measure: Option<ValueMeasureAnswer>,
}

impl From<&ValueRow> for ValueHeadAnswer {
    fn from(row: &ValueRow) -> Self {
        Self {
            name: row.kind.name(),
            tracks: row.tracks,
            artists: row.artists,
            state: match row.standing {
                ValueStanding::Shown(_) => "shown",
                ValueStanding::BelowBar(..) => "below_bar",
                ValueStanding::TooFew(_) => "too_few",
                ValueStanding::NotTrained(_) => "not_trained",
            },
            reason: row.reason(),
            missing: row.missing().map(MissingAnswer::from),
            needs: row.needs().map(NeedsAnswer::from),
            measure: row.measure().map(ValueMeasureAnswer::from),
        }
    }
}

/// A page of heads.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct HeadsAnswer {
    /// The version in use; absent before the first training.
    pub model: Option<String>,
    /// When it was trained.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub trained_at: Option<Timestamp>,
    /// Whether labels changed since.
    pub is_stale: bool,
    /// What the lower bounds of skill and F1 must reach.
    pub bar: f64,
    /// Measured tracks that carry a genre.
    pub genre_tracks: usize,
    /// Measured tracks that carry a mood.
    pub mood_tracks: usize,
    /// Labelled tracks of which nothing is measured: they teach nothing until they are analysed.
    pub unmeasured_tracks: usize,
    /// The rarest labels, which were left out of the list because there are too many.
    pub labels_left_out: usize,
    /// What the heads look at.
    pub inputs: Vec<String>,
    /// What the lower bound of the skill of a value must reach.
    pub value_bar: f64,
    /// The heads of values, the same on every page; empty where they were trained before there were any.
    pub values: Vec<ValueHeadAnswer>,
    /// The heads, by kind and label.
    pub heads: Vec<HeadAnswer>,
    /// Where the listing goes on.
    #[serde(flatten)]
    pub page: PageInfo,
}

/// Lists the labels with what their heads are worth: those that are shown, and those that are not with
/// the reason and how many labels are missing.
#[utoipa::path(get, path = "/api/v1/heads", tag = "heads", params(PageQuery), responses(
    (status = 200, body = HeadsAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn list(
    State(state): State<ApiState>,
    access: ReadAccess,
    QueryParameters(query): QueryParameters<PageQuery>,
) -> Result<Json<HeadsAnswer>, Problem> {
    let scope = access.scope();
    let listing = Listing {
        state: &state,
        scope,
        name: "heads",
        filter: String::new(),
    };
    let asked = listing.request(&query)?;
    let after = match &asked.after {
        Some(key) => {
            let label = Label::parse(key);
            Some(label.ok_or_else(|| Problem::invalid("?cursor", "is no label"))?)
        }
        None => None,
    };
    let found = known(&state, scope).await?;
    let rows = found.rows();
    let mut rest = rows.iter().filter(|row| Some(&row.label) > after.as_ref());
    let items: Vec<&HeadRow> = rest.by_ref().take(asked.limit()).collect();
    let has_more = rest.next().is_some();
    let last = items.last().map(|row| row.label.to_string());
    let page = Page {
        next: last.filter(|_| has_more),
        items,
    };
    let info = listing.info(&page);
    let is_stale = match &found {
        Found::Trained(_, heads) => state.recommender.are_heads_stale(scope, heads).await?,
        Found::Untrained(_) => false,
    };
    let heads = page.items.into_iter().map(HeadAnswer::from).collect();
    Ok(Json(answer(&found, is_stale, heads, info)))
}

/// What is known of the labels of a tenant.
enum Found {
    /// What a training made of them.
    Trained(ModelId, Arc<Heads>),
    /// How many there are.
    Untrained(Arc<Untrained>),
}

impl Found {
    fn rows(&self) -> &[HeadRow] {
        match self {
            Self::Trained(_, heads) => &heads.rows,
            Self::Untrained(counted) => &counted.rows,
        }
    }

    fn trained(&self) -> Option<&Heads> {
        match self {
            Self::Trained(_, heads) => Some(heads),
            Self::Untrained(_) => None,
        }
    }
}

async fn known(state: &ApiState, scope: &TenantScope) -> Result<Found, Problem> {
    Ok(match state.recommender.heads(scope).await? {
        Some((id, heads)) => Found::Trained(id, heads),
        None => Found::Untrained(state.recommender.untrained(scope).await?),
    })
}

fn answer(found: &Found, is_stale: bool, heads: Vec<HeadAnswer>, page: PageInfo) -> HeadsAnswer {
    let trained = found.trained();
    let labelled = |kind: LabelKind| {
        let counts = trained.map_or(&[][..], |heads| &heads.labelled);
        let count = counts.iter().find(|(of, _)| *of == kind);
        count.map_or(0, |(_, count)| *count)
    };
    let (model, values, labels_left_out) = match found {
        Found::Trained(id, heads) => (Some(id.to_string()), &heads.values, heads.left_out),
        Found::Untrained(counted) => (None, &counted.values, counted.left_out),
    };
    HeadsAnswer {
        model,
        trained_at: trained.map(|heads| heads.trained_at),
        is_stale,
        bar: BAR,
        genre_tracks: labelled(LabelKind::Genre),
        mood_tracks: labelled(LabelKind::Mood),
        unmeasured_tracks: trained.map_or(0, |heads| heads.unmeasured),
        labels_left_out,
        inputs: trained.map_or_else(Vec::new, |heads| heads.inputs()),
        value_bar: VALUE_BAR,
        values: values.iter().map(ValueHeadAnswer::from).collect(),
        heads,
        page,
    }
}

/// Reads one head by its name: `genre:drill`.
#[utoipa::path(get, path = "/api/v1/heads/{name}", tag = "heads",
    params(("name" = String, Path, description = "`genre:` or `mood:` and the label")), responses(
    (status = 200, body = HeadAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn get(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path(name): Path<String>,
) -> Result<Json<HeadAnswer>, Problem> {
    let missing = || Problem::not_found("head", &name);
    let label = Label::parse(&name).ok_or_else(missing)?;
    let found = known(&state, access.scope()).await?;
    let row = found.rows().iter().find(|row| row.label == label);
    row.map(|row| Json(row.into())).ok_or_else(missing)
}

/// Queues a training on all labels; the new heads are in use when it is done.
#[utoipa::path(post, path = "/api/v1/heads/train", tag = "heads", responses(
    (status = 202, body = QueuedAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn train(
    State(state): State<ApiState>,
    access: WriteAccess,
) -> Result<(StatusCode, Json<QueuedAnswer>), Problem> {
    queue_one(&state, access.scope(), NewJob::alone(JobTask::TrainHeads)).await
}
