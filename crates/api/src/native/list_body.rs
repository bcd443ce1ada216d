//! A list as JSON, written straight into the body of its answer.
//!
//! A list has more than a hundred reasons. A serialiser looks through each of their keys, names and sentences for what must be
//! escaped, which is most of what it costs to write them; here only what a tenant wrote is looked through. What is written is
//! what the serialiser would write, byte for byte, and a test holds the two together.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use leitmotif_domain::TrackId;
use leitmotif_domain::ids::encode_base62;
use leitmotif_recommend::explain::sentence;
use leitmotif_recommend::pipeline::Causes;
use leitmotif_recommend::{Reason, Recommendations, RecommendedTrack};
use serde::Serialize;

use super::objectives::ObjectiveAnswer;
use super::recommendations::{DegradedAnswer, RecommendAnswer, SpanAnswer, present};
use crate::problem::Problem;

/// Room for a list of 20 tracks with its reasons, so that it is not moved while it grows.
const BODY_BYTES: usize = 24 * 1_024;

type Written = serde_json::Result<()>;

/// A list that is the whole of an answer: a [`RecommendAnswer`] on the wire.
pub struct ListBody {
    /// What was answered.
    pub answered: Recommendations,
    /// Whether the steps are told.
    pub is_traced: bool,
}

impl From<ListBody> for RecommendAnswer {
    fn from(body: ListBody) -> Self {
        present(body.answered, body.is_traced)
    }
}

impl IntoResponse for ListBody {
    fn into_response(self) -> Response {
        let mut body = Vec::with_capacity(BODY_BYTES);
        match self.write(&mut body) {
            Ok(()) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
            Err(error) => Problem::bug(&error).into_response(),
        }
    }
}

impl ListBody {
    fn write(&self, body: &mut Vec<u8>) -> Written {
        let list = &self.answered;
        value(body, "{\"request_id\":", &list.request_id)?;
        value(body, ",\"rung\":", list.rung.name())?;
        value(body, ",\"model_version\":", &list.model)?;
        value(body, ",\"pipeline_version\":", &list.assignment.version)?;
        let objectives = list.objectives.iter().copied();
        let objectives: Vec<ObjectiveAnswer> = objectives.map(Into::into).collect();
        value(body, ",\"objectives\":", &objectives)?;
        each(body, ",\"tracks\":", &list.tracks, |body, place, track| {
            write_track(body, place, track, &list.causes)
        })?;
        let degraded: Vec<_> = list.degraded.iter().map(DegradedAnswer::of).collect();
        if !degraded.is_empty() {
            value(body, ",\"degraded\":", &degraded)?;
        }
        if let Some(shortage) = &list.shortage {
            value(body, ",\"shortage\":", shortage)?;
        }
        if self.is_traced && !list.spans.is_empty() {
            let spans: Vec<_> = list.spans.iter().map(SpanAnswer::of).collect();
            value(body, ",\"trace\":", &spans)?;
        }
        plain(body, "}");
        Ok(())
    }
}

fn write_track(
    body: &mut Vec<u8>,
    place: usize,
    track: &RecommendedTrack,
    causes: &Causes,
) -> Written {
    id(body, "{\"id\":\"", track.track);
    text(body, ",\"title\":\"", &track.title, "\"")?;
    text(body, ",\"artist\":\"", &track.artist, "\"")?;
    value(body, ",\"position\":", &(place + 1))?;
    value(body, ",\"score\":", &track.score)?;
    if let Some(share) = &track.expected_listened_share {
        value(body, ",\"expected_listened_share\":", share)?;
    }
    each(body, ",\"reasons\":", &track.reasons, |body, _, reason| {
        write_reason(body, reason, causes)
    })?;
    plain(body, "}");
    Ok(())
}

fn write_reason(body: &mut Vec<u8>, reason: &Reason, causes: &Causes) -> Written {
    plain(body, "{\"source\":\"");
    plain(body, reason.source.name());
    value(body, "\",\"contribution\":", &reason.contribution)?;
    if let Some(cause) = reason.because_of {
        id(body, ",\"because_of\":\"", cause);
    }
    let title = reason.because_of.and_then(|cause| causes.get(&cause));
    let (before, title, after) = sentence(reason.source, title.map(|title| &**title));
    plain(body, ",\"text\":\"");
    text(body, before, title, after)?;
    plain(body, "\"}");
    Ok(())
}

/// Writes an id, which has letters and digits alone.
fn id(body: &mut Vec<u8>, key: &str, track: TrackId) {
    plain(body, key);
    body.extend_from_slice(&encode_base62(track.as_u128()));
    plain(body, "\"");
}

/// Writes a list, each of it by its place from 0.
fn each<T>(
    body: &mut Vec<u8>,
    key: &str,
    list: &[T],
    write: impl Fn(&mut Vec<u8>, usize, &T) -> Written,
) -> Written {
    plain(body, key);
    plain(body, "[");
    for (place, one) in list.iter().enumerate() {
        if place > 0 {
            plain(body, ",");
        }
        write(body, place, one)?;
    }
    plain(body, "]");
    Ok(())
}

/// Writes what needs no escape.
fn plain(body: &mut Vec<u8>, ours: &str) {
    body.extend_from_slice(ours.as_bytes());
}

/// Writes a value as the serialiser does, behind its key.
fn value(body: &mut Vec<u8>, key: &str, value: &(impl Serialize + ?Sized)) -> Written {
    plain(body, key);
    serde_json::to_writer(body, value)
}

/// Writes a text of a tenant's, escaped, between two of ours.
fn text(body: &mut Vec<u8>, before: &str, theirs: &str, after: &str) -> Written {
    plain(body, before);
    let is_plain = |byte: &u8| *byte >= b' ' && *byte != b'"' && *byte != b'\\';
    if theirs.as_bytes().iter().all(is_plain) {
        plain(body, theirs);
    } else {
        let quoted = serde_json::to_vec(theirs)?;
        body.extend_from_slice(quoted.get(1..quoted.len() - 1).unwrap_or_default());
    }
    plain(body, after);
    Ok(())
}

#[cfg(test)]
mod tests {
    use leitmotif_domain::asked::AnswerBasis;
    use leitmotif_domain::{Assignment, ModelId, RequestId, Rung, Timestamp};
    use leitmotif_recommend::pipeline::{Degraded, DegradedCause, Objective};
    use leitmotif_recommend::{Source, Span};

    use super::*;

    const CAUSE: TrackId = TrackId::from_u128(u128::MAX);

    fn track(title: &str, because_of: Option<TrackId>) -> RecommendedTrack {
        let reason = |source| Reason {
            source,
            contribution: -1.5e-7,
            because_of,
        };
        RecommendedTrack {
            track: TrackId::from_u128(7),
            title: title.to_owned(),
            artist: "Ärtist\u{7f}\u{2028}".to_owned(),
            score: 0.1,
            propensity: 1.0,
            expected_listened_share: Some(1.0),
            reasons: Source::ALL.into_iter().map(reason).collect(),
        }
    }

    /// An answer with nothing in it.
    fn empty() -> Recommendations {
        Recommendations {
            request_id: RequestId::from_u128(5),
            at: Timestamp::from_ms(0),
            basis: AnswerBasis::default(),
            rung: Rung::Static,
            model: None,
            assignment: Assignment::built_in("home"),
            tracks: Vec::new(),
            exploration: None,
            spans: Vec::new(),
            degraded: Vec::new(),
            shortage: None,
            causes: Causes::default(),
            objectives: Vec::new(),
        }
    }

    #[test]
    fn what_is_written_is_what_a_serialiser_writes() {
        let written = |answered: &Recommendations| {
            for is_traced in [false, true] {
                let answered = answered.clone();
                let list = ListBody {
                    answered,
                    is_traced,
                };
                let mut body = Vec::new();
                list.write(&mut body).unwrap();
                let expected = serde_json::to_string(&RecommendAnswer::from(list)).unwrap();
                assert_eq!(String::from_utf8(body).unwrap(), expected);
            }
        };
        let mut answered = empty();
        written(&answered);
        let strange = "a\"b\\c\n\t\u{1}\u{0}é“”🎵/";
        let unknown = RecommendedTrack {
            score: f32::NAN,
            expected_listened_share: None,
            reasons: Vec::new(),
            ..track("", None)
        };
        let stranger = track("Plain", Some(TrackId::from_u128(1)));
        answered.tracks = vec![track(strange, Some(CAUSE)), stranger, unknown];
        answered.tracks.push(track("Plain", None));
        answered.causes.insert(CAUSE, strange.into());
        answered.model = Some(ModelId::from_u128(9));
        answered.assignment.version = Some(3);
        answered.degraded = vec![Degraded {
            part: "taste",
            cause: DegradedCause::Late,
        }];
        answered.shortage = Some(strange.to_owned());
        answered.objectives = vec![Objective {
            name: "relevance",
            weight: 0.3,
        }];
        answered.spans = vec![Span {
            name: "list",
            start_us: 1,
            duration_us: u64::MAX,
        }];
        written(&answered);
    }
}
