//! API keys: a public prefix to find them by, 128 random bits to prove them, a hash at rest.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::chance::Entropy;
use crate::clock::{Clock, Timestamp};
use crate::error::InvalidValue;
use crate::ids::{ID_CHARS, KeyId, TenantId, decode_base62, encode_base62};
use crate::tenant::scope::{Principal, TenantScope};

/// Every key starts so; secret scanners look for it.
const KEY_MARK: &str = "lmk";
/// Characters of the public prefix: 12 of base62 are 71 bits, collisions are out of reach.
const PREFIX_CHARS: usize = 12;

/// What a key may do. A stronger scope does not imply a weaker one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Read the tenant's data.
    Read,
    /// Change the tenant's data.
    Write,
    /// Manage the tenant: keys, imports from the server's disk, training.
    Admin,
    /// Work across tenants; every use states a reason and is audited.
    Operator,
}

impl Scope {
    /// All scopes, weakest first.
    pub const ALL: [Self; 4] = [Self::Read, Self::Write, Self::Admin, Self::Operator];

    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
            Self::Operator => "operator",
        }
    }
}

/// A set of scopes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Scope>", into = "Vec<Scope>")]
pub struct Scopes(u8);

impl Scopes {
    /// Says whether a scope is in the set.
    pub fn has(self, scope: Scope) -> bool {
        self.0 & (1 << scope as u8) != 0
    }

    /// The set as bits, for storage.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// Reads the set from storage; unknown bits are dropped.
    pub fn from_bits(bits: u8) -> Self {
        Self(bits & 0b1111)
    }
}

impl From<Vec<Scope>> for Scopes {
    fn from(scopes: Vec<Scope>) -> Self {
        Self(
            scopes
                .into_iter()
                .fold(0, |bits, scope| bits | (1 << scope as u8)),
        )
    }
}

impl From<Scopes> for Vec<Scope> {
    fn from(scopes: Scopes) -> Self {
        Scope::ALL
            .into_iter()
            .filter(|scope| scopes.has(*scope))
            .collect()
    }
}

/// A key as stored: enough to check a secret, not to make one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKeyRecord {
    /// Its id.
    pub id: KeyId,
    /// Whose data it opens.
    pub tenant: TenantId,
    /// The public part.
    pub prefix: String,
    /// SHA-256 of the secret; 128 random bits need no slow hash.
    pub secret_hash: [u8; 32],
    /// What it may do.
    pub scopes: Scopes,
    /// What a person calls it.
    pub label: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it opens nothing; set ahead on rotation, so that old and new overlap.
    pub expires_at: Option<Timestamp>,
}

/// A key at the one moment its secret is known.
pub struct IssuedKey {
    /// What is stored.
    pub record: ApiKeyRecord,
    /// What the caller is given, once.
    pub secret_text: String,
}

impl fmt::Debug for IssuedKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("IssuedKey")
            .field("record", &self.record)
            .finish_non_exhaustive()
    }
}

/// Makes a key.
pub fn issue(
    tenant: TenantId,
    scopes: Scopes,
    label: &str,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> IssuedKey {
    let prefix = text_of(entropy.next_u128())[ID_CHARS - PREFIX_CHARS..].to_owned();
    let secret = text_of(entropy.next_u128());
    let record = ApiKeyRecord {
        id: KeyId::generate(clock, entropy),
        tenant,
        prefix: prefix.clone(),
        secret_hash: hash_secret(&secret),
        scopes,
        label: label.to_owned(),
        created_at: clock.now(),
        expires_at: None,
    };
    IssuedKey {
        record,
        secret_text: format!("{KEY_MARK}_{prefix}_{secret}"),
    }
}

fn text_of(bits: u128) -> String {
    String::from_utf8_lossy(&encode_base62(bits)).into_owned()
}

fn hash_secret(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// A key as a caller presents it; prints only its public part.
#[derive(Clone)]
pub struct PresentedKey {
    prefix: String,
    secret: String,
}

impl PresentedKey {
    /// The public part, to find the record by.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Checks the secret and the expiry, in constant time over the hash. The only door to a
    /// [`TenantScope`] besides a sealed one.
    ///
    /// - Returns `None` when the key opens nothing; the caller must not learn why.
    pub fn verify(
        &self,
        record: &ApiKeyRecord,
        now: Timestamp,
    ) -> Option<(Principal, TenantScope)> {
        let is_same: bool = hash_secret(&self.secret).ct_eq(&record.secret_hash).into();
        let is_expired = record.expires_at.is_some_and(|expiry| expiry <= now);
        if !is_same || is_expired || self.prefix != record.prefix {
            return None;
        }
        Some((
            Principal::of_key(record),
            TenantScope::of_verified(record.tenant),
        ))
    }
}

impl FromStr for PresentedKey {
    type Err = InvalidValue;
    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let mut parts = text.trim().splitn(3, '_');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(KEY_MARK), Some(prefix), Some(secret))
                if prefix.len() == PREFIX_CHARS && decode_base62(secret).is_some() =>
            {
                Ok(Self {
                    prefix: prefix.to_owned(),
                    secret: secret.to_owned(),
                })
            }
            _ => Err(InvalidValue::new(
                "key",
                "is not an API key of this platform",
            )),
        }
    }
}

impl fmt::Debug for PresentedKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PresentedKey({}_…)", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::{Seed, SeededEntropy};
    use crate::clock::ManualClock;

    fn issued() -> IssuedKey {
        let clock = ManualClock::new(Timestamp::from_ms(1_000));
        let scopes = vec![Scope::Read, Scope::Admin].into();
        issue(
            TenantId::from_u128(5),
            scopes,
            "test",
            &clock,
            &SeededEntropy::new(Seed(1)),
        )
    }

    #[test]
    fn the_right_secret_opens_its_tenant_and_no_other_does() {
        let key = issued();
        let presented: PresentedKey = key.secret_text.parse().unwrap();
        let (principal, scope) = presented
            .verify(&key.record, Timestamp::from_ms(2_000))
            .unwrap();
        assert_eq!(scope.tenant(), TenantId::from_u128(5));
        assert!(principal.scopes().has(Scope::Read) && !principal.scopes().has(Scope::Write));
        let mut other = key.record.clone();
        other.secret_hash[0] ^= 1;
        assert!(
            presented
                .verify(&other, Timestamp::from_ms(2_000))
                .is_none()
        );
    }

    #[test]
    fn an_expired_key_opens_nothing() {
        let mut key = issued();
        let presented: PresentedKey = key.secret_text.parse().unwrap();
        key.record.expires_at = Some(Timestamp::from_ms(2_000));
        assert!(
            presented
                .verify(&key.record, Timestamp::from_ms(1_999))
                .is_some()
        );
        assert!(
            presented
                .verify(&key.record, Timestamp::from_ms(2_000))
                .is_none()
        );
    }

    #[test]
    fn secrets_do_not_print() {
        let key = issued();
        let secret = key.secret_text.rsplit('_').next().unwrap().to_owned();
        let presented: PresentedKey = key.secret_text.parse().unwrap();
        assert!(!format!("{presented:?} {key:?}").contains(&secret));
    }

    #[test]
    fn malformed_keys_are_refused() {
        for text in [
            "",
            "lmk",
            "lmk_short_secret",
            "xxx_123456789012_0000000000000000000000",
        ] {
            assert!(text.parse::<PresentedKey>().is_err(), "{text}");
        }
    }

    #[test]
    fn scope_sets_round_trip() {
        let scopes: Scopes = vec![Scope::Operator, Scope::Read].into();
        assert_eq!(Vec::from(scopes), vec![Scope::Read, Scope::Operator]);
        assert_eq!(Scopes::from_bits(scopes.bits()), scopes);
        assert_eq!(
            serde_json::to_string(&scopes).unwrap(),
            "[\"read\",\"operator\"]"
        );
    }
}
