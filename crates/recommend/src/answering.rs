//! From a view and a request to an answer and its trace.

use std::sync::Arc;

use leitmotif_domain::asked::AnswerBasis;
use leitmotif_domain::chance::Seed;
use leitmotif_domain::event::{ShownExploration, ShownPair};
use leitmotif_domain::{Assignment, RequestId, Rung, Timestamp};

use crate::breaker::Resting;
use crate::error;
use crate::feature_source::FeatureSource;
use crate::pipeline::{
    Chosen, Circumstances, DegradedCause, Near, PipelineDefinition, RecommendRequest,
    Recommendations, causes_of, choose, controls_of, present,
};
use crate::trace::{Stopwatch, Trace};
use crate::view::TenantView;

/// Everything an answer is made from, besides the view.
pub struct Answering {
    /// Names the answer.
    pub request_id: RequestId,
    /// What is asked.
    pub request: RecommendRequest,
    /// Which version answers.
    pub assignment: Assignment,
    /// That version.
    pub definition: Arc<PipelineDefinition>,
    /// Embedding neighbours of what the list starts from, or why there are none.
    pub near: Result<Vec<Near>, DegradedCause>,
    /// Where the features of the order are read, if it has any, or why they cannot be.
    pub features: Result<Option<FeatureSource>, DegradedCause>,
    /// The moment.
    pub now: Timestamp,
    /// Whether the definition's exploration applies: the list is shown as it is, and what was left to
    /// chance is written down.
    pub is_explored: bool,
    /// What of the model is left out for now.
    pub resting: Resting,
}

impl Answering {
    /// Makes the list and tells how it came about.
    ///
    /// - Errors: mistakes of ours alone.
    pub fn answer(
        mut self,
        view: &TenantView,
        mut watch: Stopwatch,
    ) -> error::Result<(Recommendations, Trace)> {
        let (request, definition) = (&self.request, &self.definition);
        let chance = self.is_explored.then(|| self.chance());
        let near = self.near.as_deref().map_err(|cause| *cause);
        let features = self.features.as_ref().map_err(|cause| *cause);
        let at = Circumstances {
            now: self.now,
            features: features.map(Option::as_ref),
            chance,
            resting: self.resting,
        };
        let mut chosen = choose(view, request, definition, near, at, &mut watch)?;
        let places = std::mem::take(&mut chosen.places);
        let tracks = present(view, places);
        watch.lap("explain");
        let is_learnt = matches!(chosen.rung, Rung::Personalised | Rung::Session);
        let model = view.model.as_ref().filter(|_| is_learnt);
        let mut answered = Recommendations {
            request_id: self.request_id,
            at: self.now,
            basis: AnswerBasis {
                is_degraded: !chosen.degraded.is_empty(),
                features: chosen.features,
                ..view.basis()
            },
            rung: chosen.rung,
            model: model.map(|model| model.id),
            assignment: self.assignment.clone(),
            shortage: shortage(view, request, tracks.len(), definition, &chosen),
            causes: causes_of(view, &tracks),
            objectives: definition.objectives(&controls_of(request, &definition.controls)),
            tracks,
            exploration: shown_exploration(definition, &chosen),
            spans: watch.into_spans(),
            degraded: chosen.degraded.clone(),
        };
        answered.basis.asked = self.request.take_asked(answered.tracks.len());
        let rules = definition.rules.iter().map(ToString::to_string);
        let trace = Trace {
            request_id: self.request_id,
            at: self.now,
            listener: self.request.listener,
            placement: self.request.placement,
            moment: self.request.moment,
            assignment: self.assignment,
            rung: chosen.rung,
            model: answered.model,
            log_offset: view.projection.offset,
            spans: answered.spans.clone(),
            degraded: chosen.degraded,
            sources: chosen.sources,
            by_ranker: chosen.by_ranker,
            by_blend: chosen.by_blend,
            considered: chosen.considered,
            rules: rules.zip(chosen.dropped_by_rule).collect(),
        };
        Ok((answered, trace))
    }

    /// What the list's exploration draws from: the same request for the same listener gives the same
    /// list.
    fn chance(&self) -> Seed {
        let id = self.request_id.as_u128();
        let listener = self.request.listener.map(|listener| listener.to_string());
        let purpose = format!("exploration {}", listener.unwrap_or_default());
        Seed((id >> 64) as u64 ^ id as u64).derive(&purpose)
    }
}

fn shown_exploration(definition: &PipelineDefinition, chosen: &Chosen) -> Option<ShownExploration> {
    let pairs = chosen.pairs.iter().map(|pair| ShownPair {
        first: pair.first as u32,
        is_swapped: pair.is_swapped,
    });
    (!chosen.pairs.is_empty()).then(|| ShownExploration {
        swap: definition.exploration.swap,
        pairs: pairs.collect(),
    })
}

/// Why a list is shorter than wanted.
fn shortage(
    view: &TenantView,
    request: &RecommendRequest,
    found: usize,
    definition: &PipelineDefinition,
    chosen: &Chosen,
) -> Option<String> {
    let wanted = request.count;
    if found >= wanted {
        return None;
    }
    if view.catalogue.cards().next().is_none() {
        return Some(format!(
            "{found} of {wanted} tracks: the catalogue is empty"
        ));
    }
    if let Some(only) = &request.only {
        return Some(format!("{found} of {wanted} tracks: {}", only.shortfall));
    }
    let dropped: u64 = chosen.dropped_by_rule.iter().sum();
    let by_rules = (definition.rules.iter().zip(&chosen.dropped_by_rule))
        .filter(|(_, count)| **count > 0)
        .map(|(rule, count)| format!("`{rule}` dropped {count}"));
    Some(if dropped > 0 {
        let told: Vec<String> = by_rules.collect();
        format!("{found} of {wanted} tracks: {}", told.join(", "))
    } else {
        format!(
            "{found} of {wanted} tracks: every other one is excluded, was heard or does not exist"
        )
    })
}
