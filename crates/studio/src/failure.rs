//! A problem as a page.

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use leitmotif_api::Problem;
use maud::{Markup, html};

use crate::layout::{Shell, page};

/// A page, or the problem that took its place.
pub type PageResult = Result<Html<String>, Failure>;

/// A [`Problem`] that is answered as a page in the studio's layout.
#[derive(Debug)]
pub struct Failure(pub Problem);

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = self.0.status();
        let markup = problem_page(status, self.0.detail());
        (status, Html(markup.into_string())).into_response()
    }
}

/// Draws status and detail of a problem.
pub fn problem_page(status: StatusCode, detail: &str) -> Markup {
    let title = status.canonical_reason().unwrap_or("Error");
    let body = html! {
        section.problem {
            p.problem-status { (status.as_u16()) }
            h1 { (title) }
            @if !detail.is_empty() { p { (detail) } }
            p { a href="/studio" { "Back to the overview" } }
        }
    };
    page(&Shell::bare(title), &body)
}

/// Wraps a finished page.
pub fn shown(markup: Markup) -> Html<String> {
    Html(markup.into_string())
}
