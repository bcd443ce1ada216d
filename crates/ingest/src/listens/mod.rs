//! Listens that come in words: which recording they are of, and what becomes of them.

mod announcements;
mod follower;
pub mod matching;
pub mod names;
mod plays;
mod scrobbles;

pub use announcements::Announcement;
pub use follower::CONSUMER;
pub use plays::{PLAYBACK_SOURCE, SUBMISSION_SOURCE};
pub use scrobbles::{
    Ending, ListensPage, ReportedFeedback, ReportedListen, ScrobbleLog, Submitted, recording_id,
};
