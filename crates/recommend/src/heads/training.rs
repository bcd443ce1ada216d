//! Training: read the labels and what was measured, fit and judge a head for each label, register.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use leitmotif_domain::job::Progress;
use leitmotif_domain::{ModelId, TenantScope, TrackId, limits};
use leitmotif_learn::heads::{Examples, HeadOptions, Judged, Shortage, train_head};
use leitmotif_storage::ports::{ModelRecord, VectorSpace, current_spaces};
use serde_json::json;

use super::columns::{Columns, Known, Names, read_known};
use super::document::{HeadRow, Heads, Standing};
use super::labels::{Label, LabelKind, checksum, labels_of};
use super::values::{ValueKind, ValueRow, ValueStanding, Values, values_of};
use super::{HEADS, HEADS_FAMILY};
use crate::catalogue::{CatalogueView, hash64};
use crate::error::Result;
use crate::model_bytes::blob_key;
use crate::off_thread::off_thread;
use crate::service::Stores;
use crate::train::point;

/// Tracks that heads learn from at most, those of the lowest hash: with the built-in columns they are
/// some 250 MB while they are read, and more hardly narrow an interval.
pub const EXAMPLES_MAX: usize = 50_000;
/// Labels of a kind that are trained at most, those of most tracks: at the bound of examples a head
/// takes seconds.
pub const HEADS_TRAINED_MAX: usize = 200;
/// Labels of a kind that are kept at most, those of most tracks: nobody reads more refusals.
pub const ROWS_MAX: usize = 1_000;

/// A labelled track.
struct Labelled {
    id: TrackId,
    artist: u64,
    labels: BTreeSet<Label>,
    values: Values,
}

/// Trains the heads of a tenant on all its labels and puts them into use.
///
/// - Deterministic for a catalogue: the same labels and measurements give the same heads.
/// - A tenant without labels gets heads that refuse everything and say what is missing.
/// - Errors: `Storage`.
pub async fn train_heads(
    stores: &Stores,
    scope: &TenantScope,
    mut on_progress: impl FnMut(Progress) + Send,
) -> Result<Arc<Heads>> {
    let catalogue = CatalogueView::read(stores.catalog.as_ref(), scope).await?;
    let (labelled, checksum) = off_thread(move || labelled_tracks(&catalogue)).await?;
    let mut progress = Progress {
        done: 0,
        total: labelled.len() as u64,
    };
    let spaces = current_spaces(stores.vectors.as_ref(), scope).await?;
    let spaces: Vec<VectorSpace> = spaces.into_iter().map(|(space, _)| space).collect();
    let (mut names, mut known) = (Names::default(), Vec::with_capacity(labelled.len()));
    for batch in labelled.chunks(limits::PAGE_ITEMS_MAX) {
        let ids: Vec<TrackId> = batch.iter().map(|one| one.id).collect();
        known.extend(read_known(stores, scope, &spaces, &ids, &mut names).await?);
        progress.done += batch.len() as u64;
        on_progress(progress);
    }
    let prepared = move || Prepared::new(labelled, &spaces, &names, &known);
    let prepared = Arc::new(off_thread(prepared).await??);
    let plan = prepared.plan();
    progress.total += (plan.trained.len() + ValueKind::ALL.len()) as u64;
    let mut rows = plan.refused;
    for label in plan.trained {
        let prepared = Arc::clone(&prepared);
        rows.push(off_thread(move || prepared.row(label)).await?);
        progress.done += 1;
        on_progress(progress);
    }
    rows.sort_by(|a, b| a.label.cmp(&b.label));
    let mut values = Vec::with_capacity(ValueKind::ALL.len());
    for kind in ValueKind::ALL {
        let prepared = Arc::clone(&prepared);
        values.push(off_thread(move || prepared.value_row(kind)).await?);
        progress.done += 1;
        on_progress(progress);
    }
    let heads = Arc::new(Heads {
        format: Heads::format(),
        trained_at: stores.clock.now(),
        checksum,
        labelled: prepared.labelled_counts(),
        unmeasured: prepared.unmeasured,
        left_out: plan.left_out,
        columns: prepared.columns.clone(),
        standard: Some(prepared.examples.standard().clone()),
        rows,
        values,
    });
    register(stores, scope, &heads).await?;
    Ok(heads)
}

/// The labelled tracks in the order of their ids, and the sum over all labels.
fn labelled_tracks(catalogue: &CatalogueView) -> (Vec<Labelled>, u64) {
    let (mut labelled, mut sum) = (Vec::new(), 0_u64);
    for (_, card) in catalogue.cards() {
        let labels = labels_of(card.genre.as_deref(), &card.tags);
        let values = values_of(&card.tags);
        if !labels.is_empty() || !values.is_empty() {
            sum = sum.wrapping_add(checksum(card.id.as_u128(), &labels, &values));
            labelled.push(Labelled {
                id: card.id,
                artist: card.artist_key,
                labels,
                values,
            });
        }
    }
    if labelled.len() > EXAMPLES_MAX {
        labelled.sort_by_cached_key(|one| (hash64(&one.id.to_string()), one.id));
        labelled.truncate(EXAMPLES_MAX);
    }
    labelled.sort_by_key(|one| one.id);
    (labelled, sum)
}

/// The measured tracks as a matrix, with their labels.
struct Prepared {
    columns: Columns,
    examples: Examples,
    labels: Vec<BTreeSet<Label>>,
    values: Vec<Values>,
    unmeasured: usize,
}

/// Which labels are trained.
struct Plan {
    trained: Vec<Label>,
    refused: Vec<HeadRow>,
    left_out: usize,
}

impl Prepared {
    fn new(
        labelled: Vec<Labelled>,
        spaces: &[VectorSpace],
        names: &Names,
        known: &[Known],
    ) -> Result<Self> {
        let columns = Columns::choose(spaces, names, known);
        let places = columns.places(names);
        let (mut rows, mut groups, mut labels, mut values) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut unmeasured = 0;
        for (one, known) in labelled.into_iter().zip(known) {
            let row = columns.row(spaces, &places, known);
            // Where nothing is known of enough tracks there is no column, and yet they were measured.
            if row.is_none() && (known.is_empty() || columns.width() > 0) {
                unmeasured += 1;
                continue;
            }
            rows.extend(row.into_iter().flatten());
            groups.push(one.artist);
            labels.push(one.labels);
            values.push(one.values);
        }
        Ok(Self {
            examples: Examples::new(rows, columns.width(), groups)?,
            columns,
            labels,
            values,
            unmeasured,
        })
    }

    /// Measured tracks with a label of each kind.
    fn labelled_counts(&self) -> Vec<(LabelKind, usize)> {
        let carries =
            |kind| move |labels: &&BTreeSet<Label>| labels.iter().any(|label| label.kind == kind);
        let count = |kind| (kind, self.labels.iter().filter(carries(kind)).count());
        LabelKind::ALL.into_iter().map(count).collect()
    }

    /// Chooses what is trained: of each kind the labels of most tracks.
    fn plan(&self) -> Plan {
        let mut counts: BTreeMap<&Label, usize> = BTreeMap::new();
        for label in self.labels.iter().flatten() {
            *counts.entry(label).or_default() += 1;
        }
        let mut plan = Plan {
            trained: Vec::new(),
            refused: Vec::new(),
            left_out: 0,
        };
        for kind in LabelKind::ALL {
            let of_kind = counts.iter().filter(|(label, _)| label.kind == kind);
            let mut of_kind: Vec<(&Label, usize)> =
                of_kind.map(|(label, count)| (*label, *count)).collect();
            of_kind.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
            plan.left_out += of_kind.len().saturating_sub(ROWS_MAX);
            for (place, (label, tracks)) in of_kind.into_iter().take(ROWS_MAX).enumerate() {
                if place < HEADS_TRAINED_MAX {
                    plan.trained.push(label.clone());
                    continue;
                }
                plan.refused.push(HeadRow {
                    label: label.clone(),
                    tracks,
                    artists: self.artists(label),
                    standing: Standing::TooMany,
                    head: None,
                });
            }
        }
        plan
    }

    fn artists(&self, label: &Label) -> usize {
        let rows = self.labels.iter().enumerate();
        let with = rows.filter(|(_, labels)| labels.contains(label));
        let artists: BTreeSet<u64> = with.map(|(row, _)| self.examples.group(row)).collect();
        artists.len()
    }

    /// Trains a label on the tracks that carry any label of its kind: of the others nobody said that
    /// they lack it.
    fn row(&self, label: Label) -> HeadRow {
        let rows = self.labels.iter().enumerate();
        let of_kind = rows.filter(|(_, labels)| labels.iter().any(|one| one.kind == label.kind));
        let (rows, targets): (Vec<usize>, Vec<bool>) = of_kind
            .map(|(row, labels)| (row, labels.contains(&label)))
            .unzip();
        let tracks = targets.iter().filter(|target| **target).count();
        let outcome = train_head(&self.examples, &rows, &targets, HeadOptions::default());
        let (standing, head) = judged(outcome, tracks);
        HeadRow {
            tracks,
            artists: self.artists(&label),
            label,
            standing,
            head,
        }
    }
}

impl Prepared {
    fn value_row(&self, kind: ValueKind) -> ValueRow {
        let rows = self.values.iter().enumerate();
        let rows: Vec<(usize, f64)> = rows
            .filter_map(|(row, values)| Some((row, *values.get(&kind)?)))
            .collect();
        ValueRow::train(kind, &self.examples, &rows)
    }
}

/// Whether a head may speak, and else what is missing. One below its bar is not kept.
fn judged(
    outcome: std::result::Result<Judged, Shortage>,
    tracks: usize,
) -> (Standing, Option<leitmotif_learn::heads::Head>) {
    match outcome {
        Err(shortage) => (Standing::TooFew(shortage), None),
        Ok(judged) if judged.measure.is_above_bar() => {
            (Standing::Shown(judged.measure), Some(judged.head))
        }
        Ok(judged) => {
            let factor = judged.measure.labels_factor();
            let more = ((factor - 1.0) * tracks as f64).ceil().max(1.0) as usize;
            (Standing::BelowBar(judged.measure, more), None)
        }
    }
}

/// Keeps the heads as a version and points the alias at it, at once for every reader.
async fn register(stores: &Stores, scope: &TenantScope, heads: &Heads) -> Result<()> {
    let id = ModelId::generate(stores.clock.as_ref(), stores.entropy.as_ref());
    let key = blob_key(id)?;
    stores
        .blobs
        .put(scope, &key, heads.to_bytes()?.into())
        .await?;
    let shown = |kind| heads.shown_count(kind);
    let values_shown =
        (heads.values.iter()).filter(|row| matches!(row.standing, ValueStanding::Shown(_)));
    let record = ModelRecord {
        id,
        name: HEADS_FAMILY.to_owned(),
        created_at: heads.trained_at,
        log_offset: stores.log.head(scope).await?,
        metrics: json!({
            "labels": heads.rows.len(),
            "genres_shown": shown(LabelKind::Genre),
            "moods_shown": shown(LabelKind::Mood),
            "labelled": heads.labelled,
            "unmeasured": heads.unmeasured,
            "values_shown": values_shown.count(),
        }),
    };
    stores.models.register(scope, record).await?;
    point(stores, scope, HEADS, id).await
}
