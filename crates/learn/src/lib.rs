//! Recommendation models and ranking metrics: matrices in, model out.
