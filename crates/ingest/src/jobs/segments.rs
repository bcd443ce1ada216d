//! The segments of tracks, which lie beside their analyses: they are half as large again, and only who asks for
//! them reads them.

use leitmotif_analysis::audio::Segments;
use leitmotif_domain::{TenantScope, TrackId};
use leitmotif_storage::ports::BlobKey;

pub use leitmotif_analysis::audio::Segment;

use crate::catalogue::Catalogue;
use crate::error::Result;

/// Puts the segments of a track in place of former ones.
pub(crate) async fn keep_segments(
    catalogue: &Catalogue,
    scope: &TenantScope,
    track: TrackId,
    segments: &Segments,
) -> Result<()> {
    let bytes = segments.as_bytes().to_vec();
    let key = segments_key(track)?;
    Ok(catalogue.blobs.put(scope, &key, bytes.into()).await?)
}

/// Reads the segments of a track; none where its analysis is older than they are.
pub async fn track_segments(
    catalogue: &Catalogue,
    scope: &TenantScope,
    track: TrackId,
) -> Result<Vec<Segment>> {
    let key = segments_key(track)?;
    if catalogue.blobs.stat(scope, &key).await?.is_none() {
        return Ok(Vec::new());
    }
    let bytes = catalogue.blobs.read(scope, &key, 0..u64::MAX).await?;
    let segments = Segments::from_bytes(bytes.to_vec());
    let broken = || leitmotif_storage::Error::Corrupt {
        reason: format!("the segments of `{track}` do not read"),
    };
    Ok(segments.ok_or_else(broken)?.unpack())
}

/// Where they lie.
pub(crate) fn segments_key(track: TrackId) -> Result<BlobKey> {
    Ok(format!("segments/{track}").parse()?)
}
