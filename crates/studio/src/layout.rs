//! What every page has: head, banner, navigation, footer.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::assets;
use crate::visitor::Visitor;

/// The tenant that is filled with made-up music and listeners.
pub const DEMO_TENANT: &str = "demo";

/// The parts of the navigation.
const SECTIONS: [(&str, &str); 16] = [
    ("/studio", "Overview"),
    ("/studio/library", "Library"),
    ("/studio/listeners", "Listeners"),
    ("/studio/playground", "Playground"),
    ("/studio/pipelines", "Pipelines"),
    ("/studio/features", "Features"),
    ("/studio/metrics", "Metrics"),
    ("/studio/playlists", "Playlists"),
    ("/studio/models", "Models"),
    ("/studio/analyzers", "Analyzers"),
    ("/studio/plugins", "Plugins"),
    ("/studio/heads", "Heads"),
    ("/studio/lyrics-space", "Lyrics"),
    ("/studio/audits", "Audits"),
    ("/studio/jobs", "Jobs"),
    ("/studio/webhooks", "Webhooks"),
];

/// The logo: a wave that goes out and returns to where it began.
const LOGO: &str = include_str!("assets/logo.svg");

/// What the frame of a page says.
#[derive(Debug, Clone, Default)]
pub struct Shell<'p> {
    /// Title of the page.
    pub title: &'p str,
    /// Where it belongs in the navigation.
    pub section: &'p str,
    /// What a person calls the key; without it there is no navigation.
    pub label: Option<&'p str>,
    /// The tenant.
    pub tenant: &'p str,
    /// The page's own module.
    pub module: Option<&'p str>,
}

impl<'p> Shell<'p> {
    /// A page for anybody.
    pub fn bare(title: &'p str) -> Self {
        Self {
            title,
            ..Self::default()
        }
    }

    /// A page for a visitor.
    pub fn of(visitor: &'p Visitor, section: &'p str, title: &'p str) -> Self {
        Self {
            title,
            section,
            label: Some(visitor.label()),
            tenant: &visitor.tenant,
            module: None,
        }
    }

    /// Adds the page's module.
    pub fn with_module(self, name: &'p str) -> Self {
        Self {
            module: Some(name),
            ..self
        }
    }
}

/// Draws a page.
pub fn page(shell: &Shell<'_>, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (shell.title) " · Leitmotif" }
                link rel="icon" type="image/svg+xml" href=(assets::url("logo.svg"));
                link rel="stylesheet" href=(assets::url("studio.css"));
                @if let Some(module) = shell.module {
                    script type="module" src=(assets::url(module)) {}
                }
            }
            body {
                a.skip href="#content" { "Skip to the content" }
                (masthead(shell))
                @if shell.tenant == DEMO_TENANT {
                    p.simulated role="note" {
                        strong { "Everything here is simulated." }
                        " The songs were rendered and the listeners made up by this program."
                    }
                }
                main #content tabindex="-1" { (body) }
                footer.colophon {
                    span { "Leitmotif studio" }
                    a href="/openapi.json" { "API description" }
                }
            }
        }
    }
}

fn masthead(shell: &Shell<'_>) -> Markup {
    html! {
        header.masthead {
            a.brand href="/studio" aria-label="Leitmotif, overview" {
                (PreEscaped(LOGO))
                span { "Leitmotif" }
            }
            @if let Some(label) = shell.label {
                nav aria-label="Main" {
                    ul {
                        @for (href, name) in SECTIONS {
                            li {
                                a href=(href) aria-current=[(href == shell.section).then_some("page")] {
                                    (name)
                                }
                            }
                        }
                    }
                }
                form.account method="post" action="/studio/logout" {
                    span.quiet title="tenant and key" { (shell.tenant) " · " (label) }
                    button.plain type="submit" { "Sign out" }
                }
            }
        }
    }
}
