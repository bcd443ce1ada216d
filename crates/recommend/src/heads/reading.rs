//! The heads in use, and why those that do not speak do not.

use std::sync::Arc;

use leitmotif_domain::{ModelId, TenantScope};
use leitmotif_learn::heads::{BAR, Shortage};

use super::document::{HeadRow, Heads, Standing};
use super::labels::{LabelKind, checksum, labels_of};
use super::needs::{Needs, Untrained, none_carries};
use super::values::values_of;
use super::{HEADS, HEADS_TRAINED_MAX};
use crate::error::Result;
use crate::model_bytes::blob_key;
use crate::service::Recommender;
use crate::view::TenantView;

impl Recommender {
    /// The heads in use with their version; `None` before the first training.
    ///
    /// - Errors: `DamagedModel` where the stored heads do not read: train again.
    /// - Cost: one read of the alias; the heads themselves are read once a version.
    pub async fn heads(&self, scope: &TenantScope) -> Result<Option<(ModelId, Arc<Heads>)>> {
        let Some(record) = self.stores().models.alias(scope, HEADS).await? else {
            return Ok(None);
        };
        let tenant = scope.tenant();
        if let Some((id, heads)) = self.kept_heads(tenant).filter(|(id, _)| *id == record.id) {
            return Ok(Some((id, heads)));
        }
        let key = blob_key(record.id)?;
        let bytes = self.stores().blobs.read(scope, &key, 0..u64::MAX).await?;
        let heads = Arc::new(Heads::from_bytes(record.id, &bytes)?);
        self.keep_heads(tenant, (record.id, Arc::clone(&heads)));
        Ok(Some((record.id, heads)))
    }

    /// The labels that there are before any training.
    ///
    /// - Cost: one pass over the labels of the catalogue, off the async threads, and none until it changes.
    pub async fn untrained(&self, scope: &TenantScope) -> Result<Arc<Untrained>> {
        let counted = self.with_view_off_thread(scope, |view| view.catalogue.untrained());
        counted.await
    }

    /// Whether labels changed since heads were trained.
    ///
    /// - Cost: one pass over the labels of the catalogue, off the async threads.
    pub async fn are_heads_stale(&self, scope: &TenantScope, heads: &Heads) -> Result<bool> {
        let of_all = |view: &TenantView| {
            view.catalogue.cards().fold(0_u64, |sum, (_, card)| {
                let labels = labels_of(card.genre.as_deref(), &card.tags);
                let values = values_of(&card.tags);
                match labels.is_empty() && values.is_empty() {
                    true => sum,
                    false => sum.wrapping_add(checksum(card.id.as_u128(), &labels, &values)),
                }
            })
        };
        Ok(self.with_view_off_thread(scope, of_all).await? != heads.checksum)
    }
}

impl Heads {
    /// Why no head of a kind speaks.
    pub fn why_silent(&self, kind: LabelKind) -> String {
        let of_kind = || self.rows.iter().filter(|row| row.label.kind == kind);
        let nearest = of_kind().max_by_key(|row| (row.tracks, std::cmp::Reverse(&row.label.name)));
        match nearest {
            None => none_carries(kind),
            Some(row) => format!(
                "no {} is above its bar; `{}`: {}",
                kind.name(),
                row.label.name,
                row.reason().unwrap_or_default()
            ),
        }
    }
}

impl HeadRow {
    /// How many labels are missing until another training is worth it; `None` where the head speaks, or
    /// where too many others have more.
    pub fn missing(&self) -> Option<Shortage> {
        match &self.standing {
            Standing::Shown(_) | Standing::TooMany => None,
            Standing::TooFew(shortage) | Standing::NotTrained(shortage) => Some(*shortage),
            Standing::BelowBar(_, tracks) => Some(Shortage {
                tracks: *tracks,
                ..Shortage::default()
            }),
        }
    }

    /// Why the head does not speak, with what is missing; `None` where it does.
    pub fn reason(&self) -> Option<String> {
        let name = &self.label.name;
        let Some(needs) = self.needs() else {
            let is_refused = matches!(self.standing, Standing::TooMany);
            return is_refused.then(|| format!(
                "only the {HEADS_TRAINED_MAX} labels with most tracks are trained: join labels that mean the same"
            ));
        };
        match &self.standing {
            Standing::Shown(_) | Standing::TooMany => None,
            Standing::TooFew(missing) => Some(shortage_text(name, missing, &needs)),
            Standing::NotTrained(missing) => Some(not_trained(name, missing, &needs)),
            Standing::BelowBar(measure, more) => Some(format!(
                "skill is {:.2} and at least {:.2}, F1 is {:.2} and at least {:.2}; at least {BAR} is \
                 asked of both: {more} more tracks labelled `{name}` are worth another try ({})",
                measure.skill.value,
                measure.skill.low,
                measure.f1.value,
                measure.f1.low,
                needs.counts_text()
            )),
        }
    }
}

/// What is missing before any training.
pub(super) fn not_trained(name: &str, shortage: &Shortage, needs: &Needs) -> String {
    if *shortage == Shortage::default() {
        let counts = needs.counts_text();
        return format!(
            "not trained yet; nothing is missing for `{name}` ({counts}): train the heads"
        );
    }
    format!("not trained yet; {}", shortage_text(name, shortage, needs))
}

/// `missing: 8 more tracks of 2 more artists labelled drill (12 of 20 tracks, 3 of 5 artists)`.
pub(super) fn shortage_text(name: &str, shortage: &Shortage, needs: &Needs) -> String {
    let needed = |tracks: usize, artists: usize, what: String| match (tracks, artists) {
        (0, 0) => None,
        (tracks, 0) => Some(format!("{} {what}", counted(tracks, "track"))),
        (0, artists) => Some(format!("tracks of {} {what}", counted(artists, "artist"))),
        (tracks, artists) => Some(format!(
            "{} of {} {what}",
            counted(tracks, "track"),
            counted(artists, "artist")
        )),
    };
    let own = needed(
        shortage.tracks,
        shortage.artists,
        format!("labelled `{name}` ({})", needs.counts_text()),
    );
    let other = needed(
        shortage.other_tracks,
        shortage.other_artists,
        format!(
            "labelled otherwise than `{name}` ({})",
            needs.other_counts_text()
        ),
    );
    let parts: Vec<String> = own.into_iter().chain(other).collect();
    format!("missing: {}", parts.join(" and "))
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} more {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::super::labels::Label;
    use super::*;

    #[test]
    fn a_shortage_says_how_many_labels_are_missing() {
        let check = |counts: [usize; 2], shortage: [usize; 4], expected: &str| {
            let [tracks, artists, other_tracks, other_artists] = shortage;
            let row = HeadRow {
                label: Label::new(LabelKind::Genre, "drill").unwrap(),
                tracks: counts[0],
                artists: counts[1],
                standing: Standing::TooFew(Shortage {
                    tracks,
                    artists,
                    other_tracks,
                    other_artists,
                }),
                head: None,
            };
            assert_eq!(row.reason().unwrap(), expected);
        };
        check(
            [7, 1],
            [13, 4, 0, 0],
            "missing: 13 more tracks of 4 more artists labelled `drill` (7 of 20 tracks, 1 of 5 artists)",
        );
        check(
            [19, 6],
            [1, 0, 0, 0],
            "missing: 1 more track labelled `drill` (19 of 20 tracks, 6 of 5 artists)",
        );
        check(
            [30, 3],
            [0, 2, 0, 0],
            "missing: tracks of 2 more artists labelled `drill` (30 of 20 tracks, 3 of 5 artists)",
        );
        check(
            [17, 4],
            [3, 1, 20, 5],
            "missing: 3 more tracks of 1 more artist labelled `drill` (17 of 20 tracks, 4 of 5 artists) and 20 more \
             tracks of 5 more artists labelled otherwise than `drill` (0 of 20 tracks, 0 of 5 artists)",
        );
    }
}
