//! What every request passes through, outermost first: trace, metrics, panic guard, credential,
//! quota, quota of the day, idempotency.

pub mod auth;
pub mod body;
pub mod daily;
pub mod idempotency;
pub mod observe;
pub mod quota;
pub mod rejections;
pub mod trace;
