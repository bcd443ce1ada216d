//! Playlists made by the platform.

use axum::Json;
use axum::extract::State;
use leitmotif_domain::{ListenerId, TenantScope, TrackId, limits};
use leitmotif_ingest::words_query::words_vector;
use leitmotif_recommend::playlists::{
    self, EnergyArc, Mode, Period, PlaylistDraft, PlaylistKind, PlaylistRequest, StepBasis,
    TrackSound,
};
use leitmotif_recommend::search::{Constraints, SearchRequest};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::constraints::{ConstraintQuery, only_known};
use super::playlists::find;
use super::similar::constraints_beside;
use super::{find_track, known_tracks};
use crate::middleware::auth::ReadAccess;
use crate::middleware::body::JsonBody;
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// Tracks in a draft when nothing is said: about two hours.
const COUNT_DEFAULT: usize = 30;
/// Tracks a text may name as seeds.
const TEXT_SEEDS: usize = 5;
/// Share of known tracks in a daily mix when nothing is said.
const DAILY_FAMILIARITY: f32 = 0.4;

/// What a draft is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DraftKind {
    /// `seeds` and what goes with them.
    Seeds,
    /// What the search finds for `text`: of words alone the best few and what goes with them, and where the text
    /// has filters, such as `140 bpm` or `90s`, the tracks that keep to them.
    Text,
    /// The best of `genre`: for `listener` by their taste, for nobody known by what many play.
    Genre,
    /// What goes on after the stored playlist `playlist`, by the taste of `listener`, else of its owner, too.
    Continuation,
    /// A way through the sound from `from` to `to`.
    Path,
    /// What `listener` knows and loves, mixed with what is new to them; another one each day.
    DailyMix,
    /// What is new to `listener`; another one each week.
    WeeklyMix,
}

/// How energy should run over a playlist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ArcInput {
    /// From quiet to loud.
    Rise,
    /// From loud to quiet.
    Fall,
    /// Up to the middle and down again.
    Peak,
    /// Down to the middle and up again.
    Valley,
}

impl From<ArcInput> for EnergyArc {
    fn from(arc: ArcInput) -> Self {
        match arc {
            ArcInput::Rise => Self::Rise,
            ArcInput::Fall => Self::Fall,
            ArcInput::Peak => Self::Peak,
            ArcInput::Valley => Self::Valley,
        }
    }
}

/// What is asked.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DraftInput {
    /// What it is made of.
    pub kind: DraftKind,
    /// Tracks it starts from, for `seeds`: ids or `namespace:id`.
    #[serde(default)]
    pub seeds: Vec<String>,
    /// Words and filters as the search reads them, for `text`.
    #[serde(default)]
    pub text: Option<String>,
    /// The genre as the catalogue calls it, without case, for `genre`.
    #[serde(default)]
    pub genre: Option<String>,
    /// The playlist that is continued.
    #[serde(default)]
    pub playlist: Option<String>,
    /// Where a path begins: an id or `namespace:id`.
    #[serde(default)]
    pub from: Option<String>,
    /// Where a path ends.
    #[serde(default)]
    pub to: Option<String>,
    /// For whom: the name the player uses. A mix needs one.
    #[serde(default)]
    pub listener: Option<String>,
    /// Share of known tracks in a mix; when left out, 0.4 in a daily and 0 in a weekly one.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 1)]
    pub familiarity: Option<f32>,
    /// Tracks wanted; 30 when left out.
    #[serde(default)]
    #[schema(minimum = 2, maximum = 500)]
    pub count: Option<usize>,
    /// What the tracks must satisfy, beside those that were named: seeds, and the ends of a path. They are kept to
    /// rather than the playlist filled, and the answer says why it is shorter.
    #[serde(default, deserialize_with = "only_known")]
    pub constraints: ConstraintQuery,
    /// How energy should run; the flow alone decides when left out.
    #[serde(default)]
    pub arc: Option<ArcInput>,
    /// A private session: nothing of what is shown is written down.
    #[serde(default)]
    pub private: bool,
}

/// A playlist nobody has stored yet: send its track ids to `/api/v1/playlists` to keep it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DraftAnswer {
    /// Names this answer; send it with the listens it leads to. `null` in a private session.
    pub request_id: Option<String>,
    /// How personal the choice of the tracks is: `personalised`, `session`, `content`, `popular` or `static`.
    pub rung: &'static str,
    /// The model behind the choice; `null` when none was used.
    pub model_version: Option<String>,
    /// The version of the placement's pipeline; `null` for the built-in one and where none chose.
    pub pipeline_version: Option<u32>,
    /// The tracks in order.
    pub tracks: Vec<FlowTrack>,
    /// Mean cost of a step, 0 (nothing to hear) to 1; `null` for fewer than two tracks.
    pub step_cost: Option<f32>,
    /// Expected cost of a step when the same tracks are shuffled; `null` for a path, whose order is
    /// its meaning.
    pub shuffled_step_cost: Option<f32>,
    /// Where the costs of steps come from.
    pub step_costs_by: StepCostsBy,
    /// Why there are fewer tracks than wanted, where there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shortage: Option<String>,
    /// How many tracks stand within two places of another by their artist, where nothing else was left to stand there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crowding: Option<String>,
}

/// Where the costs of steps come from, by which tracks are ordered too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepCostsBy {
    /// From what listeners played on after: the model in production learnt it, and it told held-out listens
    /// surely better than the convention.
    Listening,
    /// From a convention of mixing.
    Convention,
}

impl From<StepBasis> for StepCostsBy {
    fn from(basis: StepBasis) -> Self {
        match basis {
            StepBasis::Listening => Self::Listening,
            StepBasis::Convention => Self::Convention,
        }
    }
}

/// A track of a playlist with what decides how it flows.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FlowTrack {
    /// The track.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its artist.
    pub artist: String,
    /// Length in milliseconds.
    pub duration_ms: Option<u32>,
    /// Tempo in beats a minute.
    pub tempo_bpm: Option<f32>,
    /// Key and mode, such as `A minor`.
    pub key: Option<String>,
    /// Energy, 0 to 1.
    pub energy: Option<f32>,
    /// Cost of the step from the track before, 0 to 1; `null` for the first.
    pub step_cost: Option<f32>,
}

/// Drafts a playlist.
///
/// Tracks are chosen by relevance and then put into the order in which tempo, key, energy and sound
/// flow best, artists apart. What each of these counts is learnt from what listeners played on after,
/// where that tells better than a convention. The draft is not stored; what it shows is written to the log with
/// request id and position, except in a private session.
#[utoipa::path(post, path = "/api/v1/playlist-drafts", tag = "playlists",
    request_body = DraftInput, responses(
    (status = 200, body = DraftAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn draft(
    State(state): State<ApiState>,
    access: ReadAccess,
    JsonBody(input): JsonBody<DraftInput>,
) -> Result<Json<DraftAnswer>, Problem> {
    let request = request_of(&state, &access, input).await?;
    let draft = playlists::generate(&state.recommender, access.scope(), &request).await?;
    answer_of(&state, access.scope(), draft).await.map(Json)
}

async fn request_of(
    state: &ApiState,
    access: &ReadAccess,
    input: DraftInput,
) -> Result<PlaylistRequest, Problem> {
    let scope = access.scope();
    let count = input.count.unwrap_or(COUNT_DEFAULT);
    if !(2..=limits::RECOMMENDATIONS_MAX).contains(&count) {
        let detail = format!("{count} is not in 2..={}", limits::RECOMMENDATIONS_MAX);
        return Err(Problem::invalid("/count", detail));
    }
    let mut listener =
        (input.listener.as_deref()).map(|name| ListenerId::of_name(scope.tenant(), name));
    let needed = |name: &str, text: Option<String>| {
        let missing = || Problem::invalid(format!("/{name}"), "is needed for this kind");
        text.filter(|text| !text.trim().is_empty())
            .ok_or_else(missing)
    };
    let constraints = constraints_of(state, scope, &input).await?;
    let may_read = access.may_read_lyrics();
    let admitted = state.search.admitted(scope, constraints.clone(), may_read);
    let only = admitted.await?;
    let kind = match input.kind {
        DraftKind::Seeds if input.seeds.is_empty() => {
            return Err(Problem::invalid("/seeds", "at least one track is needed"));
        }
        DraftKind::Seeds => {
            PlaylistKind::Seeds(known_tracks(state, scope, "seeds", &input.seeds).await?)
        }
        DraftKind::Text => {
            let text = needed("text", input.text)?;
            tracks_of_text(state, access, text, constraints, count).await?
        }
        DraftKind::Genre => PlaylistKind::Genre(needed("genre", input.genre)?),
        DraftKind::Continuation => {
            let playlist = find(state, scope, &needed("playlist", input.playlist)?).await?;
            if playlist.tracks.is_empty() {
                let detail = "the playlist is empty: there is nothing to go on from";
                return Err(Problem::invalid("/playlist", detail));
            }
            listener = listener.or(playlist.owner);
            PlaylistKind::Continuation(playlist.tracks)
        }
        DraftKind::Path => PlaylistKind::Path {
            from: find_track(state, scope, &needed("from", input.from)?).await?,
            to: find_track(state, scope, &needed("to", input.to)?).await?,
        },
        DraftKind::DailyMix | DraftKind::WeeklyMix if listener.is_none() => {
            return Err(Problem::invalid("/listener", "a mix is made for somebody"));
        }
        DraftKind::DailyMix => PlaylistKind::Mix {
            familiarity: familiarity_of(input.familiarity, DAILY_FAMILIARITY)?,
            period: Period::Day,
        },
        DraftKind::WeeklyMix => PlaylistKind::Mix {
            familiarity: familiarity_of(input.familiarity, 0.0)?,
            period: Period::Week,
        },
    };
    Ok(PlaylistRequest {
        kind,
        listener,
        count,
        arc: input.arc.map(EnergyArc::from),
        only,
        is_private: input.private,
    })
}

/// Reads the constraints. Where only `key_match` is given, the keys go with that of the first track that was
/// named: a seed, or the beginning of a path.
async fn constraints_of(
    state: &ApiState,
    scope: &TenantScope,
    input: &DraftInput,
) -> Result<Constraints, Problem> {
    let constraints = &input.constraints;
    let (field, named) = match input.kind {
        DraftKind::Path => ("from", input.from.as_slice()),
        _ => ("seeds", input.seeds.get(..1).unwrap_or_default()),
    };
    let named = named.get(..usize::from(constraints.key_match.is_some()));
    let named = known_tracks(state, scope, field, named.unwrap_or_default()).await?;
    let read = match named.first() {
        Some(track) => constraints_beside(state, scope, *track, constraints, None).await,
        None => constraints.read(None),
    };
    read.map_err(|problem| problem.in_body("/constraints"))
}

fn familiarity_of(given: Option<f32>, usual: f32) -> Result<f32, Problem> {
    let familiarity = given.unwrap_or(usual);
    if (0.0..=1.0).contains(&familiarity) {
        return Ok(familiarity);
    }
    Err(Problem::invalid("/familiarity", "must be in 0..=1"))
}

/// What a text asks for: seeds where it is words alone, and where it has filters the tracks within them.
async fn tracks_of_text(
    state: &ApiState,
    access: &ReadAccess,
    text: String,
    constraints: Constraints,
    count: usize,
) -> Result<PlaylistKind, Problem> {
    leitmotif_domain::track::check_text("text", &text)?;
    let request = SearchRequest {
        words_vector: words_vector(&text),
        may_read_lyrics: access.may_read_lyrics(),
        reads_descriptors: true,
        wants_all_words: true,
        with_embeddings: true,
        count,
        constraints,
        text: text.clone(),
        ..SearchRequest::default()
    };
    let answer = state.search.search(access.scope(), request).await?;
    let found: Vec<TrackId> = (answer.tracks.iter()).map(|found| found.track.id).collect();
    if found.is_empty() {
        let detail = format!("the search finds nothing for `{text}`");
        return Err(Problem::invalid("/text", detail));
    }
    Ok(if answer.descriptors.is_empty() {
        PlaylistKind::Seeds(found.into_iter().take(TEXT_SEEDS).collect())
    } else {
        PlaylistKind::Tracks(found)
    })
}

async fn answer_of(
    state: &ApiState,
    scope: &TenantScope,
    draft: PlaylistDraft,
) -> Result<DraftAnswer, Problem> {
    let tracks = flow_tracks(state, scope, &draft.tracks, &draft.sounds, &draft.steps).await?;
    let mean = |steps: &[f32]| steps.iter().sum::<f32>() / steps.len() as f32;
    let has_steps = !draft.steps.is_empty();
    Ok(DraftAnswer {
        request_id: draft.request_id.map(|id| id.to_string()),
        rung: draft.rung.name(),
        model_version: draft.model.map(|model| model.to_string()),
        pipeline_version: draft.assignment.and_then(|assignment| assignment.version),
        tracks,
        step_cost: has_steps.then(|| mean(&draft.steps)),
        shuffled_step_cost: draft.shuffled_step.filter(|_| has_steps),
        step_costs_by: draft.basis.into(),
        shortage: draft.shortage,
        crowding: draft.crowding,
    })
}

/// Puts titles to tracks and what was measured of them; one that is gone is left out.
pub(super) async fn flow_tracks(
    state: &ApiState,
    scope: &TenantScope,
    ids: &[TrackId],
    sounds: &[TrackSound],
    steps: &[f32],
) -> Result<Vec<FlowTrack>, Problem> {
    let known = state.catalog.tracks(scope, ids).await?;
    let known: std::collections::HashMap<_, _> = known
        .into_iter()
        .map(|track| (track.id, track.details))
        .collect();
    let places = ids.iter().zip(sounds).enumerate();
    let shown = places.filter_map(|(place, (id, sound))| {
        let details = known.get(id)?;
        Some(FlowTrack {
            id: id.to_string(),
            title: details.title.clone(),
            artist: details.artist.clone(),
            duration_ms: details.duration_ms,
            tempo_bpm: sound.tempo_bpm,
            key: sound.key.map(key_text),
            energy: sound.energy,
            step_cost: place
                .checked_sub(1)
                .and_then(|step| steps.get(step))
                .copied(),
        })
    });
    Ok(shown.collect())
}

fn key_text((tonic, mode): (u8, Mode)) -> String {
    const TONICS: [&str; 12] = [
        "C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B",
    ];
    let mode = match mode {
        Mode::Major => "major",
        Mode::Minor => "minor",
    };
    format!("{} {mode}", TONICS[usize::from(tonic) % TONICS.len()])
}
