//! Listening histories that other services give out, row by row.
//!
//! Every row is a listen, something else that was played (an episode), or a fault with its line; a
//! fault costs its row only. Nothing here knows the catalogue: the words become listens where they
//! are sent to.

mod array;
mod lastfm;
mod listenbrainz;
mod spotify;

use std::collections::BTreeMap;
use std::io::{BufRead, Read};

use leitmotif_domain::event::ListenOutcome;
use leitmotif_domain::{Timestamp, limits};
use serde_json::{Map, Value};

use super::lines::{Fault, read_objects};
use super::records::read_cells;

/// A play as its service remembers it.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryListen {
    /// Whose it is, where the row says so.
    pub listener: Option<String>,
    /// When the track started.
    pub at: Timestamp,
    /// Title.
    pub title: String,
    /// Artist.
    pub artist: String,
    /// Release.
    pub album: Option<String>,
    /// Length of the track in milliseconds.
    pub duration_ms: Option<u32>,
    /// Milliseconds heard.
    pub played_ms: Option<u32>,
    /// How it ended; `None` where the service keeps only what was heard.
    pub outcome: Option<ListenOutcome>,
    /// Why it ended, in the words of the service.
    pub reason: Option<String>,
    /// A private session.
    pub is_private: bool,
    /// Ids elsewhere by namespace.
    pub external_ids: BTreeMap<String, String>,
    /// What a scrobbler gets back; made from the words when there is none.
    pub metadata: Option<Value>,
}

/// What a row holds.
#[derive(Debug, Clone, PartialEq)]
pub enum HistoryRow {
    /// A play of a track.
    Listen(Box<HistoryListen>),
    /// Something that is no track: an episode, a video, a chapter.
    Other,
}

/// A row with its line, or what is wrong with it.
pub type Row = Result<(u64, HistoryRow), Fault>;

/// Where a history comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HistoryFormat {
    /// ListenBrainz: an export or a dump, one listen a line or in one array.
    ListenBrainz,
    /// Spotify: the extended streaming history, arrays of streams.
    Spotify,
    /// Last.fm: tables of scrobbles with a header, or `artist,album,track,date` without one.
    LastFm,
}

impl HistoryFormat {
    /// The name that listens carry as their source.
    pub fn source(self) -> &'static str {
        match self {
            Self::ListenBrainz => "listenbrainz",
            Self::Spotify => "spotify",
            Self::LastFm => "lastfm",
        }
    }

    /// Recognises a history by how it begins.
    ///
    /// - Errors: what the file looks like instead.
    pub fn detect(beginning: &[u8]) -> Result<Self, &'static str> {
        let text = String::from_utf8_lossy(beginning);
        let text = text.trim_start_matches('\u{feff}').trim_start();
        let first_line = text.lines().next().unwrap_or_default().to_lowercase();
        if first_line.starts_with('{') || first_line.starts_with('[') {
            // Both are objects; their keys tell them apart.
            return if text.contains("\"track_metadata\"") || text.contains("\"listened_at\"") {
                Ok(Self::ListenBrainz)
            } else if text.contains("\"ms_played\"") || text.contains("\"ts\"") {
                Ok(Self::Spotify)
            } else if text.contains("\"playlist\"") {
                Err("a playlist: use `leitmotif playlist import`")
            } else {
                Err("JSON, but no listens of ListenBrainz and no streams of Spotify")
            };
        }
        if first_line.starts_with("#extm3u") || first_line.starts_with('<') {
            return Err("a playlist: use `leitmotif playlist import`");
        }
        if lastfm::has_header(&first_line) || lastfm::is_row(&first_line) {
            return Ok(Self::LastFm);
        }
        Err("neither JSON nor a table of scrobbles")
    }

    /// Reads every row.
    ///
    /// - Errors: [`Fault`] when a table has no beginning.
    pub fn read<'r>(
        self,
        reader: impl BufRead + 'r,
    ) -> Result<Box<dyn Iterator<Item = Row> + 'r>, Fault> {
        match self {
            Self::ListenBrainz => Ok(objects(reader, listenbrainz::row_of)),
            Self::Spotify => Ok(objects(reader, spotify::row_of)),
            Self::LastFm => lastfm_rows(reader),
        }
    }
}

type Mapping = fn(&Map<String, Value>) -> Result<HistoryRow, String>;

/// Objects one a line, or the elements of one array.
fn objects<'r>(mut reader: impl BufRead + 'r, map: Mapping) -> Box<dyn Iterator<Item = Row> + 'r> {
    let beginning = reader.fill_buf().unwrap_or_default();
    let is_blank = |byte: &&u8| byte.is_ascii_whitespace() || [0xEF, 0xBB, 0xBF].contains(*byte);
    let is_array = beginning.iter().find(|byte| !is_blank(byte)) == Some(&b'[');
    let mapped = move |row: super::lines::Row| {
        let (line, object) = row?;
        let found = map(&object).and_then(checked);
        found
            .map(|found| (line, found))
            .map_err(|reason| Fault { line, reason })
    };
    if is_array {
        Box::new(array::read_elements(reader).map(mapped))
    } else {
        Box::new(read_objects(reader).map(mapped))
    }
}

fn lastfm_rows<'r>(
    mut reader: impl BufRead + 'r,
) -> Result<Box<dyn Iterator<Item = Row> + 'r>, Fault> {
    let beginning = reader.fill_buf().unwrap_or_default();
    let first = beginning
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    let first = String::from_utf8_lossy(first).to_lowercase();
    let has_header = lastfm::has_header(first.trim_start_matches('\u{feff}'));
    let mapped = |row: super::lines::Row, lines_before: u64| {
        let moved = |line: u64| line.saturating_sub(lines_before);
        let (line, cells) = row.map_err(|fault| Fault {
            line: moved(fault.line),
            reason: fault.reason,
        })?;
        let line = moved(line);
        let found = lastfm::row_of(&cells).and_then(checked);
        found
            .map(|found| (line, found))
            .map_err(|reason| Fault { line, reason })
    };
    if has_header {
        return Ok(Box::new(read_cells(reader)?.map(move |row| mapped(row, 0))));
    }
    // A table without a header gets the one it was written by.
    let named = lastfm::HEADERLESS.as_bytes().chain(reader);
    let named = std::io::BufReader::new(named);
    Ok(Box::new(read_cells(named)?.map(move |row| mapped(row, 1))))
}

/// Refuses what the platform would refuse, so that one row does not cost its batch.
fn checked(row: HistoryRow) -> Result<HistoryRow, String> {
    let HistoryRow::Listen(listen) = &row else {
        return Ok(row);
    };
    if listen.at.as_ms() < limits::EVENT_OLDEST_MS {
        return Err(format!("`{}` is before 2002-10-01", listen.at));
    }
    let album = listen.album.as_deref().unwrap_or_default();
    for (name, text) in [
        ("title", &*listen.title),
        ("artist", &*listen.artist),
        ("album", album),
    ] {
        if text.len() > limits::NAME_BYTES_MAX {
            return Err(format!(
                "the {name} is longer than {} bytes",
                limits::NAME_BYTES_MAX
            ));
        }
    }
    Ok(row)
}

/// A length that a track can have.
fn track_ms(value: Option<i64>) -> Option<u32> {
    let value = u32::try_from(value?).ok()?;
    (1..=limits::TRACK_MS_MAX).contains(&value).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every row in one word: what it is, its line, and how it ended.
    fn shown(format: HistoryFormat, bytes: &[u8]) -> Vec<String> {
        let rows = format.read(bytes).unwrap();
        rows.map(|row| match row {
            Ok((line, HistoryRow::Other)) => format!("{line} other"),
            Ok((line, HistoryRow::Listen(one))) => {
                let private = if one.is_private { " private" } else { "" };
                let seconds = one.at.as_ms() as f64 / 1_000.0;
                format!("{line} {} {seconds} {:?}{private}", one.title, one.outcome)
            }
            Err(fault) => format!("{} ! {}", fault.line, fault.reason),
        })
        .collect()
    }

    #[test]
    fn formats_are_recognised_by_their_beginning() {
        use HistoryFormat::{LastFm, ListenBrainz, Spotify};
        let check = |text: &str, expected: Option<HistoryFormat>| {
            assert_eq!(
                HistoryFormat::detect(text.as_bytes()).ok(),
                expected,
                "{text}"
            );
        };
        check(
            "{\"listened_at\": 1, \"track_metadata\": {}}",
            Some(ListenBrainz),
        );
        check("\u{feff}[\n {\"listened_at\": 1}]", Some(ListenBrainz));
        check("[{\"ts\": \"2020\", \"ms_played\": 1}]", Some(Spotify));
        check(
            "uts,utc_time,artist,artist_mbid,album,album_mbid,track,track_mbid\n",
            Some(LastFm),
        );
        check("\"uts\",\"utc_time\",\"artist\",\"track\"\n", Some(LastFm));
        check("Band,Album,\"Song, the\",22 Mar 2021 16:55\n", Some(LastFm));
        check("title,artist\nA,B\n", None);
        check("#EXTM3U\n", None);
        check("{\"playlist\": {}}", None);
        check("", None);
    }

    #[test]
    fn a_history_of_listenbrainz_is_read_around_its_faults() {
        let good = |at: i64, name: &str| {
            format!(
                "{{\"listened_at\":{at},\"track_metadata\":{{\"track_name\":\"{name}\",\
                 \"artist_name\":\"B\"}}}}\n"
            )
        };
        let mut text = good(1_600_000_000, "A").into_bytes();
        text.extend_from_slice(b"{\"listened_at\":1600000001,\"track_metadata\":{\"track_na\n");
        text.extend_from_slice(b"{\"track_metadata\":{\"track_name\":\"\xff\"}}\n");
        text.extend_from_slice(b"{\"listened_at\":1600000001,\"track_metadata\":{}}\n");
        text.extend_from_slice(good(1, "Old").as_bytes());
        text.extend_from_slice(good(1_600_000_002, "C").as_bytes());
        let found = shown(HistoryFormat::ListenBrainz, &text);
        assert_eq!(found[0], "1 A 1600000000 None");
        assert!(found[1].starts_with("2 ! "), "{found:?}");
        assert!(found[2].starts_with("3 ! not UTF-8"), "{found:?}");
        assert_eq!(found[3], "4 ! no `track_name`");
        assert!(found[4].starts_with("5 ! "), "{found:?}");
        assert_eq!(found[5..], ["6 C 1600000002 None"]);
    }

    #[test]
    fn streams_of_spotify_say_how_they_ended() {
        let stream = |name: &str, played: i64, end: &str, more: &str| {
            format!(
                "{{\"ts\":\"2020-09-13T12:30:00Z\",\"ms_played\":{played},\
                 \"master_metadata_track_name\":{name},\
                 \"master_metadata_album_artist_name\":\"B\",\"reason_end\":\"{end}\"{more}}}"
            )
        };
        let streams = [
            stream("\"A\"", 200_000, "trackdone", ""),
            stream("\"B\"", 5_000, "fwdbtn", ",\"skipped\":true"),
            stream("\"C\"", 5_000, "endplay", ",\"skipped\":null"),
            stream(
                "\"D\"",
                5_000,
                "endplay",
                ",\"skipped\":true,\"incognito_mode\":true",
            ),
            stream("null", 5_000, "endplay", ",\"episode_name\":\"E\""),
            "{\"ts\":\"soon\",\"ms_played\":1}".to_owned(),
        ];
        let text = format!("[\n  {}", streams.join(",\n  "));
        let found = shown(HistoryFormat::Spotify, format!("{text}\n]\n").as_bytes());
        assert_eq!(found[0], "2 A 1600000000 Some(Completed)");
        assert_eq!(found[1], "3 B 1600000195 Some(Skipped)");
        assert_eq!(found[2], "4 C 1600000195 Some(Partial)");
        assert_eq!(found[3], "5 D 1600000195 Some(Skipped) private");
        assert_eq!(found[4], "6 other");
        assert!(found[5].starts_with("7 ! "), "{found:?}");
        assert_eq!(found.len(), 6);
        // Cut in the middle of the fourth: three are read, and the cut is named.
        let cut = text.find("\"D\"").unwrap();
        let found = shown(HistoryFormat::Spotify, &text.as_bytes()[..cut]);
        assert_eq!(found.len(), 4, "{found:?}");
        assert!(found[3].starts_with("5 ! "), "{found:?}");
    }

    #[test]
    fn tables_of_lastfm_are_read_with_a_header_and_without() {
        let text = "uts,utc_time,artist,artist_mbid,album,album_mbid,track,track_mbid\n\
            1600000000,\"13 Sep 2020, 12:26\",B,,X,,A,\n\
            1600000060,\"13 Sep 2020, 12:27\",B,,X,,\"C \"\"live\"\"\",\n\
            never,\"13 Sep 2020, 12:27\",,,,,D,\n\
            1600000120,\"13 Sep 2020, 12:28,B,,X,,E,\n\
            1600000180,\"13 Sep 2020, 12:29\",B,,X,,F,\n";
        let found = shown(HistoryFormat::LastFm, text.as_bytes());
        assert_eq!(found[0], "2 A 1600000000 None");
        assert_eq!(found[1], "3 C \"live\" 1600000060 None");
        assert!(found[2].starts_with("4 ! "), "{found:?}");
        assert!(found[3].starts_with("5 ! "), "{found:?}");
        assert_eq!(found[4..], ["6 F 1600000180 None"]);
        let text = "B,X,A,13 Sep 2020 12:26\nB,,C,13 Foo 2020 12:27\nB,X,D,01 Jan 1970 00:00\n";
        let found = shown(HistoryFormat::LastFm, text.as_bytes());
        assert_eq!(found[0], "1 A 1599999960 None");
        assert!(found[1].starts_with("2 ! "), "{found:?}");
        assert!(found[2].starts_with("3 ! "), "{found:?}");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
            use HistoryFormat::{LastFm, ListenBrainz, Spotify};
            let _ = HistoryFormat::detect(&bytes);
            for format in [ListenBrainz, Spotify, LastFm] {
                let mut array = b"[".to_vec();
                array.extend_from_slice(&bytes);
                for text in [&bytes, &array] {
                    if let Ok(rows) = format.read(&text[..]) {
                        rows.for_each(drop);
                    }
                }
            }
        }
    }
}
