//! Tastes of their own: what somebody plays while they do something that says nothing of them otherwise.

use std::borrow::Cow;

use crate::state::ApiState;

/// The listener that plays and lists of an activity belong to: the person, or, for an activity with a taste
/// of its own, a listener named `person#activity`.
pub fn listener_of<'n>(state: &ApiState, person: &'n str, activity: Option<&str>) -> Cow<'n, str> {
    let has_own = |activity: &&str| state.own_tastes.iter().any(|own| own == activity);
    match activity.filter(has_own) {
        Some(activity) => Cow::Owned(format!("{person}#{activity}")),
        None => Cow::Borrowed(person),
    }
}
