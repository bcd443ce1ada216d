//! Playlists as players write them: M3U, XSPF, JSPF. The result is words and places; which tracks
//! they are, the catalogue says.

use std::collections::BTreeMap;
use std::path::Path;

use leitmotif_domain::limits;
use serde_json::{Map, Value};

use super::cells::{text_at, whole_at};

/// A playlist of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlaylistFile {
    /// Its name, where the file says it.
    pub name: Option<String>,
    /// What it says of itself.
    pub description: String,
    /// The tracks in order.
    pub tracks: Vec<PlaylistEntry>,
}

/// A track of a playlist, as far as the file knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlaylistEntry {
    /// Our own id, where the file was written by a Leitmotif.
    pub track: Option<String>,
    /// Title; empty when unknown.
    pub title: String,
    /// Artist; empty when unknown.
    pub artist: String,
    /// Release.
    pub album: Option<String>,
    /// Length in milliseconds.
    pub duration_ms: Option<u32>,
    /// Ids elsewhere by namespace; `path` for a file.
    pub external_ids: BTreeMap<String, String>,
}

/// Reads a playlist; its kind is recognised by how it begins. `folder` is where relative paths
/// start.
///
/// - Errors: what is wrong with it, when nothing can be read.
pub fn read_playlist(bytes: &[u8], folder: &Path) -> Result<PlaylistFile, String> {
    // M3U has no declared encoding: what is not UTF-8 is Latin-1, as its first players wrote it.
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    };
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let playlist = match text.as_bytes().first() {
        Some(b'<') => xspf(text, folder)?,
        Some(b'{') => jspf(text, folder)?,
        Some(_) => m3u(text, folder),
        None => return Err("the file is empty".to_owned()),
    };
    if playlist.tracks.len() > limits::PLAYLIST_TRACKS_MAX {
        let (count, most) = (playlist.tracks.len(), limits::PLAYLIST_TRACKS_MAX);
        return Err(format!("{count} tracks, at most {most}"));
    }
    Ok(playlist)
}

fn m3u(text: &str, folder: &Path) -> PlaylistFile {
    let mut playlist = PlaylistFile::default();
    let mut entry = PlaylistEntry::default();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(told) = line.strip_prefix("#EXTINF:") {
            let (length, label) = told.split_once(',').unwrap_or((told, ""));
            // Some players put attributes behind the seconds.
            let seconds = length
                .split_whitespace()
                .next()
                .and_then(|s| s.parse::<f64>().ok());
            entry.duration_ms = seconds
                .filter(|seconds| *seconds > 0.0)
                .map(|seconds| (seconds * 1_000.0) as u32);
            (entry.artist, entry.title) = artist_and_title(label);
        } else if let Some(album) = line.strip_prefix("#EXTALB:") {
            entry.album = Some(album.trim().to_owned());
        } else if let Some(name) = line.strip_prefix("#PLAYLIST:") {
            playlist.name = Some(name.trim().to_owned());
        } else if !line.starts_with('#') {
            let mut whole = std::mem::take(&mut entry);
            locate(&mut whole, line, folder);
            playlist.tracks.push(whole);
        }
    }
    playlist
}

fn artist_and_title(label: &str) -> (String, String) {
    match label.split_once(" - ") {
        Some((artist, title)) => (artist.trim().to_owned(), title.trim().to_owned()),
        None => (String::new(), label.trim().to_owned()),
    }
}

/// Takes what a location says: our own id, an id of a service, or a file.
fn locate(entry: &mut PlaylistEntry, location: &str, folder: &Path) {
    let own = location.split_once("/api/v1/tracks/");
    let own = own.and_then(|(_, rest)| rest.strip_suffix("/audio"));
    if let Some(id) = own {
        entry.track = Some(id.to_owned());
        return;
    }
    if let Some((_, id)) = location.split_once("open.spotify.com/track/") {
        let id = id.split(['?', '#']).next().unwrap_or_default();
        entry
            .external_ids
            .insert("spotify".to_owned(), id.to_owned());
        return;
    }
    if let Some((_, mbid)) = location.split_once("musicbrainz.org/recording/") {
        let mbid = mbid.trim_end_matches('/').to_lowercase();
        entry.external_ids.insert("musicbrainz".to_owned(), mbid);
        return;
    }
    let path = match location.strip_prefix("file://") {
        Some(path) => decoded(path),
        None if location.contains("://") => return,
        None => location.replace('\\', "/"),
    };
    if entry.title.is_empty() {
        let stem = Path::new(&path).file_stem();
        let stem = stem
            .map(|stem| stem.to_string_lossy().into_owned())
            .unwrap_or_default();
        (entry.artist, entry.title) = artist_and_title(&stem);
    }
    let whole = folder.join(&path).to_string_lossy().into_owned();
    entry.external_ids.insert("path".to_owned(), whole);
}

/// The bytes behind `%41`; what is not UTF-8 then stays as it was written.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = tail.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let byte = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (first, byte) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

fn jspf(text: &str, folder: &Path) -> Result<PlaylistFile, String> {
    let document: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let playlist = document.get("playlist").and_then(Value::as_object);
    let playlist = playlist.ok_or("no `playlist` in it")?;
    let tracks = playlist.get("track").and_then(Value::as_array);
    let entry = |track: &Value| {
        let nothing = Map::new();
        let track = track.as_object().unwrap_or(&nothing);
        let mut entry = PlaylistEntry {
            title: text_at(track, "title").unwrap_or_default(),
            artist: text_at(track, "creator").unwrap_or_default(),
            album: text_at(track, "album"),
            duration_ms: whole_at(track, "duration").and_then(|ms| u32::try_from(ms).ok()),
            ..PlaylistEntry::default()
        };
        for name in ["identifier", "location"] {
            // A list by the format; ListenBrainz writes a text.
            let places: Vec<&str> = match track.get(name) {
                Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
                Some(Value::String(one)) => vec![one],
                _ => Vec::new(),
            };
            places
                .into_iter()
                .for_each(|place| locate(&mut entry, place, folder));
        }
        entry
    };
    Ok(PlaylistFile {
        name: text_at(playlist, "title"),
        description: text_at(playlist, "annotation").unwrap_or_default(),
        tracks: tracks.into_iter().flatten().map(entry).collect(),
    })
}

/// Reads the few elements of XSPF 1 that are of use; everything else is passed over, and so are
/// declarations: there are no entities but the five of XML and numbers.
fn xspf(text: &str, folder: &Path) -> Result<PlaylistFile, String> {
    let mut playlist = PlaylistFile::default();
    let mut entry: Option<PlaylistEntry> = None;
    let mut rest = text;
    let mut is_playlist = false;
    while let Some(open) = rest.find('<') {
        let behind = rest.get(open..).unwrap_or_default();
        let length = match behind {
            comment if comment.starts_with("<!--") => comment.find("-->").map(|at| at + 3),
            tag => tag.find('>').map(|at| at + 1),
        };
        let Some(length) = length else {
            return Err("a tag is never closed".to_owned());
        };
        let (tag, after) = behind.split_at(length);
        let content = unescaped(after.split('<').next().unwrap_or_default());
        match tag
            .split(['<', '>', ' ', '\n', '\r', '\t'])
            .nth(1)
            .unwrap_or_default()
        {
            "playlist" => is_playlist = true,
            "track" => entry = Some(PlaylistEntry::default()),
            "/track" => playlist.tracks.extend(entry.take()),
            name => match (&mut entry, name) {
                (Some(entry), "title") => entry.title = content,
                (Some(entry), "creator") => entry.artist = content,
                (Some(entry), "album") => entry.album = Some(content),
                (Some(entry), "duration") => entry.duration_ms = content.parse().ok(),
                (Some(entry), "location" | "identifier") => locate(entry, &content, folder),
                (None, "title") => playlist.name = Some(content),
                (None, "annotation") => playlist.description = content,
                _ => {}
            },
        }
        rest = after;
    }
    if !is_playlist || entry.is_some() {
        return Err("no whole XSPF playlist".to_owned());
    }
    Ok(playlist)
}

fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.trim();
    while let Some(at) = rest.find('&') {
        let (before, reference) = rest.split_at(at);
        plain.push_str(before);
        let end = reference.find(';');
        let name = end
            .and_then(|end| reference.get(1..end))
            .unwrap_or_default();
        let number = name
            .strip_prefix('#')
            .and_then(|number| match number.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16).ok(),
                None => number.parse().ok(),
            });
        let known = match name {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            _ => number.and_then(char::from_u32),
        };
        let used = match (known, end) {
            (Some(c), Some(end)) => {
                plain.push(c);
                end + 1
            }
            _ => {
                plain.push('&');
                1
            }
        };
        rest = reference.get(used..).unwrap_or_default();
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Name, and every track as `id|artist|title|length|ids`.
    fn shown(text: &[u8]) -> (Option<String>, Vec<String>) {
        let playlist = read_playlist(text, Path::new("/music")).unwrap();
        let entry = |one: PlaylistEntry| {
            let ids: Vec<String> = one
                .external_ids
                .iter()
                .map(|(name, id)| format!("{name}={id}"))
                .collect();
            let length = one.duration_ms.map_or("-".to_owned(), |ms| ms.to_string());
            let own = one.track.unwrap_or_default();
            format!(
                "{own}|{}|{}|{length}|{}",
                one.artist,
                one.title,
                ids.join(",")
            )
        };
        (
            playlist.name,
            playlist.tracks.into_iter().map(entry).collect(),
        )
    }

    #[test]
    fn m3u_is_read_with_and_without_its_extension() {
        let text = "#EXTM3U\r\n#PLAYLIST:Evening\r\n#EXTINF:62,Band - One & <two>\r\na b/o.mp3\r\n\
            #EXTINF:-1,Plain\n/api/v1/tracks/0000000000000000000007/audio\n\nC:\\x\\Band - Three.mp3\n";
        let (name, tracks) = shown(text.as_bytes());
        assert_eq!(name.as_deref(), Some("Evening"));
        let expected = [
            "|Band|One & <two>|62000|path=/music/a b/o.mp3",
            "0000000000000000000007||Plain|-|",
            "|Band|Three|-|path=/music/C:/x/Band - Three.mp3",
        ];
        assert_eq!(tracks, expected);
        let (_, tracks) = shown(b"#EXTINF:1,B\xe9 - S\nx.mp3\n");
        assert_eq!(tracks, ["|B\u{e9}|S|1000|path=/music/x.mp3"]);
    }

    #[test]
    fn xspf_and_jspf_say_the_same() {
        let xspf = "<?xml version=\"1.0\"?>\n<!-- <track> --><playlist version=\"1\">\
            <title>Eve &amp; ning</title><trackList>\n<track><location>file:///m/a%20b.mp3</location>\
            <identifier>https://musicbrainz.org/recording/0A1b2c3d-4e5f-4a1b-8c3d-4e5f60718293</identifier>\
            <title>One &#38; &#x41;</title><creator>Band</creator><duration>61001</duration></track>\
            <track><title>Two</title></track></trackList></playlist>";
        let jspf = r#"{"playlist": {"title": "Eve & ning", "track": [
            {"location": ["file:///m/a%20b.mp3"], "title": "One & A", "creator": "Band",
             "identifier": "https://musicbrainz.org/recording/0a1b2c3d-4e5f-4a1b-8c3d-4e5f60718293",
             "duration": 61001}, {"title": "Two"}]}}"#;
        let expected = [
            "|Band|One & A|61001|musicbrainz=0a1b2c3d-4e5f-4a1b-8c3d-4e5f60718293,path=/m/a b.mp3",
            "||Two|-|",
        ];
        for text in [xspf, jspf] {
            let (name, tracks) = shown(text.as_bytes());
            assert_eq!(name.as_deref(), Some("Eve & ning"));
            assert_eq!(tracks, expected);
        }
    }

    #[test]
    fn broken_playlists_are_refused() {
        for text in [
            "",
            "  ",
            "<playlist><track>",
            "<html></html>",
            "<playlist",
            "{\"a\":1}",
            "{",
        ] {
            assert!(
                read_playlist(text.as_bytes(), Path::new("/")).is_err(),
                "{text}"
            );
        }
        let many = "x.mp3\n".repeat(limits::PLAYLIST_TRACKS_MAX);
        let read = |text: &str| read_playlist(text.as_bytes(), Path::new("/"));
        assert_eq!(
            read(&many).unwrap().tracks.len(),
            limits::PLAYLIST_TRACKS_MAX
        );
        assert!(read(&format!("{many}y.mp3\n")).is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(
            start in "(<playlist>|\\{\"playlist\":|#EXTM3U\n)?",
            bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200),
        ) {
            let mut text = start.into_bytes();
            text.extend_from_slice(&bytes);
            let _ = read_playlist(&text, Path::new("/"));
        }
    }
}
