//! Rankers as files of LightGBM: taken out of a model, and put beside the sources of one.

use leitmotif_domain::error::InvalidValue;
use leitmotif_domain::{ModelId, TenantScope};
use leitmotif_learn::trees::Ensemble;
use leitmotif_storage::ports::ModelRecord;
use serde_json::json;
use tokio::runtime::Handle;

use crate::error::{Error, Result};
use crate::model_bytes;
use crate::rank::{FeatureColumns, Ranker};
use crate::service::Stores;

/// A ranker in LightGBM's text form.
#[derive(Debug, Clone, PartialEq)]
pub struct RankerFile {
    /// The trees.
    pub trees: String,
    /// What the blended score counts beside them, which the text form has no place for.
    pub blend_weight: f32,
}

/// Takes the ranker out of a model; none where it has none.
///
/// - Errors: `NotFound`, `DamagedModel`, and those of the store.
/// - Cost: reads the whole model.
pub async fn ranker_of(
    stores: &Stores,
    scope: &TenantScope,
    model: ModelId,
) -> Result<Option<RankerFile>> {
    let loaded = model_bytes::load(&stores.blobs, scope, model).await?;
    Ok(loaded.ranker.as_ref().map(|ranker| RankerFile {
        trees: ranker.to_text(),
        blend_weight: ranker.blend_weight(),
    }))
}

/// Registers a new model: the sources of another with a ranker of a file. Nothing was judged, so that it is not
/// put into production.
///
/// - Errors: `Invalid` naming what is wrong with the file: a cut one, thresholds that are no numbers, columns that
///   are not ours; `NotFound`, `DamagedModel`, and those of the stores.
/// - Cost: reads and writes the whole model.
pub async fn with_ranker(
    stores: &Stores,
    scope: &TenantScope,
    base: &ModelRecord,
    file: &RankerFile,
) -> Result<ModelRecord> {
    let read = Ensemble::from_lightgbm(&file.trees);
    let trees = read.map_err(|wrong| InvalidValue::new("trees", wrong.to_string()))?;
    let ranker = Ranker::new(trees, file.blend_weight)?;
    let views = stores.features.views(scope).await?;
    let named = |name: &str| views.iter().find(|view| view.definition.name == name);
    FeatureColumns::find(ranker.features(), named)
        .map_err(|gone| InvalidValue::new("trees", gone.to_string()))?;
    let id = ModelId::generate(stores.clock.as_ref(), stores.entropy.as_ref());
    let loaded = model_bytes::load(&stores.blobs, scope, base.id).await?;
    let model = loaded.with_ranker(id, ranker);
    let (blobs, owned, runtime) = (stores.blobs.clone(), scope.clone(), Handle::current());
    let store = move || model_bytes::store(&model, blobs, &owned, runtime);
    tokio::task::spawn_blocking(store)
        .await
        .map_err(Error::bug)??;
    let warning = format!(
        "the ranker was brought in as a file and stands on the sources of model {}; nothing judged it here",
        base.id
    );
    let record = ModelRecord {
        id,
        name: base.name.clone(),
        created_at: stores.clock.now(),
        log_offset: base.log_offset,
        metrics: json!({"sources_of": base.id, "warnings": [warning]}),
    };
    stores.models.register(scope, record.clone()).await?;
    Ok(record)
}
