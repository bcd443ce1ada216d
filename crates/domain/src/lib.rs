//! The nouns everyone shares.
