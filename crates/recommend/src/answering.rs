//! From a view and a request to an answer and its trace.

use std::sync::Arc;

use leitmotif_domain::{Assignment, RequestId, Rung, Timestamp, TrackId};

use crate::error::Result;
use crate::pipeline::{
    Chosen, PipelineDefinition, RecommendRequest, Recommendations, choose, present,
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
    /// Embedding neighbours of what the list starts from.
    pub near: Vec<(TrackId, f32, TrackId)>,
    /// The moment.
    pub now: Timestamp,
}

impl Answering {
    /// Makes the list and tells how it came about.
    ///
    /// - Errors: mistakes of ours alone.
    pub fn answer(
        self,
        view: &TenantView,
        mut watch: Stopwatch,
    ) -> Result<(Recommendations, Trace)> {
        let (request, definition) = (&self.request, &self.definition);
        let mut chosen = choose(view, request, definition, &self.near, self.now, &mut watch)?;
        let tracks = present(view, std::mem::take(&mut chosen.places));
        watch.lap("explain");
        let is_learnt = matches!(chosen.rung, Rung::Personalised | Rung::Session);
        let model = view.model.as_ref().filter(|_| is_learnt);
        let answered = Recommendations {
            request_id: self.request_id,
            rung: chosen.rung,
            model: model.map(|model| model.id),
            assignment: self.assignment.clone(),
            shortage: shortage(request.count, tracks.len(), definition, &chosen),
            tracks,
            spans: watch.into_spans(),
            degraded: chosen.degraded.clone(),
        };
        let rules = definition.rules.iter().map(ToString::to_string);
        let trace = Trace {
            request_id: self.request_id,
            at: self.now,
            listener: request.listener,
            placement: self.request.placement,
            assignment: self.assignment,
            rung: chosen.rung,
            model: answered.model,
            log_offset: view.projection.offset,
            spans: answered.spans.clone(),
            degraded: chosen.degraded,
            sources: chosen.sources,
            ranked: chosen.ranked,
            features: chosen.features,
            considered: chosen.considered,
            rules: rules.zip(chosen.dropped_by_rule).collect(),
        };
        Ok((answered, trace))
    }
}

/// Why a list is shorter than wanted.
fn shortage(
    wanted: usize,
    found: usize,
    definition: &PipelineDefinition,
    chosen: &Chosen,
) -> Option<String> {
    if found >= wanted {
        return None;
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
