//! Tracks, lyrics, imports and the analysis jobs.
