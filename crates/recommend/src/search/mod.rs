//! Finding tracks: by words and embeddings together, and near a track under constraints.
//!
//! `words → describing words become constraints → text hits + embedding hits → blend → page`. The index
//! lives in memory beside the recommender's view and follows the same log.

mod admitted;
mod constraints;
mod corpus;
mod facts;
mod highlight;
mod keys;
mod near;
mod popularity;
mod query;
mod service;
mod sorted;
mod told;
mod traits;

pub use admitted::Admitted;
pub use constraints::{Constraint, ConstraintName, Constraints, Shortfall};
pub use facts::{TrackFacts, genre_key};
pub use highlight::{Highlight, HighlightPart};
pub use keys::{KeyMatch, MusicalKey};
pub use leitmotif_learn::retrieval::LegScores;
pub use near::{NearAnswer, NearRequest, tells_of_words};
pub(crate) use popularity::popularity_percent;
pub use query::{FoundTrack, ReadDescriptor, SearchAnswer, SearchRequest};
pub use service::{RESULTS_MAX, Searcher};
pub use sorted::{SortOrder, SortPlace};
pub use told::{ToldColumn, ToldKind};
pub use traits::{
    Coincidence, Comparison, Standing, TRAITS, Trait, TraitTable, strongest, trait_index,
};
