//! Tastes of their own: what somebody plays while they do something that says nothing of them otherwise.

use std::borrow::Cow;

use crate::state::ApiState;

/// The listener that plays and lists of an activity belong to: the person, or, for an activity with a taste
/// of its own, a listener named `person#activity`.
pub fn listener_of<'n>(state: &ApiState, person: &'n str, activity: Option<&str>) -> Cow<'n, str> {
    let named = |own: &&String| activity.is_some_and(|told| own.eq_ignore_ascii_case(told));
    match state.own_tastes.iter().find(named) {
        Some(own) => Cow::Owned(format!("{person}#{own}")),
        None => Cow::Borrowed(person),
    }
}
