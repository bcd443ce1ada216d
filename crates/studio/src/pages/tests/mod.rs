//! Every page drawn from hostile answers, and the colours it is drawn in.

use leitmotif_api::native::analysis::{
    AnalysisAnswer, DescriptorAnswer, RhymeAnswer, WaveformAnswer,
};
use leitmotif_api::native::audits::parts::{
    Agreement, AnalyzerFindings, AuditDocument, ColumnFindings, Comparison, Disagreement,
    FaultFinding, Reanalysis, RhymeDetector, SharedId, SpaceFindings, TableAudit, Tally,
    TrackFindings,
};
use leitmotif_api::native::audits::{AuditSummaryAnswer, AuditsAnswer};
use leitmotif_api::native::constraints::{FilterAnswer, ShortfallAnswer};
use leitmotif_api::native::jobs::{JobAnswer, JobCountsAnswer, JobsAnswer};
use leitmotif_api::native::listeners::{
    HistoryAnswer, HistoryEntry, ListenerAnswer, ListenerDetailAnswer, ListenersAnswer, TasteTrack,
};
use leitmotif_api::native::overview::{OverviewAnswer, ProductionAnswer, SpaceAnswer};
use leitmotif_api::native::playlist_drafts::FlowTrack;
use leitmotif_api::native::playlists::{PlaylistAnswer, PlaylistsAnswer};
use leitmotif_api::native::recommendations::{
    ReasonAnswer, RecommendAnswer, RecommendedTrackAnswer,
};
use leitmotif_api::native::search::{
    FoundAnswer, HighlightAnswer, HighlightPartAnswer, LegsAnswer, SearchResults,
};
use leitmotif_api::native::similar::{SimilarAnswer, SimilarTrack};
use leitmotif_api::native::tracks::{LyricsAnswer, TrackAnswer, TracksAnswer, VerseLineAnswer};
use leitmotif_api::native::training::ModelAnswer;
use leitmotif_api::paging::PageInfo;
use leitmotif_domain::Timestamp;
use maud::Markup;
use serde_json::{Value, json};

use super::track::{CHAIN_COLOURS, NearForm, TrackPageQuery, TrackView, track_body};
use super::*;
use crate::assets::STYLE;
use crate::failure::problem_page;
use crate::layout::{DEMO_TENANT, Shell, page};

const HOSTILE: &str = r#"<script>alert(1)</script>" onload="x" style="y"#;
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
        external_ids: [(text(), text())].into(),
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
    };
    AnalysisAnswer {
        track: text(),
        analysed_at: AT,
        descriptors: vec![
            descriptor("tempo_bpm", Value::Null),
            descriptor("key", json!(HOSTILE)),
            descriptor("chroma", json!([0.1, 0.9])),
            descriptor(HOSTILE, json!({"a": HOSTILE})),
            descriptor("duration_ms", json!(60_000)),
            descriptor("sentiment", json!(HOSTILE)),
            descriptor("sentiment_arc", json!([HOSTILE, 1e300])),
            descriptor(
                "themes",
                json!([{"theme": HOSTILE, "line_ratio": 0.5}, HOSTILE]),
            ),
        ],
        beats_ms: vec![0, 500],
        downbeats_ms: vec![0],
        waveform: WaveformAnswer {
            minimum: vec![-3, -9],
            maximum: vec![3, 9],
        },
        rhymes: vec![RhymeAnswer {
            chain: 40,
            line: 0,
            start_char: 0,
            end_char: 8,
        }],
        failures: vec![text()],
        is_current: true,
    }
}

fn a_track_page() -> Markup {
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
        text: text(),
    };
    let answer = RecommendAnswer {
        request_id: text(),
        rung: "personalised",
        model_version: None,
        pipeline_version: None,
        degraded: Vec::new(),
        shortage: None,
        tracks: vec![RecommendedTrackAnswer {
            id: text(),
            title: text(),
            artist: String::new(),
            position: 1,
            score: 0.5,
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

fn some_jobs(state: &'static str) -> JobsAnswer {
    let job = |kind: &'static str| JobAnswer {
        id: text(),
        kind,
        subject: Some(text()),
        state,
        attempts: 3,
        progress_done: 1,
        progress_total: 4,
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
    let tracks = [place(true), place(false)];
    let one = playlists::playlist_body(&playlist, &tracks);
    let answer = PlaylistsAnswer {
        playlists: vec![playlist],
        page: more(),
    };
    [playlists::playlists_body(&answer, true, true), one]
}

fn an_audit() -> AuditDocument {
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
#[test]
fn an_audit_file_stands_alone() {
    let file = audit_report::audit_file(&an_audit());
    assert!(file.contains("<style>") && file.contains("258"));
    assert!(file.contains("&lt;script&gt;") && !file.contains("<script"));
    for outside in ["href=", "src=", "url(", "@import"] {
        assert!(!file.contains(outside), "{outside}");
    }
}

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

fn every_body() -> Vec<(&'static str, Markup)> {
    let library_query = library::LibraryQuery {
        q: text(),
        artist: text(),
        ..Default::default()
    };
    let tracks = TracksAnswer {
        tracks: vec![a_track()],
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
    vec![
        ("overview", an_overview()),
        ("library", library::library_body(&tracks, &library_query)),
        ("found", library::found_body(&some_found(), &library_query)),
        ("track", a_track_page()),
        ("listeners", listeners::listeners_body(&listeners, false)),
        ("listener", a_listener_page()),
        ("jobs", jobs::jobs_body(&some_jobs("dead"), &query, true)),
        ("playlists", list),
        ("playlist", one),
        ("audits", audits),
        ("audit", audit),
    ]
}

fn every_page() -> Vec<(&'static str, String)> {
    let shell = Shell {
        title: HOSTILE,
        section: "/studio",
        label: Some(HOSTILE),
        tenant: HOSTILE,
        module: Some("jobs.js"),
    };
    let framed = |(name, body): (&'static str, Markup)| (name, page(&shell, &body).into_string());
    let mut pages: Vec<_> = every_body().into_iter().map(framed).collect();
    let login = login::login_page(HOSTILE, Some(HOSTILE));
    pages.push(("login", login.into_string()));
    let not_found = problem_page(axum::http::StatusCode::NOT_FOUND, HOSTILE);
    pages.push(("problem", not_found.into_string()));
    pages
}

/// The tags of a page, each from `<` to the `>` that no quote holds.
fn tags(page: &str) -> Vec<String> {
    let mut tags = Vec::new();
    let (mut tag, mut is_inside, mut is_quoted) = (String::new(), false, false);
    for letter in page.chars() {
        match letter {
            '<' if !is_inside => (tag, is_inside) = (String::new(), true),
            '"' if is_inside => {
                is_quoted = !is_quoted;
                tag.push(letter);
            }
            '>' if is_inside && !is_quoted => {
                tags.push(std::mem::take(&mut tag));
                is_inside = false;
            }
            _ if is_inside => tag.push(letter),
            _ => {}
        }
    }
    tags
}

/// A tag with its attribute values taken out, so that only names are left.
fn bare(tag: &str) -> String {
    tag.split('"').step_by(2).collect()
}

#[test]
fn nothing_runs_or_styles_inline_and_hostile_text_stays_text() {
    for (name, page) in every_page() {
        assert!(!page.contains("<script>"), "{name}");
        assert!(page.contains("&lt;script&gt;"), "{name} shows the text");
        for tag in tags(&page) {
            let names = bare(&tag);
            assert!(!names.contains(" style="), "{name}: <{tag}>");
            assert!(!names.contains(" on"), "{name}: <{tag}>");
            if names.starts_with("script") {
                assert!(tag.contains("src=\"/studio/assets/"), "{name}: <{tag}>");
            }
            for attribute in ["src=\"", "href=\"", "action=\""] {
                for target in tag.split(attribute).skip(1) {
                    assert!(
                        target.starts_with('/') && !target.starts_with("//")
                            || target.starts_with('#'),
                        "{name}: <{tag}>"
                    );
                }
            }
        }
        assert!(!page.contains("<style"), "{name}");
        assert!(!page.contains("></script>x"), "{name}");
    }
}

#[test]
fn every_page_has_its_landmarks_and_tables_their_heads() {
    for (name, page) in every_page() {
        assert_eq!(page.matches("<main").count(), 1, "{name}");
        assert_eq!(page.matches("<h1").count(), 1, "{name}");
        assert!(page.contains("Skip to the content"), "{name}");
        assert_eq!(
            page.matches("<table").count(),
            page.matches("<caption").count(),
            "{name}"
        );
        for tag in tags(&page) {
            if tag.starts_with("th ") || tag == "th" {
                assert!(tag.contains("scope="), "{name}: <{tag}>");
            }
        }
        let mut ids: Vec<_> = page.split(" id=\"").skip(1).collect();
        ids.iter_mut()
            .for_each(|rest| *rest = rest.split('"').next().unwrap_or_default());
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count, "{name} uses an id twice");
    }
}

#[test]
fn unknown_is_said_and_evidence_given() {
    let page = a_track_page().into_string();
    assert!(page.contains("<span class=\"unknown\">unknown</span>"));
    assert!(page.contains("Confidence") && page.contains("Method") && page.contains("Version"));
    assert!(page.contains("class=\"rhyme chain-4\" title=\"Rhyme chain 41\""));
}

#[test]
fn the_demo_says_that_it_is_simulated() {
    let body = maud::html! {};
    let of = |tenant| {
        let shell = Shell {
            tenant,
            ..Shell::bare("x")
        };
        page(&shell, &body).into_string()
    };
    assert!(of(DEMO_TENANT).contains("Everything here is simulated"));
    assert!(!of("acme").contains("simulated"));
}

#[test]
fn a_ladder_shows_numbers_and_survives_their_absence() {
    let row = json!({"ndcg_at_10": 0.125});
    let shown = overview::ladder_section(&json!({"ladder": {"blend": row}})).into_string();
    assert!(
        shown.contains("0.125") && shown.contains("unknown"),
        "{shown}"
    );
    assert!(
        overview::ladder_section(&Value::Null)
            .into_string()
            .is_empty()
    );
}

#[test]
fn only_dead_jobs_can_be_tried_again_and_only_by_writers() {
    let drawn = |state, can_write| {
        let jobs = some_jobs(state);
        jobs::rows(&jobs.jobs, can_write).into_string()
    };
    assert!(drawn("dead", true).contains("/retry"));
    assert!(!drawn("dead", false).contains("/retry"));
    assert!(!drawn("running", true).contains("/retry"));
}

/// Values of a custom property in the light and the dark theme.
fn colour(name: &str) -> [[f64; 3]; 2] {
    let (light, rest) = STYLE
        .split_once("@media (prefers-color-scheme: dark)")
        .unwrap();
    let read = |sheet: &str| {
        let (_, rest) = sheet.split_once(&format!("--{name}: #")).unwrap();
        let channel = |place: usize| {
            let value = u8::from_str_radix(&rest[place..place + 2], 16).unwrap();
            let share = f64::from(value) / 255.0;
            if share <= 0.040_45 {
                share / 12.92
            } else {
                ((share + 0.055) / 1.055).powf(2.4)
            }
        };
        [channel(0), channel(2), channel(4)]
    };
    [read(light), read(rest)]
}

/// Contrast as WCAG 2.2 defines it.
fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
    let luminance = |[red, green, blue]: [f64; 3]| 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn every_text_is_readable_on_its_ground() {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for ink in ["ink", "quiet", "accent", "brass", "bad"] {
        for ground in ["ground", "raised", "sunken"] {
            pairs.push((ink.to_owned(), ground.to_owned()));
        }
    }
    pairs.push(("accent-ink".to_owned(), "accent".to_owned()));
    pairs.push(("ink".to_owned(), "mark".to_owned()));
    pairs.push(("accent".to_owned(), "mark".to_owned()));
    for chain in 0..CHAIN_COLOURS {
        pairs.push(("ink".to_owned(), format!("chain-{chain}")));
        assert!(STYLE.contains(&format!(".chain-{chain} {{")), "{chain}");
    }
    for (ink, ground) in pairs {
        for (theme, (ink_value, ground_value)) in ["light", "dark"]
            .into_iter()
            .zip(colour(&ink).into_iter().zip(colour(&ground)))
        {
            let found = contrast(ink_value, ground_value);
            assert!(found >= 4.5, "{ink} on {ground}, {theme}: {found:.2}");
        }
    }
}

#[test]
fn rhyme_colours_differ() {
    for theme in 0..2 {
        let colours: Vec<_> = (0..CHAIN_COLOURS)
            .map(|chain| colour(&format!("chain-{chain}"))[theme])
            .collect();
        for (place, one) in colours.iter().enumerate() {
            for other in &colours[place + 1..] {
                assert_ne!(one, other);
            }
        }
    }
}
