//! Listens that come in words: which recording they are of, and what becomes of them.

mod announcements;
mod follower;
pub mod matching;
pub mod names;
mod scrobbles;

pub use announcements::Announcement;
pub use scrobbles::{
    ListensPage, ReportedFeedback, ReportedListen, ScrobbleLog, Submitted, recording_id,
};
