//! Near tracks in sound and lyrics together, ways through the sound and lists by descriptors, over HTTP on tracks
//! whose embeddings and descriptors are put there: in this process, because routes write neither.

use std::collections::BTreeSet;

use leitmotif_domain::TrackId;
use leitmotif_storage::ports::{AnalysisDocument, CatalogStore, VectorStore};
use serde_json::{Value, json};

use super::served::Served;

const T0: i64 = 1_700_000_000_000;

async fn put_tracks(served: &Served, tracks: Vec<Value>) -> Vec<TrackId> {
    let sent = (served.client)
        .post("/api/v1/tracks", &json!({ "tracks": tracks }))
        .await
        .expect("tracks are taken");
    let ids = sent["tracks"].as_array().into_iter().flatten();
    ids.map(|one| one["id"].as_str().and_then(|id| id.parse().ok()))
        .map(|id| id.expect("an id"))
        .collect()
}

/// Puts vectors into a space of our own: `angle` in steps of ten degrees from the first track.
async fn put_angles(served: &Served, space: &str, angles: &[(TrackId, u8)]) {
    let vectors = angles.iter().map(|(track, angle)| {
        let radians = f32::from(*angle) * 10_f32.to_radians();
        (*track, vec![radians.cos(), radians.sin()])
    });
    let space = space.parse().expect("a space");
    let put = (served.platform.storage).upsert(&served.scope, &space, vectors.collect());
    put.await.expect("vectors are written");
}

async fn describe(served: &Served, track: TrackId, descriptors: Value) {
    let names = descriptors.as_object().into_iter().flatten();
    let told: Vec<Value> = names
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect();
    let analysis = AnalysisDocument {
        input_hash: String::new(),
        document: json!({"audio": {"descriptors": told}}),
    };
    let put = (served.platform.storage).put_analysis(&served.scope, track, analysis);
    put.await.expect("an analysis is written");
}

/// The numbers in the titles of an answer's tracks, in order.
fn numbers(answer: &Value) -> Vec<usize> {
    let tracks = answer["tracks"].as_array().into_iter().flatten();
    let titles = tracks.filter_map(|track| track["title"].as_str()?.split_once(' '));
    titles
        .filter_map(|(_, number)| number.parse().ok())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn both_mixes_the_orders_of_sound_and_lyrics() {
    let served = Served::start(T0).await;
    let track = |number: usize| {
        json!({"title": format!("song {number}"), "artist": format!("artist {number}"),
            "genre": if number == 1 { "folk" } else { "rock" }, "external_ids": {"t": number.to_string()}})
    };
    let tracks = put_tracks(&served, (0..6).map(track).collect()).await;
    // In sound the others follow as 1 2 3 4 5, in lyrics as 4 3 1 2; 5 has none.
    let sound: Vec<(TrackId, u8)> = tracks.iter().copied().zip(0..).collect();
    put_angles(&served, "leitmotif-audio-1", &sound).await;
    let lyrics: Vec<(TrackId, u8)> = [0, 4, 3, 1, 2]
        .into_iter()
        .zip(0..)
        .map(|(number, angle): (usize, u8)| (tracks[number], angle))
        .collect();
    put_angles(&served, "leitmotif-words-1", &lyrics).await;
    let near = async |number: usize, rest: &str| {
        let path = format!("/api/v1/tracks/t:{number}/similar?space=both{rest}");
        served.client.get(&path).await
    };
    let order = async |rest: &str| {
        let answer = near(0, rest).await.expect("near tracks");
        (numbers(&answer), answer)
    };
    let (found, answer) = order("").await;
    assert_eq!(answer["space"], "leitmotif-audio-1 + leitmotif-words-1");
    // Shares of the sound are 0 .2 .4 .6 .8 for 1 to 5, of the lyrics 0 .25 .5 .75 for 4 3 1 2 and 1 behind the last.
    assert_eq!(found, [1, 4, 3, 2, 5]);
    let distances = answer["tracks"].as_array().into_iter().flatten();
    let distances: Vec<f64> = distances
        .filter_map(|one| one["distance"].as_f64())
        .collect();
    for (told, expected) in distances.iter().zip([0.25, 0.3, 0.325, 0.475, 0.9]) {
        assert!((told - expected).abs() < 1e-6, "{distances:?}");
    }
    assert_eq!(order("&lyrics_weight=0").await.0, [1, 2, 3, 4, 5]);
    assert_eq!(order("&lyrics_weight=1").await.0, [4, 3, 1, 2]);
    // 4: .12, 3: .28, 1: .4, 2: .64, 5: .96.
    assert_eq!(order("&lyrics_weight=0.8").await.0, [4, 3, 1, 2, 5]);

    // Constraints come first: of 2 3 4 5 the shares are 0 .25 .5 .75 and 0 1/3 2/3 for 4 3 2.
    let (found, answer) = order("&genre=rock&limit=4").await;
    assert_eq!(found, [4, 3, 2, 5], "{answer}");
    assert!(answer.get("shortfall").is_none(), "{answer}");
    let (found, answer) = order("&genre=jazz").await;
    assert!(found.is_empty());
    assert_eq!(answer["shortfall"]["admitted"], 0, "{answer}");
    let refused = near(5, "").await.expect_err("it has no lyrics").to_string();
    assert!(
        refused.contains("embedding of the track in `lyrics`"),
        "{refused}"
    );
    served.stop().await;
}

const STEPS: usize = 24;

/// Tracks along a line in sound. Tempo and key come round every fourth track, the rest rises.
async fn fill_line(served: &Served) -> Vec<TrackId> {
    let parity = |number: usize| {
        if number.is_multiple_of(2) {
            "even"
        } else {
            "odd"
        }
    };
    let track = |number: usize| {
        json!({"title": format!("step {number}"), "artist": format!("artist {number}"),
            "album": parity(number), "genre": format!("genre {}", number % 3),
            "duration_ms": 100_000 + 10_000 * number, "release_date": (1980 + number).to_string(),
            "external_ids": {"t": number.to_string()}})
    };
    let tracks = put_tracks(served, (0..STEPS).map(track).collect()).await;
    for (number, track) in tracks.iter().enumerate() {
        let tempo = [90.0, 180.0, 45.0, 120.0][number % 4];
        let (key, mode) = [
            ("C", "major"),
            ("G", "major"),
            ("F#", "major"),
            ("A", "minor"),
        ][number % 4];
        let energy = number as f64 / STEPS as f64;
        let told = json!({"tempo_bpm": tempo, "key": key, "mode": mode, "energy": energy,
            "loudness_range_lu": number as f64});
        describe(served, *track, told).await;
    }
    let angle = |number: usize| u8::try_from(number).unwrap_or(u8::MAX);
    let vectors: Vec<(TrackId, Vec<f32>)> = (tracks.iter().enumerate())
        .map(|(number, track)| {
            let share = f32::from(angle(number)) / (STEPS - 1) as f32;
            (*track, vec![1.0 - share, share, 0.1])
        })
        .collect();
    let space = "leitmotif-audio-1".parse().expect("a space");
    let put = (served.platform.storage).upsert(&served.scope, &space, vectors);
    put.await.expect("vectors are written");
    // Track number n is played n times, so that popularity rises too.
    let plays = (0..STEPS).flat_map(|number| (0..number).map(move |play| (number, play)));
    let listens = plays.map(|(number, play)| {
        json!({"kind": "listen", "occurred_at": T0 - 60_000 * (1 + play as i64), "outcome": "completed",
            "listener": format!("p{play}"), "track": format!("t:{number}")})
    });
    let listens: Vec<Value> = listens.collect();
    let sent = (served.client)
        .post("/api/v1/events", &json!({ "events": listens }))
        .await;
    sent.expect("listens are taken");
    tracks
}

#[tokio::test(flavor = "multi_thread")]
async fn every_step_of_a_way_keeps_to_the_constraints() {
    type Holds = fn(usize) -> bool;
    let served = Served::start(T0).await;
    fill_line(&served).await;
    let draft = async |constraints: &Value| {
        let asked = json!({"kind": "path", "from": "t:0", "to": format!("t:{}", STEPS - 1), "count": 7,
            "constraints": constraints, "private": true});
        let answer = served.client.post("/api/v1/playlist-drafts", &asked).await;
        answer.expect("a way is found")
    };
    let cases: [(Value, Holds); 12] = [
        (json!({"bpm_min": 85, "bpm_max": 95}), |n| n % 4 != 3),
        (
            json!({"bpm_min": 85, "bpm_max": 95, "bpm_octaves": false}),
            |n| n % 4 == 0,
        ),
        (json!({"key": "C major"}), |n| n % 4 == 0),
        (json!({"key": "C major", "key_match": "relative"}), |n| {
            n % 4 == 0 || n % 4 == 3
        }),
        (json!({"key_match": "wheel"}), |n| n % 4 != 2),
        (json!({"energy_min": 0.25, "energy_max": 0.75}), |n| {
            (6..=18).contains(&n)
        }),
        (
            json!({"duration_min_ms": 150_000, "duration_max_ms": 250_000}),
            |n| (5..=15).contains(&n),
        ),
        (json!({"year_min": 1990}), |n| n >= 10),
        (json!({"genre": "Genre 1"}), |n| n % 3 == 1),
        (json!({"popularity_max": 50}), |n| n <= STEPS / 2),
        (json!({"text": "odd"}), |n| n % 2 == 1),
        (
            json!({"descriptors": "loudness_range_lu:4..9", "year_max": 1987}),
            |n| (4..=7).contains(&n),
        ),
    ];
    for (constraints, holds) in cases {
        let answer = draft(&constraints).await;
        let way = numbers(&answer);
        assert_eq!(
            (way.first(), way.last()),
            (Some(&0), Some(&(STEPS - 1))),
            "{answer}"
        );
        let between = &way[1..way.len() - 1];
        assert!(
            between.iter().all(|step| holds(*step)),
            "{constraints}: {way:?}"
        );
        let distinct: BTreeSet<&usize> = way.iter().collect();
        assert_eq!(distinct.len(), way.len(), "{constraints}: {way:?}");
        let admitted = (1..STEPS - 1).filter(|step| holds(*step)).count();
        assert_eq!(between.len(), admitted.min(5), "{constraints}: {way:?}");
        assert_eq!(answer["shortage"].is_string(), way.len() < 7, "{answer}");
    }
    // Nothing satisfies: the ends stay, and the sentence says why nothing lies between.
    let answer = draft(&json!({"year_min": 2100})).await;
    assert_eq!(numbers(&answer), [0, STEPS - 1]);
    let told = answer["shortage"].as_str().unwrap_or_default();
    let begins = format!("2 of 7 tracks: 0 of {STEPS} tracks satisfy");
    assert!(told.starts_with(&begins), "{told}");
    // So does the list of near tracks.
    let near = "/api/v1/tracks/t:0/similar?space=audio&bpm_near=2&year_min=2100";
    let near = served.client.get(near).await.expect("an answer");
    assert!(numbers(&near).is_empty());
    let reason = near["shortfall"]["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("year"), "{near}");
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_tracks_runs_by_any_descriptor() {
    let served = Served::start(T0).await;
    let client = &served.client;
    let tracks = fill_line(&served).await;
    let silent = json!({"title": "step 24", "artist": "nobody", "external_ids": {"t": "24"}});
    put_tracks(&served, vec![silent]).await;
    let walk = async |rest: &str, limit: usize| {
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("/api/v1/tracks?limit={limit}{rest}{cursor}");
            let page = client.get(&path).await.expect("a page");
            found.extend(numbers(&page));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return found,
            }
        }
    };
    let up: Vec<usize> = (0..=STEPS).collect();
    let down: Vec<usize> = (0..STEPS).rev().chain([STEPS]).collect();
    for limit in [1, 4, 200] {
        assert_eq!(walk("&sort=energy", limit).await, up);
        assert_eq!(
            walk("&sort=loudness_range_lu&order=desc", limit).await,
            down
        );
    }
    // Equal tempi by age; the unknown last either way.
    let by_tempo = walk("&sort=tempo_bpm&order=desc", 3).await;
    let rest = |rest: usize| (0..STEPS).filter(move |n| n % 4 == rest);
    let expected = rest(1)
        .chain(rest(3))
        .chain(rest(0))
        .chain(rest(2))
        .chain([STEPS]);
    assert_eq!(by_tempo, expected.collect::<Vec<_>>());
    // Filters hold, values are told, and pages do not shift when tracks go.
    let odd = client
        .get("/api/v1/tracks?q=odd&sort=energy&order=desc&limit=2")
        .await;
    let odd = odd.expect("a page");
    assert_eq!(numbers(&odd), [23, 21]);
    assert_eq!(odd["sort"]["by"], "energy");
    let value = odd["sort"]["values"][1].as_f64().unwrap_or_default();
    assert!((value - 21.0 / 24.0).abs() < 1e-6, "{odd}");
    let gone = served
        .platform
        .storage
        .delete_track(&served.scope, tracks[23]);
    assert!(gone.await.expect("it is removed"));
    let cursor = odd["next_cursor"].as_str().unwrap_or_default();
    let next = format!("/api/v1/tracks?q=odd&sort=energy&order=desc&limit=2&cursor={cursor}");
    assert_eq!(numbers(&client.get(&next).await.expect("a page")), [19, 17]);
    for (wrong, told) in [
        ("sort=loudness", "loudness_range_lu"),
        ("sort=key", "tempo_bpm"),
        ("order=desc", "sort"),
        (&format!("sort=tempo_bpm&cursor={cursor}"), "cursor"),
    ] {
        let refused = client.get(&format!("/api/v1/tracks?{wrong}")).await;
        let refused = refused.expect_err("it is refused").to_string();
        assert!(refused.contains(told), "{wrong}: {refused}");
    }
    served.stop().await;
}
