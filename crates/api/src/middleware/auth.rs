//! One credential in every spelling the field's clients use.

use std::collections::HashMap;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use leitmotif_domain::tenant::{ApiKeyRecord, PresentedKey, Principal, Scope};
use leitmotif_domain::{TenantScope, Timestamp};
use parking_lot::Mutex;

use crate::problem::Problem;
use crate::state::ApiState;

/// How long a key record is believed without asking the store again; a revoked key dies within.
const KEY_CACHE_MS: i64 = 2_000;
/// Keys remembered; at the bound the memory is emptied, which costs look-ups only.
const KEY_CACHE_MAX: usize = 10_000;
/// The studio's cookie.
pub const COOKIE_NAME: &str = "leitmotif_key";

/// Who calls, and whose data they may reach.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The key behind the request.
    pub principal: Principal,
    /// Permission to reach its tenant's data.
    pub scope: TenantScope,
}

/// Key records asked for lately.
#[derive(Default)]
pub struct KeyCache(Mutex<HashMap<String, (Timestamp, ApiKeyRecord)>>);

impl KeyCache {
    /// Forgets everything, after keys changed.
    pub fn clear(&self) {
        self.0.lock().clear();
    }

    async fn find(&self, state: &ApiState, prefix: &str) -> Result<Option<ApiKeyRecord>, Problem> {
        let now = state.clock.now();
        let cached = self.0.lock().get(prefix).cloned();
        if let Some((at, record)) = cached
            && (0..KEY_CACHE_MS).contains(&now.since_ms(at))
        {
            return Ok(Some(record));
        }
        let found = state.accounts.find_key(prefix).await?;
        let mut cache = self.0.lock();
        if cache.len() >= KEY_CACHE_MAX {
            cache.clear();
        }
        if let Some(record) = &found {
            cache.insert(prefix.to_owned(), (now, record.clone()));
        }
        Ok(found)
    }
}

/// Verifies the credential of a request, if it has one, and puts the [`Caller`] beside it.
pub async fn authenticate(
    State(state): State<ApiState>,
    mut request: Request,
    next: Next,
) -> Response {
    let presented = credential(request.headers(), request.uri(), request.method());
    if let Some(text) = presented {
        match verify(&state, &text).await {
            Ok(Some(caller)) => {
                request.extensions_mut().insert(caller);
            }
            Ok(None) => {}
            Err(problem) => return problem.into_response(),
        }
    }
    next.run(request).await
}

/// Verifies a key text; `None` when it opens nothing.
pub async fn verify(state: &ApiState, text: &str) -> Result<Option<Caller>, Problem> {
    let Ok(presented) = text.parse::<PresentedKey>() else {
        return Ok(None);
    };
    let Some(record) = state.keys.find(state, presented.prefix()).await? else {
        return Ok(None);
    };
    let verified = presented.verify(&record, state.clock.now());
    Ok(verified.map(|(principal, scope)| Caller { principal, scope }))
}

/// Finds the credential: `Authorization` (Bearer, Token, Basic), `x-api-key`, query `apiKey` or
/// `token`, or the studio's cookie.
fn credential(headers: &HeaderMap, uri: &Uri, method: &Method) -> Option<String> {
    if let Some(value) = text_of(headers, header::AUTHORIZATION.as_str()) {
        return of_authorization(value);
    }
    if let Some(value) = text_of(headers, "x-api-key") {
        return Some(value.to_owned());
    }
    if let Some(value) = of_query(uri) {
        return Some(value);
    }
    of_cookie(headers, method)
}

fn text_of<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn of_authorization(value: &str) -> Option<String> {
    let (scheme, rest) = value.trim().split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("token") {
        return Some(rest.to_owned());
    }
    if scheme.eq_ignore_ascii_case("basic") {
        let decoded = base64::engine::general_purpose::STANDARD
            .decode(rest)
            .ok()?;
        let text = String::from_utf8(decoded).ok()?;
        return text
            .split_once(':')
            .map(|(_, password)| password.to_owned());
    }
    None
}

fn of_query(uri: &Uri) -> Option<String> {
    uri.query()?.split('&').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        // Keys are made of letters, digits and `_`: nothing in them is ever escaped.
        (name == "apiKey" || name == "token").then(|| value.to_owned())
    })
}

/// The cookie counts for reading; for writing only when the browser says that the page is ours.
fn of_cookie(headers: &HeaderMap, method: &Method) -> Option<String> {
    let cookies = text_of(headers, header::COOKIE.as_str())?;
    let value = cookies.split(';').find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == COOKIE_NAME).then(|| value.to_owned())
    })?;
    let is_safe = method == Method::GET || method == Method::HEAD;
    let is_same_origin = text_of(headers, "sec-fetch-site")
        .is_some_and(|site| site == "same-origin")
        || is_own_origin(headers);
    (is_safe || is_same_origin).then_some(value)
}

fn is_own_origin(headers: &HeaderMap) -> bool {
    let origin = text_of(headers, header::ORIGIN.as_str());
    let host = text_of(headers, header::HOST.as_str());
    match (origin.and_then(|origin| origin.split_once("://")), host) {
        (Some((_, origin_host)), Some(host)) => origin_host == host,
        _ => false,
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| {
            Problem::unauthenticated(
                "send an API key that is valid, for example as `Authorization: Bearer lmk_…`",
            )
        })
    }
}

macro_rules! access {
    ($(#[$doc:meta])* $name:ident, $scope:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name(pub Caller);

        impl<S: Send + Sync> FromRequestParts<S> for $name {
            type Rejection = Problem;

            async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
                let caller = Caller::from_request_parts(parts, state).await?;
                if !caller.principal.scopes().has($scope) {
                    let name = $scope.name();
                    return Err(Problem::denied(format!("the key does not hold `{name}`")));
                }
                Ok(Self(caller))
            }
        }

        impl $name {
            /// Permission to reach the tenant's data.
            pub fn scope(&self) -> &TenantScope {
                &self.0.scope
            }
        }
    };
}

access!(
    /// A caller that may read.
    ReadAccess, Scope::Read);
access!(
    /// A caller that may write.
    WriteAccess, Scope::Write);
access!(
    /// A caller that may manage its tenant.
    AdminAccess, Scope::Admin);
access!(
    /// A caller that may work across tenants.
    OperatorAccess, Scope::Operator);

impl ReadAccess {
    /// Whether the caller may read lyrics. It is asked wherever lyrics are told or can be concluded
    /// from an answer, so that whoever narrows it narrows search too.
    pub fn may_read_lyrics(&self) -> bool {
        self.0.principal.scopes().has(Scope::Read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(headers: &[(&'static str, &str)], uri: &str, method: Method) -> Option<String> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        credential(&map, &uri.parse().unwrap(), &method)
    }

    #[test]
    fn every_spelling_is_understood() {
        let check = |headers: &[(&'static str, &str)], uri: &str| {
            assert_eq!(
                found(headers, uri, Method::POST).as_deref(),
                Some("T"),
                "{headers:?} {uri}"
            );
        };
        check(&[("authorization", "Bearer T")], "/");
        check(&[("authorization", "bearer T")], "/");
        check(&[("authorization", "Token T")], "/");
        check(&[("authorization", "Basic dXNlcjpU")], "/");
        check(&[("x-api-key", "T")], "/");
        check(&[], "/rest/ping?u=a&apiKey=T");
        check(&[], "/1/validate-token?token=T");
        check(
            &[
                ("cookie", "a=b; leitmotif_key=T"),
                ("sec-fetch-site", "same-origin"),
            ],
            "/",
        );
        check(
            &[
                ("cookie", "leitmotif_key=T"),
                ("origin", "http://h:1"),
                ("host", "h:1"),
            ],
            "/",
        );
    }

    #[test]
    fn a_foreign_page_cannot_write_with_the_cookie() {
        let cookie = ("cookie", "leitmotif_key=T");
        assert_eq!(found(&[cookie], "/", Method::POST), None);
        assert_eq!(
            found(
                &[cookie, ("sec-fetch-site", "cross-site")],
                "/",
                Method::POST
            ),
            None
        );
        let foreign = [cookie, ("origin", "http://evil"), ("host", "h:1")];
        assert_eq!(found(&foreign, "/", Method::DELETE), None);
        assert_eq!(found(&[cookie], "/", Method::GET).as_deref(), Some("T"));
    }

    #[test]
    fn a_malformed_header_is_no_credential() {
        for value in ["", "Bearer", "Basic !!!", "Digest x", "Basic dXNlcg=="] {
            assert_eq!(
                found(&[("authorization", value)], "/", Method::GET),
                None,
                "{value}"
            );
        }
    }
}
