//! Scrobbles as the exporters of Last.fm write them.

use leitmotif_domain::{RecordingId, Timestamp};
use serde_json::{Map, Value};

use super::{HistoryListen, HistoryRow};
use crate::imports::cells::{text_at, whole_at};

/// The columns of a table without a header, as it is written by the oldest exporter.
pub const HEADERLESS: &str = "artist,album,track,date\n";
/// The columns that hold the moment, the most exact first.
const MOMENTS: [&str; 5] = ["uts", "timestamp", "utc_time", "date", "time"];
/// The columns that hold the title.
const TITLES: [&str; 3] = ["track", "title", "name"];
const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

/// Whether a first line, in lower case, names the columns.
pub fn has_header(line: &str) -> bool {
    let names: Vec<&str> = line
        .split(',')
        .map(|name| name.trim().trim_matches('"'))
        .collect();
    let any_of = |wanted: &[&str]| wanted.iter().any(|name| names.contains(name));
    names.contains(&"artist") && any_of(&TITLES) && any_of(&MOMENTS)
}

/// Whether a first line, in lower case, is a scrobble of a table without header: its last cell is a
/// moment.
pub fn is_row(line: &str) -> bool {
    let mut cells = line.trim().rsplit(',');
    let last = cells.next().unwrap_or_default().trim_matches('"');
    moment_of(last.trim()).is_some() && cells.count() >= 3
}

/// Maps a scrobble. What was scrobbled counts as heard; Last.fm knows no skips.
pub fn row_of(row: &Map<String, Value>) -> Result<HistoryRow, String> {
    let title = TITLES.iter().find_map(|name| text_at(row, name));
    let title = title.ok_or("no title")?;
    let artist = text_at(row, "artist").ok_or("no artist")?;
    let at = moment_in(row)?;
    let mbid = text_at(row, "track_mbid").filter(|id| RecordingId::of_uuid(id).is_some());
    let named = |id: String| ("musicbrainz".to_owned(), id.to_lowercase());
    Ok(HistoryRow::Listen(Box::new(HistoryListen {
        listener: None,
        at,
        title,
        artist,
        album: text_at(row, "album"),
        duration_ms: None,
        played_ms: None,
        outcome: None,
        reason: None,
        is_private: false,
        external_ids: mbid.map(named).into_iter().collect(),
        metadata: None,
    })))
}

fn moment_in(row: &Map<String, Value>) -> Result<Timestamp, String> {
    for name in ["uts", "timestamp"] {
        if let Some(seconds) = whole_at(row, name) {
            return Ok(Timestamp::from_ms(seconds.saturating_mul(1_000)));
        }
    }
    let text = MOMENTS
        .iter()
        .find_map(|name| text_at(row, name))
        .ok_or("no moment")?;
    moment_of(&text.to_lowercase()).ok_or_else(|| format!("`{text}` is no moment"))
}

/// `13 sep 2020, 12:26`, `2020-09-13 12:26:40` or RFC 3339; UTC where nothing is said.
fn moment_of(text: &str) -> Option<Timestamp> {
    let text = text.to_uppercase();
    if let Ok(moment) = Timestamp::parse(&text) {
        return Some(moment);
    }
    let parts: Vec<&str> = text
        .split([' ', ','])
        .filter(|part| !part.is_empty())
        .collect();
    let (date, time) = match parts.as_slice() {
        [day, month, year, time] => {
            let month = MONTHS
                .iter()
                .position(|name| name.eq_ignore_ascii_case(month))?
                + 1;
            (format!("{year}-{month:02}-{day:0>2}"), *time)
        }
        [date, time] => ((*date).to_owned(), *time),
        _ => return None,
    };
    let time = match time.split(':').count() {
        2 => format!("{time:0>5}:00"),
        3 => format!("{time:0>8}"),
        _ => return None,
    };
    Timestamp::parse(&format!("{date}T{time}Z")).ok()
}
