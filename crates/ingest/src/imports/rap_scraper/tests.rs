//! The rules of the mapping, one test each.

use leitmotif_domain::statement::{StatementKind, StatementStatus};
use serde_json::{Map, Value, json};

use super::*;

fn row(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn track(value: Value) -> MappedTrack {
    let mut with_id = json!({"id": 34_265, "title": "T", "artist": "A"});
    let fields = with_id.as_object_mut().unwrap();
    fields.extend(row(value));
    map_track(fields).unwrap()
}

fn said_by<'t>(track: &'t MappedTrack, author: &str, kind: StatementKind) -> &'t MappedStatement {
    let mut found = track.statements.iter();
    found
        .find(|statement| statement.author == author && statement.kind == kind)
        .unwrap()
}

fn analysis(value: Value) -> MappedStatement {
    let mut fields = row(json!({"id": 1, "track_id": 7, "analyzer_type": "qwen-3-4b-fp8"}));
    fields.extend(row(value));
    map_analysis(&fields).unwrap().statement
}

#[test]
fn the_row_id_is_an_external_id() {
    let mapped = track(json!({}));
    assert_eq!(mapped.row_id, 34_265);
    assert_eq!(mapped.details.external_ids[SOURCE], "34265");
    assert!(map_track(&row(json!({"title": "T"}))).is_err());
    assert!(map_track(&row(json!({"id": 1, "title": " "}))).is_err());
    let spelled = map_track(&row(json!({"id": "12.0", "title": "T"}))).unwrap();
    assert_eq!(spelled.row_id, 12);
}

#[test]
fn every_id_is_kept_and_a_shared_one_belongs_to_the_first_row() {
    let spotify = json!({"id": "s1", "artists": [{"id": "a1", "name": "A"}]});
    let first = track(json!({"genius_id": 9, "spotify_data": spotify}));
    let ids = [("genius", "9".to_owned()), ("spotify", "s1".to_owned())];
    assert_eq!(first.ids, ids);
    let said = said_by(&first, "spotify", StatementKind::Provenance);
    assert_eq!(said.content["artists"], json!([{"id": "a1", "name": "A"}]));
    let second = track(json!({"id": 2, "genius_id": 10, "spotify_data": {"track_id": "s1"}}));
    let mut claims = IdClaims::default();
    assert_eq!(claims.claim(&first), ids);
    assert_eq!(claims.claim(&second), [("genius", "10".to_owned())]);
    assert_eq!(claims.claim(&first), ids);
    let mut audit = RapAudit::default();
    assert!(audit.track(&first) && audit.track(&second) && !audit.track(&first));
    let found = audit.finish(Vec::new()).tracks;
    assert_eq!((found.shared_id_groups, found.shared_id_tracks), (1, 2));
    assert_eq!((found.tracks, found.spotify_ids), (2, 1));
}

#[test]
fn artists_are_credited_as_spotify_confirms() {
    let credited =
        json!({"id": "s", "artists": [{"id": "1", "name": "A"}, {"id": "2", "name": "B"}]});
    let split = track(json!({"artist": "A feat. B", "spotify_data": credited}));
    assert_eq!(
        (split.details.artist.as_str(), split.artist_printed.as_str()),
        ("A", "A feat. B")
    );
    let said = said_by(&split, "spotify", StatementKind::Provenance);
    assert_eq!(said.content["artists_confirmed"], json!(["A", "B"]));
    assert_eq!(
        track(json!({"artist": "A feat. B"})).details.artist,
        "A feat. B"
    );
}

#[test]
fn dates_keep_their_precision() {
    let check = |own: Value, spotify: Value, expected: Option<(&str, &str)>, is_broken: bool| {
        let mapped = track(
            json!({"release_date": own, "spotify_data": {"id": "s", "release_date": spotify}}),
        );
        let date = mapped.details.release_date.as_ref();
        let found = date.map(|date| (date.as_str(), date.precision()));
        assert_eq!((found, mapped.has_unreadable_date), (expected, is_broken));
    };
    check(
        json!("2020-12-11"),
        json!(null),
        Some(("2020-12-11", "day")),
        false,
    );
    check(
        json!("2020"),
        json!("2021-01-01"),
        Some(("2020", "year")),
        false,
    );
    check(json!(1999), json!(null), Some(("1999", "year")), false);
    check(json!(null), json!("2020"), Some(("2020", "year")), false);
    check(
        json!(null),
        json!("2020-05"),
        Some(("2020-05", "month")),
        false,
    );
    check(
        json!("2020-12-11T00:00:00"),
        json!(null),
        Some(("2020-12-11", "day")),
        false,
    );
    check(json!("soon"), json!(null), None, true);
    check(json!(null), json!(null), None, false);
}

#[test]
fn a_missing_flag_is_taken_from_spotify_and_says_so() {
    let spotify = json!({"id": "s", "explicit": true});
    let taken = track(json!({"explicit": null, "spotify_data": spotify}));
    assert_eq!(
        (taken.details.explicit, taken.is_explicit_of_spotify),
        (Some(true), true)
    );
    let said = said_by(&taken, "spotify", StatementKind::Provenance);
    assert_eq!(said.content["explicit"], true);
    let own = track(json!({"explicit": false, "spotify_data": spotify}));
    assert_eq!(
        (own.details.explicit, own.is_explicit_of_spotify),
        (Some(false), false)
    );
    assert_eq!(track(json!({})).details.explicit, None);
}

#[test]
fn lyrics_are_no_part_of_any_statement_and_their_language_is_detected() {
    let words = "I walk along the river in the night\nand every lantern carries me a light";
    let mapped = track(json!({"lyrics": words, "url": "https://x.example/1", "language": "de"}));
    assert_eq!(mapped.lyrics.as_deref(), Some(words));
    for statement in &mapped.statements {
        assert!(!statement.content.to_string().contains("river"));
    }
    let said = said_by(&mapped, SOURCE, StatementKind::Provenance);
    assert_eq!(said.content["language"], "de");
    let mut audit = RapAudit::default();
    audit.track(&mapped);
    let found = audit.finish(Vec::new());
    assert_eq!(found.tracks.languages[0].name, "en");
    assert!(!serde_json::to_string(&found).unwrap().contains("river"));
    assert_eq!(track(json!({"lyrics": " \n"})).lyrics, None);
}

#[test]
fn vectors_go_to_the_space_of_their_column_model_and_dimension() {
    let mapped = track(json!({"lyrics_embedding": "[1, 0, 0.5]", "flow_embedding": [1, 2]}));
    let spaces: Vec<_> = mapped.vectors.iter().map(|v| v.space.as_str()).collect();
    assert_eq!(spaces, ["lyrics-unknown-3", "flow-unknown-2"]);
    let named = track(json!({"lyrics_embedding": [1, 0], "embedding_model": "BAAI/bge_Base v1.5"}));
    assert_eq!(named.vectors[0].space, "lyrics-baai-bge-base-v1-5-2");
    let long = track(json!({"lyrics_embedding": [1, 0], "embedding_model": "m".repeat(300)}));
    assert!(long.vectors[0].space.len() <= 64);
    let damaged = track(json!({"lyrics_embedding": "[1, ", "flow_embedding": [0, 0]}));
    assert_eq!((damaged.vectors.len(), damaged.warnings.len()), (0, 2));
    let none = track(json!({"lyrics_embedding": null}));
    assert_eq!((none.vectors.len(), none.warnings.len()), (0, 0));
}

#[test]
fn exact_duplicates_collapse_and_others_do_not() {
    let mut audit = RapAudit::default();
    audit.track(&track(json!({"id": 7})));
    let one = analysis(json!({"id": 1, "sentiment": "happy", "created_at": "2025-01-01T00:00:00"}));
    let again =
        analysis(json!({"id": 2, "sentiment": "happy", "created_at": "2025-02-01T00:00:00"}));
    let other = analysis(json!({"id": 3, "sentiment": "sad"}));
    let newer = analysis(json!({"id": 4, "sentiment": "happy", "model_version": "2"}));
    assert_eq!(audit.analysis(7, &one), RowFate::Sent);
    assert_eq!(audit.analysis(7, &again), RowFate::Duplicate);
    assert_eq!(audit.analysis(7, &other), RowFate::Sent);
    assert_eq!(audit.analysis(7, &newer), RowFate::Sent);
    assert_eq!(audit.analysis(8, &one), RowFate::Orphan);
    let found = audit.finish(Vec::new()).analyzers;
    assert_eq!(
        (found[0].rows, found[0].duplicate_rows, found[0].tracks),
        (4, 1, 1)
    );
    assert_eq!((found[1].version.as_str(), found[1].rows), ("2", 1));
}

#[test]
fn stand_ins_of_failed_analyzers_are_fallbacks() {
    let check = |value: Value, expected: StatementStatus| {
        assert_eq!(analysis(value.clone()).status, expected, "{value}");
    };
    let (good, fallback) = (StatementStatus::Good, StatementStatus::Fallback);
    check(
        json!({"confidence": 0, "sentiment": "neutral", "themes": "[]"}),
        fallback,
    );
    check(
        json!({"confidence": "0.0", "sentiment": "Neutral", "themes": null}),
        fallback,
    );
    check(
        json!({"confidence": 0.1, "sentiment": "neutral", "themes": []}),
        good,
    );
    check(
        json!({"confidence": 0, "sentiment": "sad", "themes": []}),
        good,
    );
    check(
        json!({"confidence": 0, "sentiment": "neutral", "themes": "['life']"}),
        good,
    );
    check(json!({"sentiment": "neutral", "themes": []}), good);
    let literal = |themes: Value| {
        json!({"confidence": 0.5, "analysis_data": {"content_analysis": {"main_themes": themes},
            "quality_metrics": {"overall_quality": 0.3, "ai_generated_likelihood": 0.5}}})
    };
    check(literal(json!([])), fallback);
    check(
        json!({"analysis_data": literal(json!([]))["analysis_data"].to_string()}),
        fallback,
    );
    check(literal(json!(["life"])), good);
}

#[test]
fn the_mock_is_quarantined() {
    let mocked = analysis(json!({"analyzer_type": "mock_analyzer_v1", "confidence": 0.9}));
    assert_eq!(mocked.status, StatementStatus::Quarantined);
    let mut audit = RapAudit::default();
    audit.track(&track(json!({"id": 7})));
    audit.analysis(7, &mocked);
    let found = audit.finish(Vec::new());
    assert_eq!(found.analyzers[0].quarantined_rows, 1);
    assert_eq!(found.agreements, []);
}

#[test]
fn themes_are_read_however_they_were_written() {
    for themes in [
        json!("[\"a\", \"b\"]"),
        json!("['a', 'b']"),
        json!("a, b"),
        json!(["a", "b"]),
    ] {
        let said = analysis(json!({ "themes": themes }));
        assert_eq!(said.content["themes"], json!(["a", "b"]), "{themes}");
    }
    assert_eq!(
        analysis(json!({"themes": null})).content["themes"],
        json!([])
    );
}

#[test]
fn language_models_have_opinions_and_programs_measure() {
    let kind = |author: &str| analysis(json!({ "analyzer_type": author })).kind;
    for author in [
        "qwen-3-4b-fp8",
        "gemma-3-27b-it",
        "ollama:llama3.2:3b",
        "multi_model",
        "new",
    ] {
        assert_eq!(kind(author), StatementKind::Opinion, "{author}");
    }
    for author in [
        "simplified_features",
        "simplified_features_v2",
        "emotion_analyzer_v2",
    ] {
        assert_eq!(kind(author), StatementKind::Measured, "{author}");
    }
    let scored = track(json!({"lyrics_quality_score": 0.8}));
    let said = said_by(&scored, "unknown", StatementKind::Opinion);
    assert_eq!(said.content, json!({"lyrics_quality_score": 0.8}));
    let features = row(
        json!({"id": 1, "track_id": 7, "rhyme_density": 0.5, "emotion_joy": null,
        "feature_version": "v2", "created_at": "x", "updated_at": "2025-01-01T00:00:00Z"}),
    );
    let mapped = map_features(&features).unwrap();
    assert_eq!(
        (mapped.track_row_id, mapped.statement.kind),
        (7, StatementKind::Measured)
    );
    assert_eq!(mapped.statement.version, "v2");
    assert_eq!(
        mapped.statement.content,
        json!({"data": {"features": {"rhyme_density": 0.5}}})
    );
}

#[test]
fn popularity_is_a_prior_of_its_day() {
    let spotify = json!({"id": "s", "popularity": 47, "migration_date": "2025-08-01T10:00:00"});
    let theirs = track(json!({"spotify_data": spotify, "created_at": "2025-09-09T00:00:00"}));
    let said = said_by(&theirs, "spotify", StatementKind::Prior);
    assert_eq!(
        said.content,
        json!({"popularity": 47, "snapshot": "2025-08-01"})
    );
    let own = track(
        json!({"popularity_score": 12, "scraped_date": "2024-02-03T04:05:06",
        "spotify_data": spotify}),
    );
    let said = said_by(&own, SOURCE, StatementKind::Prior);
    assert_eq!(
        (said.version.as_str(), &said.content["popularity"]),
        ("2024-02-03", &json!(12))
    );
    let undated = track(json!({"spotify_data": {"track_id": "s", "popularity": 3}}));
    assert_eq!(
        said_by(&undated, "spotify", StatementKind::Prior).version,
        ""
    );
    assert!(
        track(json!({"popularity_score": 400}))
            .statements
            .is_empty()
    );
}

#[test]
fn the_one_table_export_joins_a_track_with_an_analysis() {
    let cells = json!({"id": "5", "artist": "A", "title": "T", "lyrics": "la\nla", "word_count": "2",
        "explicit": null, "qwen_sentiment": "neutral", "qwen_confidence": "0.0", "qwen_themes": "[]",
        "qwen_complexity": "0.0", "spotify_data": "{\"track_id\": \"s\", \"release_date\": \"1999\"}",
        "lines_count": "2", "mood_label": "neutral", "quality_score": "0.0"});
    let (track, said) = map_table_row(&row(cells)).unwrap();
    assert_eq!(
        track.details.release_date.as_ref().unwrap().precision(),
        "year"
    );
    let said = said.unwrap();
    assert_eq!(
        (said.author.as_str(), said.status),
        (TABLE_ANALYZER, StatementStatus::Fallback)
    );
    let labels = said_by(&track, "table-labels", StatementKind::Opinion);
    assert_eq!(labels.status, StatementStatus::Fallback);
    let counts = said_by(&track, "table-counts", StatementKind::Measured);
    assert_eq!(counts.content, json!({"lines_count": "2"}));
    let bare = map_table_row(&row(json!({"id": 1, "title": "T"}))).unwrap();
    assert_eq!(bare.1, None);
}

proptest::proptest! {
    /// Whatever stands in the columns, a row is mapped or refused.
    #[test]
    fn any_row_is_mapped_or_refused(cells in proptest::collection::vec("[\\[\\]{}'\":,0-9a-z é\\-]{0,12}", 8)) {
        let names = ["id", "title", "artist", "release_date", "spotify_data", "themes",
            "lyrics_embedding", "track_id"];
        let mut fields: Map<String, Value> =
            names.iter().zip(cells).map(|(name, cell)| ((*name).to_owned(), cell.into())).collect();
        let _ = map_table_row(&fields);
        fields.insert("analyzer_type".to_owned(), "x".into());
        let _ = map_analysis(&fields);
        let _ = map_features(&fields);
    }
}
