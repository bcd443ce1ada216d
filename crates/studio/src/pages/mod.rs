//! One file a page.

pub mod analyzers;
pub mod audit_report;
pub mod audits;
pub mod compare;
pub mod duplicates;
pub mod features;
pub mod heads;
pub mod home;
pub mod jobs;
pub mod library;
pub mod listener;
pub mod listeners;
pub mod login;
pub mod lyrics_space;
pub mod map;
pub mod metrics;
pub mod model_charts;
pub mod model_outcomes;
pub mod models;
pub mod not_found;
pub mod overview;
pub mod pipelines;
pub mod playground;
pub mod playlists;
pub mod plugins;
pub mod recommended;
pub mod trace;
pub mod track;
pub mod webhooks;

#[cfg(test)]
mod tests;
