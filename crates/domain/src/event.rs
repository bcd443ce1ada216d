//! The facts of the log. Everything else the platform knows of listening is a projection of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::asked::AnswerBasis;
use crate::clock::Timestamp;
use crate::definition::{Assignment, DefinitionKind};
use crate::error::InvalidValue;
use crate::ids::{EventId, ListenerId, ModelId, RecordingId, RequestId, TenantId, TrackId};
use crate::limits;
use crate::rung::Rung;
use crate::shown_reasons::ShownReasons;
use crate::zone::LocalHour;

/// Version of the payload shapes below; readers keep accepting every older one.
pub const EVENT_SCHEMA_VERSION: u16 = 5;

/// The source of a skip that nobody reported: the player announced another track long before this
/// one's end, and the report that it was heard never came.
pub const INFERRED_SKIP_SOURCE: &str = "now playing";
/// What an inferred skip weighs beside a reported one: the report may be late or lost, so that four
/// of them make one that is certain.
const INFERRED_SKIP_WEIGHT: f32 = 0.25;

/// A fact on its way into the log. The tenant is the scope it is appended under.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Idempotency key: a second append of the same id changes nothing.
    pub event_id: EventId,
    /// When it happened, by the sender's clock.
    pub occurred_at: Timestamp,
    /// Who played, where somebody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listener: Option<ListenerId>,
    /// Which payload shape was written.
    pub schema_version: u16,
    /// What happened.
    #[serde(flatten)]
    pub payload: EventPayload,
}

/// A fact in the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordedEvent {
    /// Position in the tenant's log; the first is 1, gaps never appear to a reader out of order.
    pub offset: u64,
    /// When it became durable, by our clock.
    pub recorded_at: Timestamp,
    /// The fact.
    #[serde(flatten)]
    pub event: Event,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "payload", rename_all = "snake_case")]
pub enum EventPayload {
    /// A track was played, to the end or not.
    Listen(Listen),
    /// A listener said what they think.
    Feedback(Feedback),
    /// Tracks were shown.
    Exposure(Exposure),
    /// A search was made.
    Search(Search),
    /// A scrobbler reported a play in words; what it was may be found out later.
    Scrobble(Scrobble),
    /// A scrobble was taken back, with the listen it became.
    ScrobbleDeleted(ScrobbleDeleted),
    /// A scrobbler reported a judgement on a recording; which track it is may be found out later.
    RecordingFeedback(RecordingFeedback),
    /// A track entered, changed or left the catalogue.
    CatalogueChanged(CatalogueChanged),
    /// An analyzer finished a track.
    AnalysisCompleted(AnalysisCompleted),
    /// The platform concluded something.
    Verdict(Verdict),
    /// An alias moved to another model.
    ModelChanged(ModelChanged),
    /// Other versions of a definition answer from now on.
    DefinitionChanged(DefinitionChanged),
    /// An experiment changed state.
    ExperimentChanged(ExperimentChanged),
    /// Somebody else computed features and hands them in.
    FeaturesPushed(FeaturesPushed),
}

impl EventPayload {
    /// Every kind, by its stable name.
    pub const KINDS: [&str; 14] = [
        "listen",
        "feedback",
        "exposure",
        "search",
        "scrobble",
        "scrobble_deleted",
        "recording_feedback",
        "catalogue_changed",
        "analysis_completed",
        "verdict",
        "model_changed",
        "definition_changed",
        "experiment_changed",
        "features_pushed",
    ];

    /// Whether it tells of a private session: for the listener and those who manage the tenant.
    pub fn is_private(&self) -> bool {
        match self {
            Self::Listen(listen) => listen.private,
            Self::Scrobble(scrobble) => scrobble.private,
            Self::ScrobbleDeleted(deleted) => {
                (deleted.listen.as_ref()).is_some_and(|listen| listen.private)
            }
            _ => false,
        }
    }

    /// Whether the event came from a client, and so is part of the tenant's usage. A scrobble counts
    /// once, as the listen it becomes.
    pub fn is_metered(&self) -> bool {
        matches!(self, Self::Listen(_) | Self::Feedback(_) | Self::Search(_))
    }

    /// The kinds that tell what was answered, which nothing that answers are made from takes in: most of the log of a
    /// busy installation.
    pub const ANSWER_KINDS: [&str; 2] = ["exposure", "search"];

    /// The stable name of the kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Listen(_) => "listen",
            Self::Feedback(_) => "feedback",
            Self::Exposure(_) => "exposure",
            Self::Search(_) => "search",
            Self::Scrobble(_) => "scrobble",
            Self::ScrobbleDeleted(_) => "scrobble_deleted",
            Self::RecordingFeedback(_) => "recording_feedback",
            Self::CatalogueChanged(_) => "catalogue_changed",
            Self::AnalysisCompleted(_) => "analysis_completed",
            Self::Verdict(_) => "verdict",
            Self::ModelChanged(_) => "model_changed",
            Self::DefinitionChanged(_) => "definition_changed",
            Self::ExperimentChanged(_) => "experiment_changed",
            Self::FeaturesPushed(_) => "features_pushed",
        }
    }
}

/// One play with how it ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Listen {
    /// What was played.
    pub track: TrackId,
    /// Milliseconds heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub played_ms: Option<u32>,
    /// Length of the track in milliseconds, as the player knew it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub track_ms: Option<u32>,
    /// How it ended.
    pub outcome: ListenOutcome,
    /// Who asked for the track: `radio`, `album`, `search`, a client's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The recommendation that led here; makes attribution exact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<RequestId>,
    /// Device class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Activity, for example `running`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activity: Option<String>,
    /// Where the listener's clock stood: an IANA name such as `Europe/Lisbon`, or `+02:00`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Where on earth, coarsely: a geohash of at most [`limits::CELL_CHARACTERS_MAX`] characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cell: Option<String>,
    /// Why it ended, in the player's words, for example `next_button` or `end_of_queue`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// A private session: kept in the history, never learnt from.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub private: bool,
}

impl Listen {
    /// A play of which no more is known than how it ended.
    pub fn of(track: TrackId, outcome: ListenOutcome) -> Self {
        Self {
            track,
            played_ms: None,
            track_ms: None,
            outcome,
            source: None,
            request_id: None,
            device: None,
            activity: None,
            zone: None,
            cell: None,
            reason: None,
            private: false,
        }
    }

    /// What the play says about taste, in −1.0..=1.0.
    ///
    /// A completed play is +1, a skip is −1 at the start and fades to 0 at half the track, a partial
    /// play is the share heard. Where the share is unknown, a skip counts in full and a partial play
    /// says nothing. A private play says nothing, and an inferred skip a quarter of a reported one.
    pub fn signal(&self) -> f32 {
        if self.private {
            return 0.0;
        }
        let share = match (self.played_ms, self.track_ms) {
            (Some(played), Some(length)) if length > 0 => {
                Some((played as f32 / length as f32).min(1.0))
            }
            _ => None,
        };
        match self.outcome {
            ListenOutcome::Completed => 1.0,
            ListenOutcome::Skipped => {
                let weight = if self.is_inferred_skip() {
                    INFERRED_SKIP_WEIGHT
                } else {
                    1.0
                };
                weight * (2.0 * share.unwrap_or(0.0) - 1.0).min(0.0)
            }
            ListenOutcome::Partial => share.unwrap_or(0.0),
        }
    }

    /// Whether it is a skip that follows from announcements alone.
    pub fn is_inferred_skip(&self) -> bool {
        self.outcome == ListenOutcome::Skipped
            && self.source.as_deref() == Some(INFERRED_SKIP_SOURCE)
    }
}

/// How a play ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListenOutcome {
    /// Heard to the end, or near enough by the player's own rule.
    Completed,
    /// The listener moved on.
    Skipped,
    /// Stopped without a judgement, for example the player was closed.
    Partial,
}

/// What a listener says of a track.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feedback {
    /// About which track.
    pub track: TrackId,
    /// What they think.
    pub opinion: Opinion,
}

/// A judgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Opinion {
    /// More of this.
    Like,
    /// Never again.
    Dislike,
    /// Takes an earlier judgement back.
    Cleared,
}

/// Tracks shown in answer to one request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exposure {
    /// The request that showed them.
    pub request_id: RequestId,
    /// Where they were shown: `home`, `radio`, `similar`.
    pub placement: String,
    /// How personal the answer was.
    pub rung: Rung,
    /// Which model answered, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelId>,
    /// The version of the placement's pipeline; absent for the built-in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignment: Option<Assignment>,
    /// The tracks in order; the position is the index.
    pub tracks: Vec<ExposedTrack>,
    /// Whether the order is one in which tracks flow into each other, as in a playlist, and no ranking.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_sequenced: bool,
    /// What of the order was left to chance; absent where nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exploration: Option<ShownExploration>,
    /// What the player said of the moment.
    #[serde(default, skip_serializing_if = "Moment::is_unknown")]
    pub moment: Moment,
    /// What the scores are made of.
    #[serde(
        default,
        rename = "why",
        skip_serializing_if = "ShownReasons::is_empty"
    )]
    pub reasons: ShownReasons,
    /// The layout of the page that the list is a part of, where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layout: Option<String>,
    /// Probability of that layout; absent where none was chosen by chance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layout_propensity: Option<f32>,
    /// What it was made from; absent for playlists and in events of before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<AnswerBasis>,
}

/// What a player says of a moment; everything may be unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// Device class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Activity, for example `running`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activity: Option<String>,
    /// Hour of the day where the listener is, 0 to 23.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hour: Option<u8>,
    /// Day of the week where the listener is, 1 (Monday) to 7.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weekday: Option<u8>,
    /// Where on earth, coarsely: a geohash of at most [`limits::CELL_CHARACTERS_MAX`] characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cell: Option<String>,
}

impl Moment {
    /// What a listen tells of its moment; its hour is known where its zone is.
    pub fn of_listen(listen: &Listen, at: Timestamp) -> Self {
        let zone = listen.zone.as_deref();
        let local = zone.map(|zone| LocalHour::at(at, Some(zone)));
        Self {
            device: listen.device.clone(),
            activity: listen.activity.clone(),
            hour: local.map(|local| local.hour),
            weekday: local.map(|local| local.weekday),
            cell: listen.cell.clone(),
        }
    }

    /// Whether nothing is said of it.
    pub fn is_unknown(&self) -> bool {
        *self == Self::default()
    }
}

/// What of the order of a list was left to chance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShownExploration {
    /// Probability with which a pair changed places.
    pub swap: f32,
    /// The pairs that might have changed places, whether they did or not.
    pub pairs: Vec<ShownPair>,
}

/// Two neighbouring places whose order was left to chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownPair {
    /// The upper position, from 0.
    pub first: u32,
    /// Whether the two stood the other way round than ranked.
    pub is_swapped: bool,
}

/// One track at one position.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExposedTrack {
    /// The track.
    pub track: TrackId,
    /// The score it was ranked by; absent for a track that was named or drawn and not ranked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f32>,
    /// Probability of being shown here under the policy, 1 for a deterministic order; absent where the
    /// policy does not know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub propensity: Option<f32>,
}

/// A search made by a listener.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Search {
    /// The words.
    pub query: String,
    /// How many tracks answered.
    pub result_count: u32,
}

/// A play as a scrobbler tells it: in words, without our id. It becomes a [`Listen`] under
/// [`Scrobble::resolved_event_id`] once the track is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scrobble {
    /// The recording by its words; the same words, folded, have the same id.
    pub recording: RecordingId,
    /// Title as the scrobbler wrote it.
    pub title: String,
    /// Artist as the scrobbler wrote it.
    pub artist: String,
    /// Release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub album: Option<String>,
    /// Length of the track in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u32>,
    /// Ids elsewhere, by namespace.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub external_ids: BTreeMap<String, String>,
    /// How the play ended, where the sender knows; heard to the end when it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<ListenOutcome>,
    /// Milliseconds heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub played_ms: Option<u32>,
    /// Where the listen will say that it came from; `scrobble` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Why it ended, in the player's words, for example `next_button` or `end_of_queue`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// A private session: kept in the history, never learnt from.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub private: bool,
    /// Everything the scrobbler said, as it said it, to be given back.
    pub metadata: serde_json::Value,
}

impl Scrobble {
    /// The id that a scrobble always has: one moment, one listener, one recording.
    pub fn event_id(
        tenant: TenantId,
        listener: ListenerId,
        at: Timestamp,
        recording: RecordingId,
    ) -> EventId {
        EventId::derive(&[
            b"scrobble",
            &tenant.as_u128().to_be_bytes(),
            &listener.as_u128().to_be_bytes(),
            &at.as_ms().to_be_bytes(),
            &recording.as_u128().to_be_bytes(),
        ])
    }

    /// The id of the event that a scrobble or a judgement becomes, however often it is looked for.
    pub fn resolved_event_id(reported: EventId) -> EventId {
        EventId::derive(&[b"resolved", &reported.as_u128().to_be_bytes()])
    }
}

/// A scrobble was taken back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScrobbleDeleted {
    /// Which one.
    pub scrobble: EventId,
    /// The listen it had become, so that whoever counted it can take it out again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listen: Option<Listen>,
}

/// A judgement on a recording that is named by somebody else's ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordingFeedback {
    /// The recording in MusicBrainz.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording_mbid: Option<String>,
    /// The recording by its words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording: Option<RecordingId>,
    /// What they think.
    pub opinion: Opinion,
}

/// A change of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogueChanged {
    /// The track.
    pub track: TrackId,
    /// What happened to it.
    pub change: CatalogueChange,
    /// Who it is credited to from now on; absent where the change says nothing of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artist: Option<String>,
}

/// What happened to a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CatalogueChange {
    /// New in the catalogue.
    Added,
    /// Details, audio or lyrics changed.
    Updated,
    /// Gone.
    Removed,
}

/// An analysis is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnalysisCompleted {
    /// The track.
    pub track: TrackId,
    /// Which analyzers ran, as `name@version`.
    pub analyzers: Vec<String>,
}

/// A conclusion of the platform, for people and for automation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// About what: the name of a [`crate::webhook::NoticeKind`], or what a projection reads anew.
    pub subject: String,
    /// The conclusion.
    pub conclusion: String,
    /// The particulars, where there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<serde_json::Value>,
}

/// An alias moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelChanged {
    /// `production`, `canary`, `shadow`.
    pub alias: String,
    /// Where it points now.
    pub model: ModelId,
}

/// Other versions of a definition answer from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefinitionChanged {
    /// What it defines.
    pub definition: DefinitionKind,
    /// Its name.
    pub name: String,
}

/// An experiment changed state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExperimentChanged {
    /// Its name.
    pub experiment: String,
    /// Its new state.
    pub state: String,
}

/// Values of features of one entity, computed elsewhere; the event happened when they held.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeaturesPushed {
    /// The feature view.
    pub view: String,
    /// The entity, by its parts in the order of the view's join keys.
    pub entity: Vec<String>,
    /// When the sender made the row: of two rows of one moment the one made later holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// Numbers, texts, booleans, lists of them or null, by feature.
    pub values: BTreeMap<String, serde_json::Value>,
}

/// The id that a listen always has: a player that replays its queue counts nothing twice.
pub fn listen_event_id(
    tenant: TenantId,
    listener: ListenerId,
    occurred_at: Timestamp,
    track: TrackId,
) -> EventId {
    EventId::derive(&[
        &tenant.as_u128().to_be_bytes(),
        &listener.as_u128().to_be_bytes(),
        &occurred_at.as_ms().to_be_bytes(),
        &track.as_u128().to_be_bytes(),
    ])
}

/// Checks that an event's moment is believable at `now`.
///
/// - Errors: [`InvalidValue`] on `occurred_at` before 2002-10-01 or over an hour ahead.
pub fn check_occurred_at(occurred_at: Timestamp, now: Timestamp) -> Result<(), InvalidValue> {
    if occurred_at.as_ms() < limits::EVENT_OLDEST_MS {
        let reason = format!("`{occurred_at}` is before 2002-10-01, the player's clock is wrong");
        return Err(InvalidValue::new("occurred_at", reason));
    }
    if occurred_at.since_ms(now) > limits::EVENT_FUTURE_MS_MAX {
        let reason = format!("`{occurred_at}` is over an hour in the future");
        return Err(InvalidValue::new("occurred_at", reason));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listen(outcome: ListenOutcome, played_ms: Option<u32>) -> Listen {
        Listen {
            played_ms,
            track_ms: Some(200_000),
            ..Listen::of(TrackId::from_u128(1), outcome)
        }
    }

    #[test]
    fn signals_follow_the_share_heard() {
        let check = |outcome, played, expected: f32| {
            let signal = listen(outcome, played).signal();
            assert!(
                (signal - expected).abs() < 1e-6,
                "{outcome:?} {played:?}: {signal}"
            );
        };
        check(ListenOutcome::Completed, None, 1.0);
        check(ListenOutcome::Skipped, Some(0), -1.0);
        check(ListenOutcome::Skipped, Some(50_000), -0.5);
        check(ListenOutcome::Skipped, Some(180_000), 0.0);
        check(ListenOutcome::Partial, Some(50_000), 0.25);
        check(ListenOutcome::Partial, None, 0.0);
        check(ListenOutcome::Skipped, None, -1.0);
        let inferred = Listen {
            source: Some(INFERRED_SKIP_SOURCE.to_owned()),
            ..listen(ListenOutcome::Skipped, Some(50_000))
        };
        assert!((inferred.signal() + 0.125).abs() < f32::EPSILON);
        let private = Listen {
            private: true,
            ..listen(ListenOutcome::Completed, None)
        };
        assert!(private.signal().abs() < f32::EPSILON);
    }

    #[test]
    fn the_envelope_reads_what_it_writes_and_ignores_the_unknown() {
        let event = Event {
            event_id: EventId::from_u128(3),
            occurred_at: Timestamp::from_ms(1_700_000_000_000),
            listener: Some(ListenerId::from_u128(4)),
            schema_version: EVENT_SCHEMA_VERSION,
            payload: EventPayload::Listen(listen(ListenOutcome::Skipped, Some(1))),
        };
        let text = serde_json::to_string(&event).unwrap();
        assert!(text.contains("\"kind\":\"listen\""), "{text}");
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
        let newer = text.replacen("{\"event_id\"", "{\"later\":[1],\"event_id\"", 1);
        assert_eq!(serde_json::from_str::<Event>(&newer).unwrap(), event);
    }

    #[test]
    fn events_of_the_first_version_still_read() {
        let check = |text: &str, kind: &str| {
            let event: Event = serde_json::from_str(text).unwrap();
            assert_eq!((event.schema_version, event.payload.kind()), (1, kind));
        };
        let head = r#""event_id":"0000000000000000000003","occurred_at":"2023-11-14T22:13:20.000Z",
            "listener":"0000000000000000000004","schema_version":1"#;
        let track = "0000000000000000000001";
        check(
            &format!(
                r#"{{{head},"kind":"listen","payload":{{"track":"{track}","outcome":"skipped"}}}}"#
            ),
            "listen",
        );
        check(
            &format!(
                r#"{{{head},"kind":"feedback","payload":{{"track":"{track}","opinion":"like"}}}}"#
            ),
            "feedback",
        );
        let changed = r#""kind":"catalogue_changed","payload":{"track":"0000000000000000000001","change":"added"}"#;
        check(&format!("{{{head},{changed}}}"), "catalogue_changed");
        check(
            &format!(
                r#"{{{head},"kind":"verdict","payload":{{"subject":"duplicates","conclusion":"c"}}}}"#
            ),
            "verdict",
        );
        check(
            &format!(r#"{{{head},"kind":"search","payload":{{"query":"q","result_count":2}}}}"#),
            "search",
        );
    }

    #[test]
    fn exposures_of_the_fourth_version_still_read() {
        let text = r#"{"kind":"exposure","payload":{"request_id":"0000000000000000000009",
            "placement":"home","rung":"popular",
            "tracks":[{"track":"0000000000000000000001","score":0.5,"propensity":0.25}]}}"#;
        let EventPayload::Exposure(shown) = serde_json::from_str(text).unwrap() else {
            unreachable!("the text is an exposure")
        };
        let first = &shown.tracks[0];
        assert_eq!((first.score, first.propensity), (Some(0.5), Some(0.25)));
        assert!(!shown.is_sequenced && shown.basis.is_none());
        let again = serde_json::to_string(&EventPayload::Exposure(shown)).unwrap();
        assert_eq!(
            again,
            text.replace("\n            ", ""),
            "the bytes as before"
        );
    }

    #[test]
    fn scrobbles_of_the_second_version_still_read() {
        let text = r#"{"kind":"scrobble","payload":{"recording":"0000000000000000000009",
            "title":"A","artist":"B","metadata":{}}}"#;
        let EventPayload::Scrobble(scrobble) = serde_json::from_str(text).unwrap() else {
            unreachable!("the text is a scrobble")
        };
        assert_eq!((scrobble.outcome, scrobble.played_ms), (None, None));
        assert_eq!((scrobble.source, scrobble.private), (None, false));
    }

    #[test]
    fn scrobbles_keep_what_they_do_not_know() {
        let (tenant, listener) = (TenantId::from_u128(1), ListenerId::from_u128(2));
        let (at, recording) = (Timestamp::from_ms(5_000), RecordingId::from_u128(9));
        let id = Scrobble::event_id(tenant, listener, at, recording);
        let later = Scrobble::event_id(tenant, listener, at.plus_ms(1_000), recording);
        assert_ne!(id, later);
        assert_ne!(id, Scrobble::resolved_event_id(id));
        let payload = EventPayload::Scrobble(Scrobble {
            recording,
            title: "A".to_owned(),
            artist: "B".to_owned(),
            album: None,
            duration_ms: Some(1),
            external_ids: BTreeMap::new(),
            outcome: None,
            played_ms: None,
            source: None,
            reason: None,
            private: false,
            metadata: serde_json::json!({"name": "A", "more": {"odd": [1.5]}}),
        });
        let text = serde_json::to_string(&payload).unwrap();
        assert!(text.starts_with(r#"{"kind":"scrobble""#), "{text}");
        assert_eq!(
            serde_json::from_str::<EventPayload>(&text).unwrap(),
            payload
        );
        assert!(!payload.is_metered());
    }

    #[test]
    fn moments_are_checked_at_the_bound() {
        let now = Timestamp::from_ms(1_700_000_000_000);
        assert!(check_occurred_at(Timestamp::from_ms(0), now).is_err());
        assert!(check_occurred_at(Timestamp::from_ms(limits::EVENT_OLDEST_MS), now).is_ok());
        assert!(check_occurred_at(now.plus_ms(limits::EVENT_FUTURE_MS_MAX), now).is_ok());
        assert!(check_occurred_at(now.plus_ms(limits::EVENT_FUTURE_MS_MAX + 1), now).is_err());
    }

    #[test]
    fn listens_have_one_id_on_every_retry() {
        let id = |ms| {
            listen_event_id(
                TenantId::from_u128(1),
                ListenerId::from_u128(2),
                Timestamp::from_ms(ms),
                TrackId::from_u128(3),
            )
        };
        assert_eq!(id(5), id(5));
        assert_ne!(id(5), id(6));
    }
}
