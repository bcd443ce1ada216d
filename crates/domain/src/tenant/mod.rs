//! Tenancy: who may reach whose data, and how much of it.

pub mod keys;
pub mod quota;
pub mod scope;

pub use keys::{ApiKeyRecord, IssuedKey, PresentedKey, Scope, Scopes};
pub use quota::{Gcra, QuotaDecision};
pub use scope::{OperatorScope, Principal, SealKey, SealedScope, TenantScope};

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::error::InvalidValue;
use crate::ids::TenantId;

/// A customer of the platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Its id; also the name of its folder.
    pub id: TenantId,
    /// Its name, unique on the platform.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Checks a tenant's name: 1..=64 characters `a-z 0-9 -`.
///
/// - Errors: [`InvalidValue`] naming the text.
pub fn check_tenant_name(name: &str) -> Result<(), InvalidValue> {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || name.len() > 64 || !name.bytes().all(is_word) {
        let shown: String = name.chars().take(80).collect();
        let reason = format!("`{shown}` is not a name of 1..=64 characters a-z 0-9 -");
        return Err(InvalidValue::new("name", reason));
    }
    Ok(())
}
