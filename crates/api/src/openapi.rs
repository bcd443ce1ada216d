//! The description of the API, generated from the handlers.

use utoipa::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};

/// The frame the handlers' descriptions are put into.
#[derive(OpenApi)]
#[openapi(
    info(title = "Leitmotif", description = "Music analysis, search and recommendations you host yourself. Every number has evidence, every play teaches."),
    security(("key" = [])),
    modifiers(&Credential)
)]
pub struct ApiDescription;

struct Credential;

impl utoipa::Modify for Credential {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        let components = description.components.get_or_insert_with(Default::default);
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        components.add_security_scheme("key", scheme);
    }
}
