//! Journeys through the real binary: files and tables in, answers out, over HTTP and the command
//! line.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests count as outside code"
)]

mod batch;
mod browser;
mod closed_pipe;
mod comparing;
mod decoder;
mod demo_once;
mod doctor;
mod duplicates;
mod event_log;
mod exports;
mod feast;
mod features;
mod files;
mod folder;
mod harness;
mod heads;
mod histories;
mod http_contract;
mod imports_at_once;
mod isolation;
mod kill_engine;
mod kills;
mod learning;
mod lyrics_encoder;
mod lyrics_space;
mod media_server;
mod metrics;
mod modules;
mod pipelines;
mod playlists;
mod plugins;
mod postgres;
mod protocols;
mod rap_scraper;
mod rap_scraper_service;
mod replays;
mod roles;
mod search;
mod tables;
mod tags;
mod training;
mod uploads;
mod vocabulary;
mod webdriver;
mod webhooks;
mod wire;
