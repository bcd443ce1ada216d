//! Candidates, ranking, reranking, explanations.
