//! The tracks that constraints admit, for lists that are made elsewhere.

use std::collections::HashMap;
use std::sync::Arc;

use leitmotif_domain::asked::AskedConstraint;
use leitmotif_domain::{TenantScope, TrackId};

use super::constraints::{Constraint, Constraints, Shortfall};
use super::service::Searcher;
use crate::error::Result;
use crate::keyed::KeyedSet;
use crate::off_thread::off_thread;

/// The tracks that may be shown.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Admitted {
    /// Which.
    pub tracks: KeyedSet<TrackId>,
    /// Why the others may not.
    pub shortfall: Shortfall,
    /// What it was that constrained; nothing where whoever asked brought the tracks.
    pub asked: Vec<AskedConstraint>,
    /// Whether words might be looked for in lyrics.
    pub may_read_lyrics: bool,
}

impl Searcher {
    /// The tracks for which constraints hold; `None` where nothing constrains.
    ///
    /// - Errors: those of the stores; an empty range in the constraints.
    /// - Cost: two passes over all tracks.
    pub async fn admitted(
        &self,
        scope: &TenantScope,
        constraints: Constraints,
        may_read_lyrics: bool,
    ) -> Result<Option<Arc<Admitted>>> {
        let admitted = self.admitted_by(scope, constraints, may_read_lyrics, None);
        admitted.await
    }

    /// The same; `played` is how popular tracks are, where that is not as at present.
    pub(crate) async fn admitted_by(
        &self,
        scope: &TenantScope,
        constraints: Constraints,
        may_read_lyrics: bool,
        played: Option<HashMap<TrackId, f32>>,
    ) -> Result<Option<Arc<Admitted>>> {
        if constraints.is_empty() {
            return Ok(None);
        }
        (constraints.0.iter()).try_for_each(Constraint::check)?;
        let slot = self
            .level(scope, constraints.ask_for_measurements())
            .await?;
        let constraints = self.resolve_by(scope, &slot, constraints, may_read_lyrics, played);
        let constraints = constraints.await?;
        let admitted = off_thread(move || {
            let corpus = slot.corpus.read();
            let holds = corpus
                .facts()
                .filter(|(track, facts)| constraints.admit(*track, facts));
            Admitted {
                tracks: holds.map(|(track, _)| track).collect(),
                shortfall: Shortfall::count(&constraints, corpus.facts()),
                asked: constraints.0.iter().map(Constraint::asked).collect(),
                may_read_lyrics,
            }
        });
        Ok(Some(Arc::new(admitted.await?)))
    }
}
