//! In by key, out by button.

use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use leitmotif_api::middleware::auth::{COOKIE_NAME, verify};
use leitmotif_api::{ApiState, Problem};
use leitmotif_domain::tenant::Scope;
use maud::{Markup, html};
use serde::Deserialize;

use crate::failure::{Failure, PageResult, shown};
use crate::layout::{Shell, page};
use crate::links::local_path;

/// How long a browser stays signed in: 30 days. A revoked key ends it at once.
const COOKIE_AGE_S: u64 = 30 * 24 * 3_600;

/// Where to go after the login.
#[derive(Debug, Default, Deserialize)]
pub struct LoginQuery {
    next: Option<String>,
    weak: Option<String>,
}

/// The form.
#[derive(Deserialize)]
pub struct LoginForm {
    key: String,
    next: Option<String>,
}

/// Shows the form.
pub async fn show(Query(query): Query<LoginQuery>) -> PageResult {
    let next = local_path(query.next.as_deref());
    let complaint = query
        .weak
        .map(|_| "The key you are signed in with may not read. Use one that holds `read`.");
    Ok(shown(login_page(next, complaint)))
}

/// Verifies the key and keeps it in a cookie that scripts cannot read.
pub async fn submit(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Form(form): Form<LoginForm>,
) -> Result<Response, Failure> {
    let next = local_path(form.next.as_deref());
    if is_foreign(&headers) {
        return Err(Failure(Problem::denied(
            "this form was sent by another site; sign in from the page itself",
        )));
    }
    let key = form.key.trim();
    let complaint = match verify(&state, key).await? {
        Some(caller) if caller.principal.scopes().has(Scope::Read) => {
            let cookie = cookie_of(key, COOKIE_AGE_S, is_secure(&headers))?;
            return Ok(([(header::SET_COOKIE, cookie)], Redirect::to(next)).into_response());
        }
        Some(_) => "This key is valid but may not read. Use one that holds `read`.",
        None => "This key opens nothing. It may be mistyped, expired or revoked.",
    };
    let markup = login_page(next, Some(complaint));
    Ok((StatusCode::UNAUTHORIZED, Html(markup.into_string())).into_response())
}

/// Forgets the key.
pub async fn logout(headers: HeaderMap) -> Result<Response, Failure> {
    if is_foreign(&headers) {
        return Err(Failure(Problem::denied("another site asked for this")));
    }
    let cookie = cookie_of("", 0, is_secure(&headers))?;
    let to_login = Redirect::to("/studio/login");
    Ok(([(header::SET_COOKIE, cookie)], to_login).into_response())
}

fn cookie_of(key: &str, age_s: u64, is_secure: bool) -> Result<HeaderValue, Problem> {
    let secure = if is_secure { "; Secure" } else { "" };
    let text =
        format!("{COOKIE_NAME}={key}; HttpOnly; SameSite=Strict; Path=/; Max-Age={age_s}{secure}");
    HeaderValue::from_str(&text).map_err(|error| Problem::bug(&error))
}

/// Whether the browser reached us over TLS; then the cookie never travels without it.
fn is_secure(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    text(header::ORIGIN).is_some_and(|origin: &str| origin.starts_with("https://"))
}

/// Whether a browser says that another site sent the form.
fn is_foreign(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site");
    let site = site.and_then(|value| value.to_str().ok());
    if let Some(site) = site {
        return !matches!(site, "same-origin" | "none");
    }
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    match (text(header::ORIGIN), text(header::HOST)) {
        (Some(origin), Some(host)) => origin.split_once("://").map(|(_, from)| from) != Some(host),
        _ => false,
    }
}

/// Draws the form.
pub fn login_page(next: &str, complaint: Option<&str>) -> Markup {
    let body = html! {
        section.login {
            h1 { "Sign in" }
            p.quiet { "The studio opens with an API key. It stays in this browser, in a cookie that scripts cannot read." }
            @if let Some(complaint) = complaint {
                p.complaint #complaint role="alert" { (complaint) }
            }
            form method="post" action="/studio/login" {
                input type="hidden" name="next" value=(next);
                // Password managers file the key under a name.
                input type="text" autocomplete="username" value="Leitmotif API key" hidden;
                label for="key" { "API key" }
                input #key type="password" name="key" required autocomplete="current-password"
                    spellcheck="false" autocapitalize="none" autofocus
                    aria-describedby=[complaint.map(|_| "complaint")]
                    aria-invalid=[complaint.map(|_| "true")];
                button type="submit" { "Sign in" }
            }
        }
    };
    page(&Shell::bare("Sign in"), &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.insert(*name, value.parse().unwrap());
        }
        map
    }

    #[test]
    fn the_cookie_is_closed_to_scripts_and_strangers() {
        let plain = cookie_of("K", 60, false).unwrap();
        assert_eq!(
            plain,
            "leitmotif_key=K; HttpOnly; SameSite=Strict; Path=/; Max-Age=60"
        );
        let text = cookie_of("K", 60, true).unwrap();
        assert!(text.to_str().unwrap().ends_with("; Secure"));
        assert!(cookie_of("a\r\nb", 60, true).is_err());
    }

    #[test]
    fn a_foreign_form_is_refused() {
        let check = |pairs: &[(&'static str, &str)], expected: bool| {
            assert_eq!(is_foreign(&headers(pairs)), expected, "{pairs:?}");
        };
        check(&[], false);
        check(&[("sec-fetch-site", "same-origin")], false);
        check(&[("sec-fetch-site", "cross-site")], true);
        check(&[("origin", "http://h:1"), ("host", "h:1")], false);
        check(&[("origin", "http://evil"), ("host", "h:1")], true);
        check(&[("origin", "null"), ("host", "h:1")], true);
    }
}
