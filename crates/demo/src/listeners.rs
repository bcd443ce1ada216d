//! Listeners with hidden tastes.
