//! What the routes of every kind of definition share: its versions, and putting one into service.

use leitmotif_domain::definition::{Definition, DefinitionKind, NewDefinition, Share};
use leitmotif_domain::{TenantScope, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::path_id;
use crate::paging::{Listing, PageInfo, PageQuery};
use crate::problem::Problem;
use crate::state::ApiState;

/// A kind of definition as its routes call it.
pub(super) struct Versioned {
    /// The kind.
    pub kind: DefinitionKind,
    /// What one is called.
    pub noun: &'static str,
    /// What the listing of its versions is called, in cursors.
    pub listing: &'static str,
    /// Names that stand in the addresses of routes.
    pub reserved: &'static [&'static str],
}

/// A new version of a definition.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DefinitionInput {
    /// The file.
    pub text: String,
    /// Why it was made.
    #[serde(default)]
    pub note: String,
}

/// A version of a definition.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DefinitionVersionAnswer {
    /// The name of what it defines.
    pub name: String,
    /// Counts from 1 for each name.
    pub version: u32,
    /// The file.
    pub text: String,
    /// Why it was made.
    pub note: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// A page of versions of a definition.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DefinitionVersionsAnswer {
    /// The versions, newest first.
    pub versions: Vec<DefinitionVersionAnswer>,
    /// Where the listing goes on.
    #[serde(flatten)]
    pub page: PageInfo,
}

impl DefinitionVersionAnswer {
    /// Tells a version.
    pub(super) fn of(definition: Definition) -> Self {
        Self {
            name: definition.name,
            version: definition.version,
            text: definition.text,
            note: definition.note,
            created_at: definition.created_at,
        }
    }
}

impl Versioned {
    /// The versions of a name, newest first, and where the listing goes on.
    pub async fn listed(
        &self,
        state: &ApiState,
        scope: &TenantScope,
        name: &str,
        query: &PageQuery,
    ) -> Result<(Vec<Definition>, PageInfo), Problem> {
        let listing = Listing {
            state,
            scope,
            name: self.listing,
            filter: name.to_owned(),
        };
        let asked = listing.request(query)?;
        let found = state
            .definitions
            .list_versions(scope, self.kind, name, &asked);
        let found = found.await?;
        let page = listing.info(&found);
        Ok((found.items, page))
    }

    /// A version of a name.
    ///
    /// - Errors: 404 for one that does not exist.
    pub async fn version(
        &self,
        state: &ApiState,
        scope: &TenantScope,
        name: &str,
        version: &str,
    ) -> Result<Definition, Problem> {
        let number = path_id("version", version)?;
        let found = state.definitions.definition(scope, self.kind, name, number);
        found
            .await?
            .ok_or_else(|| Problem::not_found("version", version))
    }

    /// Adds a version that answers nothing yet. The newest version sent again is that version.
    ///
    /// - Errors: 400 for a name or a note out of bounds.
    pub async fn add(
        &self,
        state: &ApiState,
        scope: &TenantScope,
        name: &str,
        input: DefinitionInput,
    ) -> Result<Definition, Problem> {
        let definition = NewDefinition {
            kind: self.kind,
            name: name.to_owned(),
            text: input.text,
            note: input.note,
            created_at: state.clock.now(),
        };
        Ok(state.definitions.add_definition(scope, definition).await?)
    }

    /// Adds a version and puts it alone into service. `named` is the name that its file says.
    ///
    /// - Errors: 400 for a name that is a route's or not the file's own, besides those of [`Versioned::add`].
    pub async fn serve(
        &self,
        state: &ApiState,
        scope: &TenantScope,
        name: &str,
        named: &str,
        input: DefinitionInput,
    ) -> Result<Definition, Problem> {
        let noun = self.noun;
        if self.reserved.contains(&name) {
            let detail = format!("no {noun} can be called {}", self.reserved.join(", "));
            return Err(Problem::invalid("/text", detail));
        }
        if named != name {
            let detail = format!("the file is of the {noun} `{named}`, not `{name}`");
            return Err(Problem::invalid("/text", detail));
        }
        let added = self.add(state, scope, name, input).await?;
        let shares = [Share {
            version: added.version,
            weight: 1,
        }];
        let serving = state
            .definitions
            .set_shares(scope, self.kind, name, &shares);
        serving.await?;
        Ok(added)
    }
}
