//! Audio features and audio analysis, from what our analyzers measured.

use axum::Json;
use axum::extract::{Path, State};
use leitmotif_domain::track::Track;
use leitmotif_domain::{TenantScope, Timestamp, TrackId};
use leitmotif_ingest::accuracy::card_of_descriptor;
use leitmotif_ingest::jobs::segments::track_segments;
use leitmotif_recommend::heads::{ValueKind, Values, values_of};
use leitmotif_storage::ports::AnalysisDocument;
use serde_json::{Value, json};

use super::IdsQuery;
use super::objects::{find_all, find_one, id_of};
use super::sections::sections;
use super::segments::segment_object;
use crate::middleware::auth::ReadAccess;
use crate::middleware::body::QueryParameters;
use crate::problem::Problem;
use crate::state::ApiState;

/// Features between 0 and 1 that are told when an analyzer measured them under this name.
const SHARES: [&str; 7] = [
    "danceability",
    "energy",
    "speechiness",
    "acousticness",
    "instrumentalness",
    "liveness",
    "valence",
];

/// Attributes whose descriptor has another name.
const RENAMED: [(&str, &str); 2] = [
    ("tempo", "tempo_bpm"),
    ("loudness", "integrated_loudness_lufs"),
];
/// Attributes that are not shares and have error bars too.
const WITH_BARS: [&str; 5] = ["tempo", "loudness", "key", "mode", "time_signature"];

/// What was measured of a track, under the names of the protocol.
pub struct Measured<'d>(Option<&'d AnalysisDocument>);

impl<'d> Measured<'d> {
    /// Reads an analysis; without one nothing is measured.
    pub fn new(analysis: Option<&'d AnalysisDocument>) -> Self {
        Self(analysis)
    }

    /// What was measured of the sound.
    pub(super) fn audio(&self) -> &'d Value {
        self.0
            .map_or(&Value::Null, |found| &found.document["audio"])
    }

    pub(super) fn descriptor(&self, name: &str) -> &'d Value {
        let descriptors = self.audio()["descriptors"].as_array();
        let descriptors = descriptors.into_iter().flatten();
        let mut named = descriptors.filter(|one| one["name"] == name);
        named.next().unwrap_or(&Value::Null)
    }

    /// An attribute as a number; `None` when it is not measured.
    pub fn number(&self, attribute: &str) -> Option<f64> {
        let value = |name: &str| &self.descriptor(name)["value"];
        match attribute {
            "tempo" => value("tempo_bpm").as_f64(),
            "loudness" => value("integrated_loudness_lufs").as_f64(),
            "key" => value("key").as_str().and_then(pitch_class),
            "mode" => value("mode").as_str().and_then(mode_of),
            // The protocol's range ends at 7: of the longer bars of compound time it is told the beats.
            "time_signature" => match value(attribute).as_f64()? {
                parts if parts > 7.0 => Some(parts / 3.0),
                parts => Some(parts),
            },
            "duration_ms" => value(attribute).as_f64(),
            share if SHARES.contains(&share) => value(share).as_f64(),
            _ => None,
        }
    }

    pub(super) fn whole(&self, attribute: &str) -> Option<i64> {
        self.number(attribute).map(|number| number.round() as i64)
    }

    pub(super) fn confidence(&self, name: &str) -> &'d Value {
        &self.descriptor(name)["confidence"]
    }

    /// Times in seconds.
    pub(super) fn moments(&self, name: &str) -> Vec<f64> {
        let moments = self.audio()[name].as_array().into_iter().flatten();
        moments
            .filter_map(|moment| Some(moment.as_f64()? / 1_000.0))
            .collect()
    }
}

/// Audio features of one track.
pub async fn one(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let track = find_one(&state, access.scope(), &id).await?;
    let analyses = analyses_of(&state, access.scope(), &[track.id]).await?;
    let analysis = analyses.first().and_then(Option::as_ref);
    let told = values_of_track(&state, access.scope(), &track).await?;
    let features = features_object(&track, analysis, &told);
    features
        .map(Json)
        .ok_or_else(|| Problem::not_found("analysis of track", &id))
}

/// Audio features of several tracks, in their order, `null` where there are none.
pub async fn many(
    State(state): State<ApiState>,
    access: ReadAccess,
    QueryParameters(query): QueryParameters<IdsQuery>,
) -> Result<Json<Value>, Problem> {
    let found = find_all(&state, access.scope(), query.ids.as_deref()).await?;
    let ids: Vec<TrackId> = found.iter().flatten().map(|track| track.id).collect();
    let mut analyses = analyses_of(&state, access.scope(), &ids).await?.into_iter();
    let mut told = Vec::with_capacity(found.len());
    for track in &found {
        let Some(track) = track else {
            told.push(Value::Null);
            continue;
        };
        let analysis = analyses.next().flatten();
        let values = values_of_track(&state, access.scope(), track).await?;
        told.push(features_object(track, analysis.as_ref(), &values).unwrap_or_default());
    }
    Ok(Json(json!({ "audio_features": told })))
}

/// Valence and liveness: what the tenant says of the track, else what heads above their bar tell.
async fn values_of_track(
    state: &ApiState,
    scope: &TenantScope,
    track: &Track,
) -> Result<Values, Problem> {
    let given = values_of(&track.details.tags);
    let told = state.recommender.told_values(scope, track.id, &given);
    let known = told.await?.into_iter();
    Ok(known
        .filter_map(|one| Some((one.kind, one.told.value()?)))
        .collect())
}

/// Bars, beats, sections, segments and the whole of a track.
pub async fn analysis(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let track = find_one(&state, access.scope(), &id).await?;
    let analyses = analyses_of(&state, access.scope(), &[track.id]).await?;
    let analysis = analyses.first().and_then(Option::as_ref);
    let analysis = analysis
        .filter(|found| found.document["audio"].is_object())
        .ok_or_else(|| Problem::not_found("analysis of track", &id))?;
    let segments = track_segments(&state.catalogue, access.scope(), track.id).await?;
    let mut answer = analysis_object(&track, analysis);
    answer["segments"] = segments.iter().map(segment_object).collect();
    Ok(Json(answer))
}

/// The analyses of tracks, in the order of the ids.
pub async fn analyses_of(
    state: &ApiState,
    scope: &TenantScope,
    ids: &[TrackId],
) -> Result<Vec<Option<AnalysisDocument>>, Problem> {
    Ok(state.catalog.analyses(scope, ids).await?)
}

fn features_object(
    track: &Track,
    analysis: Option<&AnalysisDocument>,
    told: &Values,
) -> Option<Value> {
    let analysis = analysis.filter(|found| found.document["audio"].is_object())?;
    let measured = Measured::new(Some(analysis));
    let id = id_of(track);
    let mut features = json!({
        "id": id,
        "type": "audio_features",
        "uri": format!("spotify:track:{id}"),
        "track_href": format!("/v1/tracks/{id}"),
        "analysis_url": format!("/v1/audio-analysis/{id}"),
        "tempo": measured.number("tempo"),
        "loudness": measured.number("loudness"),
        "key": measured.whole("key").unwrap_or(-1),
        "mode": measured.whole("mode"),
        "time_signature": measured.whole("time_signature"),
        "duration_ms": measured.whole("duration_ms"),
    });
    for share in SHARES {
        features[share] = json!(measured.number(share));
    }
    features["error_bars"] = error_bars(&measured);
    for kind in ValueKind::ALL {
        if let Some(value) = told.get(&kind) {
            features[kind.name()] = json!(value);
        }
    }
    Some(features)
}

/// How sure each measured attribute is, and how right such values are by their accuracy card: its headline.
fn error_bars(measured: &Measured<'_>) -> Value {
    let attributes = WITH_BARS.into_iter().chain(SHARES);
    let bars = attributes.filter_map(|attribute| {
        let renamed = RENAMED.iter().find(|(name, _)| *name == attribute);
        let name = renamed.map_or(attribute, |(_, name)| *name);
        let value = &measured.descriptor(name)["value"];
        if value.is_null() {
            return None;
        }
        let card = card_of_descriptor(name);
        let score = card.and_then(|card| card.scores.first());
        let bar = json!({
            "confidence": measured.confidence(name),
            "card": card.map(|card| &card.name),
            "status": card.map(|card| &card.status),
            "metric": score.map(|score| &score.metric),
            "value": score.map(|score| score.value),
            "interval": score.and_then(|score| score.interval),
        });
        Some((attribute.to_owned(), bar))
    });
    Value::Object(bars.collect())
}

fn analysis_object(track: &Track, analysis: &AnalysisDocument) -> Value {
    let measured = Measured::new(Some(analysis));
    let seconds = measured
        .number("duration_ms")
        .map(|length| length / 1_000.0);
    let end = seconds.unwrap_or(0.0);
    // A beat is where it should be when the tempo is right, a bar and a part of a beat when the metre is.
    let of_beats = measured.confidence("tempo_bpm");
    let of_metre = measured.confidence("time_signature");
    let spans = |starts: Vec<f64>, confidence: &Value| -> Vec<Value> {
        let ends = starts.iter().skip(1).copied().chain([end]);
        let spans = starts.iter().zip(ends);
        spans
            .map(|(start, end)| {
                let duration = (end - start).max(0.0);
                json!({"start": start, "duration": duration, "confidence": confidence})
            })
            .collect()
    };
    json!({
        "meta": {
            "analyzer_version": measured.descriptor("tempo_bpm")["version"],
            "platform": "leitmotif",
            "detailed_status": "OK",
            "status_code": 0,
            "timestamp": analysed_at(analysis),
            "analysis_time": null,
            "input_process": null,
        },
        "track": {
            "num_samples": null,
            "duration": seconds,
            "sample_md5": "",
            "offset_seconds": 0,
            "window_seconds": 0,
            "analysis_sample_rate": null,
            "analysis_channels": null,
            "end_of_fade_in": null,
            "start_of_fade_out": null,
            "loudness": measured.number("loudness"),
            "tempo": measured.number("tempo"),
            "tempo_confidence": measured.confidence("tempo_bpm"),
            "time_signature": measured.whole("time_signature"),
            "time_signature_confidence": measured.confidence("time_signature"),
            "key": measured.whole("key").unwrap_or(-1),
            "key_confidence": measured.confidence("key"),
            "mode": measured.whole("mode"),
            "mode_confidence": measured.confidence("mode"),
            "codestring": "",
            "code_version": null,
            "echoprintstring": "",
            "echoprint_version": null,
            "synchstring": "",
            "synch_version": null,
            "rhythmstring": "",
            "rhythm_version": null,
        },
        "bars": spans(measured.moments("downbeats_ms"), of_metre),
        "beats": spans(measured.moments("beats_ms"), of_beats),
        "tatums": spans(tatums(&measured, end), of_metre),
        "sections": sections(&measured),
        "id": id_of(track),
    })
}

/// Starts of the parts of beats: two each, or three where the metre is compound, which is what the analysis hears
/// of their division. Empty where no metre is told.
fn tatums(measured: &Measured<'_>, end_s: f64) -> Vec<f64> {
    let beats = measured.moments("beats_ms");
    let signature = measured.descriptor("time_signature")["value"].as_u64();
    let (Some(signature), [.., before, last]) = (signature, beats.as_slice()) else {
        return Vec::new();
    };
    let part_count = if signature > 3 && signature.is_multiple_of(3) {
        3
    } else {
        2
    };
    // The last beat is as long as the one before it, and not longer than the track.
    let after_last = last + (last - before);
    let ends = beats.iter().skip(1).copied().chain([after_last]);
    let parts = beats.iter().zip(ends).flat_map(|(start, end)| {
        let step = (end - start) / f64::from(part_count);
        (0..part_count).map(move |part| start + f64::from(part) * step)
    });
    parts.filter(|start| *start < end_s).collect()
}

/// When a track was analysed, in whole seconds since 1970.
fn analysed_at(analysis: &AnalysisDocument) -> Option<i64> {
    let at = analysis.document["analysed_at"].as_str()?;
    let at = Timestamp::parse(at).ok()?;
    Some(at.as_ms().div_euclid(1_000))
}

/// 1 for major, 0 for minor.
pub(super) fn mode_of(name: &str) -> Option<f64> {
    match name {
        "major" => Some(1.0),
        "minor" => Some(0.0),
        _ => None,
    }
}

/// The pitch class of a tonic, C = 0.
pub(super) fn pitch_class(name: &str) -> Option<f64> {
    let (letter, sign) = name.split_at_checked(1)?;
    let place = ["C", "", "D", "", "E", "F", "", "G", "", "A", "", "B"]
        .iter()
        .position(|known| *known == letter)?;
    let moved = match sign {
        "" => place,
        "#" => place + 1,
        "b" => place + 11,
        _ => return None,
    };
    Some((moved % 12) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn analysed(descriptors: &Value) -> AnalysisDocument {
        AnalysisDocument {
            input_hash: String::new(),
            document: json!({"audio": {"descriptors": descriptors, "beats_ms": [500, 1_000],
                "downbeats_ms": [500]}}),
        }
    }

    fn track() -> Track {
        serde_json::from_value(json!({"id": "0000000000000000000007", "title": "T",
            "artist": "A", "audio": null, "has_lyrics": false,
            "created_at": 0, "updated_at": 0}))
        .unwrap()
    }

    #[test]
    fn what_is_not_measured_is_null() {
        let document = analysed(&json!([
            {"name": "tempo_bpm", "value": 120.5, "confidence": 0.9},
            {"name": "key", "value": "F#"}, {"name": "mode", "value": "minor"},
            {"name": "duration_ms", "value": 2_000},
            {"name": "energy", "value": 0.25},
            {"name": "danceability", "value": 0.5}, {"name": "acousticness", "value": 0.75},
            {"name": "instrumentalness", "value": 1.0}, {"name": "speechiness", "value": 0.0},
            {"name": "structure", "value": [
                {"start_ms": 0, "end_ms": 1_500, "label": "A", "confidence": null},
                {"start_ms": 1_500, "end_ms": 2_000, "label": "B", "confidence": 0.9}]},
        ]));
        let features = features_object(&track(), Some(&document), &Values::new()).unwrap();
        let check = |name: &str, expected: Value| assert_eq!(features[name], expected, "{name}");
        check("tempo", json!(120.5));
        check("key", json!(6));
        check("mode", json!(0));
        check("energy", json!(0.25));
        check("danceability", json!(0.5));
        check("acousticness", json!(0.75));
        check("instrumentalness", json!(1.0));
        check("speechiness", json!(0.0));
        check("liveness", Value::Null);
        check("valence", Value::Null);
        let told = Values::from([(ValueKind::Valence, 0.75)]);
        let features = features_object(&track(), Some(&document), &told).unwrap();
        assert_eq!(
            (&features["valence"], &features["liveness"]),
            (&json!(0.75), &Value::Null)
        );
        check("loudness", Value::Null);
        check("duration_ms", json!(2_000));
        let analysis = analysis_object(&track(), &document);
        assert_eq!(analysis["track"]["tempo_confidence"], 0.9);
        assert_eq!(
            analysis["beats"],
            json!([{"start": 0.5, "duration": 0.5, "confidence": 0.9},
                {"start": 1.0, "duration": 1.0, "confidence": 0.9}])
        );
        let bars = &features["error_bars"];
        assert_eq!(
            (&bars["tempo"]["confidence"], &bars["tempo"]["card"]),
            (&json!(0.9), &json!("tempo"))
        );
        assert!(bars["tempo"]["value"].is_f64() && bars["tempo"]["metric"].is_string());
        assert_eq!(bars["loudness"], Value::Null, "what is unknown has no bar");

        assert_eq!(analysis["bars"].as_array().map(Vec::len), Some(1));
        let sections = analysis["sections"].as_array().unwrap();
        assert_eq!(sections.len(), 2);
        let [start, duration] = ["start", "duration"].map(|name| sections[1][name].as_f64());
        assert_eq!((start, duration), (Some(1.5), Some(0.5)));
        assert_eq!(
            (&sections[0]["confidence"], &sections[1]["tempo"]),
            (&Value::Null, &Value::Null)
        );
        assert!(features_object(&track(), None, &Values::new()).is_none());
        let unknown = analysed(&json!([]));
        assert_eq!(analysis_object(&track(), &unknown)["sections"], json!([]));
        let features = features_object(&track(), Some(&unknown), &Values::new()).unwrap();
        assert_eq!(
            (&features["key"], &features["mode"]),
            (&json!(-1), &Value::Null)
        );
    }

    #[test]
    fn tatums_are_halves_or_thirds_of_beats() {
        for (signature, expected) in [
            (json!(4), vec![0.5, 0.75, 1.0, 1.25]),
            (json!(3), vec![0.5, 0.75, 1.0, 1.25]),
            (json!(6), vec![0.5, 0.67, 0.83, 1.0, 1.17, 1.33]),
            (Value::Null, vec![]),
        ] {
            let document = analysed(&json!([
                {"name": "duration_ms", "value": 1_400},
                {"name": "time_signature", "value": signature},
            ]));
            let analysis = analysis_object(&track(), &document);
            let tatums = analysis["tatums"].as_array().unwrap();
            let starts = tatums.iter().map(|tatum| tatum["start"].as_f64().unwrap());
            let rounded: Vec<f64> = starts
                .map(|start| (start * 100.0).round() / 100.0)
                .collect();
            assert_eq!(rounded, expected, "{signature}");
        }
    }

    #[test]
    fn tonics_are_pitch_classes() {
        for (name, expected) in [
            ("C", Some(0.0)),
            ("C#", Some(1.0)),
            ("Bb", Some(10.0)),
            ("Cb", Some(11.0)),
            ("B", Some(11.0)),
            ("H", None),
            ("", None),
            ("é", None),
        ] {
            assert_eq!(pitch_class(name), expected, "{name}");
        }
    }
}
