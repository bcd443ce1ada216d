//! The hash chain of the audit log.

use leitmotif_domain::{OperatorScope, Timestamp};
use sha2::{Digest, Sha256};

use crate::ports::AuditEntry;

/// Builds the line that follows `last`.
pub fn following(
    last: Option<(u64, [u8; 32])>,
    operator: &OperatorScope,
    at: Timestamp,
    action: &str,
) -> AuditEntry {
    let (sequence, former) = last.map_or((1, [0; 32]), |(sequence, hash)| (sequence + 1, hash));
    let mut entry = AuditEntry {
        sequence,
        at,
        by: operator.by().to_owned(),
        reason: operator.reason().to_owned(),
        action: action.to_owned(),
        hash: [0; 32],
    };
    entry.hash = chain(&former, &entry);
    entry
}

/// The hash of a line: over the former hash and every field, lengths first.
pub fn chain(former: &[u8; 32], entry: &AuditEntry) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(former);
    hasher.update(entry.sequence.to_be_bytes());
    hasher.update(entry.at.as_ms().to_be_bytes());
    for field in [&entry.by, &entry.reason, &entry.action] {
        hasher.update((field.len() as u64).to_be_bytes());
        hasher.update(field.as_bytes());
    }
    hasher.finalize().into()
}
