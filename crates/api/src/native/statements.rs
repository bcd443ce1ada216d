//! What others say of tracks: earlier analyzers, language models, catalogues.

use axum::Json;
use axum::extract::{Path, State};
use leitmotif_domain::statement::{StatementKind, StatementStatus};
use leitmotif_domain::track::{TrackRef, check_text};
use leitmotif_domain::{Timestamp, TrackId, limits};
use leitmotif_storage::ports::Statement;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::find_track;
use crate::middleware::auth::{ReadAccess, WriteAccess};
use crate::middleware::body::JsonBody;
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// A statement as a sender gives it.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StatementInput {
    /// The track: our id or `namespace:id`.
    pub track: String,
    /// Where it was imported from, for example `rap-scraper`.
    #[schema(min_length = 1, max_length = 1024)]
    pub source: String,
    /// Who said it: an analyzer, a language model, a catalogue.
    #[schema(min_length = 1, max_length = 1024)]
    pub author: String,
    /// Version of the author, or the day of the snapshot; empty when unknown.
    #[serde(default)]
    pub version: String,
    /// How it came about: `measured`, `opinion`, `prior` or `provenance`.
    #[schema(value_type = String)]
    pub kind: StatementKind,
    /// Whether it counts: `good`, `fallback` or `quarantined`.
    #[schema(value_type = String)]
    pub status: StatementStatus,
    /// When it was said.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub said_at: Option<Timestamp>,
    /// The content, any JSON of at most 64 KiB. The same content by the same author in the same
    /// version is one statement.
    #[schema(value_type = Object)]
    pub content: serde_json::Value,
}

/// Statements to be kept.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StatementsInput {
    /// The statements, at most 5,000.
    pub statements: Vec<StatementInput>,
}

/// What became of them.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StatementsWrittenAnswer {
    /// New or changed.
    pub changed: u64,
    /// There already.
    pub unchanged: u64,
}

/// A statement.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StatementAnswer {
    /// Where it was imported from.
    pub source: String,
    /// Who said it.
    pub author: String,
    /// Version of the author, or the day of the snapshot.
    pub version: String,
    /// `measured`, `opinion`, `prior` or `provenance`.
    pub kind: &'static str,
    /// `good`, `fallback` or `quarantined`.
    pub status: &'static str,
    /// When it was said.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub said_at: Option<Timestamp>,
    /// SHA-256 of the content, hexadecimal.
    pub content_hash: String,
    /// The content.
    #[schema(value_type = Object)]
    pub content: serde_json::Value,
}

/// What others say of a track.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StatementsAnswer {
    /// The statements by source, author and version; at most 500.
    pub statements: Vec<StatementAnswer>,
}

impl StatementInput {
    fn check(&self) -> Result<(), Problem> {
        for (name, text) in [("source", &self.source), ("author", &self.author)] {
            check_text(name, text)?;
            if text.is_empty() {
                return Err(Problem::invalid(format!("/{name}"), "must not be empty"));
            }
        }
        check_text("version", &self.version)?;
        Ok(())
    }

    fn into_statement(self, track: TrackId) -> Result<Statement, Problem> {
        self.check()?;
        let text = self.content.to_string();
        if text.len() > limits::STATEMENT_BYTES_MAX {
            let detail = format!(
                "{} bytes, at most {}",
                text.len(),
                limits::STATEMENT_BYTES_MAX
            );
            return Err(Problem::invalid("/content", detail));
        }
        Ok(Statement {
            track,
            source: self.source,
            author: self.author,
            version: self.version,
            content_hash: Sha256::digest(text.as_bytes()).into(),
            kind: self.kind,
            status: self.status,
            said_at: self.said_at,
            document: self.content,
        })
    }
}

/// Keeps what others say of tracks, all or none. What is known already is not kept twice.
#[utoipa::path(post, path = "/api/v1/statements", tag = "statements", request_body = StatementsInput, responses(
    (status = 200, body = StatementsWrittenAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn create(
    State(state): State<ApiState>,
    access: WriteAccess,
    JsonBody(input): JsonBody<StatementsInput>,
) -> Result<Json<StatementsWrittenAnswer>, Problem> {
    let tracks = resolve_all(
        &state,
        &access,
        "statements",
        input.statements.iter().map(|one| one.track.as_str()),
    )
    .await?;
    let statements: Vec<Statement> = input
        .statements
        .into_iter()
        .zip(tracks)
        .enumerate()
        .map(|(place, (one, track))| {
            one.into_statement(track)
                .map_err(|problem| problem.under(&format!("/statements/{place}")))
        })
        .collect::<Result<_, _>>()?;
    let sent = statements.len() as u64;
    let written = state.imports.put_statements(access.scope(), statements);
    let changed = written.await?;
    Ok(Json(StatementsWrittenAnswer {
        changed,
        unchanged: sent.saturating_sub(changed),
    }))
}

/// Finds the tracks of a batch.
///
/// - Errors: 400 with the pointer of the first reference that leads nowhere.
pub(super) async fn resolve_all<'t>(
    state: &ApiState,
    access: &WriteAccess,
    field: &str,
    texts: impl Iterator<Item = &'t str>,
) -> Result<Vec<TrackId>, Problem> {
    let missing = |place: usize, text: &str| {
        let detail = format!("no track `{text}`");
        Problem::invalid(format!("/{field}/{place}/track"), detail)
    };
    let texts: Vec<&str> = texts.collect();
    let references = texts
        .iter()
        .enumerate()
        .map(|(place, text)| text.parse().map_err(|_| missing(place, text)))
        .collect::<Result<Vec<TrackRef>, _>>()?;
    let found = state.catalog.resolve(access.scope(), &references).await?;
    let placed = found.into_iter().zip(texts).enumerate();
    placed
        .map(|(place, (id, text))| id.ok_or_else(|| missing(place, text)))
        .collect()
}

/// Reads what others say of a track.
#[utoipa::path(get, path = "/api/v1/tracks/{id}/statements", tag = "statements",
    params(("id" = String, Path, description = "track id or `namespace:id`")), responses(
    (status = 200, body = StatementsAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn list(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path(id): Path<String>,
) -> Result<Json<StatementsAnswer>, Problem> {
    let track = find_track(&state, access.scope(), &id).await?;
    let found = state.imports.statements(access.scope(), track).await?;
    let statements = found.into_iter().map(|statement| StatementAnswer {
        source: statement.source,
        author: statement.author,
        version: statement.version,
        kind: statement.kind.name(),
        status: statement.status.name(),
        said_at: statement.said_at,
        content_hash: hex::encode(statement.content_hash),
        content: statement.document,
    });
    Ok(Json(StatementsAnswer {
        statements: statements.collect(),
    }))
}
