//! The nouns everyone shares: ids, tracks, events, tenancy, clock, chance, limits, error kinds.
//!
//! No async, SQL, HTTP or science here; every other crate may depend on this one.

pub mod error;
pub mod limits;

pub mod chance;
pub mod clock;
pub mod ids;

pub mod asked;
pub mod definition;
pub mod event;
pub mod job;
pub mod listener;
pub mod page;
pub mod playlist;
pub mod plugin;
pub mod rung;
pub mod shared_id;
pub mod shown_reasons;
pub mod statement;
pub mod track;
pub mod training;
pub mod webhook;
pub mod zone;

pub mod bucket;
pub mod tenant;

pub use clock::{Clock, Timestamp};
pub use definition::Assignment;
pub use error::ErrorKind;
pub use ids::{
    AuditId, EventId, JobId, KeyId, ListenerId, ModelId, PlaylistId, RecordingId, RequestId,
    TenantId, TrackId, WebhookId,
};
pub use rung::Rung;
pub use tenant::{OperatorScope, TenantScope};
