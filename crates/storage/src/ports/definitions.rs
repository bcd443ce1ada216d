//! Definitions: versioned text files, and which versions of them answer.

use async_trait::async_trait;
use leitmotif_domain::TenantScope;
use leitmotif_domain::definition::{
    Definition, DefinitionKind, LiveDefinition, NewDefinition, Share,
};
use leitmotif_domain::page::{Page, PageRequest};

use crate::error::Result;

/// The definitions of a tenant.
///
/// - Versions count from 1 for each kind and name, without gaps, and never change.
/// - Visibility: a version is readable and shares are in force once their call returned.
#[async_trait]
pub trait DefinitionStore: Send + Sync {
    /// Adds a version. The text of the newest version handed in again is that version, not a new one.
    ///
    /// - Errors: `Invalid` for a name or text out of bounds, or beyond
    ///   [`leitmotif_domain::limits::DEFINITIONS_MAX`] names of a kind.
    async fn add_definition(
        &self,
        scope: &TenantScope,
        definition: NewDefinition,
    ) -> Result<Definition>;

    /// Reads a version.
    async fn definition(
        &self,
        scope: &TenantScope,
        kind: DefinitionKind,
        name: &str,
        version: u32,
    ) -> Result<Option<Definition>>;

    /// Lists the versions of a name, newest first.
    async fn list_versions(
        &self,
        scope: &TenantScope,
        kind: DefinitionKind,
        name: &str,
        page: &PageRequest,
    ) -> Result<Page<Definition>>;

    /// Reads every name of a kind with its live versions, by name.
    async fn live_definitions(
        &self,
        scope: &TenantScope,
        kind: DefinitionKind,
    ) -> Result<Vec<LiveDefinition>>;

    /// Puts these shares in place of all former ones, at once for every reader; none at all takes
    /// every version out of service. Appends a `definition_changed` event in the same transaction.
    ///
    /// - Errors: `NotFound` for an unknown version.
    async fn set_shares(
        &self,
        scope: &TenantScope,
        kind: DefinitionKind,
        name: &str,
        shares: &[Share],
    ) -> Result<()>;
}
