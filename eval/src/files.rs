//! Reading the kits' files, plain or gzip.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::Context;

/// Opens a text file for reading by lines; a `.gz` name is decompressed on the way.
pub fn open_text(path: &Path) -> anyhow::Result<Box<dyn BufRead>> {
    let file = File::open(path).with_context(|| format!("cannot open `{}`", path.display()))?;
    if path.extension().is_some_and(|extension| extension == "gz") {
        return Ok(Box::new(BufReader::new(flate2::read::MultiGzDecoder::new(
            file,
        ))));
    }
    Ok(Box::new(BufReader::new(file)))
}
