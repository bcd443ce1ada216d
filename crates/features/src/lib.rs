//! Aggregates over the event log, online and offline by one code path.
