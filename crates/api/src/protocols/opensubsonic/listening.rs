//! What players report: plays, and where playback stands.

use std::collections::BTreeMap;

use leitmotif_domain::event::{
    EVENT_SCHEMA_VERSION, Event, EventPayload, Listen, ListenOutcome, check_occurred_at,
    listen_event_id,
};
use leitmotif_domain::track::Track;
use leitmotif_domain::{ListenerId, Timestamp};
use leitmotif_ingest::listens::{
    Ending, PLAYBACK_SOURCE, ReportedListen, SUBMISSION_SOURCE, recording_id,
};
use leitmotif_storage::ports::Appended;
use serde_json::{Map, Value, json};

use super::call::Call;
use super::errors::Failure;
use crate::problem::Problem;
use crate::protocols::catalogue;
use crate::state::ApiState;

/// Share of a track from which a stop counts as heard to the end: players stop in the fade.
const COMPLETED_SHARE: f64 = 0.9;
/// Share below which a stop counts as a skip: half, where a skip stops to say anything.
const SKIPPED_SHARE: f64 = 0.5;
/// Most plays in one call.
const PLAYS_MAX: usize = 1_000;

type Answer = Result<Map<String, Value>, Failure>;

/// Takes plays, or what plays now.
pub async fn scrobble(state: &ApiState, call: &Call<'_>) -> Answer {
    call.needed("id")?;
    let listener = call.listener()?;
    let ids: Vec<&str> = call.all("id").collect();
    if ids.len() > PLAYS_MAX {
        return Err(Failure::new(
            0,
            format!("at most {PLAYS_MAX} plays in a call"),
        ));
    }
    let now = state.clock.now();
    let mut times = call.all("time");
    let mut events = Vec::new();
    for id in ids {
        let (track, _) = catalogue::find(state, call.scope(), id).await?;
        if call.get("submission") == Some("false") {
            announce(state, call, listener, &track).await?;
            continue;
        }
        let at = match times.next() {
            None => now,
            Some(text) => {
                let parsed: Result<i64, _> = text.parse();
                Timestamp::from_ms(parsed.map_err(|_| Failure::new(0, "time is no number"))?)
            }
        };
        check_occurred_at(at, now).map_err(|wrong| Failure::new(0, wrong.to_string()))?;
        let played = Played {
            at,
            played_ms: None,
            outcome: ListenOutcome::Completed,
            source: SUBMISSION_SOURCE,
        };
        events.push((event_of(call, listener, &track, played), track));
    }
    write(state, call, listener, events).await
}

/// Takes where playback stands. The end of a playback is a play, with how it ended.
pub async fn report_playback(state: &ApiState, call: &Call<'_>) -> Answer {
    let id = call.needed("mediaId")?;
    let kind = call.needed("mediaType")?;
    let position = call.needed("positionMs")?.parse::<u32>();
    let position_ms = position.map_err(|_| Failure::new(0, "positionMs is no whole number"))?;
    let playing = call.needed("state")?;
    if kind != "song" {
        return Ok(Map::new());
    }
    let listener = call.listener()?;
    let (track, _) = catalogue::find(state, call.scope(), id).await?;
    match playing {
        "starting" | "playing" | "paused" => {
            announce(state, call, listener, &track).await?;
            return Ok(Map::new());
        }
        "stopped" => {}
        _ => {
            let detail = "state must be starting, playing, paused or stopped";
            return Err(Failure::new(0, detail));
        }
    }
    if call.get("ignoreScrobble") == Some("true") {
        return Ok(Map::new());
    }
    // The start, to the second: the same report sent again is the same play.
    let started = state.clock.now().plus_ms(-i64::from(position_ms));
    let at = Timestamp::from_ms(started.as_ms().div_euclid(1_000) * 1_000);
    let outcome = match track.details.duration_ms {
        None => ListenOutcome::Partial,
        Some(length) => match f64::from(position_ms) / f64::from(length.max(1)) {
            share if share >= COMPLETED_SHARE => ListenOutcome::Completed,
            share if share < SKIPPED_SHARE => ListenOutcome::Skipped,
            _ => ListenOutcome::Partial,
        },
    };
    let played = Played {
        at,
        played_ms: Some(position_ms),
        outcome,
        source: PLAYBACK_SOURCE,
    };
    let event = event_of(call, listener, &track, played);
    write(state, call, listener, vec![(event, track)]).await
}

struct Played {
    at: Timestamp,
    played_ms: Option<u32>,
    outcome: ListenOutcome,
    source: &'static str,
}

fn event_of(call: &Call<'_>, name: &str, track: &Track, played: Played) -> Event {
    let tenant = call.scope().tenant();
    let listener = ListenerId::of_name(tenant, name);
    Event {
        event_id: listen_event_id(tenant, listener, played.at, track.id),
        occurred_at: played.at,
        listener: Some(listener),
        schema_version: EVENT_SCHEMA_VERSION,
        payload: EventPayload::Listen(Listen {
            track: track.id,
            played_ms: played.played_ms,
            track_ms: track.details.duration_ms,
            outcome: played.outcome,
            source: Some(played.source.to_owned()),
            request_id: None,
            device: None,
            activity: None,
            zone: None,
            cell: None,
            reason: None,
            private: false,
        }),
    }
}

async fn announce(
    state: &ApiState,
    call: &Call<'_>,
    listener: &str,
    track: &Track,
) -> Result<(), Failure> {
    let details = &track.details;
    let reported = ReportedListen {
        at: state.clock.now(),
        title: details.title.clone(),
        artist: details.artist.clone(),
        album: details.album.clone(),
        duration_ms: details.duration_ms,
        external_ids: BTreeMap::new(),
        ending: Ending::default(),
        metadata: json!({"track_name": details.title, "artist_name": details.artist,
            "release_name": details.album}),
    };
    let announced = state
        .scrobbles
        .announce(call.scope(), listener, reported)
        .await;
    announced.map_err(Problem::from)?;
    Ok(())
}

async fn write(
    state: &ApiState,
    call: &Call<'_>,
    listener: &str,
    events: Vec<(Event, Track)>,
) -> Answer {
    if events.is_empty() {
        return Ok(Map::new());
    }
    let scope = call.scope();
    let names = [listener.to_owned()];
    let touched = state.catalog.touch_listeners(scope, &names).await;
    touched.map_err(Problem::from)?;
    let named = |(event, track): &(Event, Track)| {
        let details = &track.details;
        (event.clone(), recording_id(&details.title, &details.artist))
    };
    let plays = events.iter().map(named).collect();
    let id = ListenerId::of_name(scope.tenant(), listener);
    let written = state.scrobbles.play(scope, id, plays).await;
    let written = written.map_err(Problem::from)?;
    // Afterwards: until then an announcement says when the playback really started.
    for (event, track) in &events {
        let (details, at) = (&track.details, event.occurred_at);
        let scrobbles = &state.scrobbles;
        scrobbles.heard(scope, listener, &details.title, &details.artist, at);
    }
    let is_new = |one: &&Option<_>| one.is_some_and(|one: Appended| !one.is_duplicate);
    let new_count = written.iter().filter(is_new).count() as u64;
    state.metrics.events_appended.inc_by(new_count);
    let told_again = written.len() as u64 - new_count;
    state.metrics.events_duplicate.inc_by(told_again);
    Ok(Map::new())
}
