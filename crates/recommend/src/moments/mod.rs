//! What is played at which moments more than else: learnt from the listens that tell theirs.

mod lifts;
mod table;

pub use lifts::{ItemGroups, LiftsAt, MomentLifts, MomentShift, MomentValue, lift, lift_of};
pub use table::{Aspect, MomentTable, UNKNOWN};
