//! Playlists as files that players read, and as curves.

use std::fmt::Write;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use leitmotif_domain::TenantScope;
use leitmotif_domain::playlist::Playlist;
use leitmotif_domain::track::Track;
use leitmotif_recommend::playlists::{sounds_of, step_costs};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::playlist_drafts::{FlowTrack, StepCostsBy, flow_tracks};
use super::playlists::find;
use crate::middleware::auth::ReadAccess;
use crate::middleware::body::QueryParameters;
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// Tracks whose flow is shown; a curve of more cannot be read.
const FLOW_TRACKS_MAX: usize = 500;

/// A file format.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum FileFormat {
    /// Extended M3U in UTF-8.
    #[default]
    M3u8,
    /// XML Shareable Playlist Format 1.
    Xspf,
    /// The same as JSON.
    Jspf,
}

/// Which file.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FileQuery {
    /// `m3u8` (when left out), `xspf` or `jspf`.
    #[serde(default)]
    pub format: FileFormat,
}

/// How a playlist flows.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FlowAnswer {
    /// The tracks in order, at most 500.
    pub tracks: Vec<FlowTrack>,
    /// Where the costs of steps come from: as they are at present, not as they were when the playlist was
    /// made.
    pub step_costs_by: StepCostsBy,
}

/// Writes a playlist as a file.
///
/// A track is located by its `path` id where it has one, which is how a player on the same files
/// finds it, and else by the address of its audio at the server, which is the one that the request names (`Host`, and `X-Forwarded-Proto`
/// of a proxy); fetching it takes a key.
#[utoipa::path(get, path = "/api/v1/playlists/{id}/file", tag = "playlists",
    params(("id" = String, Path, description = "playlist id"), FileQuery), responses(
    (status = 200, description = "the file", body = String, content_type = "audio/x-mpegurl"),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn file(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path(id): Path<String>,
    headers: HeaderMap,
    QueryParameters(query): QueryParameters<FileQuery>,
) -> Result<Response, Problem> {
    let playlist = find(&state, access.scope(), &id).await?;
    let tracks = tracks_of(&state, access.scope(), &playlist).await?;
    let server = address_of(&headers);
    let (text, media_type, extension) = match query.format {
        FileFormat::M3u8 => (m3u8(&playlist, &tracks, &server), "audio/x-mpegurl", "m3u8"),
        FileFormat::Xspf => (
            xspf(&playlist, &tracks, &server),
            "application/xspf+xml",
            "xspf",
        ),
        FileFormat::Jspf => {
            let text = jspf(&playlist, &tracks, &server).to_string();
            (text, "application/jspf+json", "jspf")
        }
    };
    let name = format!("attachment; filename=\"{}.{extension}\"", playlist.id);
    let headers = [
        (header::CONTENT_TYPE, format!("{media_type}; charset=utf-8")),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((headers, text).into_response())
}

/// Shows how a playlist flows: tempo, key and energy of each track and the cost of each step.
#[utoipa::path(get, path = "/api/v1/playlists/{id}/flow", tag = "playlists",
    params(("id" = String, Path, description = "playlist id")), responses(
    (status = 200, body = FlowAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn flow(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path(id): Path<String>,
) -> Result<Json<FlowAnswer>, Problem> {
    let scope = access.scope();
    let mut playlist = find(&state, scope, &id).await?;
    playlist.tracks.truncate(FLOW_TRACKS_MAX);
    let stores = state.recommender.stores();
    let sounds = sounds_of(stores, scope, &playlist.tracks).await?;
    let (weights, basis) = step_costs(&state.recommender, scope).await?;
    let steps: Vec<f32> = (sounds.windows(2))
        .map(|pair| weights.cost(&pair[0], &pair[1]))
        .collect();
    let tracks = flow_tracks(&state, scope, &playlist.tracks, &sounds, &steps).await?;
    Ok(Json(FlowAnswer {
        tracks,
        step_costs_by: basis.into(),
    }))
}

/// The tracks in the playlist's order, those that come twice twice.
async fn tracks_of(
    state: &ApiState,
    scope: &TenantScope,
    playlist: &Playlist,
) -> Result<Vec<Track>, Problem> {
    let found = state.catalog.tracks(scope, &playlist.tracks).await?;
    let known: std::collections::HashMap<_, _> =
        found.into_iter().map(|track| (track.id, track)).collect();
    let tracks = playlist
        .tracks
        .iter()
        .filter_map(|id| known.get(id).cloned());
    Ok(tracks.collect())
}

/// Where a track is: its file, or its audio here, behind the address by which the caller reached the server. Without
/// one a player would take the location for a file.
fn location(track: &Track, server: &str) -> String {
    match track.details.external_ids.get("path") {
        Some(path) => path.clone(),
        None => format!("{server}/api/v1/tracks/{}/audio", track.id),
    }
}

/// The address by which a caller reached the server, as far as they tell it; a proxy in front says which scheme it was.
fn address_of(headers: &HeaderMap) -> String {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let is_host = |host: &&str| {
        !host.is_empty()
            && host
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || ".-:[]".contains(c))
    };
    let scheme = match text("x-forwarded-proto") {
        Some("https") => "https",
        _ => "http",
    };
    let host = text(header::HOST.as_str()).filter(is_host);
    host.map_or(String::new(), |host| format!("{scheme}://{host}"))
}

/// One line, whatever a title holds: a line break would begin another entry.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Writing to a `String` cannot fail, so the results of `writeln!` are passed over.
fn m3u8(playlist: &Playlist, tracks: &[Track], server: &str) -> String {
    let mut text = String::from("#EXTM3U\n");
    let _ = writeln!(text, "#PLAYLIST:{}", one_line(&playlist.name));
    for track in tracks {
        // −1 is the format's own word for an unknown length.
        let seconds = (track.details.duration_ms).map_or(-1, |ms| i64::from(ms.div_ceil(1_000)));
        let title = one_line(&track.details.title);
        let label = match one_line(&track.details.artist) {
            artist if artist.is_empty() => title,
            artist => format!("{artist} - {title}"),
        };
        let _ = writeln!(text, "#EXTINF:{seconds},{label}");
        let _ = writeln!(
            text,
            "{}",
            location(track, server).replace(['\r', '\n'], "")
        );
    }
    text
}

fn xspf(playlist: &Playlist, tracks: &[Track], server: &str) -> String {
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<playlist version=\"1\" xmlns=\"http://xspf.org/ns/0/\">\n",
    );
    let _ = writeln!(text, "  <title>{}</title>", escaped(&playlist.name));
    if !playlist.description.is_empty() {
        let _ = writeln!(
            text,
            "  <annotation>{}</annotation>",
            escaped(&playlist.description)
        );
    }
    text.push_str("  <trackList>\n");
    for track in tracks {
        text.push_str("    <track>\n");
        let details = &track.details;
        let duration = details.duration_ms.map(|ms| ms.to_string());
        let elements = [
            ("location", Some(uri(&location(track, server)))),
            ("identifier", musicbrainz(track)),
            ("title", Some(details.title.clone())),
            (
                "creator",
                Some(details.artist.clone()).filter(|artist| !artist.is_empty()),
            ),
            ("album", details.album.clone()),
            (
                "trackNum",
                details.track_number.map(|number| number.to_string()),
            ),
            ("duration", duration),
        ];
        for (name, value) in elements {
            if let Some(value) = value {
                let _ = writeln!(text, "      <{name}>{}</{name}>", escaped(&value));
            }
        }
        text.push_str("    </track>\n");
    }
    text.push_str("  </trackList>\n</playlist>\n");
    text
}

fn jspf(playlist: &Playlist, tracks: &[Track], server: &str) -> Value {
    let tracks: Vec<Value> = (tracks.iter())
        .map(|track| {
            let details = &track.details;
            let fields = [
                ("location", Some(json!([uri(&location(track, server))]))),
                ("identifier", musicbrainz(track).map(|id| json!([id]))),
                ("title", Some(json!(details.title))),
                (
                    "creator",
                    Some(json!(details.artist)).filter(|artist| artist != ""),
                ),
                ("album", details.album.as_ref().map(|album| json!(album))),
                ("trackNum", details.track_number.map(|number| json!(number))),
                ("duration", details.duration_ms.map(|ms| json!(ms))),
            ];
            let given = fields
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?)));
            Value::Object(given.collect())
        })
        .collect();
    json!({"playlist": {
        "title": playlist.name,
        "annotation": playlist.description,
        "date": playlist.updated_at,
        "track": tracks,
    }})
}

fn musicbrainz(track: &Track) -> Option<String> {
    let id = track.details.external_ids.get("musicbrainz")?;
    Some(format!("https://musicbrainz.org/recording/{id}"))
}

/// A path as the URI that XSPF asks for; what is one already stays.
fn uri(location: &str) -> String {
    let mut encoded = String::new();
    if location.starts_with('/') && !location.starts_with("/api/") {
        encoded.push_str("file://");
    }
    for byte in location.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~:".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Text as XML carries it; characters that XML cannot hold are left out.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\t' | '\n' | '\r' => escaped.push(' '),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {}
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use leitmotif_domain::track::TrackDetails;
    use leitmotif_domain::{PlaylistId, Timestamp, TrackId};

    use super::*;

    const SERVER: &str = "https://music.example:8443";

    #[test]
    fn the_address_is_the_one_the_caller_reached() {
        let told = |pairs: &[(&'static str, &'static str)]| {
            let pairs = pairs.iter().map(|(name, value)| {
                let name: axum::http::HeaderName = name.parse().unwrap();
                (name, axum::http::HeaderValue::from_static(value))
            });
            address_of(&pairs.collect())
        };
        assert_eq!(told(&[("host", "10.0.0.2:4533")]), "http://10.0.0.2:4533");
        let proxied = [
            ("host", "music.example:8443"),
            ("x-forwarded-proto", "https"),
        ];
        assert_eq!(told(&proxied), SERVER);
        assert_eq!(told(&[("host", "a b\"")]), "", "no host of ours");
        assert_eq!(told(&[]), "");
    }

    fn world() -> (Playlist, Vec<Track>) {
        let at = Timestamp::from_ms(0);
        let track = |id: u128, details: TrackDetails| Track {
            id: TrackId::from_u128(id),
            details,
            audio: None,
            has_lyrics: false,
            created_at: at,
            updated_at: at,
        };
        let first = TrackDetails {
            title: "One & <two>\nthree".to_owned(),
            artist: "Someone".to_owned(),
            duration_ms: Some(61_001),
            external_ids: [("path".to_owned(), "/music/a b/ö.mp3".to_owned())].into(),
            ..TrackDetails::default()
        };
        let second = TrackDetails {
            title: "Plain".to_owned(),
            ..TrackDetails::default()
        };
        let playlist = Playlist {
            id: PlaylistId::from_u128(7),
            name: "Evening".to_owned(),
            description: String::new(),
            owner: None,
            tracks: Vec::new(),
            created_at: at,
            updated_at: at,
        };
        (playlist, vec![track(1, first), track(2, second)])
    }

    #[test]
    fn m3u8_holds_a_line_a_track() {
        let (playlist, tracks) = world();
        let second = TrackId::from_u128(2);
        let expected = format!(
            "#EXTM3U\n#PLAYLIST:Evening\n#EXTINF:62,Someone - One & <two> three\n/music/a b/ö.mp3\n\
             #EXTINF:-1,Plain\n{SERVER}/api/v1/tracks/{second}/audio\n"
        );
        assert_eq!(m3u8(&playlist, &tracks, SERVER), expected);
    }

    #[test]
    fn xspf_escapes_and_names_files_by_uri() {
        let (playlist, tracks) = world();
        let text = xspf(&playlist, &tracks, SERVER);
        assert!(
            text.contains("<title>One &amp; &lt;two&gt; three</title>"),
            "{text}"
        );
        assert!(
            text.contains("<location>file:///music/a%20b/%C3%B6.mp3</location>"),
            "{text}"
        );
        assert!(text.contains("<duration>61001</duration>"), "{text}");
        assert!(!text.contains("<creator></creator>"), "{text}");
    }

    #[test]
    fn jspf_is_the_same_as_json() {
        let (playlist, tracks) = world();
        let document = jspf(&playlist, &tracks, SERVER);
        let first = &document["playlist"]["track"][0];
        assert_eq!(first["duration"], 61_001);
        assert_eq!(first["location"][0], "file:///music/a%20b/%C3%B6.mp3");
        assert!(document["playlist"]["track"][1].get("creator").is_none());
    }
}
