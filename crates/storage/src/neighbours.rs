//! Search in the index of a space, the same in every backend of one process.

use leitmotif_domain::TrackId;
use leitmotif_domain::error::InvalidValue;
use leitmotif_vectors::{Index, IndexOptions, Metric, SearchOptions};

use crate::error::{Error, Result};
use crate::ports::{VectorFilter, VectorMatch};

/// Breadth of the walk; recall@10 is above 0.95 at this breadth on clustered data.
const SEARCH_BREADTH: usize = 96;

/// Makes the empty index of a space.
pub fn empty_index(dimension: usize) -> Result<Index> {
    Ok(Index::new(
        dimension,
        Metric::Cosine,
        IndexOptions::default(),
    )?)
}

/// Finds the nearest tracks; a space that holds nothing answers with nothing, whatever the query.
pub fn nearest(
    index: &Index,
    query: &[f32],
    count: usize,
    filter: Option<VectorFilter>,
) -> Result<Vec<VectorMatch>> {
    if index.is_empty() {
        return Ok(Vec::new());
    }
    let passes = filter.map(|filter| move |id: u128| filter(TrackId::from_u128(id)));
    let options = SearchOptions {
        ef: SEARCH_BREADTH.max(count),
        filter: passes
            .as_ref()
            .map(|passes| passes as &(dyn Fn(u128) -> bool + Sync)),
    };
    let found = index.search(query, count, &options)?;
    Ok(found
        .into_iter()
        .map(|one| VectorMatch {
            track: TrackId::from_u128(one.id),
            distance: one.distance,
        })
        .collect())
}

impl From<leitmotif_vectors::Error> for Error {
    fn from(error: leitmotif_vectors::Error) -> Self {
        use leitmotif_vectors::ErrorKind as Kind;
        let reason = error.to_string();
        match error.kind() {
            Kind::Invalid => InvalidValue::new("vector", reason).into(),
            Kind::Exhausted => Self::Busy {
                what: "the vector index",
            },
            Kind::Unavailable => Self::Unavailable {
                backend: "vector snapshot",
                reason,
            },
            Kind::Corrupt => Self::Corrupt { reason },
        }
    }
}
