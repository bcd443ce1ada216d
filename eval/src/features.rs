//! How fast features are read and kept, whether what is served is what a replay gives, and whether
//! anything of the future leaks into rows of the past. Over HTTP, against a server with an empty tenant.
//!
//! The listens follow from a seed. Times are the server's own: of a read, without the making of JSON.

use std::time::Instant;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::random::Random;
use crate::wire::Wire;

/// Features of a read, and tracks.
const FEATURES: usize = 100;
const READ_TRACKS: usize = 500;
/// Tracks of one upsert.
const TRACKS_PER_CALL: usize = 1_000;
/// Rows of the past that are attacked.
const ATTACKED_ROWS: usize = 300;
/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;

#[derive(clap::Args)]
pub struct Args {
    /// A server with an empty tenant, `host:port`.
    #[arg(long)]
    address: String,
    /// API key that may write and manage.
    #[arg(long)]
    key: String,
    /// Listens sent.
    #[arg(long, default_value_t = 200_000)]
    listens: usize,
    /// Tracks of the catalogue.
    #[arg(long, default_value_t = 5_000)]
    tracks: usize,
    /// Listeners.
    #[arg(long, default_value_t = 2_000)]
    listeners: usize,
    /// Days over which the listens are spread.
    #[arg(long, default_value_t = 60)]
    days: u64,
    /// The last moment of a listen in milliseconds since 1970: now, or shortly before.
    #[arg(long)]
    until_ms: u64,
    /// Reads timed.
    #[arg(long, default_value_t = 200)]
    reads: usize,
}

/// Fills a log, reads `read_us_100x500`, replays for `apply_events_per_s`, compares for `parity_diff`,
/// attacks for `leaks`.
pub fn run(args: &Args) -> anyhow::Result<Value> {
    ensure!(
        args.tracks >= READ_TRACKS,
        "a read needs {READ_TRACKS} tracks"
    );
    let mut wire = Wire::open(&args.address, &args.key)?;
    for first in (0..args.tracks).step_by(TRACKS_PER_CALL) {
        let last = (first + TRACKS_PER_CALL).min(args.tracks);
        let track = |i: usize| {
            json!({"title": format!("Song {i}"), "artist": format!("Band {}", i / 12),
                "external_ids": {"e": i.to_string()}})
        };
        let tracks: Vec<Value> = (first..last).map(track).collect();
        wire.post("/api/v1/tracks", &json!({ "tracks": tracks }))?;
    }
    send_listens(args, &mut wire)?;
    wire.post(
        "/api/v1/features/wide/versions",
        &json!({"text": wide_view()}),
    )?;
    let mut reads = Vec::new();
    let mut first_read = 0.0;
    let page = |random: &mut Random| -> Vec<String> {
        (0..READ_TRACKS)
            .map(|_| format!("e:{}", random.index(args.tracks)))
            .collect()
    };
    let mut random = Random(3);
    for number in 0..args.reads {
        let asked = json!({"features": ["wide"], "entities": {"track": page(&mut random)}});
        let answer = wire.post("/api/v1/features/online", &asked)?;
        let read_us = answer["read_us"].as_f64().context("no read_us")?;
        if number == 0 {
            first_read = read_us;
        }
        reads.push(read_us);
    }
    reads.sort_by(f64::total_cmp);
    let at = |share: f64| {
        reads
            .get(((reads.len() - 1) as f64 * share) as usize)
            .copied()
    };
    let started = Instant::now();
    let replay = wire.post("/api/v1/events/replay", &json!({"projection": "features"}))?;
    let replayed_s = started.elapsed().as_secs_f64();
    ensure!(replay["is_equal"] == true, "the replay differs: {replay}");
    let parity = wire.post("/api/v1/features/parity", &json!({"sample": 100}))?;
    let leaks = attack(args, &mut wire)?;
    let after = wire.post("/api/v1/features/parity", &json!({"sample": 100}))?;
    let views = wire.get("/api/v1/features")?;
    Ok(json!({
        "listens": args.listens,
        "tracks": args.tracks,
        "listeners": args.listeners,
        "read_us_100x500": at(0.5),
        "read_us_100x500_p99": at(0.99),
        "read_us_100x500_first": first_read,
        "apply_events_per_s": replay["events_per_second"],
        "replay_s": replayed_s,
        "parity_rows": number(&parity["rows"]) + number(&after["rows"]),
        "parity_values": number(&parity["values"]) + number(&after["values"]),
        "parity_diff": number(&parity["differing"]) + number(&after["differing"]),
        "attacked_rows": ATTACKED_ROWS * 2,
        "leaks": leaks,
        "bytes_per_entity": bytes_per_entity(&views),
    }))
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

fn bytes_per_entity(views: &Value) -> Value {
    let views = views["views"].as_array().into_iter().flatten();
    let held = views.filter(|view| number(&view["entity_count"]) > 0);
    let each = held.map(|view| {
        let bytes = number(&view["memory_bytes"]) / number(&view["entity_count"]);
        (
            view["name"].as_str().unwrap_or_default().to_owned(),
            json!(bytes),
        )
    });
    Value::Object(each.collect())
}

/// A hundred features: plays, skips, means, rates, sums and decayed sums over many windows.
fn wide_view() -> String {
    let mut text = "name = 'wide'\nentity = 'track'\n".to_owned();
    for place in 0..FEATURES {
        let days = 1 + place / 5;
        let rest = match place % 5 {
            0 => format!("aggregate = 'count'\nwindow = '{days}d'"),
            1 => format!(
                "aggregate = 'rate'\nwhen = 'outcome == skipped'\nprior = 0.25\nprior_weight = 9.0\nwindow = '{days}d'"
            ),
            2 => format!("aggregate = 'mean'\nfield = 'signal'\nwindow = '{days}d'"),
            3 => format!("aggregate = 'decayed_sum'\nhalf_life = '{days}d'"),
            _ => format!("aggregate = 'sum'\nfield = 'played_ms'\nwindow = '{days}d'"),
        };
        text += &format!("[[features]]\nname = 'f{place}'\nevent = 'listen'\n{rest}\n");
    }
    text
}

fn send_listens(args: &Args, wire: &mut Wire) -> anyhow::Result<()> {
    const BATCH: usize = 5_000;
    let mut random = Random(1);
    let spread_ms = args.days * DAY_MS;
    for first in (0..args.listens).step_by(BATCH) {
        let last = (first + BATCH).min(args.listens);
        let mut events = Vec::new();
        for i in first..last {
            let played_ms = random.index(200_000);
            let outcome = if played_ms < 60_000 {
                "skipped"
            } else {
                "completed"
            };
            let age = spread_ms * (args.listens - i) as u64 / args.listens as u64;
            events.push(json!({"kind": "listen", "occurred_at": args.until_ms - age,
                "listener": format!("listener-{}", random.index(args.listeners)),
                "track": format!("e:{}", random.index(args.tracks)), "outcome": outcome,
                "played_ms": played_ms, "track_ms": 200_000, "device": "phone"}));
        }
        wire.post("/api/v1/events", &json!({ "events": events }))?;
    }
    Ok(())
}

/// Reads rows of the past, then adds listens of just after their moments, and listens of long before
/// that come only now, and reads the rows again: by what was recorded no value may have changed, and by
/// what had occurred none for a listen that happened later.
fn attack(args: &Args, wire: &mut Wire) -> anyhow::Result<u64> {
    let mut random = Random(9);
    // Each track once: a later row of one track rightly knows what an earlier one does not.
    let tracks: Vec<usize> = (0..ATTACKED_ROWS).collect();
    let spread_ms = args.days * DAY_MS;
    let moments: Vec<u64> = tracks
        .iter()
        .map(|_| args.until_ms - 1 - random.index(spread_ms as usize) as u64)
        .collect();
    let names: Vec<String> = tracks.iter().map(|track| format!("e:{track}")).collect();
    let rows = |wire: &mut Wire, known: &str, at: &[u64]| {
        let asked = json!({"entities": {"track": &names}, "at": at, "known": known});
        wire.post("/api/v1/features/wide/rows", &asked)
    };
    // Everything was recorded since the start, so that by then is now.
    let recorded_at = vec![now_ms(wire)?; ATTACKED_ROWS];
    let before = [
        rows(wire, "occurred", &moments)?,
        rows(wire, "recorded", &recorded_at)?,
    ];
    let listen = |track: usize, at: u64| {
        json!({"kind": "listen", "occurred_at": at, "listener": "attacker",
            "track": format!("e:{track}"), "outcome": "skipped", "played_ms": 1, "track_ms": 200_000})
    };
    let later = tracks
        .iter()
        .zip(&moments)
        .map(|(track, at)| listen(*track, at + 1));
    let events: Vec<Value> = later.collect();
    wire.post("/api/v1/events", &json!({ "events": events }))?;
    let after_occurred = rows(wire, "occurred", &moments)?;
    let late = tracks
        .iter()
        .zip(&moments)
        .map(|(track, at)| listen(*track, at - DAY_MS));
    let events: Vec<Value> = late.collect();
    wire.post("/api/v1/events", &json!({ "events": events }))?;
    let after_recorded = rows(wire, "recorded", &recorded_at)?;
    let after = [after_occurred, after_recorded];
    let changed = before.iter().zip(&after).map(|(before, after)| {
        let pairs = list(before).iter().zip(list(after));
        pairs.filter(|(a, b)| a != b).count() as u64
    });
    Ok(changed.sum())
}

fn list(answer: &Value) -> &[Value] {
    answer["rows"].as_array().map_or(&[], Vec::as_slice)
}

/// The server's clock.
fn now_ms(wire: &mut Wire) -> anyhow::Result<u64> {
    let asked = json!({"features": ["wide:f0"], "entities": {"track": ["e:0"]}});
    let answer = wire.post("/api/v1/features/online", &asked)?;
    let text = answer["at"].as_str().context("no moment")?.to_owned();
    // Rows take the moment as it was written; it only has to be handed back.
    milliseconds_of(&text)
}

/// Reads `2026-01-02T03:04:05.678Z`.
fn milliseconds_of(text: &str) -> anyhow::Result<u64> {
    let part = |range: std::ops::Range<usize>| -> anyhow::Result<u64> {
        let digits = text.get(range).context("a short moment")?;
        Ok(digits.parse()?)
    };
    let (year, month, day) = (part(0..4)?, part(5..7)?, part(8..10)?);
    // Days since 1970 by the civil calendar, years beginning in March.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let era_days = year * 365 + year / 4 - year / 100 + year / 400;
    let days = era_days + (153 * month + 2) / 5 + day - 1 - 719_468;
    let seconds = days * 86_400 + part(11..13)? * 3_600 + part(14..16)? * 60 + part(17..19)?;
    Ok(seconds * 1_000 + part(20..23)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_milliseconds() {
        for (text, expected) in [
            ("1970-01-01T00:00:00.000Z", 0),
            ("2023-11-14T22:13:20.123Z", 1_700_000_000_123),
            ("2024-02-29T00:00:00.001Z", 1_709_164_800_001),
        ] {
            assert_eq!(milliseconds_of(text).unwrap(), expected, "{text}");
        }
    }
}
