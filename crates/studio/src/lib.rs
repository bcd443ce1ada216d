//! Server-rendered pages over the API handlers.
//!
//! A page asks the same handlers that answer `/api/v1` and draws their answers, so it can show
//! nothing that the API does not offer.

mod assets;
mod failure;
mod format;
mod layout;
mod links;
mod pages;
mod parts;
mod routes;
mod security;
mod visitor;

pub use pages::audit_report::audit_file;
pub use routes::pages;
