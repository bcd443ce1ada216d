//! What is asked and what is answered.

use std::sync::Arc;

pub use leitmotif_domain::asked::TurnedControls;
use leitmotif_domain::asked::{AnswerBasis, Asked};
use leitmotif_domain::event::{Moment, ShownExploration};
use leitmotif_domain::{Assignment, ListenerId, ModelId, RequestId, Rung, Timestamp, TrackId};

use super::definition::{Objective, PipelineDefinition};
use super::offers::Near;
use crate::explain::Reason;
use crate::keyed::KeyedMap;
use crate::search::Admitted;
use crate::trace::Span;

/// The layout of a page, and with which probability it was chosen by chance; none where it was not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShownLayout {
    /// Its name.
    pub name: &'static str,
    /// The probability, above 0.
    pub propensity: Option<f32>,
}

/// What is asked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RecommendRequest {
    /// For whom; `None` for nobody known.
    pub listener: Option<ListenerId>,
    /// Tracks the list starts from; without a listener they are all that is known.
    pub seeds: Vec<TrackId>,
    /// Places wanted.
    pub count: usize,
    /// Where the list is shown; its pipeline makes the list.
    pub placement: String,
    /// Tracks that must not appear.
    pub exclude: Vec<TrackId>,
    /// The tracks that may appear, where constraints say which.
    pub only: Option<Arc<Admitted>>,
    /// What is near to the seeds, where that is known already; asked of the vector store otherwise.
    pub near: Option<Vec<Near>>,
    /// Whether tracks the listener has heard may appear; the pipeline may allow it too.
    pub include_heard: bool,
    /// Rungs that must not be used.
    pub disabled_rungs: Vec<Rung>,
    /// Controls that stand elsewhere than the pipeline has them.
    pub controls: TurnedControls,
    /// Where controls stand that neither the request turns nor the pipeline of the placement.
    pub usual_controls: TurnedControls,
    /// What the player says of the moment.
    pub moment: Moment,
    /// The layout of the page that the list is a part of, where there are several.
    pub layout: Option<ShownLayout>,
    /// The version that an experiment chose; without one the shares of the placement decide.
    pub assignment: Option<Assignment>,
    /// A pipeline that is not in service, to see what it would make.
    pub draft: Option<Arc<PipelineDefinition>>,
}

impl RecommendRequest {
    /// Takes out what was asked beyond a listener, a placement and a moment, once `shown` places are filled.
    pub fn take_asked(&mut self, shown: usize) -> Option<Box<Asked>> {
        let only = self.only.take();
        let constraints = only.as_ref().map(|only| only.asked.clone());
        let constraints = constraints.unwrap_or_default();
        let is_brought = only.is_some() && constraints.is_empty();
        let asked = Asked {
            seeds: std::mem::take(&mut self.seeds),
            exclude: std::mem::take(&mut self.exclude),
            include_heard: self.include_heard,
            count: (self.count != shown).then(|| u32::try_from(self.count).unwrap_or(u32::MAX)),
            disabled_rungs: std::mem::take(&mut self.disabled_rungs),
            controls: self.controls,
            usual_controls: self.usual_controls,
            constraints,
            may_read_lyrics: only.is_some_and(|only| only.may_read_lyrics),
            is_incomplete: is_brought || self.near.is_some() || self.draft.is_some(),
        };
        asked.bounded()
    }
}

/// The answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Recommendations {
    /// Names this answer; a listen that carries it is attributed exactly.
    pub request_id: RequestId,
    /// The moment that it was made for.
    pub at: Timestamp,
    /// What it was made from.
    pub basis: AnswerBasis,
    /// How personal it is.
    pub rung: Rung,
    /// The model behind it.
    pub model: Option<ModelId>,
    /// The version of the pipeline that made it.
    pub assignment: Assignment,
    /// The tracks in order.
    pub tracks: Vec<RecommendedTrack>,
    /// What of the order was left to chance, where something was.
    pub exploration: Option<ShownExploration>,
    /// What took how long.
    pub spans: Vec<Span>,
    /// Parts that failed or came too late, and so are missing in the answer.
    pub degraded: Vec<Degraded>,
    /// Why there are fewer tracks than wanted, where there are.
    pub shortage: Option<String>,
    /// Titles of the tracks that reasons follow from.
    pub causes: Causes,
    /// What the list was made for.
    pub objectives: Vec<Objective>,
}

/// Titles by track.
pub type Causes = KeyedMap<TrackId, Arc<str>>;

/// A part that is missing in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Degraded {
    /// The source or the stage.
    pub part: &'static str,
    /// Why.
    pub cause: DegradedCause,
}

/// Why a part is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DegradedCause {
    /// Its budget was used up before it began, or before it ended.
    Late,
    /// It failed.
    Failed,
    /// It failed or was late again and again, and is left out for half a minute.
    Resting,
}

impl DegradedCause {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Late => "late",
            Self::Failed => "failed",
            Self::Resting => "resting",
        }
    }
}

/// One place of the list.
#[derive(Debug, Clone, PartialEq)]
pub struct RecommendedTrack {
    /// The track.
    pub track: TrackId,
    /// Its title.
    pub title: String,
    /// Its artist.
    pub artist: String,
    /// What it was ranked by; the contributions of the reasons sum to it.
    pub score: f32,
    /// Probability of being shown here; 1 where nothing is left to chance.
    pub propensity: f32,
    /// Share of it that the listener is expected to hear, 0 to 1; `None` where nothing tells it.
    pub expected_listened_share: Option<f32>,
    /// Why.
    pub reasons: Vec<Reason>,
}
