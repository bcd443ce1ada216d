//! Exact and HNSW nearest-neighbour search with filters and persistence.
