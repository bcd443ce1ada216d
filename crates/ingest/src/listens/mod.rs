//! Listens that come in words: which recording they are of, and what becomes of them.

mod announcements;
mod follower;
mod judgements;
pub mod matching;
pub mod names;
mod playing;
mod plays;
mod scrobbles;

pub use announcements::Announcement;
pub use follower::CONSUMER;
pub use judgements::ReportedFeedback;
pub use plays::{PLAYBACK_SOURCE, SUBMISSION_SOURCE};
pub use scrobbles::{Ending, ListensPage, ReportedListen, ScrobbleLog, Submitted, recording_id};

#[cfg(test)]
mod tests;
