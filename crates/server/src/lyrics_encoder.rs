//! The lyrics encoder that the settings name.

use std::path::Path;
use std::sync::Arc;

use leitmotif_ingest::lyrics_encoder::LyricsEncoder;

/// The encoder in the folder that the settings name, if they name one.
///
/// - Errors: what is wrong with its files, or that this build reads none.
pub async fn of(folder: Option<&Path>) -> anyhow::Result<Option<Arc<dyn LyricsEncoder>>> {
    match folder {
        Some(folder) => Ok(Some(open(folder).await?)),
        None => Ok(None),
    }
}

/// Reads the encoder in `folder`.
///
/// - Errors: what is wrong with its files.
#[cfg(feature = "onnx")]
async fn open(folder: &Path) -> anyhow::Result<Arc<dyn LyricsEncoder>> {
    use anyhow::Context;
    use leitmotif_ingest::lyrics_encoder::OnnxEncoder;

    let at = folder.to_owned();
    let opened = tokio::task::spawn_blocking(move || OnnxEncoder::open(&at)).await?;
    let encoder = opened.with_context(|| {
        let folder = folder.display();
        format!("cannot use `lyrics_encoder = \"{folder}\"` of the settings")
    })?;
    let (space, dimensions) = (encoder.space(), encoder.dimensions());
    tracing::info!(%space, dimensions, "a lyrics encoder is read");
    Ok(Arc::new(encoder))
}

/// Refuses: what reads encoders is not in this build.
#[cfg(not(feature = "onnx"))]
async fn open(folder: &Path) -> anyhow::Result<Arc<dyn LyricsEncoder>> {
    anyhow::bail!(
        "the settings name the lyrics encoder `{}`, and this build reads none: build it with \
         `cargo build --release --features onnx`, or take `lyrics_encoder` out of the settings",
        folder.display()
    )
}
