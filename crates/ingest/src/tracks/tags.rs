//! Tags of audio files: whatever is broken in them is repaired or left out, never an error.

use std::collections::BTreeMap;
use std::path::Path;

use leitmotif_domain::limits;
use leitmotif_domain::track::{ReleaseDate, TrackDetails};
use lofty::config::{ParseOptions, ParsingMode};
use lofty::file::{AudioFile, TaggedFileExt};
use lofty::probe::Probe;
use lofty::tag::{Accessor, ItemKey, Tag};

/// What a file says of itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FileTags {
    /// The details; the title falls back to the file's name.
    pub details: TrackDetails,
    /// Lyrics inside the file.
    pub lyrics: Option<String>,
}

/// Reads the tags of a file. A file without readable tags is titled by its name; its artist stays
/// unknown, because a folder may be an artist, an album or a mess.
pub fn read_tags(path: &Path) -> FileTags {
    let mut tags = FileTags::default();
    // The tag reader is safe Rust; a bug in it on a hostile file can only unwind.
    let parsed = std::panic::catch_unwind(|| parse(path)).ok().flatten();
    if let Some(parsed) = parsed {
        tags = parsed;
    }
    if tags.details.title.is_empty() {
        tags.details.title = title_of(path);
    }
    tags
}

fn parse(path: &Path) -> Option<FileTags> {
    let options = ParseOptions::new()
        .parsing_mode(ParsingMode::Relaxed)
        .read_cover_art(false);
    let probe = Probe::open(path)
        .ok()?
        .options(options)
        .guess_file_type()
        .ok()?;
    let file = probe.read().ok()?;
    let length_ms = u32::try_from(file.properties().duration().as_millis()).ok();
    let mut details = TrackDetails {
        duration_ms: length_ms.filter(|ms| *ms > 0 && *ms <= limits::TRACK_MS_MAX),
        ..TrackDetails::default()
    };
    let tag = file.primary_tag().or_else(|| file.first_tag());
    let lyrics = tag.and_then(|tag| {
        fill(&mut details, tag);
        tag.get_string(ItemKey::UnsyncLyrics)
            .or_else(|| tag.get_string(ItemKey::Lyrics))
            .map(str::to_owned)
    });
    Some(FileTags { details, lyrics })
}

fn fill(details: &mut TrackDetails, tag: &Tag) {
    details.title = tag.title().map(|text| clean(&text)).unwrap_or_default();
    details.artist = tag.artist().map(|text| clean(&text)).unwrap_or_default();
    details.album = tag
        .album()
        .map(|text| clean(&text))
        .filter(|text| !text.is_empty());
    details.genre = tag
        .genre()
        .map(|text| clean(&text))
        .filter(|text| !text.is_empty());
    details.track_number = tag
        .track()
        .filter(|number| *number <= limits::TRACK_NUMBER_MAX);
    details.release_date = [ItemKey::ReleaseDate, ItemKey::RecordingDate, ItemKey::Year]
        .into_iter()
        .find_map(|key| date_of(tag.get_string(key)?));
    details.external_ids = ids_in(
        tag,
        &[
            ("musicbrainz", ItemKey::MusicBrainzRecordingId),
            ("isrc", ItemKey::Isrc),
        ],
    );
    details.artist_ids = ids_in(tag, &[("musicbrainz", ItemKey::MusicBrainzArtistId)]);
}

fn ids_in(tag: &Tag, keys: &[(&str, ItemKey)]) -> BTreeMap<String, String> {
    let id = |(namespace, key): &(&str, ItemKey)| {
        let value = clean(tag.get_string(*key)?);
        (!value.is_empty()).then(|| ((*namespace).to_owned(), value))
    };
    keys.iter().filter_map(id).collect()
}

/// The longest start of a date text that reads as a date.
fn date_of(text: &str) -> Option<ReleaseDate> {
    [10, 7, 4]
        .into_iter()
        .find_map(|length| text.get(..length)?.parse().ok())
}

/// Drops control characters (NUL among them) and cuts to the bound.
fn clean(text: &str) -> String {
    let mut kept: String = text.chars().filter(|c| !c.is_control()).collect();
    while kept.len() > limits::NAME_BYTES_MAX {
        kept.pop();
    }
    kept.trim().to_owned()
}

fn title_of(path: &Path) -> String {
    let stem = path
        .file_stem()
        .map(|stem| stem.to_string_lossy())
        .unwrap_or_default();
    let title = clean(&stem);
    if title.is_empty() {
        "untitled".to_owned()
    } else {
        title
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_tags_is_named_by_its_file_name() {
        let folder = tempfile::tempdir().unwrap();
        let album = folder.path().join("The Artist/The Album");
        std::fs::create_dir_all(&album).unwrap();
        let path = album.join("03 song\u{7}.mp3");
        for bytes in [
            &b""[..],
            b"ID3",
            &[b"ID3\x04\0\0\0\0\0\x17".as_slice(), &[0xFF; 23]].concat(),
        ] {
            std::fs::write(&path, bytes).unwrap();
            let tags = read_tags(&path);
            assert_eq!(tags.details.title, "03 song");
            assert_eq!(tags.details.artist, "", "a folder's name proves no artist");
            assert!(tags.details.check().is_ok());
        }
    }

    #[test]
    fn dates_are_read_as_far_as_they_go() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(
                date_of(text).as_ref().map(ReleaseDate::as_str),
                expected,
                "{text}"
            );
        };
        check("2020-12-11T00:00:00", Some("2020-12-11"));
        check("2020-12", Some("2020-12"));
        check("2020", Some("2020"));
        check("2020-99-99", Some("2020"));
        check("soon", None);
        check("ééééé", None);
    }
}
