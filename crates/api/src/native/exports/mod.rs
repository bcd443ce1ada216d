//! The catalogue as tables, streamed row by row: the same catalogue gives the same bytes.

mod rows;
mod schema;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use leitmotif_domain::TenantScope;
use serde::Deserialize;
use utoipa::IntoParams;

pub use schema::ExportTable;

use crate::middleware::auth::ReadAccess;
use crate::middleware::body::QueryParameters;
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// What is exported.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ExportQuery {
    /// Whether `tracks` holds the words; needs a key that may read lyrics.
    #[serde(default)]
    pub with_lyrics: bool,
}

/// One export in progress.
#[derive(Clone)]
struct Export {
    state: ApiState,
    scope: TenantScope,
    table: ExportTable,
    with_lyrics: bool,
}

/// Streams a table as JSON lines: `tracks`, `descriptors`, `embeddings` or `listens`.
///
/// Rows are sorted: by track id, and by name or embedding space within a track; listens by their
/// place in the log. There is no time of the export in them, so the same catalogue gives the same
/// bytes. Listeners stand under pseudonyms, private sessions are left out, and words come only when
/// asked for. A stream that breaks off ends without its last chunk: what arrived is not the table.
#[utoipa::path(get, path = "/api/v1/exports/{table}", tag = "exports",
    params(("table" = String, Path, description = "`tracks`, `descriptors`, `embeddings` or `listens`"),
        ExportQuery), responses(
    (status = 200, description = "one JSON object a line", body = String, content_type = "application/x-ndjson"),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn export(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path(table): Path<String>,
    QueryParameters(query): QueryParameters<ExportQuery>,
) -> Result<Response, Problem> {
    let table = ExportTable::ALL
        .into_iter()
        .find(|one| one.name() == table.as_str());
    let table = table.ok_or_else(|| Problem::not_found("table", "of an export"))?;
    if query.with_lyrics && !access.may_read_lyrics() {
        return Err(Problem::denied("the key may not read lyrics"));
    }
    let export = Export {
        state,
        scope: access.scope().clone(),
        table,
        with_lyrics: query.with_lyrics,
    };
    // One page is held at a time; the next is read when the client has taken this one.
    let pieces = futures_util::stream::try_unfold(Some(String::new()), move |from| {
        let export = export.clone();
        async move {
            let Some(from) = from else {
                return Ok(None);
            };
            let (bytes, next) = export.page(&from).await.map_err(std::io::Error::other)?;
            Ok::<_, std::io::Error>(Some((bytes, next)))
        }
    });
    let headers = [(header::CONTENT_TYPE, "application/x-ndjson")];
    Ok((headers, Body::from_stream(pieces)).into_response())
}
