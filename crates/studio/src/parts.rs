//! Small pieces that several pages draw.

use leitmotif_api::paging::PageInfo;
use maud::{Markup, html};

use crate::links;

/// Leads to the next page of a listing, and to its beginning from any later one. The way back is
/// the browser's.
pub fn pager(
    path: &str,
    pairs: &[(&str, Option<&str>)],
    info: &PageInfo,
    is_first: bool,
) -> Markup {
    let next = info.next_cursor.as_deref().map(|cursor| {
        let mut pairs = pairs.to_vec();
        pairs.push(("cursor", Some(cursor)));
        links::with_query(path, &pairs)
    });
    html! {
        @if next.is_some() || !is_first {
            nav.pager aria-label="Pages" {
                @if !is_first {
                    a href=(links::with_query(path, pairs)) { "First page" }
                }
                @if let Some(next) = next {
                    a rel="next" href=(next) { "Next page" }
                } @else {
                    span.quiet { "End of the list" }
                }
            }
        }
    }
}

/// A horizontal bar: `share` of the whole width, 0..=1.
pub fn bar(share: f64, class: &str) -> Markup {
    let share = if share.is_finite() { share } else { 0.0 };
    let width = format!("{:.1}", share.clamp(0.0, 1.0) * 100.0);
    html! {
        svg class={ "bar " (class) } viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" {
            rect.bar-ground x="0" y="0" width="100" height="8" rx="2" {}
            rect.bar-value x="0" y="0" width=(width) height="8" rx="2" {}
        }
    }
}

/// A bar with the 95 % interval of its value over it, all shares of the whole width.
pub fn bar_with_interval(share: f64, low: f64, high: f64) -> Markup {
    let at = |share: f64| {
        let share = if share.is_finite() { share } else { 0.0 };
        format!("{:.1}", share.clamp(0.0, 1.0) * 100.0)
    };
    html! {
        svg.bar.bar-wide viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" {
            rect.bar-ground x="0" y="0" width="100" height="8" rx="2" {}
            rect.bar-value x="0" y="0" width=(at(share)) height="8" rx="2" {}
            line.bar-interval x1=(at(low)) y1="4" x2=(at(high)) y2="4" {}
        }
    }
}

/// The place for announcements that assistive technology reads out.
pub fn announcer() -> Markup {
    html! { p.heard role="status" aria-live="polite" data-announce {} }
}

/// An announcement that is also seen, from the moment there is one.
pub fn notice() -> Markup {
    html! { p.notice.notice-live role="status" aria-live="polite" data-announce {} }
}

/// What stands in place of an empty table.
pub fn empty(text: &str) -> Markup {
    html! { p.empty { (text) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(next: Option<&str>) -> PageInfo {
        PageInfo {
            has_more: next.is_some(),
            next_cursor: next.map(str::to_owned),
        }
    }

    #[test]
    fn a_pager_keeps_the_filter() {
        let pairs = [("q", Some("a b")), ("genre", None)];
        let first = pager("/studio/library", &pairs, &info(Some("C-1")), true).into_string();
        assert!(
            first.contains(r#"href="/studio/library?q=a%20b&amp;cursor=C-1""#),
            "{first}"
        );
        assert!(!first.contains("First page"));
        let last = pager("/studio/library", &pairs, &info(None), false).into_string();
        assert!(last.contains(r#"href="/studio/library?q=a%20b""#), "{last}");
        assert!(!last.contains("Next page"));
        assert!(pager("/l", &[], &info(None), true).into_string().is_empty());
    }

    #[test]
    fn a_bar_stays_in_its_frame() {
        assert!(bar(7.0, "x").into_string().contains("width=\"100.0\""));
        assert!(bar(f64::NAN, "x").into_string().contains("width=\"0.0\""));
    }
}
