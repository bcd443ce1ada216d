//! Ports, embedded and memory backends, decorators, conformance suite.
