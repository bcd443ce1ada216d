//! A model as a stream of bytes: written and read in parts, so that it lies in memory once.
//!
//! Numbers are little-endian. Eight bytes name the form; then items, settings and factors, three sets of
//! lists, and what is small as one document; last the SHA-256 of all before, without which no model is
//! answered.

use std::io::{self, Read, Write};
use std::sync::Arc;

use leitmotif_domain::{ModelId, TenantScope, TrackId};
use leitmotif_learn::factorize::{IalsModel, IalsOptions};
use leitmotif_learn::neighbours::{ItemNeighbours, PackedLists};
use leitmotif_learn::sequencing::TransitionWeights;
use leitmotif_storage::blob_streams::{BlobReader, BlobWriter, stream_error};
use leitmotif_storage::ports::{BlobKey, BlobStore};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::runtime::Handle;

use crate::audiences::AudiencePopularity;
use crate::cold_map::ColdMap;
use crate::error::{Error, Result};
use crate::item_sounds::ItemSounds;
use crate::model::{BlendWeights, ModelParts, Newcomers, RecommenderModel};
use crate::model_earlier::{
    self, AudiencelessSettings, EarlierSettings, MomentlessSettings, NewcomerlessSettings,
    SoundlessSettings,
};
use crate::model_stream::{BLOCK_BYTES, Sink, Source, Unread};
use crate::moments::MomentLifts;
use crate::neighbour_settings::NeighbourSettings;
use crate::rank::{ListenedShare, Ranker};

/// What the present form begins with.
const FORM: [u8; 8] = *b"LMMODELA";
/// What the form before begins with, which knows nothing of newcomers.
const FORM_WITHOUT_NEWCOMERS: [u8; 8] = *b"LMMODEL9";
/// What the form before that begins with, which knows nothing of how items sound.
const FORM_WITHOUT_SOUNDS: [u8; 8] = *b"LMMODEL8";
/// What the form before that begins with, which knows nothing of audiences.
const FORM_WITHOUT_AUDIENCES: [u8; 8] = *b"LMMODEL7";
/// What the form before that begins with, which knows nothing of moments.
const FORM_WITHOUT_MOMENTS: [u8; 8] = *b"LMMODEL6";
/// What the form before that begins with, which tells neither which model neighbours are of nor weights of
/// sessions and trends, and has no map of new tracks.
const FORM_WITH_STEPS: [u8; 8] = *b"LMMODEL5";
/// What the form before that begins with, which is the same without the costs of steps; earlier ones begin
/// with their number, below ten.
const FORM_WITHOUT_STEPS: [u8; 8] = *b"LMMODEL4";
/// Length of the checksum at the end.
const CHECKSUM_BYTES: usize = 32;

/// What is small.
#[derive(Serialize, Deserialize)]
pub struct Settings {
    /// See [`ModelParts`], as all of them.
    pub blend: BlendWeights,
    /// The trees as text.
    pub trees: StoredTrees,
    /// Costs of steps.
    pub steps: Option<TransitionWeights>,
    /// What the neighbours were fitted by.
    pub neighbours_by: NeighbourSettings,
    /// What maps new tracks.
    pub cold: Option<ColdMap>,
    /// What is played at which moments.
    pub moments: Option<MomentLifts>,
    /// What is popular with whom.
    pub audiences: Option<AudiencePopularity>,
    /// How items sound.
    pub sounds: Option<ItemSounds>,
    /// How newcomers are answered.
    pub newcomers: Newcomers,
}

/// Trees in LightGBM's text form.
#[derive(Serialize, Deserialize)]
pub struct StoredTrees {
    /// Those that order, and what the blend counts beside them.
    pub ranker: Option<(String, f32)>,
    /// Those that tell the listened share, and what they count in the order.
    pub listened: Option<(String, f32)>,
}

impl StoredTrees {
    fn of(model: &RecommenderModel) -> Self {
        let term = model.ranker.as_ref().and_then(Ranker::listened);
        let weight = term.map_or(0.0, |(_, weight)| *weight);
        let listened = model.listened.as_ref();
        Self {
            ranker: (model.ranker.as_ref()).map(|ranker| (ranker.to_text(), ranker.blend_weight())),
            listened: listened.map(|listened| (listened.to_text(), weight)),
        }
    }

    /// Reads the trees. Those that this version does not understand cost what they tell, not the model.
    pub fn read(self, id: ModelId) -> ReadTrees {
        let has_ranker = self.ranker.is_some();
        let ranker = self.ranker.and_then(|(text, blend_weight)| {
            Ranker::from_text(&text, blend_weight)
                .inspect_err(|error| tracing::warn!(model = %id, %error, "the ranker is left out"))
                .ok()
        });
        let listened = self.listened.and_then(|(text, weight)| {
            let read = ListenedShare::from_text(&text).inspect_err(|error| {
                tracing::warn!(model = %id, %error, "the listened share is left out");
            });
            Some((Arc::new(read.ok()?), weight))
        });
        let ranker = match (ranker, &listened) {
            (Some(ranker), Some((share, weight))) => {
                Some(ranker.with_listened(Arc::clone(share), *weight))
            }
            (ranker, _) => ranker,
        };
        ReadTrees {
            is_ranker_unread: has_ranker && ranker.is_none(),
            ranker,
            listened: listened.map(|(share, _)| share),
        }
    }
}

/// Trees as far as they could be read.
pub struct ReadTrees {
    /// Those that order.
    pub ranker: Option<Ranker>,
    /// Whether there are some that order and could not be read.
    pub is_ranker_unread: bool,
    /// Those that tell the listened share.
    pub listened: Option<Arc<ListenedShare>>,
}

/// Where the bytes of a model, or of heads, lie.
pub fn blob_key(id: ModelId) -> Result<BlobKey> {
    Ok(format!("models/{id}").parse()?)
}

/// Reads a model of the blob store, on a thread that may wait.
///
/// - Errors: `NotFound`, `DamagedModel`, and those of the store.
/// - Cost: memory for the model and a few megabytes; an earlier form is read whole besides.
pub async fn load(
    blobs: &Arc<dyn BlobStore>,
    scope: &TenantScope,
    id: ModelId,
) -> Result<RecommenderModel> {
    let (blobs, scope, key) = (Arc::clone(blobs), scope.clone(), blob_key(id)?);
    let runtime = Handle::current();
    let read = move || {
        let reader = BlobReader::open(blobs, &scope, key, runtime)?;
        let size_bytes = reader.size_bytes();
        read(id, reader, size_bytes)
    };
    tokio::task::spawn_blocking(read)
        .await
        .map_err(Error::bug)?
}

/// Writes a model to the blob store, on a thread that may wait. It is there once it is whole.
///
/// - Cost: a few megabytes beside the model.
pub fn store(
    model: &RecommenderModel,
    blobs: Arc<dyn BlobStore>,
    scope: &TenantScope,
    runtime: Handle,
) -> Result<()> {
    let mut writer = BlobWriter::begin(blobs, scope, blob_key(model.id)?, runtime)?;
    write(model, &mut writer)?;
    Ok(writer.finish()?)
}

/// Says whether the bytes of a stored model are those that were written, without making a model of
/// them. Of the earliest forms, which have no checksum, it says only that there are bytes.
///
/// - Cost: one pass, memory of a block.
pub fn is_whole(mut stream: impl Read) -> io::Result<bool> {
    let (mut hasher, mut kept, mut block) = (Sha256::new(), Vec::new(), vec![0; BLOCK_BYTES]);
    let (mut has_checksum, mut is_first) = (false, true);
    loop {
        let count = match stream.read(&mut block) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        kept.extend_from_slice(block.get(..count).unwrap_or_default());
        if is_first && kept.len() >= FORM.len() {
            is_first = false;
            has_checksum = [
                FORM,
                FORM_WITHOUT_NEWCOMERS,
                FORM_WITHOUT_SOUNDS,
                FORM_WITHOUT_AUDIENCES,
                FORM_WITHOUT_MOMENTS,
                FORM_WITH_STEPS,
                FORM_WITHOUT_STEPS,
            ]
            .iter()
            .any(|form| kept.starts_with(form));
        }
        // What comes last may be the checksum, which is not of itself.
        let hashed = kept.len().saturating_sub(CHECKSUM_BYTES);
        hasher.update(kept.get(..hashed).unwrap_or_default());
        kept.drain(..hashed);
    }
    match has_checksum {
        true => Ok(hasher.finalize()[..] == kept[..]),
        false => Ok(!kept.is_empty()),
    }
}

/// Says what is wrong with a stored model.
pub fn damaged(id: ModelId, reason: impl ToString) -> Error {
    Error::DamagedModel {
        model: id.to_string(),
        reason: reason.to_string(),
    }
}

fn write(model: &RecommenderModel, out: impl Write) -> Result<()> {
    let failed = |error: io::Error| stream_error(error).map_or_else(Error::bug, Error::from);
    let mut sink = Sink {
        out,
        hasher: Sha256::new(),
    };
    let settings = Settings {
        blend: model.blend,
        trees: StoredTrees::of(model),
        steps: model.steps,
        neighbours_by: model.neighbours_by,
        cold: model.cold.clone(),
        moments: model.moments.clone(),
        audiences: model.audiences.clone(),
        sounds: model.sounds.clone(),
        newcomers: model.newcomers,
    };
    let options = postcard::to_allocvec(model.taste.options()).map_err(Error::bug)?;
    let settings = postcard::to_allocvec(&settings).map_err(Error::bug)?;
    let mut write = || {
        sink.bytes(&FORM)?;
        sink.count(model.items.len())?;
        sink.numbers(model.items.iter().map(|item| item.as_u128().to_le_bytes()))?;
        sink.document(&options)?;
        let factors = model.taste.item_factors().iter();
        sink.numbers(factors.map(|component| component.to_le_bytes()))?;
        for lists in [&model.neighbours, &model.content, &model.transitions] {
            let (lengths, items, shares, largest) = lists.packed();
            sink.count(items.len())?;
            sink.numbers(lengths.map(u32::to_le_bytes))?;
            sink.numbers(items.iter().map(|item| item.to_le_bytes()))?;
            sink.numbers(shares.iter().map(|share| share.to_le_bytes()))?;
            sink.numbers(largest.iter().map(|one| one.to_le_bytes()))?;
        }
        sink.document(&settings)
    };
    write().map_err(failed)?;
    let checksum = sink.hasher.finalize();
    sink.out.write_all(&checksum).map_err(failed)
}

/// Reads a model; bytes of any origin give a model or an error.
fn read(id: ModelId, mut stream: impl Read, size_bytes: u64) -> Result<RecommenderModel> {
    let failed = |error: io::Error| match stream_error(error) {
        Ok(error) => error.into(),
        Err(error) => damaged(id, error),
    };
    let mut begin = Vec::new();
    let mut front = (&mut stream).take(FORM.len() as u64);
    front.read_to_end(&mut begin).map_err(failed)?;
    let read_settings: ReadSettings<_> = match <[u8; 8]>::try_from(&begin[..]) {
        Ok(FORM) => |source| source.document(),
        Ok(FORM_WITHOUT_NEWCOMERS) => |source| {
            let settings: NewcomerlessSettings = source.document()?;
            Ok(settings.into())
        },
        Ok(FORM_WITHOUT_SOUNDS) => |source| {
            let settings: SoundlessSettings = source.document()?;
            Ok(settings.into())
        },
        Ok(FORM_WITHOUT_AUDIENCES) => |source| {
            let settings: AudiencelessSettings = source.document()?;
            Ok(settings.into())
        },
        Ok(FORM_WITHOUT_MOMENTS) => |source| {
            let settings: MomentlessSettings = source.document()?;
            Ok(settings.into())
        },
        Ok(FORM_WITH_STEPS) => |source| {
            let (settings, steps): (EarlierSettings, _) = source.document()?;
            Ok(settings.with(steps))
        },
        Ok(FORM_WITHOUT_STEPS) => |source| {
            let settings: EarlierSettings = source.document()?;
            Ok(settings.with(None))
        },
        _ => {
            stream.read_to_end(&mut begin).map_err(failed)?;
            return model_earlier::read(id, &begin);
        }
    };
    let around = FORM.len() + CHECKSUM_BYTES;
    let mut source = Source {
        stream,
        hasher: Sha256::new_with_prefix(&begin),
        left: size_bytes.saturating_sub(around as u64),
    };
    let parts = read_parts(id, read_settings, &mut source).map_err(|unread| match unread {
        Unread::Stream(error) => failed(error),
        Unread::Content(reason) => damaged(id, reason),
    })?;
    let mut checksum = [0; CHECKSUM_BYTES];
    source.stream.read_exact(&mut checksum).map_err(failed)?;
    if source.left > 0 || source.hasher.finalize()[..] != checksum {
        return Err(damaged(id, "its checksum is wrong"));
    }
    RecommenderModel::new(id, parts)
}

/// How the form of a model has what is small.
type ReadSettings<R> = fn(&mut Source<R>) -> std::result::Result<Settings, Unread>;

fn read_parts<R: Read>(
    id: ModelId,
    read_settings: ReadSettings<R>,
    source: &mut Source<R>,
) -> std::result::Result<ModelParts, Unread> {
    let learnt = |error: leitmotif_learn::Error| Unread::Content(error.to_string());
    let item_count = source.count()?;
    let items = source.numbers(item_count, |bytes| {
        TrackId::from_u128(u128::from_le_bytes(bytes))
    })?;
    let options: IalsOptions = source.document()?;
    let component_count = item_count.saturating_mul(options.factors);
    let factors = source.numbers(component_count, f32::from_le_bytes)?;
    let taste = IalsModel::from_item_factors(options, factors).map_err(learnt)?;
    let mut lists = || -> std::result::Result<ItemNeighbours, Unread> {
        let entry_count = source.count()?;
        let packed = PackedLists {
            lengths: source.numbers(item_count, u32::from_le_bytes)?,
            items: source.numbers(entry_count, u32::from_le_bytes)?,
            shares: source.numbers(entry_count, i16::from_le_bytes)?,
            largest: source.numbers(item_count, f32::from_le_bytes)?,
        };
        ItemNeighbours::from_packed(packed).map_err(learnt)
    };
    let (neighbours, content, transitions) = (lists()?, lists()?, lists()?);
    let settings = read_settings(source)?;
    let are_costs = |steps: &TransitionWeights| {
        TransitionWeights::scaled(steps.values().map(f64::from)).is_some()
    };
    let steps = settings.steps;
    if !steps.as_ref().is_none_or(are_costs) {
        return Err(Unread::Content("its costs of steps are none".to_owned()));
    }
    if !(settings.cold.as_ref()).is_none_or(|cold| cold.fits(taste.factors())) {
        return Err(Unread::Content("its map of new tracks is none".to_owned()));
    }
    if !(settings.moments.as_ref()).is_none_or(|moments| moments.fits(item_count)) {
        return Err(Unread::Content("its lifts of moments are none".to_owned()));
    }
    if !(settings.audiences.as_ref()).is_none_or(|audiences| audiences.fits(item_count)) {
        return Err(Unread::Content("its audiences are none".to_owned()));
    }
    if !(settings.sounds.as_ref()).is_none_or(|sounds| sounds.fits(item_count)) {
        return Err(Unread::Content("its sounds are none".to_owned()));
    }
    let trees = settings.trees.read(id);
    Ok(ModelParts {
        items,
        taste,
        neighbours,
        neighbours_by: settings.neighbours_by,
        content,
        transitions,
        cold: settings.cold,
        moments: settings.moments,
        audiences: settings.audiences,
        sounds: settings.sounds,
        blend: settings.blend,
        ranker: trees.ranker,
        is_ranker_unread: trees.is_ranker_unread,
        listened: trees.listened,
        steps,
        newcomers: settings.newcomers,
    })
}

#[cfg(test)]
mod tests {
    use leitmotif_learn::factorize::EaseOptions;
    use leitmotif_learn::newcomers::NewcomerMix;
    use leitmotif_learn::sequencing::TrackSound;
    use leitmotif_learn::trees::{
        BinOptions, Dataset, Examples, Features, Objective, Parameters, fit,
    };

    use leitmotif_domain::event::Moment;

    use super::*;
    use crate::audiences::AudiencePlay;
    use crate::model_earlier::FiveWeights;
    use crate::model_earlier::tests::first_form;
    use crate::moments::{ItemGroups, MomentTable, UNKNOWN};
    use crate::rank::{COLUMN_COUNT, column_names};

    fn bytes_of(model: &RecommenderModel) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(model, &mut bytes).unwrap();
        bytes
    }

    fn read_bytes(bytes: &[u8]) -> Result<RecommenderModel> {
        read(ModelId::from_u128(9), bytes, bytes.len() as u64)
    }

    /// A model of two items with trees of both kinds.
    fn model() -> RecommenderModel {
        let rows: Vec<f32> = (0..100 * COLUMN_COUNT).map(|at| (at % 7) as f32).collect();
        let labels: Vec<f32> = (0..100).map(|row| (row % 7) as f32 / 7.0).collect();
        let examples = Examples::new(Features::new(&rows, COLUMN_COUNT).unwrap(), &labels);
        let parameters = Parameters {
            objective: Objective::Regression,
            trees: 2,
            ..Parameters::default()
        };
        let dataset = Dataset::new(&examples, &BinOptions::default()).unwrap();
        let ensemble = fit(&dataset, None, &parameters).unwrap().ensemble;
        let named = ensemble.with_names(column_names()).unwrap();
        let share = Arc::new(ListenedShare::new(named.clone()).unwrap());
        let earlier = read_bytes(&first_form(1)).unwrap();
        let ranker = Ranker::new(named, 1.0).unwrap();
        let parts = ModelParts {
            items: earlier.items.clone(),
            taste: earlier.taste.clone(),
            neighbours: earlier.neighbours.clone(),
            neighbours_by: NeighbourSettings::Ease(EaseOptions { lambda: 7.0 }),
            content: earlier.content.clone(),
            transitions: earlier.transitions.clone(),
            cold: None,
            moments: lifts(earlier.items.len()),
            audiences: audiences(earlier.items.len()),
            sounds: sounds(earlier.items.len()),
            blend: BlendWeights {
                sessions: 0.25,
                trending: 0.125,
                audience: 0.5,
                ..earlier.blend
            },
            ranker: Some(ranker.with_listened(Arc::clone(&share), 0.5)),
            is_ranker_unread: false,
            listened: Some(share),
            steps: TransitionWeights::scaled([2.0, 0.0, 1.0, 5.0, 1.0]),
            newcomers: Newcomers {
                mix: NewcomerMix {
                    prior_tracks: 2.0,
                    content: 0.25,
                    unplayed_content: Some(0.125),
                },
                tracks_max: 3,
            },
        };
        RecommenderModel::new(earlier.id, parts).unwrap()
    }

    /// So many items of one tempo.
    fn sounds(items: usize) -> Option<ItemSounds> {
        let sound = TrackSound {
            tempo_bpm: Some(90.0),
            ..TrackSound::default()
        };
        ItemSounds::of(vec![sound; items].iter())
    }

    /// What one genre's listeners play of so many items.
    fn audiences(items: usize) -> Option<AudiencePopularity> {
        let plays = || {
            (0..1_000).map(move |play| AudiencePlay {
                listener: 0,
                item: (play % items) as u32,
                moment: UNKNOWN,
                weight: 1.0,
            })
        };
        AudiencePopularity::fit(plays, &MomentTable::default(), &[Some(1)], items)
    }

    /// Lifts of so many items, all by one artist, played evenings and mornings in turn.
    fn lifts(items: usize) -> Option<MomentLifts> {
        let mut table = MomentTable::default();
        let numbers = [8, 20].map(|hour| {
            table.number(&Moment {
                hour: Some(hour),
                ..Moment::default()
            })
        });
        let groups = ItemGroups::new((0..items).map(|_| (1, None)));
        let plays = (0..1_000).map(|play| ((play % items) as u32, numbers[play / 3 % 2]));
        MomentLifts::fit(plays, &table, &groups)
    }

    #[test]
    fn a_damaged_file_is_told_without_reading_a_model() {
        let bytes = bytes_of(&model());
        assert!(bytes.len() > 2 * CHECKSUM_BYTES && is_whole(&bytes[..]).unwrap());
        for at in [FORM.len(), bytes.len() / 2, bytes.len() - 1] {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert!(!is_whole(&damaged[..]).unwrap(), "byte {at}");
            assert!(!is_whole(&bytes[..at]).unwrap(), "cut at {at}");
        }
        assert!(is_whole(&first_form(1)[..]).unwrap());
        assert!(!is_whole(&b""[..]).unwrap());
    }

    /// The parts of a model without its ranker.
    fn unranked(model: &RecommenderModel, steps: Option<TransitionWeights>) -> ModelParts {
        ModelParts {
            items: model.items.clone(),
            taste: model.taste.clone(),
            neighbours: model.neighbours.clone(),
            neighbours_by: model.neighbours_by,
            content: model.content.clone(),
            transitions: model.transitions.clone(),
            cold: model.cold.clone(),
            moments: model.moments.clone(),
            audiences: model.audiences.clone(),
            sounds: model.sounds.clone(),
            blend: model.blend,
            ranker: None,
            is_ranker_unread: false,
            listened: model.listened.clone(),
            steps,
            newcomers: Newcomers::default(),
        }
    }

    #[test]
    fn a_model_reads_as_it_was_written() {
        let model = model();
        let bytes = bytes_of(&model);
        let read = read_bytes(&bytes).unwrap();
        assert_eq!(read.items, model.items);
        assert_eq!(
            (&read.taste, &read.neighbours),
            (&model.taste, &model.neighbours)
        );
        assert_eq!((read.blend, read.steps), (model.blend, model.steps));
        assert_eq!(read.neighbours_by, model.neighbours_by);
        assert_eq!(read.newcomers, model.newcomers);
        assert!(read.steps.is_some() && read.moments.is_some());
        assert_eq!(read.moments, model.moments);
        assert!(read.audiences.is_some() && read.audiences == model.audiences);
        assert!(read.sounds.is_some() && read.sounds == model.sounds);
        let (told, kept) = (read.listened.as_ref(), model.listened.as_ref());
        assert_eq!(told.unwrap().to_text(), kept.unwrap().to_text());
        let term = read.ranker.as_ref().and_then(Ranker::listened);
        assert_eq!(term.map(|one| one.1), Some(0.5));
        assert_eq!(bytes_of(&read), bytes);
        // An earlier form is written in the present one.
        let earlier = read_bytes(&first_form(1)).unwrap();
        let again = read_bytes(&bytes_of(&earlier)).unwrap();
        assert!(again.ranker.is_none() && again.listened.is_none());
        assert_eq!(again.taste, earlier.taste);
    }

    #[test]
    fn the_forms_before_still_read() {
        let model = model();
        let costs = model.steps;
        for (form, steps) in [
            (FORM_WITHOUT_NEWCOMERS, costs),
            (FORM_WITHOUT_SOUNDS, costs),
            (FORM_WITHOUT_AUDIENCES, costs),
            (FORM_WITHOUT_MOMENTS, costs),
            (FORM_WITHOUT_STEPS, None),
            (FORM_WITH_STEPS, None),
            (FORM_WITH_STEPS, costs),
        ] {
            let mut parts = unranked(&model, steps);
            (parts.moments, parts.audiences, parts.sounds) = (None, None, None);
            parts.blend.audience = 0.0;
            (parts.blend.sessions, parts.blend.trending) = (0.0, 0.0);
            parts.neighbours_by = NeighbourSettings::ItemCosine;
            let bytes = bytes_of(&RecommenderModel::new(model.id, parts).unwrap());
            let trees = StoredTrees {
                ranker: None,
                listened: model.listened.as_ref().map(|share| (share.to_text(), 0.0)),
            };
            let settings = Settings {
                blend: BlendWeights {
                    sessions: 0.0,
                    trending: 0.0,
                    audience: 0.0,
                    ..model.blend
                },
                trees,
                steps,
                neighbours_by: NeighbourSettings::ItemCosine,
                cold: None,
                moments: None,
                audiences: None,
                sounds: None,
                newcomers: Newcomers::default(),
            };
            let written = postcard::to_allocvec(&settings).unwrap();
            // The small document ends the bytes before the checksum.
            let begin = bytes.len() - CHECKSUM_BYTES - written.len();
            assert_eq!(bytes[begin..bytes.len() - CHECKSUM_BYTES], written);
            let (weights, trees) = (settings.blend, settings.trees);
            let blend = FiveWeights {
                taste: weights.taste,
                neighbours: weights.neighbours,
                content: weights.content,
                popular: weights.popular,
                session: weights.session,
            };
            // What was added comes last: numbers, and before them a byte for none.
            let newcomers = postcard::to_allocvec(&settings.newcomers).unwrap();
            let without_newcomers = &written[..written.len() - newcomers.len()];
            let before = match form {
                FORM_WITHOUT_NEWCOMERS => Ok(without_newcomers.to_vec()),
                FORM_WITHOUT_SOUNDS => {
                    Ok(without_newcomers[..without_newcomers.len() - 1].to_vec())
                }
                FORM_WITHOUT_AUDIENCES => {
                    let neighbours_by = NeighbourSettings::ItemCosine;
                    let (cold, moments): (Option<ColdMap>, Option<MomentLifts>) = (None, None);
                    let weights = (blend, weights.sessions, weights.trending, weights.moment);
                    postcard::to_allocvec(&(weights, trees, steps, neighbours_by, cold, moments))
                }
                FORM_WITHOUT_MOMENTS => {
                    let neighbours_by = NeighbourSettings::ItemCosine;
                    let cold: Option<ColdMap> = None;
                    postcard::to_allocvec(&(
                        blend,
                        weights.sessions,
                        weights.trending,
                        trees,
                        steps,
                        neighbours_by,
                        cold,
                    ))
                }
                FORM_WITH_STEPS => postcard::to_allocvec(&(blend, trees, steps)),
                _ => postcard::to_allocvec(&(blend, trees)),
            };
            let before = before.unwrap();
            let mut earlier = form.to_vec();
            earlier.extend(&bytes[FORM.len()..begin - 8]);
            earlier.extend((before.len() as u64).to_le_bytes());
            earlier.extend(before);
            let checksum = Sha256::digest(&earlier);
            earlier.extend(checksum);
            assert!(is_whole(&earlier[..]).unwrap());
            let read = read_bytes(&earlier).unwrap();
            assert_eq!(
                (read.blend.session, read.blend.sessions),
                (weights.session, 0.0)
            );
            assert!(read.steps == steps && read.listened.is_some());
            assert_eq!(bytes_of(&read), bytes, "written in the present form");
            earlier[0] ^= 1;
            assert!(read_bytes(&earlier).is_err());
        }
    }

    #[test]
    fn costs_of_steps_that_are_none_are_refused() {
        let model = model();
        for wrong in [-1.0, f32::NAN] {
            let costs = TransitionWeights {
                key: wrong,
                ..model.steps.unwrap()
            };
            let parts = unranked(&model, Some(costs));
            let refused = read_bytes(&bytes_of(&RecommenderModel::new(model.id, parts).unwrap()));
            assert!(matches!(
                refused.map(|_| ()),
                Err(Error::DamagedModel { .. })
            ));
        }
    }

    #[test]
    fn no_damaged_byte_is_answered_from() {
        let bytes = bytes_of(&model());
        for at in (0..bytes.len()).step_by(3).chain([bytes.len() - 1]) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << (at % 8);
            let refused = read_bytes(&damaged).map(|_| ()).unwrap_err();
            assert!(matches!(refused, Error::DamagedModel { .. }), "byte {at}");
            assert!(read_bytes(&bytes[..at]).is_err(), "{at} bytes");
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert!(read_bytes(&longer).is_err());
    }

    #[test]
    fn a_count_beyond_the_bytes_makes_no_room() {
        let mut bytes = FORM.to_vec();
        bytes.extend((u64::MAX / 16).to_le_bytes());
        bytes.extend([0; 64]);
        let refused = read_bytes(&bytes).map(|_| ()).unwrap_err().to_string();
        assert!(refused.contains("ends too early"), "{refused}");
    }
}
