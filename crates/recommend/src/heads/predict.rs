//! What heads say of a track.

use std::collections::BTreeSet;
use std::sync::Arc;

use leitmotif_domain::{ErrorKind, ModelId, TenantScope, TrackId};

use super::columns::{Names, read_known};
use super::document::Heads;
use super::labels::{Label, LabelKind};
use super::needs::Untrained;
use crate::error::Result;
use crate::service::Recommender;

/// What is known of one kind of label of a track.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// Genre or mood.
    pub kind: LabelKind,
    /// What it is, or why it is not known.
    pub told: Told,
    /// The heads that were asked.
    pub model: Option<ModelId>,
}

/// Labels of a track.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// The tenant labelled the track itself; heads are not asked.
    Given(Vec<String>),
    /// What the heads above their bar name, the surest first, with its probability.
    Heard(Vec<(String, f64)>),
    /// Nothing, and why.
    Unknown(String),
}

/// Why nothing is told of a track by heads that tell of others.
pub(super) const UNMEASURED: &str = "nothing that the heads look at is measured of this track; analyse it, or train \
     the heads again if the analyzers changed";

/// The heads that a question is put to.
pub(super) enum AskedHeads {
    /// Those in use.
    Loaded(ModelId, Arc<Heads>),
    /// None were trained; what labels there are.
    Untrained(Arc<Untrained>),
    /// They do not read: they cost what they tell, not the analysis.
    Damaged(String),
}

impl Recommender {
    /// The heads in use, as something to ask.
    pub(super) async fn asked_heads(&self, scope: &TenantScope) -> Result<AskedHeads> {
        match self.heads(scope).await {
            Ok(Some((id, heads))) => Ok(AskedHeads::Loaded(id, heads)),
            Ok(None) => Ok(AskedHeads::Untrained(self.untrained(scope).await?)),
            Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::NotFound) => {
                tracing::error!(%error, "the heads do not load");
                let why = "the stored heads do not read: train them again".to_owned();
                Ok(AskedHeads::Damaged(why))
            }
            Err(error) => Err(error),
        }
    }

    /// Says genre and mood of a track. Labels that the tenant gave come before what heads say.
    ///
    /// - Cost: one read of the analysis and of each embedding, one product a head.
    pub async fn told(
        &self,
        scope: &TenantScope,
        track: TrackId,
        given: &BTreeSet<Label>,
    ) -> Result<Vec<Prediction>> {
        let asked = self.asked_heads(scope).await?;
        let mut judged = None;
        let mut predictions = Vec::with_capacity(LabelKind::ALL.len());
        for kind in LabelKind::ALL {
            let own: Vec<String> = (given.iter().filter(|label| label.kind == kind))
                .map(|label| label.name.clone())
                .collect();
            let told = match &asked {
                _ if !own.is_empty() => Told::Given(own),
                AskedHeads::Untrained(counted) => Told::Unknown(counted.why_silent(kind)),
                AskedHeads::Damaged(why) => Told::Unknown(why.clone()),
                AskedHeads::Loaded(_, heads) if heads.shown_count(kind) == 0 => {
                    Told::Unknown(heads.why_silent(kind))
                }
                AskedHeads::Loaded(_, heads) => {
                    if judged.is_none() {
                        judged = Some(self.judge(scope, heads, track).await?);
                    }
                    match judged.as_ref().and_then(Option::as_ref) {
                        Some(judged) => Told::Heard(of_kind(judged, kind)),
                        None => Told::Unknown(UNMEASURED.to_owned()),
                    }
                }
            };
            let model = match (&told, &asked) {
                (Told::Given(_), _) => None,
                (_, AskedHeads::Loaded(id, _)) => Some(*id),
                _ => None,
            };
            predictions.push(Prediction { kind, told, model });
        }
        Ok(predictions)
    }

    /// Asks every head that speaks: the label, its probability, whether that is enough to name it.
    async fn judge(
        &self,
        scope: &TenantScope,
        heads: &Heads,
        track: TrackId,
    ) -> Result<Option<Vec<(Label, f64, bool)>>> {
        let Some(row) = self.row_of(scope, heads, track).await? else {
            return Ok(None);
        };
        let speaking = heads
            .rows
            .iter()
            .filter_map(|one| Some((one, one.head.as_ref()?)));
        let judged = speaking.map(|(one, head)| {
            let (probability, is_named) = head.judge(&row);
            (one.label.clone(), probability, is_named)
        });
        Ok(Some(judged.collect()))
    }

    /// What heads look at of a track, standardised; `None` where nothing of it is measured.
    pub(super) async fn row_of(
        &self,
        scope: &TenantScope,
        heads: &Heads,
        track: TrackId,
    ) -> Result<Option<Vec<f32>>> {
        let spaces = heads.columns.spaces();
        let mut names = Names::default();
        let known = read_known(self.stores(), scope, &spaces, &[track], &mut names).await?;
        let places = heads.columns.places(&names);
        let row = known
            .first()
            .and_then(|known| heads.columns.row(&spaces, &places, known));
        let (Some(mut row), Some(standard)) = (row, &heads.standard) else {
            return Ok(None);
        };
        standard.apply(&mut row);
        Ok(Some(row))
    }
}

fn of_kind(judged: &[(Label, f64, bool)], kind: LabelKind) -> Vec<(String, f64)> {
    let named = judged
        .iter()
        .filter(|(label, _, is_named)| *is_named && label.kind == kind);
    let mut named: Vec<(String, f64)> = named
        .map(|(label, probability, _)| (label.name.clone(), *probability))
        .collect();
    named.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    named
}
