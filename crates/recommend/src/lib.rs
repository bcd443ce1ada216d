//! Candidates, ranking, reranking and explanation: from a listener and the catalogue to a list in
//! which every place has its reasons.
//!
//! `request → features → candidates → rank → rerank → explain → answer + exposures`. A model that
//! is missing or a source that fails costs its rung, never the answer.

mod audiences;
mod breaker;
pub mod catalogue;
pub mod cold_map;
pub mod counts;
pub mod drift;
pub mod error;
pub mod item_sounds;
pub mod keyed;
pub mod known;
pub mod layouts;
pub mod model;
mod model_bytes;
mod model_earlier;
mod model_stream;
pub mod moments;
pub mod neighbour_settings;
pub mod recent_sessions;
pub mod recordings;
pub mod scratch;
mod skips;
pub mod view;

pub mod candidates;
pub mod explain;
pub mod exposures;
mod feature_source;
pub mod pipeline;
pub mod placements;
pub mod rank;
pub mod rules;
pub mod trace;

mod answering;
pub mod batch;
mod contributions;
pub mod heads;
mod lookups;
pub mod map;
mod off_thread;
pub mod playlists;
pub mod ranker_files;
pub mod releases;
pub mod replay;
pub mod search;
pub mod service;
pub mod train;

pub use error::Error;
pub use explain::{Reason, Source};
pub use model_bytes::is_whole as is_whole_model;
pub use pipeline::{PipelineDefinition, RecommendRequest, Recommendations, RecommendedTrack};
pub use search::Searcher;
pub use service::Recommender;
pub use trace::Span;
