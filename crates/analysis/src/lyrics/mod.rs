//! Lyrics descriptors.
