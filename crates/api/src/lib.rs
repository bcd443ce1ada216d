//! The HTTP surface: our own API under `/api/v1`, probes, metrics, OpenAPI.
//!
//! Handlers are thin: parse, ask a service or a port, convert. They return plain answer types, so
//! that the studio shows exactly what the API offers.

pub mod metrics;
pub mod middleware;
pub mod native;
pub mod openapi;
pub mod paging;
pub mod problem;
pub mod protocols;
pub mod router;
pub mod state;
pub mod webhooks;

pub use middleware::auth::Caller;
pub use problem::Problem;
pub use router::{probes, router};
pub use state::{ApiParts, ApiState};
