//! Server-rendered pages over the API handlers.
