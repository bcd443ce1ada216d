//! Tenants: an operator's work, each call with a written reason that the audit log keeps.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use leitmotif_domain::tenant::keys::issue;
use leitmotif_domain::tenant::{Scope, Tenant, check_tenant_name};
use leitmotif_domain::{OperatorScope, TenantId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::keys::{IssuedKeyAnswer, KeyAnswer, NO_STORE, SecretAnswer};
use super::path_id;
use crate::middleware::auth::OperatorAccess;
use crate::middleware::body::{JsonBody, QueryParameters};
use crate::paging::{Listing, PageInfo, PageQuery};
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// The header with the reason.
const REASON_HEADER: &str = "x-operator-reason";

/// A tenant to be made.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TenantInput {
    /// Its name: 1 to 64 characters a-z 0-9 -.
    #[schema(min_length = 1, max_length = 64, pattern = "^[a-z0-9-]+$")]
    pub name: String,
}

/// A tenant.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TenantAnswer {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

impl From<&Tenant> for TenantAnswer {
    fn from(tenant: &Tenant) -> Self {
        Self {
            id: tenant.id.to_string(),
            name: tenant.name.clone(),
            created_at: tenant.created_at,
        }
    }
}

/// A new tenant with its first key, shown once.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct NewTenantAnswer {
    /// The tenant.
    #[serde(flatten)]
    pub tenant: TenantAnswer,
    /// Its first key, with `read`, `write` and `admin`.
    pub key: IssuedKeyAnswer,
}

/// A page of tenants.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TenantsAnswer {
    /// The tenants, by age.
    pub tenants: Vec<TenantAnswer>,
    /// Where the listing goes on.
    #[serde(flatten)]
    pub page: PageInfo,
}

/// One line of the audit log.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AuditEntryAnswer {
    /// Position, from 1.
    pub sequence: u64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// What was done.
    pub action: String,
    /// Hash over the former hash and this line, hexadecimal.
    pub hash: String,
}

/// A page of the audit log.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AuditLogAnswer {
    /// The lines, oldest first.
    pub entries: Vec<AuditEntryAnswer>,
    /// Where the listing goes on.
    #[serde(flatten)]
    pub page: PageInfo,
}

/// Takes the operator's permission, with the reason of the header or a general one.
fn operator(access: &OperatorAccess, headers: &HeaderMap) -> Result<OperatorScope, Problem> {
    let given = headers
        .get(REASON_HEADER)
        .and_then(|value| value.to_str().ok());
    let reason = given
        .filter(|text| !text.trim().is_empty())
        .unwrap_or("tenant management");
    let reason: String = reason.chars().take(500).collect();
    Ok(OperatorScope::claim(&access.0.principal, &reason)?)
}

/// Makes a tenant with its first key.
#[utoipa::path(post, path = "/api/v1/tenants", tag = "tenants", request_body = TenantInput, responses(
    (status = 201, body = NewTenantAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn create(
    State(state): State<ApiState>,
    access: OperatorAccess,
    headers: HeaderMap,
    JsonBody(input): JsonBody<TenantInput>,
) -> Result<SecretAnswer<NewTenantAnswer>, Problem> {
    check_tenant_name(&input.name)?;
    let operator = operator(&access, &headers)?;
    let (clock, entropy) = (state.clock.as_ref(), state.entropy.as_ref());
    let id = TenantId::generate(clock, entropy);
    let tenant = Tenant {
        id,
        name: input.name,
        created_at: clock.now(),
    };
    let answer = TenantAnswer::from(&tenant);
    state.accounts.create_tenant(&operator, tenant).await?;
    let scopes = vec![Scope::Read, Scope::Write, Scope::Admin].into();
    let issued = issue(id, scopes, "first key", clock, entropy);
    let key = KeyAnswer::from(&issued.record);
    state.accounts.put_key_of(&operator, issued.record).await?;
    state.directory.refresh().await?;
    let key = IssuedKeyAnswer {
        key,
        secret: issued.secret_text,
    };
    Ok((
        StatusCode::CREATED,
        NO_STORE,
        Json(NewTenantAnswer {
            tenant: answer,
            key,
        }),
    ))
}

/// Lists tenants, oldest first.
#[utoipa::path(get, path = "/api/v1/tenants", tag = "tenants", params(PageQuery), responses(
    (status = 200, body = TenantsAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn list(
    State(state): State<ApiState>,
    access: OperatorAccess,
    headers: HeaderMap,
    QueryParameters(query): QueryParameters<PageQuery>,
) -> Result<Json<TenantsAnswer>, Problem> {
    let operator = operator(&access, &headers)?;
    let scope = &access.0.scope;
    let listing = Listing {
        state: &state,
        scope,
        name: "tenants",
        filter: String::new(),
    };
    let asked = listing.request(&query)?;
    let page = state.accounts.list_tenants(&operator, &asked).await?;
    let info = listing.info(&page);
    let tenants = page.items.iter().map(TenantAnswer::from).collect();
    Ok(Json(TenantsAnswer {
        tenants,
        page: info,
    }))
}

/// Removes a tenant with all its data. An operator cannot remove the tenant its key belongs to.
#[utoipa::path(delete, path = "/api/v1/tenants/{id}", tag = "tenants",
    params(("id" = String, Path, description = "tenant id")), responses(
    (status = 204, description = "removed"),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn delete(
    State(state): State<ApiState>,
    access: OperatorAccess,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let operator = operator(&access, &headers)?;
    let tenant: TenantId = path_id("tenant", &id)?;
    if tenant == access.0.principal.tenant() {
        return Err(Problem::conflict("the key in use belongs to this tenant"));
    }
    if !state.accounts.delete_tenant(&operator, tenant).await? {
        return Err(Problem::not_found("tenant", &id));
    }
    state.keys.clear();
    state.recommender.forget(tenant);
    state.search.forget(tenant);
    state.mapper.forget(tenant);
    state.lyrics_spaces.forget(tenant);
    state.features.forget(tenant);
    state.metric_registry.forget(tenant);
    state.layouts.forget(tenant);
    state.scrobbles.forget(tenant);
    state.directory.refresh().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Reads the hash-chained audit log, oldest first.
#[utoipa::path(get, path = "/api/v1/audit", tag = "tenants", params(PageQuery), responses(
    (status = 200, body = AuditLogAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn audit(
    State(state): State<ApiState>,
    access: OperatorAccess,
    headers: HeaderMap,
    QueryParameters(query): QueryParameters<PageQuery>,
) -> Result<Json<AuditLogAnswer>, Problem> {
    let operator = operator(&access, &headers)?;
    let scope = &access.0.scope;
    let listing = Listing {
        state: &state,
        scope,
        name: "audit",
        filter: String::new(),
    };
    let asked = listing.request(&query)?;
    let page = state.accounts.audit_log(&operator, &asked).await?;
    let info = listing.info(&page);
    let entries = page.items.into_iter().map(|entry| AuditEntryAnswer {
        sequence: entry.sequence,
        at: entry.at,
        by: entry.by,
        reason: entry.reason,
        action: entry.action,
        hash: hex::encode(entry.hash),
    });
    Ok(Json(AuditLogAnswer {
        entries: entries.collect(),
        page: info,
    }))
}
