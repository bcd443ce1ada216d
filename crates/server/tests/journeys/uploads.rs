//! Audio up, broken off, taken up again, and down by range.

use std::io::Write;

use serde_json::json;
use sha2::{Digest, Sha256};

use crate::harness::{TestServer, wait_until, write_song};

/// A server with the track `u:1`, and a file of a minute that is to become its audio.
fn a_track_and_a_minute() -> (tempfile::TempDir, TestServer, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let song = folder.path().join("song.wav");
    write_song(&song, 1, 60.0);
    let bytes = std::fs::read(&song).unwrap();
    let server = TestServer::start(&folder.path().join("data"));
    let track = json!({"title": "Up", "external_ids": {"u": "1"}});
    server.wire.post("/api/v1/tracks", &track);
    (folder, server, bytes)
}

#[test]
fn what_has_arrived_is_heard_while_the_rest_is_on_its_way() {
    let (_folder, server, bytes) = a_track_and_a_minute();
    let (wire, path) = (&server.wire, "/api/v1/tracks/u:1/audio");
    let mut stream = wire.open().unwrap();
    let put = format!("{path}?extension=wav");
    let head = wire.head("PUT", &put, &[], bytes.len() as u64);
    stream.write_all(&head).unwrap();
    let told = || wire.get(&format!("{path}/upload"))["provisional"].clone();
    let heard_from = |least: u64| {
        wait_until("a beginning is heard", || {
            let told = told();
            (told["heard_ms"].as_u64()? >= least).then_some(told)
        })
    };

    // Four seconds of sixty, and then nothing for a while.
    let second = bytes.len() / 60;
    stream.write_all(&bytes[..4 * second]).unwrap();
    let first = heard_from(2_000);
    assert!(first["heard_ms"].as_u64().unwrap() <= 4_000, "{first}");
    let value = |told: &serde_json::Value, name: &str| {
        let all = told["descriptors"].as_array().unwrap().iter();
        let found = all.clone().find(|one| one["name"] == name);
        found.unwrap()["value"].clone()
    };
    assert!(value(&first, "integrated_loudness_lufs").is_number());
    stream.write_all(&bytes[4 * second..12 * second]).unwrap();
    let later = heard_from(8_000);
    assert!(value(&later, "tempo_bpm").is_number(), "{later}");
    assert_eq!(wire.get("/api/v1/tracks/u:1")["has_audio"], false);

    stream.write_all(&bytes[12 * second..]).unwrap();
    wait_until("the upload is complete", || {
        (wire.get("/api/v1/tracks/u:1")["has_audio"] == true).then_some(())
    });
    wait_until("the beginning is forgotten", || {
        told().is_null().then_some(())
    });
}

/// A file of 64 kbit/s: a song as eight bits of one channel at 8 kHz.
fn thin(bytes: &[u8]) -> Vec<u8> {
    let rate = u32::from_le_bytes(bytes[24..28].try_into().unwrap());
    let frame = u16::from_le_bytes(bytes[32..34].try_into().unwrap()) as usize;
    let frames: Vec<&[u8]> = bytes[44..].chunks_exact(frame).collect();
    let count = frames.len() * 8_000 / rate as usize;
    let samples: Vec<u8> = (0..count)
        .map(|index| {
            let frame = frames[index * rate as usize / 8_000];
            (i16::from_le_bytes([frame[0], frame[1]]) >> 8) as u8 ^ 0x80
        })
        .collect();
    let mut thin = b"RIFF".to_vec();
    thin.extend((36 + count as u32).to_le_bytes());
    thin.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    thin.extend([8_000_u32.to_le_bytes(), 8_000_u32.to_le_bytes()].concat());
    thin.extend(b"\x01\0\x08\0data");
    thin.extend((count as u32).to_le_bytes());
    thin.extend(samples);
    thin
}

#[test]
fn two_seconds_of_a_thin_file_are_enough_to_tell_of_it() {
    let (_folder, server, bytes) = a_track_and_a_minute();
    let bytes = thin(&bytes);
    let (wire, path) = (&server.wire, "/api/v1/tracks/u:1/audio");
    let mut stream = wire.open().unwrap();
    let put = format!("{path}?extension=wav");
    let head = wire.head("PUT", &put, &[], bytes.len() as u64);
    stream.write_all(&head).unwrap();
    // A player that sends what it records: nothing more comes before the first is told.
    let quarters = bytes[..2 * 8_000].chunks(2_000);
    for quarter in quarters {
        stream.write_all(quarter).unwrap();
        stream.flush().unwrap();
    }
    let told = wait_until("a beginning is heard", || {
        let told = wire.get(&format!("{path}/upload"))["provisional"].clone();
        (!told.is_null()).then_some(told)
    });
    let heard_ms = told["heard_ms"].as_u64().unwrap();
    assert!((1_500..=2_000).contains(&heard_ms), "{told}");
}

#[test]
fn uploads_resume_and_ranges_cut() {
    let (_folder, server, bytes) = a_track_and_a_minute();
    let (wire, path) = (&server.wire, "/api/v1/tracks/u:1/audio");

    // The line breaks after more than one piece: what arrived whole is kept.
    let sent = bytes.len() * 3 / 4;
    let mut stream = wire.open().unwrap();
    let head = wire.head(
        "PUT",
        &format!("{path}?extension=wav"),
        &[],
        bytes.len() as u64,
    );
    stream.write_all(&head).unwrap();
    stream.write_all(&bytes[..sent]).unwrap();
    wait_until("a piece is written down", || {
        let state = wire.get(&format!("{path}/upload"));
        (state["offset_bytes"].as_u64().unwrap() > 0).then_some(())
    });
    drop(stream);
    // What the line still held is written down before the server notices.
    let (mut offset, mut looks) = (0, 0);
    wait_until("the server notices", || {
        let reached = wire.get(&format!("{path}/upload"))["offset_bytes"].clone();
        let reached = reached.as_u64().unwrap() as usize;
        looks = if reached == offset { looks + 1 } else { 0 };
        offset = reached;
        (offset > 0 && looks == 20).then_some(())
    });
    assert!(offset <= sent, "{offset} of {sent}");
    assert_eq!(
        wire.get("/api/v1/tracks/u:1")["has_audio"],
        false,
        "half a file is no audio"
    );

    // A gap is refused, the right place goes on in two parts.
    let gap = format!("{path}?extension=wav&offset={}", offset + 1);
    wire.send("PUT", &gap, &[], &bytes[offset + 1..])
        .problem(409, "a gap");
    // An offset beyond every file is refused at the door, and what arrived so far stays.
    let beyond = format!("{path}?extension=wav&offset={}", u64::MAX);
    wire.send("PUT", &beyond, &[], b"x")
        .points_at(400, "?offset", "an offset beyond the bound");
    let kept = wire.get(&format!("{path}/upload"))["offset_bytes"].clone();
    assert_eq!(kept, offset);
    let middle = offset + (bytes.len() - offset) / 2;
    let part = format!("{path}?extension=wav&offset={offset}&partial=true");
    let answer = wire.send("PUT", &part, &[], &bytes[offset..middle]).json();
    assert_eq!(
        (&answer["offset_bytes"], &answer["is_complete"]),
        (&json!(middle), &json!(false))
    );
    let rest = format!("{path}?extension=wav&offset={middle}");
    let answer = wire.send("PUT", &rest, &[], &bytes[middle..]).json();
    assert_eq!(
        (&answer["offset_bytes"], &answer["is_complete"]),
        (&json!(bytes.len()), &json!(true))
    );

    let whole = wire.send("GET", path, &[], b"");
    assert_eq!(whole.status, 200);
    assert!(whole.body == bytes, "what comes down is what went up");
    let hash = hex::encode(Sha256::digest(&bytes));
    let etag = format!("\"{hash}\"");
    assert_eq!(whole.header("etag"), Some(etag.as_str()));
    assert_eq!(whole.header("accept-ranges"), Some("bytes"));
    assert_eq!(whole.header("content-type"), Some("audio/wav"));

    let size = bytes.len();
    let check = |range: &str, expected: Option<(usize, usize)>| {
        let reply = wire.send("GET", path, &[("range", range)], b"");
        match expected {
            Some((start, end)) => {
                assert_eq!(reply.status, 206, "{range}");
                assert!(reply.body == bytes[start..end], "{range}");
                let shown = format!("bytes {start}-{}/{size}", end - 1);
                assert_eq!(
                    reply.header("content-range"),
                    Some(shown.as_str()),
                    "{range}"
                );
            }
            None => {
                reply.problem(416, range);
                let shown = format!("bytes */{size}");
                assert_eq!(
                    reply.header("content-range"),
                    Some(shown.as_str()),
                    "{range}"
                );
            }
        }
    };
    check("bytes=0-0", Some((0, 1)));
    check("bytes=44-999", Some((44, 1_000)));
    check("bytes=-100", Some((size - 100, size)));
    check(&format!("bytes={}-", size - 1), Some((size - 1, size)));
    check(&format!("bytes={size}-"), None);
    let ignored = wire.send("GET", path, &[("range", "lines=1-2")], b"");
    assert_eq!((ignored.status, ignored.body.len()), (200, size));

    // The whole file was analysed, not half of it.
    assert_eq!(server.wait_idle(), 0);
    let analysis = wire.get("/api/v1/tracks/u:1/analysis");
    let duration = analysis["descriptors"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["name"] == "duration_ms")
        .and_then(|one| one["value"].as_f64());
    assert!(
        duration.is_some_and(|ms| (ms - 60_000.0).abs() < 100.0),
        "{duration:?}"
    );
    wire.send("PUT", path, &[], b"").problem(400, "nothing");
    wire.send("PUT", &format!("{path}?extension=exe"), &[], b"x")
        .points_at(400, "?extension", "no audio");
    let gone = wire.send("DELETE", "/api/v1/tracks/u:1", &[], b"");
    assert_eq!(gone.status, 204);
    wire.send("GET", path, &[], b"").problem(404, "deleted");
}

#[test]
fn one_call_analyses_and_recommends() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(&folder.path().join("data"));
    let wire = &server.wire;
    for index in 0..3_u64 {
        let song = folder.path().join("song.wav");
        write_song(&song, index, 6.0);
        let track = json!({"title": format!("S{index}"), "external_ids": {"s": index.to_string()}});
        wire.post("/api/v1/tracks", &track);
        let path = format!("/api/v1/tracks/s:{index}/audio?extension=wav");
        let answer = wire.send("PUT", &path, &[], &std::fs::read(&song).unwrap());
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    server.wait_idle();
    let answer = wire.post(
        "/api/v1/tracks/s:0/analyze-and-recommend?k=2&wait_ms=20000",
        &json!({}),
    );
    assert_eq!(answer["degraded"], json!([]), "{answer}");
    assert_eq!(
        answer["recommendations"]["tracks"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert!(
        !answer["analysis"]["descriptors"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    ranked_for_somebody(wire);
    for (query, body) in [
        ("k=0", json!({})),
        ("limit=0", json!({})),
        ("limit=2&k=2", json!({})),
        ("zzz=1", json!({})),
        ("", json!({"zzz": 1})),
        ("", json!({"context": {"hour": 24}})),
    ] {
        let path = format!("/api/v1/tracks/s:0/analyze-and-recommend?{query}");
        wire.ask("POST", &path, &body).problem(400, query);
    }
    wire.post(
        "/api/v1/tracks",
        &json!({"title": "Bare", "external_ids": {"s": "9"}}),
    );
    let bare = wire.post("/api/v1/tracks/s:9/analyze-and-recommend", &json!({}));
    assert!(!bare["degraded"].as_array().unwrap().is_empty(), "{bare}");
}

/// What is near is ranked for the listener, under a request id that listens may name.
fn ranked_for_somebody(wire: &crate::wire::Wire) {
    let path = "/api/v1/tracks/s:0/analyze-and-recommend?limit=1&wait_ms=20000";
    let body = json!({"listener": "ann", "context": {"device": "phone", "hour": 8}});
    let answer = wire.post(path, &body);
    let list = &answer["recommendations"];
    let tracks = list["tracks"].as_array().unwrap();
    assert_eq!(tracks.len(), 1, "{answer}");
    assert_eq!(
        (&list["rung"], &tracks[0]["position"]),
        (&json!("content"), &json!(1))
    );
    assert_eq!(tracks[0]["reasons"][0]["source"], "content");
    assert!(tracks[0]["distance"].as_f64().unwrap() >= 0.0);
    let id = list["request_id"].as_str().unwrap();
    let told = wire.get(&format!("/api/v1/explain/{id}"));
    assert_eq!(told["placement"], "similar");
    // What the listener rejects is not among them.
    let first = &tracks[0]["id"];
    let skips = (0..2).map(|ago| {
        json!({"kind": "listen", "occurred_at": crate::tables::now() - ago * 1_000, "listener": "ann",
            "track": first, "outcome": "skipped"})
    });
    wire.post(
        "/api/v1/events",
        &json!({"events": skips.collect::<Vec<_>>()}),
    );
    let after = wire.post(path.replace("limit=1", "limit=2").as_str(), &body);
    let list = &after["recommendations"];
    let tracks = list["tracks"].as_array().unwrap();
    assert!(tracks.iter().all(|track| &track["id"] != first), "{after}");
    assert!(list["shortage"].is_string());
}
