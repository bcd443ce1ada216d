//! Who looks at a page. Without a credential that may read, every page leads to the login.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use axum::Json;
use axum::extract::{FromRequestParts, OriginalUri, State};
use axum::http::Method;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use leitmotif_api::middleware::auth::{AdminAccess, ReadAccess, WriteAccess};
use leitmotif_api::native::overview::overview;
use leitmotif_api::{ApiState, Caller, Problem};
use leitmotif_domain::TenantId;
use leitmotif_domain::tenant::Scope;

use crate::failure::Failure;
use crate::links::encode;

/// Tenants whose names are remembered; at the bound the memory is emptied, which costs look-ups.
const NAMES_MAX: usize = 10_000;

/// Names of tenants, asked for once: a tenant is never renamed.
#[derive(Clone, Default)]
pub struct TenantNames(Arc<RwLock<HashMap<TenantId, String>>>);

impl TenantNames {
    async fn find(&self, state: &ApiState, access: &ReadAccess) -> Result<String, Problem> {
        let tenant = access.scope().tenant();
        if let Ok(names) = self.0.read()
            && let Some(name) = names.get(&tenant)
        {
            return Ok(name.clone());
        }
        let Json(answer) = overview(State(state.clone()), access.clone()).await?;
        if let Ok(mut names) = self.0.write() {
            if names.len() >= NAMES_MAX {
                names.clear();
            }
            names.insert(tenant, answer.tenant.clone());
        }
        Ok(answer.tenant)
    }
}

/// Somebody who may read.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// Their permission.
    pub access: ReadAccess,
    /// The name of their tenant.
    pub tenant: String,
}

impl Visitor {
    /// Whether buttons that change something are of use.
    pub fn can_write(&self) -> bool {
        self.access.0.principal.scopes().has(Scope::Write)
    }

    /// The permission to write.
    ///
    /// - Errors: 403 for a key that may only read.
    pub fn writer(&self) -> Result<WriteAccess, Problem> {
        if self.can_write() {
            Ok(WriteAccess(self.access.0.clone()))
        } else {
            Err(Problem::denied(
                "the key may read only; sign in with one that may write",
            ))
        }
    }

    /// Whether buttons that manage the tenant are of use.
    pub fn can_administer(&self) -> bool {
        self.access.0.principal.scopes().has(Scope::Admin)
    }

    /// What a person calls the key.
    pub fn label(&self) -> &str {
        self.access.0.principal.label()
    }
}

impl FromRequestParts<ApiState> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Response> {
        let access = match ReadAccess::from_request_parts(parts, state).await {
            Ok(access) => access,
            Err(_) => return Err(to_login(parts).into_response()),
        };
        let names = parts.extensions.get::<TenantNames>().cloned();
        let found = names.unwrap_or_default().find(state, &access).await;
        let tenant = found.map_err(|problem| Failure(problem).into_response())?;
        Ok(Self { access, tenant })
    }
}

/// Somebody who may write, from a form.
#[derive(Debug, Clone)]
pub struct Writer(pub WriteAccess);

impl FromRequestParts<ApiState> for Writer {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Response> {
        if Caller::from_request_parts(parts, state).await.is_err() {
            return Err(to_login(parts).into_response());
        }
        let access = WriteAccess::from_request_parts(parts, state).await;
        access
            .map(Self)
            .map_err(|problem| Failure(problem).into_response())
    }
}

/// Somebody who may manage the tenant, from a form.
#[derive(Debug, Clone)]
pub struct Administrator(pub AdminAccess);

impl FromRequestParts<ApiState> for Administrator {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Response> {
        if Caller::from_request_parts(parts, state).await.is_err() {
            return Err(to_login(parts).into_response());
        }
        let access = AdminAccess::from_request_parts(parts, state).await;
        access
            .map(Self)
            .map_err(|problem| Failure(problem).into_response())
    }
}

/// Leads to the login, and from there back. A refused form is not sent again by itself. Says so
/// when there is a key and it is too weak.
fn to_login(parts: &Parts) -> Redirect {
    let uri = parts
        .extensions
        .get::<OriginalUri>()
        .map_or(&parts.uri, |original| &original.0);
    let next = match uri.path_and_query() {
        Some(path) if parts.method == Method::GET => path.as_str(),
        _ => "/studio",
    };
    let weak = if parts.extensions.get::<Caller>().is_some() {
        "&weak=1"
    } else {
        ""
    };
    Redirect::to(&format!("/studio/login?next={}{weak}", encode(next)))
}
