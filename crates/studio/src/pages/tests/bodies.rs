//! Every page drawn from answers whose every text is hostile.

mod learning;
mod metrics;
mod plugins;
mod webhooks;

use leitmotif_api::native::analysis::{
    AnalysisAnswer, DescriptorAnswer, LoudnessCurveAnswer, RhymeAnswer, WaveformAnswer,
};
use leitmotif_api::native::audits::parts::{
    Agreement, AnalyzerFindings, AuditDocument, ColumnFindings, Comparison, Disagreement,
    FaultFinding, Reanalysis, RhymeDetector, SharedId, SpaceFindings, StandIn, TableAudit, Tally,
    TrackFindings,
};
use leitmotif_api::native::audits::{AuditSummaryAnswer, AuditsAnswer};
use leitmotif_api::native::compare::{
    ComparedTrack, ComparisonAnswer, SharedDescriptor, SpaceDistance,
};
use leitmotif_api::native::constraints::{FilterAnswer, ShortfallAnswer};
use leitmotif_api::native::duplicates::{
    DuplicateGroupAnswer, DuplicateTrackAnswer, DuplicatesAnswer,
};
use leitmotif_api::native::jobs::{JobAnswer, JobCountsAnswer, JobsAnswer};
use leitmotif_api::native::listeners::{
    HistoryAnswer, HistoryEntry, ListenerAnswer, ListenerDetailAnswer, ListenersAnswer, TasteTrack,
};
use leitmotif_api::native::overview::{OverviewAnswer, ProductionAnswer, SpaceAnswer};
use leitmotif_api::native::playlist_drafts::{FlowTrack, StepCostsBy};
use leitmotif_api::native::playlist_files::FlowAnswer;
use leitmotif_api::native::playlists::{PlaylistAnswer, PlaylistsAnswer};
use leitmotif_api::native::recommendations::{
    ReasonAnswer, ReasonText, RecommendAnswer, RecommendedTrackAnswer, Source,
};
use leitmotif_api::native::search::{
    FoundAnswer, HighlightAnswer, HighlightPartAnswer, LegsAnswer, SearchResults,
};
use leitmotif_api::native::similar::{SimilarAnswer, SimilarTrack};
use leitmotif_api::native::syllables::{SyllableAnswer, SyllablesAnswer};
use leitmotif_api::native::track_order::{SortAnswer, SortDirection};
use leitmotif_api::native::tracks::{LyricsAnswer, TrackAnswer, TracksAnswer, VerseLineAnswer};
use leitmotif_api::native::training::ModelAnswer;
use leitmotif_api::native::traits::{SpreadAnswer, TraitAnswer, TraitsAnswer};
use leitmotif_api::paging::PageInfo;
use leitmotif_domain::Timestamp;
use maud::Markup;
use serde_json::{Value, json};

use super::super::track::{CloseReading, NearForm, TrackPageQuery, TrackView, track_body};
use super::super::*;
use learning::{some_features, some_heads, some_lyrics_space, some_models};
pub(in crate::pages) use metrics::a_metric;
use metrics::some_metrics;
use plugins::some_plugins;
use webhooks::some_webhooks;

pub(super) const HOSTILE: &str = r#"<script>alert(1)</script>" onload="x" style="y"#;
const AT: Timestamp = Timestamp::from_ms(1_700_000_000_000);

fn text() -> String {
    HOSTILE.to_owned()
}

fn more() -> PageInfo {
    PageInfo {
        has_more: true,
        next_cursor: Some("NEXT".to_owned()),
    }
}

fn a_track() -> TrackAnswer {
    TrackAnswer {
        id: text(),
        title: text(),
        artist: text(),
        album: Some(text()),
        genre: Some(text()),
        release_date: Some("1999".to_owned()),
        duration_ms: None,
        explicit: None,
        track_number: None,
        popularity: None,
        external_ids: [(text(), text())].into(),
        artist_ids: [(text(), text())].into(),
        tags: vec![text()],
        has_audio: true,
        audio: None,
        has_lyrics: true,
        created_at: AT,
        updated_at: AT,
    }
}

fn an_analysis() -> AnalysisAnswer {
    let descriptor = |name: &str, value: Value| DescriptorAnswer {
        name: name.to_owned(),
        value,
        confidence: None,
        method: text(),
        version: text(),
        card: None,
        plugin: None,
        reason: Some(text()),
        evidence_count: None,
        evidence_unit: None,
    };
    AnalysisAnswer {
        track: text(),
        analysed_at: AT,
        descriptors: vec![
            descriptor("tempo_bpm", Value::Null),
            descriptor("key", json!("A")),
            descriptor("mode", json!("minor")),
            descriptor("key_alternative", json!(HOSTILE)),
            descriptor(
                "key_changes",
                json!([{"start_ms": 1, "key": HOSTILE, "mode": 3}]),
            ),
            descriptor(
                "chords",
                json!([{"start_ms": 0, "end_ms": 900, "chord": HOSTILE},
                    {"start_ms": 900, "end_ms": 60_000, "chord": "A:min"}]),
            ),
            descriptor("chroma", json!([0.1, 0.9])),
            descriptor(HOSTILE, json!({"a": HOSTILE})),
            descriptor("duration_ms", json!(60_000)),
            descriptor(
                "genre",
                json!([{"label": HOSTILE, "probability": 0.75}, HOSTILE]),
            ),
            descriptor("mood", Value::Null),
            descriptor("sentiment", json!(HOSTILE)),
            descriptor("sentiment_arc", json!([HOSTILE, 1e300])),
            descriptor(
                "themes",
                json!([{"theme": HOSTILE, "line_ratio": 0.5}, HOSTILE]),
            ),
            descriptor(
                "emotions",
                json!([{"emotion": HOSTILE, "share": 0.5, "words": [HOSTILE]}, HOSTILE]),
            ),
        ],
        beats_ms: vec![0, 500],
        downbeats_ms: vec![0],
        waveform: WaveformAnswer {
            minimum: vec![-3, -9],
            maximum: vec![3, 9],
        },
        loudness_curve: LoudnessCurveAnswer {
            step_ms: 1_000,
            momentary_lufs: vec![-12.0, -70.0],
            short_term_lufs: vec![-14.0, -70.0],
        },
        rhymes: vec![RhymeAnswer {
            chain: 40,
            line: 0,
            start_char: 0,
            end_char: 8,
            syllable_count: 2,
        }],
        remarks: Vec::new(),
        failures: vec![text()],
        is_current: true,
    }
}

pub(super) fn a_track_page() -> Markup {
    let line = VerseLineAnswer {
        text: text(),
        time_ms: Some(1_000),
    };
    track_body(&TrackView {
        track: a_track(),
        analysis: Some(an_analysis()),
        lyrics: Some(LyricsAnswer {
            text: text(),
            lines: vec![line],
            content_hash: String::new(),
        }),
        close: Some(CloseReading {
            syllables: SyllablesAnswer {
                lines: Some(vec![vec![SyllableAnswer {
                    start_char: 1,
                    end_char: 9,
                    stress: 1,
                    begins_word: true,
                    is_guessed: true,
                }]]),
            },
            traits: TraitsAnswer {
                track: text(),
                traits: vec![TraitAnswer {
                    name: "rhyme_density_ratio".to_owned(),
                    unit: text(),
                    value: json!(HOSTILE),
                    tracks_known: 40,
                    percentile: Some(12.0),
                    spread: Some(SpreadAnswer {
                        low: 0.0,
                        high: 0.0,
                        counts: vec![0, 40],
                    }),
                }],
            },
        }),
        spaces: vec![SpaceAnswer {
            name: text(),
            tracks: 1,
        }],
        near: Some(SimilarAnswer {
            space: text(),
            tracks: vec![SimilarTrack {
                id: text(),
                title: text(),
                artist: text(),
                distance: 0.25,
            }],
            shortfall: Some(ShortfallAnswer {
                reason: text(),
                tracks: 3,
                admitted: 1,
                lacking: Default::default(),
                outside: Default::default(),
            }),
        }),
        query: TrackPageQuery {
            space: Some(text()),
            queued: Some(text()),
            words: Some(text()),
            near: NearForm {
                text: text(),
                genre: text(),
                ..NearForm::default()
            },
        },
        can_write: true,
    })
}

fn a_listener() -> ListenerAnswer {
    ListenerAnswer {
        id: text(),
        name: text(),
        created_at: AT,
    }
}

fn a_recommendation() -> Markup {
    let reason = ReasonAnswer {
        source: "taste",
        contribution: 0.5,
        because_of: None,
        text: ReasonText {
            source: Source::Neighbours,
            title: Some(HOSTILE.into()),
        },
    };
    let answer = RecommendAnswer {
        request_id: text(),
        rung: "personalised",
        model_version: None,
        pipeline_version: None,
        objectives: Vec::new(),
        degraded: Vec::new(),
        shortage: None,
        tracks: vec![RecommendedTrackAnswer {
            id: text(),
            title: text(),
            artist: String::new(),
            position: 1,
            score: 0.5,
            expected_listened_share: None,
            reasons: vec![reason],
        }],
        trace: Vec::new(),
    };
    recommended::recommended_section(&a_listener(), &answer, true)
}

fn a_listener_page() -> Markup {
    let drawn = TasteTrack {
        track: text(),
        title: text(),
        signal: -1.5,
        plays: 1,
        skips: 1,
    };
    let detail = ListenerDetailAnswer {
        listener: a_listener(),
        plays: 0,
        skips: 0,
        likes: vec![drawn.clone()],
        dislikes: vec![drawn],
    };
    let entry = HistoryEntry {
        offset: 1,
        occurred_at: AT,
        kind: "listen",
        track: Some(text()),
        title: Some(text()),
        detail: text(),
        played_ms: None,
        request_id: None,
    };
    let history = HistoryAnswer {
        events: vec![entry],
        page: more(),
    };
    maud::html! {
        (listener::taste_header(&detail))
        (listener::taste(&detail))
        (listener::history_section(HOSTILE, &history, true))
        (a_recommendation())
    }
}

pub(super) fn some_jobs(state: &'static str) -> JobsAnswer {
    let job = |kind: &'static str| JobAnswer {
        id: text(),
        kind,
        subject: Some(text()),
        state,
        attempts: 3,
        progress_done: 1,
        progress_total: 4,
        stage: Some(HOSTILE),
        error: Some(text()),
        created_at: AT,
        updated_at: AT,
    };
    JobsAnswer {
        counts: JobCountsAnswer::default(),
        jobs: vec![job("analyze_track"), job("scan_folder")],
        page: more(),
    }
}

fn an_overview() -> Markup {
    let row = json!({"ndcg_at_10": 0.125, "recall_at_20": 0.5});
    let ladder = json!({"listeners": 12, "random": row, "popularity": row, "item_item": row,
        "content": row, "ials": row, "blend": row});
    let model = ModelAnswer {
        id: text(),
        name: text(),
        created_at: AT,
        log_offset: 1,
        is_production: true,
        report: json!({"ladder": ladder, "listens": 4000, "blend": {HOSTILE: HOSTILE}}),
    };
    let counts = OverviewAnswer {
        tenant: text(),
        tracks: 1_234,
        with_audio: 0,
        with_lyrics: 0,
        analysed: 0,
        artists: 0,
        listeners: 0,
        playlists: 0,
        events: 0,
        jobs: JobCountsAnswer::default(),
        spaces: vec![SpaceAnswer {
            name: text(),
            tracks: 1,
        }],
        model: Some(ProductionAnswer {
            id: text(),
            created_at: AT,
            events_behind: 3,
        }),
    };
    overview::overview_body(&counts, &some_jobs("running"), Some(&model))
}

fn some_playlists() -> [Markup; 2] {
    let playlist = PlaylistAnswer {
        id: text(),
        name: text(),
        description: text(),
        owner: Some(text()),
        tracks: vec![text(), text()],
        created_at: AT,
        updated_at: AT,
    };
    let place = |known: bool| FlowTrack {
        id: text(),
        title: text(),
        artist: text(),
        duration_ms: known.then_some(61_000),
        tempo_bpm: known.then_some(92.0),
        key: known.then(text),
        energy: known.then_some(0.5),
        step_cost: known.then_some(0.25),
    };
    let flow = FlowAnswer {
        tracks: vec![place(true), place(false)],
        step_costs_by: StepCostsBy::Listening,
    };
    let one = playlists::playlist_body(&playlist, &flow, true);
    let answer = PlaylistsAnswer {
        playlists: vec![playlist],
        page: more(),
    };
    [playlists::playlists_body(&answer, true, true), one]
}

pub(super) fn an_audit() -> AuditDocument {
    let tallies = || {
        vec![Tally {
            name: text(),
            count: 3,
        }]
    };
    let column = ColumnFindings {
        name: text(),
        filled: 1,
        distinct: 1,
        is_distinct_at_bound: true,
        labels: tallies(),
        stand_ins: vec![StandIn {
            value: text(),
            count: 2,
            share: f64::NAN,
            neighbours_max: Some(1),
        }],
    };
    let table = TableAudit {
        name: text(),
        rows_in: 1_000,
        rows_out: 999,
        faults: vec![FaultFinding {
            line: 7,
            reason: text(),
            is_used: false,
        }],
        columns: vec![column],
        constant_columns: vec![text()],
        identical_columns: vec![(text(), text())],
        ..TableAudit::default()
    };
    let shared = SharedId {
        id: text(),
        track_count: 2,
        tracks: vec![text()],
    };
    AuditDocument {
        source: text(),
        tables: vec![table.clone(), table],
        tracks: TrackFindings {
            languages: tallies(),
            dates: tallies(),
            shared_ids: vec![shared],
            ..TrackFindings::default()
        },
        analyzers: vec![AnalyzerFindings {
            author: text(),
            fallback_rows: 258,
            ..Default::default()
        }],
        spaces: vec![SpaceFindings {
            name: text(),
            column: text(),
            model: None,
            dimension: 2,
            vectors: 1,
        }],
        agreements: vec![Agreement {
            field: text(),
            first: text(),
            second: text(),
            tracks: 2,
            same_share: 0.5,
            kappa: None,
        }],
        reanalysis: Some(Reanalysis {
            comparisons: vec![Comparison {
                field: text(),
                author: text(),
                tracks: 2,
                theirs_mean: 1.0,
                ours_mean: 2.0,
                difference_mean: 1.0,
                correlation: Some(0.5),
            }],
            disagreements: vec![Disagreement {
                track: text(),
                title: text(),
                field: text(),
                author: text(),
                theirs: 1.0,
                ours: 2.0,
                deviations: 3.0,
            }],
            ..Reanalysis::default()
        }),
        rhyme_detectors: vec![RhymeDetector {
            name: text(),
            f1: 0.5,
            basis: text(),
        }],
    }
}

fn some_audits() -> [Markup; 2] {
    let summary = AuditSummaryAnswer {
        id: text(),
        created_at: AT,
        source: text(),
        tracks: 1,
        rows: 2,
        rejected_rows: 3,
        changed: 4,
    };
    let answer = AuditsAnswer {
        audits: vec![summary],
        page: more(),
    };
    let one = maud::html! { h1 { "Import audit" } (audit_report::report(&an_audit())) };
    [audits::audits_body(&answer, true), one]
}

/// The file has its styles inside and nothing that runs or leads out.
fn some_found() -> SearchResults {
    let part = |is_match| HighlightPartAnswer {
        text: text(),
        is_match,
    };
    let highlight = |field| HighlightAnswer {
        field,
        parts: vec![part(false), part(true)],
    };
    SearchResults {
        words: text(),
        filters: vec![FilterAnswer {
            text: text(),
            name: "genre",
            min: None,
            max: None,
            values: vec![text()],
        }],
        found: 1,
        tracks: vec![FoundAnswer {
            track: a_track(),
            score: 1.5,
            legs: LegsAnswer::default(),
            found_by: "words",
            highlights: vec![highlight("title"), highlight("lyrics")],
        }],
        page: more(),
    }
}

fn some_duplicates() -> Markup {
    let track = |id: &str| DuplicateTrackAnswer {
        id: id.to_owned(),
        title: text(),
        artist: text(),
        album: Some(text()),
        duration_ms: Some(60_000),
        extension: Some(text()),
        size_bytes: Some(1_000),
        bit_error_rate: Some(0.1),
        offset_s: Some(0.0),
    };
    let answer = DuplicatesAnswer {
        searched_at: Some(AT),
        fingerprinted: 2,
        groups: vec![DuplicateGroupAnswer {
            id: "a".to_owned(),
            kind: "shared id",
            shared_id: Some(text()),
            state: "open",
            canonical: "a".to_owned(),
            tracks: vec![track("a"), track("b")],
        }],
        page: more(),
    };
    duplicates::duplicates_body(&answer, false)
}

fn a_comparison() -> Markup {
    let shared = |name: &str, comparison: Option<&str>| SharedDescriptor {
        name: name.to_owned(),
        unit: text(),
        track: json!(HOSTILE),
        other: json!(1e300),
        difference: None,
        distance: comparison.map(|_| 0.25),
        comparison: comparison.map(str::to_owned),
        pairs_ratio: comparison.map(|_| 0.000_1),
        track_percentile: None,
        other_percentile: Some(12.0),
        tracks_known: 3,
    };
    let track = || ComparedTrack {
        id: text(),
        title: text(),
        artist: text(),
    };
    compare::compared_body(&compare::Compared {
        answer: ComparisonAnswer {
            track: track(),
            other: track(),
            catalogue_tracks: 40,
            strongest: vec!["tempo_bpm".to_owned(), text()],
            descriptors: vec![
                shared("tempo_bpm", Some("octaves")),
                shared(HOSTILE, Some(HOSTILE)),
                shared(HOSTILE, None),
            ],
            spaces: vec![SpaceDistance {
                space: text(),
                distance: None,
            }],
        },
        analyses: [Some(an_analysis()), None],
    })
}

fn a_choice() -> Markup {
    compare::choosing_body(&compare::Choosing {
        track: Some(a_track()),
        found: Some(some_found()),
        query: compare::CompareQuery {
            q: text(),
            ..Default::default()
        },
    })
}

fn a_map() -> Markup {
    let space = SpaceAnswer {
        name: text(),
        tracks: 3,
    };
    map::map_body(
        &[space],
        HOSTILE,
        &leitmotif_api::native::map::traits_known(),
    )
}

pub(super) fn every_body() -> Vec<(&'static str, Markup)> {
    let library_query = library::LibraryQuery {
        q: text(),
        artist: text(),
        ..Default::default()
    };
    let tracks = TracksAnswer {
        tracks: vec![a_track()],
        sort: Some(SortAnswer {
            by: text(),
            order: SortDirection::Desc,
            values: vec![Some(1.0)],
        }),
        page: more(),
    };
    let listeners = ListenersAnswer {
        listeners: vec![a_listener()],
        page: more(),
    };
    let query = jobs::JobsPageQuery {
        state: text(),
        cursor: Some(text()),
    };
    let [list, one] = some_playlists();
    let [audits, audit] = some_audits();
    let [views, view] = some_features();
    let [metrics, metric] = some_metrics();
    let [webhooks, webhook] = some_webhooks();
    let [plugins, plugin] = some_plugins();
    let [models, model] = some_models();
    vec![
        ("overview", an_overview()),
        (
            "library",
            library::library_body(&tracks, &library_query, &[text()]),
        ),
        ("found", library::found_body(&some_found(), &library_query)),
        ("track", a_track_page()),
        ("listeners", listeners::listeners_body(&listeners, false)),
        ("listener", a_listener_page()),
        ("jobs", jobs::jobs_body(&some_jobs("dead"), &query, true)),
        ("playlists", list),
        ("playlist", one),
        ("webhooks", webhooks),
        ("webhook", webhook),
        ("plugins", plugins),
        ("plugin", plugin),
        ("metrics", metrics),
        ("metric", metric),
        ("audits", audits),
        ("audit", audit),
        ("duplicates", some_duplicates()),
        ("heads", some_heads()),
        ("lyrics space", some_lyrics_space()),
        ("compare", a_comparison()),
        ("choice of tracks", a_choice()),
        ("map", a_map()),
        ("feature views", views),
        ("feature view", view),
        ("models", models),
        ("model", model),
    ]
}
