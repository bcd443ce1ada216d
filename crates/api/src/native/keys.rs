//! API keys of the caller's tenant: issue, list, rotate, revoke.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderName, StatusCode, header};
use leitmotif_domain::Timestamp;
use leitmotif_domain::tenant::keys::issue;
use leitmotif_domain::tenant::{ApiKeyRecord, Scope, Scopes};
use leitmotif_domain::track::check_text;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::path_id;
use crate::middleware::auth::AdminAccess;
use crate::middleware::body::{JsonBody, QueryParameters};
use crate::paging::{Listing, PageInfo, PageQuery};
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// Longest overlap of a rotation: a week.
const OVERLAP_S_MAX: u64 = 7 * 24 * 3_600;

/// Tells caches, and our own memory of answers, to keep a secret nowhere.
pub const NO_STORE: [(HeaderName, &str); 1] = [(header::CACHE_CONTROL, "no-store")];

/// A made thing whose answer carries a secret.
pub type SecretAnswer<T> = (StatusCode, [(HeaderName, &'static str); 1], Json<T>);

/// A key to be issued.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyInput {
    /// What a person calls it.
    #[schema(min_length = 1, max_length = 1024)]
    pub label: String,
    /// What it may do: `read`, `write`, `admin`. A key cannot give what it does not hold.
    #[schema(value_type = Vec<String>, min_items = 1)]
    pub scopes: Vec<Scope>,
}

/// A key without its secret.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct KeyAnswer {
    /// Its id.
    pub id: String,
    /// The public part of the key text.
    pub prefix: String,
    /// What a person calls it.
    pub label: String,
    /// What it may do.
    pub scopes: Vec<&'static str>,
    /// When it was issued.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// From when on it opens nothing.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
}

impl From<&ApiKeyRecord> for KeyAnswer {
    fn from(record: &ApiKeyRecord) -> Self {
        Self {
            id: record.id.to_string(),
            prefix: record.prefix.clone(),
            label: record.label.clone(),
            scopes: Vec::from(record.scopes)
                .into_iter()
                .map(Scope::name)
                .collect(),
            created_at: record.created_at,
            expires_at: record.expires_at,
        }
    }
}

/// A key with its secret, shown once.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct IssuedKeyAnswer {
    /// The key.
    #[serde(flatten)]
    pub key: KeyAnswer,
    /// The whole key text. It is not stored and not shown again.
    pub secret: String,
}

/// A page of keys.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct KeysAnswer {
    /// The keys, by age.
    pub keys: Vec<KeyAnswer>,
    /// Where the listing goes on.
    #[serde(flatten)]
    pub page: PageInfo,
}

/// How a key is rotated.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateInput {
    /// Seconds in which the old key still opens; 3,600 when left out.
    #[serde(default)]
    #[schema(maximum = 604_800)]
    pub overlap_s: Option<u64>,
}

/// Issues a key for the caller's tenant.
#[utoipa::path(post, path = "/api/v1/keys", tag = "keys", request_body = KeyInput, responses(
    (status = 201, body = IssuedKeyAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn create(
    State(state): State<ApiState>,
    access: AdminAccess,
    JsonBody(input): JsonBody<KeyInput>,
) -> Result<SecretAnswer<IssuedKeyAnswer>, Problem> {
    check_text("label", &input.label)?;
    let held = access.0.principal.scopes();
    if let Some(missing) = input.scopes.iter().find(|scope| !held.has(**scope)) {
        let detail = format!(
            "this key does not hold `{}` and cannot give it",
            missing.name()
        );
        return Err(Problem::denied(detail));
    }
    if input.scopes.is_empty() {
        return Err(Problem::invalid(
            "/scopes",
            "name at least one of read, write, admin",
        ));
    }
    let answer = store(&state, &access, input.scopes.into(), &input.label).await?;
    Ok((StatusCode::CREATED, NO_STORE, Json(answer)))
}

async fn store(
    state: &ApiState,
    access: &AdminAccess,
    scopes: Scopes,
    label: &str,
) -> Result<IssuedKeyAnswer, Problem> {
    let tenant = access.scope().tenant();
    let issued = issue(
        tenant,
        scopes,
        label,
        state.clock.as_ref(),
        state.entropy.as_ref(),
    );
    let key = KeyAnswer::from(&issued.record);
    state
        .accounts
        .put_key(access.scope(), issued.record)
        .await?;
    Ok(IssuedKeyAnswer {
        key,
        secret: issued.secret_text,
    })
}

/// Lists the keys of the caller's tenant, oldest first.
#[utoipa::path(get, path = "/api/v1/keys", tag = "keys", params(PageQuery), responses(
    (status = 200, body = KeysAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn list(
    State(state): State<ApiState>,
    access: AdminAccess,
    QueryParameters(query): QueryParameters<PageQuery>,
) -> Result<Json<KeysAnswer>, Problem> {
    let listing = Listing {
        state: &state,
        scope: access.scope(),
        name: "keys",
        filter: String::new(),
    };
    let asked = listing.request(&query)?;
    let page = state.accounts.list_keys(access.scope(), &asked).await?;
    let info = listing.info(&page);
    Ok(Json(KeysAnswer {
        keys: page.items.iter().map(KeyAnswer::from).collect(),
        page: info,
    }))
}

/// Issues a successor with the same scopes; the old key goes on for the overlap.
#[utoipa::path(post, path = "/api/v1/keys/{id}/rotate", tag = "keys",
    params(("id" = String, Path, description = "key id")), request_body = RotateInput, responses(
    (status = 201, body = IssuedKeyAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn rotate(
    State(state): State<ApiState>,
    access: AdminAccess,
    Path(id): Path<String>,
    JsonBody(input): JsonBody<RotateInput>,
) -> Result<SecretAnswer<IssuedKeyAnswer>, Problem> {
    let overlap_s = input.overlap_s.unwrap_or(3_600);
    if overlap_s > OVERLAP_S_MAX {
        return Err(Problem::invalid(
            "/overlap_s",
            format!("at most {OVERLAP_S_MAX} s"),
        ));
    }
    let old = find(&state, &access, &id).await?;
    let held = access.0.principal.scopes();
    if Vec::from(old.scopes)
        .into_iter()
        .any(|scope| !held.has(scope))
    {
        return Err(Problem::denied(
            "this key cannot give what the rotated key holds",
        ));
    }
    let answer = store(&state, &access, old.scopes, &old.label).await?;
    let overlap_ms = i64::try_from(overlap_s * 1_000).unwrap_or(i64::MAX);
    let end = state.clock.now().plus_ms(overlap_ms);
    let end = old.expires_at.map_or(end, |expiry| expiry.min(end));
    state
        .accounts
        .expire_key(access.scope(), old.id, end)
        .await?;
    state.keys.clear();
    Ok((StatusCode::CREATED, NO_STORE, Json(answer)))
}

/// Revokes a key at once.
#[utoipa::path(delete, path = "/api/v1/keys/{id}", tag = "keys",
    params(("id" = String, Path, description = "key id")), responses(
    (status = 204, description = "revoked"),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn revoke(
    State(state): State<ApiState>,
    access: AdminAccess,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let key = path_id("key", &id)?;
    if !state
        .accounts
        .expire_key(access.scope(), key, state.clock.now())
        .await?
    {
        return Err(Problem::not_found("key", &id));
    }
    state.keys.clear();
    Ok(StatusCode::NO_CONTENT)
}

async fn find(state: &ApiState, access: &AdminAccess, id: &str) -> Result<ApiKeyRecord, Problem> {
    let key: leitmotif_domain::KeyId = path_id("key", id)?;
    let mut page = leitmotif_domain::page::PageRequest::largest();
    loop {
        let found = state.accounts.list_keys(access.scope(), &page).await?;
        if let Some(record) = found.items.into_iter().find(|record| record.id == key) {
            return Ok(record);
        }
        match found.next {
            Some(after) => page = page.following(after),
            None => return Err(Problem::not_found("key", id)),
        }
    }
}
