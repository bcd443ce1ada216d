//! What was learnt: models, heads and features.

use leitmotif_api::native::features::distribution::DistributionAnswer;
use leitmotif_api::native::features::past::ParityAnswer;
use leitmotif_api::native::features::views::{FeatureAnswer, ViewAnswer, ViewSummary, ViewsAnswer};
use leitmotif_api::native::heads::{
    HeadAnswer, HeadMeasureAnswer, HeadsAnswer, IntervalAnswer, NeedAnswer, NeedsAnswer,
    ValueHeadAnswer, ValueMeasureAnswer,
};
use leitmotif_api::native::lyrics_space::LyricsSpaceAnswer;
use leitmotif_api::native::training::{ModelAnswer, ModelsAnswer};
use maud::Markup;
use serde_json::json;

use super::super::super::*;
use super::{AT, HOSTILE, more, some_jobs, text};

/// A model whose report has every part, with hostile names wherever a name can be.
fn a_model(is_production: bool) -> ModelAnswer {
    let interval = json!({"low": 0.1, "high": 0.2});
    let row = json!({"ndcg_at_10": 0.125, "recall_at_20": 0.5, "interval": interval});
    let point = json!({"diversity": 0.5, "ndcg_at_10": 0.1, "intra_list_diversity": 0.3,
        "coverage": 0.2, "is_efficient": true, "interval": interval});
    ModelAnswer {
        id: text(),
        name: text(),
        created_at: AT,
        log_offset: 1,
        is_production,
        report: json!({
            "listens": 4000, "warnings": [HOSTILE],
            "ladder": {"listeners": 12, "blend": row, "ranked": row},
            "promotion": {"is_promoted": false, "reason": HOSTILE},
            "ranker": {"is_in_use": true, "columns": [[HOSTILE, 0.5]]},
            "ablation": {"listeners": 3, "listeners_held_out": 9, "groups": [
                {"group": HOSTILE, "columns": 2, "difference": -0.01, "interval": interval}]},
            "pareto": {"listeners": 3, "listeners_held_out": 9, "points": [point]},
            "listened": {"listens": 12, "mae": 0.2, "interval": interval, "is_in_use": true},
            "steps": {"steps": 900, "steps_judged": 300, "listeners": 12, "weights": {"tempo": 0.5, HOSTILE: 1},
                "worst_logits": 2.5, "convention": {"tempo": 0.35, "key": HOSTILE}, "gain": 0.001,
                "interval": interval, "is_in_use": true, "reason": HOSTILE},
            "moments": {"values": [{"aspect": "device", "name": HOSTILE, "listens": 300}], "weight": 0.2,
                "listeners": 12, "told_ndcg_at_10": 0.3, "untold_ndcg_at_10": 0.2, "difference": 0.1, "interval": interval},
            "exposures": {"lists": 9, "refused": HOSTILE,
                "examination": [{"position": 1, "share": 1.0, "log_error": HOSTILE}]},
            "data": {"listens": 4000, "skips": 7},
            "stages": [{"stage": HOSTILE, "duration_ms": 12, "is_resumed": true}],
            "cold": {"tracks": 40, "mapped_recall_at_20": 0.5, "content_recall_at_20": HOSTILE, "is_in_use": true},
            "newcomers": {"listeners": 40, "chosen": {"tracks_max": 3},
                "rows": [{"known": 0, "answered_ndcg_at_10": 0.25, "blend_ndcg_at_10": null},
                    {"known": 1, "answered_ndcg_at_10": HOSTILE, "blend_ndcg_at_10": 0.5}]},
            "neighbours": {"kept": "item_cosine", "trials": [
                {"settings": "item_cosine", "ndcg_at_10": 0.125},
                {"settings": {HOSTILE: {HOSTILE: 3}}, "ndcg_at_10": HOSTILE},
                {"settings": {"ease": {"lambda": 20.0}}, "ndcg_at_10": 0.1}]},
            "search": {"source_trials": [{"settings": {HOSTILE: 3}, "ndcg_at_10": 0.2}]},
            "blend": {HOSTILE: HOSTILE}
        }),
    }
}

pub(super) fn some_models() -> [Markup; 2] {
    let models = ModelsAnswer {
        models: vec![a_model(true), a_model(false)],
        page: more(),
    };
    [
        models::models_body(&models, false, true),
        models::model_body(&a_model(false), true),
    ]
}

pub(super) fn some_lyrics_space() -> Markup {
    let answer = LyricsSpaceAnswer {
        space: Some(text()),
        learned_at: Some(AT),
        songs: 60,
        words: 900,
        dimensions: 128,
        tracks: 58,
        tracks_with_lyrics: 60,
        songs_needed: 100,
        songs_max: 1_000,
    };
    let last = some_jobs("dead").jobs.pop();
    lyrics_space::lyrics_space_body(&answer, last.as_ref(), true)
}

pub(super) fn some_heads() -> Markup {
    let interval = |value: f64| IntervalAnswer {
        value,
        low: value - 0.1,
        high: value + 0.1,
    };
    let measure = HeadMeasureAnswer {
        prevalence: 0.2,
        average_precision: interval(0.7),
        skill: interval(0.65),
        roc_auc: interval(0.9),
        f1: interval(f64::NAN),
        f1_of_yes: 0.3,
    };
    let need = NeedAnswer {
        have: 7,
        need: 20,
        missing: 13,
    };
    let head = |state, reason: Option<String>, measure| HeadAnswer {
        name: text(),
        kind: "genre",
        label: text(),
        tracks: 7,
        artists: 2,
        state,
        reason,
        missing: None,
        needs: Some(NeedsAnswer {
            tracks: need,
            artists: need,
            other_tracks: None,
            other_artists: None,
        }),
        measure,
    };
    let value_measure = ValueMeasureAnswer {
        skill: interval(0.4),
        mean_error: interval(f64::NAN),
        mean_error_of_mean: 0.2,
        near: interval(0.6),
    };
    let value = |state, reason: Option<String>, measure| ValueHeadAnswer {
        name: "valence",
        tracks: 50,
        artists: 12,
        state,
        reason,
        missing: None,
        needs: None,
        measure,
    };
    let answer = HeadsAnswer {
        model: Some(text()),
        trained_at: Some(AT),
        is_stale: true,
        bar: 0.5,
        genre_tracks: 7,
        mood_tracks: 0,
        unmeasured_tracks: 3,
        labels_left_out: 1,
        inputs: vec![text()],
        value_bar: 0.25,
        values: vec![
            value("shown", None, Some(value_measure)),
            value("too_few", Some(text()), None),
        ],
        heads: vec![
            head("shown", None, Some(measure)),
            head("too_few", Some(text()), None),
        ],
        page: more(),
    };
    let last = some_jobs("dead").jobs.pop();
    heads::heads_body(&answer, last.as_ref(), true, false)
}

pub(super) fn some_features() -> [Markup; 2] {
    let summary = || ViewSummary {
        name: text(),
        description: text(),
        entity: "track",
        join_keys: vec![text()],
        version: Some(1),
        ttl_s: Some(3_600),
        feature_count: 1,
        entity_count: 2,
        refused: 0,
        memory_bytes: 1_000,
    };
    let views = ViewsAnswer {
        views: vec![summary()],
        through_offset: 9,
        shared_bytes: 10,
    };
    let parity = ParityAnswer {
        rows: 1,
        values: 2,
        differing: 1,
        difference_max: 0.5,
    };
    let feature = |event, combination| FeatureAnswer {
        name: text(),
        description: text(),
        value_type: "number",
        event,
        made_of: vec![text()],
        combination,
        services: vec![text()],
    };
    let view = ViewAnswer {
        summary: summary(),
        features: vec![feature(Some("listen"), None), feature(None, Some("ratio"))],
        through_offset: 9,
        newest: Some(AT),
        text: text(),
    };
    let distribution = DistributionAnswer {
        feature: text(),
        entity_count: 2,
        null_count: 1,
        min: Some(1.0),
        max: Some(1.0),
        mean: Some(1.0),
        bins: vec![1; 20],
    };
    [
        features::views_body(&views, Some(&parity)),
        features::view_body(&view, Some(&distribution)),
    ]
}
