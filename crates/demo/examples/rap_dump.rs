//! Writes a made-up catalogue in the shape of `rap-scraper`:
//! `cargo run --release -p leitmotif-demo --example rap_dump -- OUT [TRACKS [SEED]]`
//! makes `OUT/tracks.jsonl`, `OUT/analysis.jsonl` and `OUT/quick_dataset.csv`.

use std::fs::File;
use std::io::{BufWriter, Error};
use std::path::PathBuf;

use leitmotif_demo::rap_catalogue::{
    TRACKS_OF_ORIGINAL, write_analyses, write_table, write_tracks,
};

fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let folder: PathBuf = arguments
        .next()
        .ok_or_else(|| Error::other("where to?"))?
        .into();
    let mut number = |otherwise: u64| match arguments.next() {
        Some(text) => text.parse().map_err(Error::other),
        None => Ok(otherwise),
    };
    let (tracks, seed) = (number(TRACKS_OF_ORIGINAL)?, number(1)?);
    std::fs::create_dir_all(&folder)?;
    let create = |name: &str| File::create(folder.join(name)).map(BufWriter::new);
    write_tracks(seed, tracks, create("tracks.jsonl")?)?;
    let analyses = write_analyses(seed, tracks, create("analysis.jsonl")?)?;
    write_table(seed, create("quick_dataset.csv")?)?;
    println!(
        "{tracks} tracks and {analyses} analyses in {}",
        folder.display()
    );
    Ok(())
}
