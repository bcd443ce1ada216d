//! Import audits: what came in, what is wrong with it, what became of it.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use leitmotif_domain::track::check_text;
use leitmotif_domain::{AuditId, Timestamp, limits};
use leitmotif_ingest::audit::AuditDocument;
use leitmotif_storage::ports::ImportAudit;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::path_id;
use crate::middleware::auth::{ReadAccess, WriteAccess};
use crate::middleware::body::{JsonBody, QueryParameters};
use crate::paging::{Listing, PageInfo, PageQuery};
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// The parts of an audit, for whoever draws them.
pub use leitmotif_ingest::audit::document as parts;

/// An audit to be kept.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditInput {
    /// The findings, as the command line writes them.
    #[schema(value_type = Object)]
    pub document: AuditDocument,
}

/// An audit.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AuditAnswer {
    /// Its id.
    pub id: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// What was imported.
    pub source: String,
    /// The findings.
    #[schema(value_type = Object)]
    pub document: AuditDocument,
}

/// An audit in a listing.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AuditSummaryAnswer {
    /// Its id.
    pub id: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// What was imported.
    pub source: String,
    /// Tracks read.
    pub tracks: u64,
    /// Rows read, all tables together.
    pub rows: u64,
    /// Rows that could not be used.
    pub rejected_rows: u64,
    /// Writes that changed something.
    pub changed: u64,
}

/// A page of audits.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AuditsAnswer {
    /// The audits, newest first.
    pub audits: Vec<AuditSummaryAnswer>,
    /// Where the listing goes on.
    #[serde(flatten)]
    pub page: PageInfo,
}

impl AuditSummaryAnswer {
    fn of(audit: ImportAudit) -> Result<Self, Problem> {
        let document = document_of(&audit)?;
        let sum = |of: fn(&parts::TableAudit) -> u64| document.tables.iter().map(of).sum();
        Ok(Self {
            id: audit.id.to_string(),
            created_at: audit.created_at,
            source: audit.source,
            tracks: document.tracks.tracks,
            rows: sum(|table| table.rows_in),
            rejected_rows: sum(|table| table.rejected_rows),
            changed: document.changes(),
        })
    }
}

fn document_of(audit: &ImportAudit) -> Result<AuditDocument, Problem> {
    serde_json::from_value(audit.document.clone()).map_err(|error| Problem::bug(&error))
}

fn answer_of(audit: ImportAudit) -> Result<AuditAnswer, Problem> {
    let document = document_of(&audit)?;
    Ok(AuditAnswer {
        id: audit.id.to_string(),
        created_at: audit.created_at,
        source: audit.source,
        document,
    })
}

/// Keeps the audit of an import.
#[utoipa::path(post, path = "/api/v1/audits", tag = "imports", request_body = AuditInput, responses(
    (status = 201, body = AuditAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn create(
    State(state): State<ApiState>,
    access: WriteAccess,
    JsonBody(input): JsonBody<AuditInput>,
) -> Result<(StatusCode, Json<AuditAnswer>), Problem> {
    check_text("document/source", &input.document.source)?;
    let document = serde_json::to_value(&input.document).map_err(|error| Problem::bug(&error))?;
    let size = document.to_string().len();
    if size > limits::AUDIT_BYTES_MAX {
        let detail = format!("{size} bytes, at most {}", limits::AUDIT_BYTES_MAX);
        return Err(Problem::invalid("/document", detail));
    }
    let audit = ImportAudit {
        id: AuditId::generate(state.clock.as_ref(), state.entropy.as_ref()),
        created_at: state.clock.now(),
        source: input.document.source,
        document,
    };
    let answer = answer_of(audit.clone())?;
    state.imports.put_audit(access.scope(), audit).await?;
    Ok((StatusCode::CREATED, Json(answer)))
}

/// Lists audits, newest first.
#[utoipa::path(get, path = "/api/v1/audits", tag = "imports", params(PageQuery), responses(
    (status = 200, body = AuditsAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn list(
    State(state): State<ApiState>,
    access: ReadAccess,
    QueryParameters(query): QueryParameters<PageQuery>,
) -> Result<Json<AuditsAnswer>, Problem> {
    let listing = Listing {
        state: &state,
        scope: access.scope(),
        name: "audits",
        filter: String::new(),
    };
    let asked = listing.request(&query)?;
    let page = state.imports.list_audits(access.scope(), &asked).await?;
    let info = listing.info(&page);
    let audits = page.items.into_iter().map(AuditSummaryAnswer::of);
    Ok(Json(AuditsAnswer {
        audits: audits.collect::<Result<_, _>>()?,
        page: info,
    }))
}

/// Reads an audit.
#[utoipa::path(get, path = "/api/v1/audits/{id}", tag = "imports",
    params(("id" = String, Path, description = "audit id")), responses(
    (status = 200, body = AuditAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn get(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path(id): Path<String>,
) -> Result<Json<AuditAnswer>, Problem> {
    let found = state
        .imports
        .audit(access.scope(), path_id("audit", &id)?)
        .await?;
    let audit = found.ok_or_else(|| Problem::not_found("audit", &id))?;
    answer_of(audit).map(Json)
}
