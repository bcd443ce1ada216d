//! Genre, mood and values as heads over what was measured: labels in, judged heads out.
//!
//! A label is what the tenant says of a track: its genre, or a tag `genre:…` or `mood:…`; a value is a tag
//! with a number, `valence:0.7`. Heads learn
//! from labels and are judged on artists that they did not learn from; only those above their bar speak,
//! when an analysis is read. What they say is never written down, so it never becomes a label.

mod columns;
mod document;
mod labels;
mod needs;
mod predict;
mod reading;
mod training;
mod values;

pub use document::{HeadRow, Heads, Standing};
pub use labels::{Label, LabelKind, labels_of};
pub use leitmotif_learn::heads::{
    BAR, HeadMeasure, Interval, NEAR, Shortage, VALUE_BAR, ValueMeasure,
};
pub use needs::{Need, Needs, Untrained};
pub use predict::{Prediction, Told};
pub use training::{EXAMPLES_MAX, HEADS_TRAINED_MAX, ROWS_MAX, train_heads};
pub use values::{
    ToldValue, ValueKind, ValuePrediction, ValueRow, ValueStanding, Values, values_of,
};

/// The alias that points at the heads in use.
pub const HEADS: &str = "heads";
/// The family of models under which heads are registered.
pub const HEADS_FAMILY: &str = "heads";
