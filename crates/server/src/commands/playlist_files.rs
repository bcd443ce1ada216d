//! `leitmotif playlist import`: playlists of files, matched with the catalogue.

use std::path::Path;

use anyhow::Context;
use leitmotif_demo::tour::Call;
use leitmotif_domain::limits;
use leitmotif_ingest::imports::playlists::{PlaylistEntry, read_playlist};
use serde_json::{Value, json};

use super::{list_of, text_of};
use crate::client::Client;

/// Largest file: ten thousand tracks of a kilobyte each.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Tracks that were not found, shown by name.
const MISSING_SHOWN: usize = 10;

/// Reads a playlist and keeps what the catalogue has of it, under its name or that of its file.
pub async fn import(path: &Path, owner: Option<&str>, client: &Client) -> anyhow::Result<Value> {
    let of_file = || format!("cannot read `{}`", path.display());
    let size = std::fs::metadata(path).with_context(of_file)?.len();
    anyhow::ensure!(
        size <= FILE_BYTES_MAX,
        "`{}` has {size} bytes, at most {FILE_BYTES_MAX}",
        path.display()
    );
    let bytes = std::fs::read(path).with_context(of_file)?;
    let whole = path.canonicalize().with_context(of_file)?;
    let folder = whole.parent().unwrap_or(Path::new("/"));
    let file = read_playlist(&bytes, folder)
        .map_err(anyhow::Error::msg)
        .with_context(of_file)?;
    let stem = path
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned());
    let name = file.name.filter(|name| !name.is_empty()).or(stem);
    let name = name.context("the playlist has no name")?;
    let mut tracks = Vec::new();
    let mut missing = Vec::new();
    for part in file.tracks.chunks(limits::MATCHES_PER_BATCH_MAX) {
        for (entry, found) in part.iter().zip(matched(part, client).await?) {
            match found {
                Some(id) => tracks.push(id),
                None => missing.push(format!("{} - {}", entry.artist, entry.title)),
            }
        }
    }
    let document =
        json!({"name": name, "description": file.description, "owner": owner, "tracks": tracks});
    let kept = match existing(&name, client).await? {
        Some(id) => {
            let call = Call {
                method: "PUT",
                path: format!("/api/v1/playlists/{id}"),
                content_type: "application/json",
                body: document.to_string().into_bytes(),
            };
            client.json(call).await?
        }
        None => client.post("/api/v1/playlists", &document).await?,
    };
    let missing_count = missing.len();
    missing.truncate(MISSING_SHOWN);
    Ok(
        json!({"playlist": kept["id"], "name": name, "tracks": tracks.len(),
        "missing": missing_count, "missing_examples": missing}),
    )
}

/// Prints what became of a file.
pub fn print_text(read: &Value) {
    let (id, name) = (text_of(read, "playlist"), text_of(read, "name"));
    println!(
        "{id}  {} tracks, {} missing  {name}",
        read["tracks"], read["missing"]
    );
    for missing in list_of(read, "missing_examples") {
        println!("missing: {}", missing.as_str().unwrap_or_default());
    }
}

/// Finds the tracks of entries; an id of ours counts where it leads to something.
async fn matched(
    entries: &[PlaylistEntry],
    client: &Client,
) -> anyhow::Result<Vec<Option<String>>> {
    let words = |entry: &PlaylistEntry| {
        json!({"title": entry.title, "artist": entry.artist, "album": entry.album,
            "duration_ms": entry.duration_ms.filter(|ms| *ms <= limits::TRACK_MS_MAX),
            "external_ids": entry.external_ids})
    };
    let asked = json!({"tracks": entries.iter().map(words).collect::<Vec<_>>()});
    let answer = client.post("/api/v1/track-matches", &asked).await?;
    let mut found = Vec::with_capacity(entries.len());
    for (entry, track) in entries.iter().zip(list_of(&answer, "tracks")) {
        let own = match &entry.track {
            Some(id) => client.get(&format!("/api/v1/tracks/{id}")).await.ok(),
            None => None,
        };
        let own = own.map(|track| text_of(&track, "id").to_owned());
        found.push(own.or_else(|| track.as_str().map(str::to_owned)));
    }
    Ok(found)
}

/// The playlist of a name, the oldest of several.
async fn existing(name: &str, client: &Client) -> anyhow::Result<Option<String>> {
    let mut path = "/api/v1/playlists?limit=200".to_owned();
    loop {
        let page = client.get(&path).await?;
        let mut playlists = list_of(&page, "playlists").iter();
        if let Some(found) = playlists.find(|one| text_of(one, "name") == name) {
            return Ok(Some(text_of(found, "id").to_owned()));
        }
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/api/v1/playlists?limit=200&cursor={cursor}"),
            None => return Ok(None),
        }
    }
}
