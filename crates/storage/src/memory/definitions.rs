//! Versioned definitions.

use std::collections::BTreeMap;

use async_trait::async_trait;
use leitmotif_domain::definition::{
    Definition, DefinitionKind, LiveDefinition, NewDefinition, Share,
};
use leitmotif_domain::page::{Page, PageRequest};
use leitmotif_domain::{EventId, TenantScope};

use super::MemoryStorage;
use crate::arguments::{check_definition_count, page_position};
use crate::changes;
use crate::error::{Error, Result};
use crate::ports::DefinitionStore;

/// The definitions of one tenant.
#[derive(Default)]
pub struct Definitions {
    names: BTreeMap<(DefinitionKind, String), Named>,
}

#[derive(Default)]
struct Named {
    /// Version n is at n − 1.
    versions: Vec<Definition>,
    shares: Vec<Share>,
}

impl Definitions {
    fn named(&self, kind: DefinitionKind, name: &str) -> Option<&Named> {
        self.names.get(&(kind, name.to_owned()))
    }
}

#[async_trait]
impl DefinitionStore for MemoryStorage {
    async fn add_definition(
        &self,
        scope: &TenantScope,
        definition: NewDefinition,
    ) -> Result<Definition> {
        definition.check()?;
        self.with(scope, |state| {
            let NewDefinition {
                kind,
                name,
                text,
                note,
                created_at,
            } = definition;
            let names = &mut state.definitions.names;
            let key = (kind, name.clone());
            let count = names.keys().filter(|(other, _)| *other == kind).count();
            if !names.contains_key(&key) {
                check_definition_count(kind, count)?;
            }
            let named = names.entry(key).or_default();
            if let Some(newest) = named.versions.last().filter(|newest| newest.text == text) {
                return Ok(newest.clone());
            }
            let added = Definition {
                kind,
                name,
                version: named.versions.len() as u32 + 1,
                text,
                note,
                created_at,
            };
            named.versions.push(added.clone());
            Ok(added)
        })
    }

    async fn definition(
        &self,
        scope: &TenantScope,
        kind: DefinitionKind,
        name: &str,
        version: u32,
    ) -> Result<Option<Definition>> {
        self.with(scope, |state| {
            let named = state.definitions.named(kind, name);
            let index = (version as usize).checked_sub(1);
            Ok(named.and_then(|named| named.versions.get(index?).cloned()))
        })
    }

    async fn list_versions(
        &self,
        scope: &TenantScope,
        kind: DefinitionKind,
        name: &str,
        page: &PageRequest,
    ) -> Result<Page<Definition>> {
        let before = page_position(page, i64::MAX)?;
        self.with(scope, |state| {
            let named = state.definitions.named(kind, name);
            let newest_first = named
                .into_iter()
                .flat_map(|named| named.versions.iter().rev());
            let items = newest_first
                .filter(|one| i64::from(one.version) < before)
                .take(page.limit() + 1)
                .cloned()
                .collect();
            Ok(Page::from_surplus(
                items,
                page.limit(),
                |one: &Definition| one.version.to_string(),
            ))
        })
    }

    async fn live_definitions(
        &self,
        scope: &TenantScope,
        kind: DefinitionKind,
    ) -> Result<Vec<LiveDefinition>> {
        self.with(scope, |state| {
            let of_kind = state.definitions.names.iter();
            let live =
                of_kind
                    .filter(|((other, _), _)| *other == kind)
                    .map(|((_, name), named)| LiveDefinition {
                        name: name.clone(),
                        newest_version: named.versions.len() as u32,
                        shares: named.shares.clone(),
                    });
            Ok(live.collect())
        })
    }

    async fn set_shares(
        &self,
        scope: &TenantScope,
        kind: DefinitionKind,
        name: &str,
        shares: &[Share],
    ) -> Result<()> {
        let now = self.clock.now();
        self.with(scope, |state| {
            let named = state.definitions.names.get_mut(&(kind, name.to_owned()));
            let count = named.as_ref().map_or(0, |named| named.versions.len());
            let is_known = |share: &&Share| (1..=count).contains(&(share.version as usize));
            if let Some(unknown) = shares.iter().find(|share| !is_known(share)) {
                return Err(Error::not_found("version", unknown.version));
            }
            if let Some(named) = named {
                named.shares = shares.to_vec();
                named.shares.sort_by_key(|share| share.version);
            }
            let event = EventId::generate(self.clock.as_ref(), self.entropy.as_ref());
            let changed = changes::of_shares(kind, name, event, now);
            state.log.append(changed, now);
            Ok(())
        })
    }
}
