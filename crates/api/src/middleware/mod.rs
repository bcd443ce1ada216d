//! What every request passes through, outermost first: trace, metrics, panic guard, credential,
//! quota, idempotency.

pub mod auth;
pub mod body;
pub mod idempotency;
pub mod observe;
pub mod quota;
pub mod rejections;
pub mod trace;
