//! Every page drawn from hostile answers, and the colours it is drawn in.

mod bodies;

use maud::Markup;
use serde_json::{Value, json};

use super::track::CHAIN_COLOURS;
use super::*;
use crate::assets::STYLE;
use crate::failure::problem_page;
use crate::layout::{DEMO_TENANT, Shell, page};

pub(in crate::pages) use bodies::a_metric;
use bodies::{HOSTILE, a_track_page, an_audit, every_body, some_jobs};

#[test]
fn an_audit_file_stands_alone() {
    let file = audit_report::audit_file(&an_audit());
    assert!(file.contains("<style>") && file.contains("258"));
    assert!(file.contains("&lt;script&gt;") && !file.contains("<script"));
    // A narrow screen scrolls in the tables, never the page.
    for (place, _) in file.match_indices("<table>") {
        let before = file[..place].rfind("<div").map(|start| &file[start..place]);
        assert!(
            before
                .is_some_and(|tag| tag.starts_with("<div class=\"scroll\"") && tag.ends_with('>')),
            "{before:?}"
        );
    }
    for outside in ["href=", "src=", "url(", "@import"] {
        assert!(!file.contains(outside), "{outside}");
    }
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
    assert!(page.contains("class=\"rhyme chain-4 rhyme-multi rhyme-inside\" title=\"Rhyme chain 41, 2 syllables, inside the line\""));
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
