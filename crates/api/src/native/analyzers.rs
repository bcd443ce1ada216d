//! Analyzers and their accuracy cards: how right each family of descriptors is.

use axum::Json;
use axum::extract::{Path, State};
use leitmotif_domain::page::Page;
use leitmotif_domain::plugin::Plugin;
use leitmotif_ingest::accuracy::{self, Card, Score};
use serde::Serialize;
use utoipa::ToSchema;

use crate::middleware::auth::ReadAccess;
use crate::middleware::body::QueryParameters;
use crate::paging::{Listing, PageInfo, PageQuery};
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// The parts of a card, for whoever draws them.
pub use leitmotif_ingest::accuracy as parts;

/// A page of analyzers.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AnalyzersAnswer {
    /// The families of descriptors, by name.
    pub analyzers: Vec<AnalyzerAnswer>,
    /// Where the listing goes on.
    #[serde(flatten)]
    pub page: PageInfo,
}

/// A family of descriptors with the headline of its accuracy card.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AnalyzerAnswer {
    /// Its name, the address of the card.
    pub name: String,
    /// Name for people.
    pub title: String,
    /// The analyzer that measures it.
    pub analyzer: String,
    /// Version of the analyzer that the card is of.
    pub version: String,
    /// Version of the analyzer in this program.
    pub current_version: Option<String>,
    /// Names of the descriptors.
    pub descriptors: Vec<String>,
    /// `validated`, `unvalidated`, `exact` for what is right by definition, or `third_party` for a plugin, which has no card.
    pub status: String,
    /// The first score; `null` for what is unvalidated.
    #[schema(value_type = Option<Object>)]
    pub headline: Option<Score>,
    /// The plugin, if it is one: see `/api/v1/plugins/{name}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
}

/// An accuracy card.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AnalyzerCardAnswer {
    /// Version of the analyzer in this program.
    pub current_version: Option<String>,
    /// Says so when the card is of another version.
    pub stale: Option<String>,
    /// The card: what was measured on what, with intervals, calibration, peers and failures.
    #[schema(value_type = Object)]
    pub card: Card,
}

impl AnalyzerAnswer {
    fn of(card: &Card) -> Self {
        Self {
            name: card.name.clone(),
            title: card.title.clone(),
            analyzer: card.analyzer.clone(),
            version: card.version.clone(),
            current_version: card.current_version(),
            descriptors: card.descriptors.clone(),
            status: card.status.clone(),
            headline: card.scores.first().cloned(),
            plugin: None,
        }
    }

    fn of_plugin(plugin: &Plugin) -> Self {
        let (manifest, name) = (&plugin.manifest, plugin.name());
        let told = manifest.descriptors.iter();
        Self {
            name: name.to_owned(),
            title: format!("{name} (plugin)"),
            analyzer: name.to_owned(),
            version: manifest.version.clone(),
            current_version: Some(manifest.version.clone()),
            descriptors: told.map(|one| manifest.full_name(&one.name)).collect(),
            status: "third_party".to_owned(),
            headline: None,
            plugin: Some(name.to_owned()),
        }
    }
}

/// Lists the families of descriptors with what is known of their accuracy, and the tenant's plugins.
#[utoipa::path(get, path = "/api/v1/analyzers", tag = "analysis", params(PageQuery), responses(
    (status = 200, body = AnalyzersAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn list(
    State(state): State<ApiState>,
    access: ReadAccess,
    QueryParameters(query): QueryParameters<PageQuery>,
) -> Result<Json<AnalyzersAnswer>, Problem> {
    let listing = Listing {
        state: &state,
        scope: access.scope(),
        name: "analyzers",
        filter: String::new(),
    };
    let request = listing.request(&query)?;
    let plugins = state.catalogue.plugins_of(access.scope()).await?;
    let cards = accuracy::cards().iter().map(AnalyzerAnswer::of);
    let all = cards.chain(plugins.iter().map(AnalyzerAnswer::of_plugin));
    let is_later = |one: &AnalyzerAnswer| {
        let after = request.after.as_ref();
        after.is_none_or(|after| one.name > *after)
    };
    let mut later: Vec<AnalyzerAnswer> = all.filter(is_later).collect();
    later.sort_by(|a, b| a.name.cmp(&b.name));
    later.truncate(request.limit() + 1);
    let page = Page::from_surplus(later, request.limit(), |one: &AnalyzerAnswer| {
        one.name.clone()
    });
    let info = listing.info(&page);
    Ok(Json(AnalyzersAnswer {
        analyzers: page.items,
        page: info,
    }))
}

/// Shows the accuracy card of a family of descriptors.
///
/// The card says what was measured on which data, each number with its 95 % interval, how far confidences
/// are the share of right answers, who else was measured, and where it fails.
#[utoipa::path(get, path = "/api/v1/analyzers/{name}/card", tag = "analysis",
    params(("name" = String, Path, description = "Name of the family, `tempo`")), responses(
    (status = 200, body = AnalyzerCardAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn card(
    _access: ReadAccess,
    Path(name): Path<String>,
) -> Result<Json<AnalyzerCardAnswer>, Problem> {
    let card = accuracy::card(&name).ok_or_else(|| {
        let known: Vec<&str> = accuracy::cards()
            .iter()
            .map(|card| card.name.as_str())
            .collect();
        Problem::unknown_name("accuracy card", &name, &known)
    })?;
    Ok(Json(AnalyzerCardAnswer {
        current_version: card.current_version(),
        stale: card.stale_note(),
        card: card.clone(),
    }))
}
