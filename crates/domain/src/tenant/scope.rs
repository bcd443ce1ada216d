//! Unforgeable permission: a value that only verified credentials make.

use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::error::InvalidValue;
use crate::ids::{KeyId, TenantId};
use crate::tenant::keys::{ApiKeyRecord, Scope, Scopes};

/// Permission to reach one tenant's data; the first argument of every port method on it.
///
/// It has no public constructor, no `Default` and no `Deserialize`: it comes from
/// [`super::keys::PresentedKey::verify`] or from [`SealKey::open`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TenantScope {
    tenant: TenantId,
}

impl TenantScope {
    pub(in crate::tenant) fn of_verified(tenant: TenantId) -> Self {
        Self { tenant }
    }

    /// Whose data it opens.
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }
}

/// Who calls: the key behind a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    key: KeyId,
    tenant: TenantId,
    label: String,
    scopes: Scopes,
}

impl Principal {
    pub(in crate::tenant) fn of_key(record: &ApiKeyRecord) -> Self {
        Self {
            key: record.id,
            tenant: record.tenant,
            label: record.label.clone(),
            scopes: record.scopes,
        }
    }

    /// The key.
    pub fn key(&self) -> KeyId {
        self.key
    }

    /// The key's tenant.
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// What a person calls the key.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// What it may do.
    pub fn scopes(&self) -> Scopes {
        self.scopes
    }
}

/// Permission to work across tenants, with a written reason that the audit log keeps.
#[derive(Debug, Clone)]
pub struct OperatorScope {
    by: String,
    reason: String,
}

impl OperatorScope {
    /// Claims the permission for a principal that holds [`Scope::Operator`].
    ///
    /// - Errors: [`InvalidValue`] when it does not, or when no reason is given.
    pub fn claim(principal: &Principal, reason: &str) -> Result<Self, InvalidValue> {
        if !principal.scopes().has(Scope::Operator) {
            return Err(InvalidValue::new(
                "scope",
                "the key does not hold `operator`",
            ));
        }
        if reason.trim().is_empty() {
            return Err(InvalidValue::new(
                "reason",
                "operator work needs a written reason",
            ));
        }
        Ok(Self {
            by: principal.key().to_string(),
            reason: reason.to_owned(),
        })
    }

    /// Claims the permission for the process that holds the seal of a data folder: it could read
    /// every file anyway, so the audit entry is what matters.
    pub fn of_platform(_seal: &SealKey, reason: &'static str) -> Self {
        Self {
            by: "platform".to_owned(),
            reason: reason.to_owned(),
        }
    }

    /// Who works.
    pub fn by(&self) -> &str {
        &self.by
    }

    /// Why.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

/// A tenant's scope that travels with queued work, proven by a MAC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedScope {
    tenant: TenantId,
    mac: [u8; 32],
}

/// The platform's sealing key. Whoever holds it can make scopes, so it stays in `server`.
#[derive(Clone)]
pub struct SealKey([u8; 32]);

impl std::fmt::Debug for SealKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("SealKey(…)")
    }
}

impl SealKey {
    /// Wraps 256 random bits.
    pub fn new(bits: [u8; 32]) -> Self {
        Self(bits)
    }

    /// Seals a scope for a queue.
    pub fn seal(&self, scope: &TenantScope) -> SealedScope {
        SealedScope {
            tenant: scope.tenant,
            mac: self.mac(scope.tenant).finalize().into_bytes().into(),
        }
    }

    /// Seals the scope of a tenant that the platform itself found in its control plane, for
    /// background work that no caller started.
    pub fn seal_for(&self, tenant: &crate::tenant::Tenant) -> SealedScope {
        SealedScope {
            tenant: tenant.id,
            mac: self.mac(tenant.id).finalize().into_bytes().into(),
        }
    }

    /// Opens a sealed scope, checking the MAC in constant time.
    ///
    /// - Errors: [`InvalidValue`] when it was not sealed by this key.
    pub fn open(&self, sealed: &SealedScope) -> Result<TenantScope, InvalidValue> {
        self.mac(sealed.tenant)
            .verify_slice(&sealed.mac)
            .map_err(|_| InvalidValue::new("scope", "the seal is not ours"))?;
        Ok(TenantScope {
            tenant: sealed.tenant,
        })
    }

    fn mac(&self, tenant: TenantId) -> Hmac<Sha256> {
        let mut mac =
            <Hmac<Sha256> as Mac>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(b"tenant scope");
        mac.update(&tenant.as_u128().to_be_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_opens_only_with_its_key_and_tenant() {
        let seal = SealKey::new([7; 32]);
        let scope = TenantScope::of_verified(TenantId::from_u128(1));
        let sealed = seal.seal(&scope);
        assert_eq!(seal.open(&sealed).unwrap(), scope);
        assert!(SealKey::new([8; 32]).open(&sealed).is_err());
        let forged = SealedScope {
            tenant: TenantId::from_u128(2),
            ..sealed
        };
        assert!(seal.open(&forged).is_err());
        assert!(!format!("{seal:?}").contains('7'));
    }
}
