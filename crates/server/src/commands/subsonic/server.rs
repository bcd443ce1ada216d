//! A media server that speaks the Subsonic protocol, asked for what it has.
//!
//! - Source: the Subsonic API 1.16.1 and its OpenSubsonic extensions.

use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use leitmotif_domain::Timestamp;
use leitmotif_domain::chance::Entropy;
use leitmotif_domain::limits;
use leitmotif_domain::track::MEDIA_SERVERS;
use md5::{Digest, Md5};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::entropy::SystemEntropy;

/// The version of the protocol that is spoken.
const PROTOCOL: &str = "1.16.1";
/// Largest answer that is read: 500 songs of 32 KiB.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Namespace of a server that does not say what it is.
const NAMESPACE: &str = "subsonic";

/// Words that find every song: by the protocol none do, some servers wait for quotes.
const EVERYTHING: [&str; 2] = ["", "\"\""];

/// Who asks.
pub enum Who {
    /// An API key of the server.
    Key(String),
    /// A user and a password, of which a salted hash travels.
    Salted(String, String),
    /// A user and a password, which travels as it is.
    Plain(String, String),
}

/// A media server.
pub struct MediaServer {
    base: String,
    client: HttpClient<HttpConnector, Full<Bytes>>,
    /// Who asks, as it stands in every query.
    who: Vec<(&'static str, String)>,
    namespace: String,
    /// The words that find every song.
    everything: &'static str,
}

impl MediaServer {
    /// Reaches a server and asks it what it is.
    ///
    /// - Errors: an address that is not `http://`, a server that does not answer or refuses the user.
    pub async fn open(base: &str, who: &Who) -> anyhow::Result<Self> {
        anyhow::ensure!(
            base.starts_with("http://"),
            "`{base}` does not begin with `http://`: encrypted connections are left to a proxy, so name the server by its address inside your network"
        );
        let mut server = Self {
            base: base.trim_end_matches('/').to_owned(),
            client: HttpClient::builder(TokioExecutor::new()).build_http(),
            who: who.parameters(),
            namespace: NAMESPACE.to_owned(),
            everything: EVERYTHING[0],
        };
        let pong = server.call("ping", &[]).await?;
        let kind = pong["type"].as_str().unwrap_or_default().to_lowercase();
        // Only under these is an id understood that comes without its namespace.
        if MEDIA_SERVERS.contains(&kind.as_str()) {
            server.namespace = kind;
        }
        for words in EVERYTHING {
            server.everything = words;
            if !server.songs(0, 1).await?.is_empty() {
                break;
            }
        }
        Ok(server)
    }

    /// The namespace of its ids.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// How many songs it has, where it says.
    pub async fn song_count(&self) -> anyhow::Result<Option<u64>> {
        // Not every server has the call; without it there is no end to a bar, nothing else.
        let status = self.call("getScanStatus", &[]).await;
        Ok(status
            .ok()
            .and_then(|told| told["scanStatus"]["count"].as_u64()))
    }

    /// Its songs from a place on, in its own order; none after the last.
    pub async fn songs(&self, offset: usize, count: usize) -> anyhow::Result<Vec<Song>> {
        let (offset, count) = (offset.to_string(), count.to_string());
        let asked = [
            ("query", self.everything),
            ("songCount", count.as_str()),
            ("songOffset", offset.as_str()),
            ("artistCount", "0"),
            ("albumCount", "0"),
        ];
        let mut found = self.call("search3", &asked).await?;
        match found["searchResult3"]["song"].take() {
            Value::Array(songs) => Ok(songs.into_iter().map(Song::new).collect()),
            _ => Ok(Vec::new()),
        }
    }

    async fn call(&self, name: &str, asked: &[(&str, &str)]) -> anyhow::Result<Value> {
        let client = [("v", PROTOCOL), ("c", "leitmotif"), ("f", "json")];
        let who = self.who.iter().map(|(name, value)| (*name, value.as_str()));
        let query: Vec<String> = (who.chain(client).chain(asked.iter().copied()))
            .map(|(name, value)| format!("{name}={}", escaped(value)))
            .collect();
        let target = format!("{}/rest/{name}.view?{}", self.base, query.join("&"));
        let request = Request::builder()
            .uri(target)
            .body(Full::new(Bytes::new()))?;
        let of_server = || format!("cannot reach the media server at {}", self.base);
        let response = self.client.request(request).await.with_context(of_server)?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect();
        let body = body.await.map_err(anyhow::Error::from_boxed);
        let body = body
            .context("the media server's answer broke off")?
            .to_bytes();
        anyhow::ensure!(
            status.is_success(),
            "the media server answered `{name}` with status {status}"
        );
        let mut told: Value = serde_json::from_slice(&body)
            .with_context(|| format!("{} does not speak the Subsonic protocol", self.base))?;
        let told = told["subsonic-response"].take();
        anyhow::ensure!(
            told["status"] == "ok",
            "the media server refused `{name}`: {}",
            told["error"]["message"]
                .as_str()
                .unwrap_or("it does not say why")
        );
        Ok(told)
    }
}

impl Who {
    fn parameters(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Key(key) => vec![("apiKey", key.clone())],
            Self::Salted(user, password) => {
                let mut salt = [0; 8];
                SystemEntropy.fill(&mut salt);
                let salt = hex::encode(salt);
                let token = hex::encode(Md5::digest(format!("{password}{salt}")));
                vec![("u", user.clone()), ("t", token), ("s", salt)]
            }
            Self::Plain(user, password) => {
                let password = format!("enc:{}", hex::encode(password));
                vec![("u", user.clone()), ("p", password)]
            }
        }
    }
}

/// A song as the server tells it.
pub struct Song(Value);

impl Song {
    /// Cuts texts to what the catalogue takes.
    fn new(mut told: Value) -> Self {
        for text in told
            .as_object_mut()
            .into_iter()
            .flatten()
            .map(|(_, value)| value)
        {
            if let Value::String(text) = text {
                text.retain(|c| !c.is_control());
                text.truncate(text.floor_char_boundary(limits::NAME_BYTES_MAX));
            }
        }
        Self(told)
    }

    /// Its id there; empty where the server tells none.
    pub fn id(&self) -> &str {
        self.text("id")
    }

    /// Artist and title.
    pub fn name(&self) -> String {
        format!("{} - {}", self.text("artist"), self.text("title"))
    }

    /// What it is found by.
    pub fn words(&self, namespace: &str) -> Value {
        json!({
            "title": self.text("title"),
            "artist": self.text("artist"),
            "album": self.filled("album"),
            "duration_ms": self.duration_ms(),
            "external_ids": self.external_ids(namespace),
        })
    }

    /// The ids of a track that it is.
    pub fn ids(&self, namespace: &str, track: &str) -> Value {
        json!({
            "track": track,
            "external_ids": {namespace: self.id()},
            "artist_ids": self.artist_ids(namespace),
        })
    }

    /// The track that it is where there is none.
    pub fn track(&self, namespace: &str) -> Value {
        let year = self.0["year"]
            .as_u64()
            .filter(|year| (1..=9999).contains(year));
        let most = u64::from(limits::TRACK_NUMBER_MAX);
        let number = self.0["track"].as_u64().filter(|number| *number <= most);
        json!({
            "title": self.filled("title").unwrap_or("untitled"),
            "artist": self.text("artist"),
            "album": self.filled("album"),
            "genre": self.filled("genre"),
            "duration_ms": self.duration_ms(),
            "release_date": year.map(|year| format!("{year:04}")),
            "track_number": number,
            "external_ids": self.external_ids(namespace),
            "artist_ids": self.artist_ids(namespace),
        })
    }

    /// When the user starred it.
    pub fn starred_at(&self) -> Option<Timestamp> {
        let starred = self.filled("starred")?;
        // Some servers leave the zone out, which is UTC.
        let read = |text: String| Timestamp::deserialize(Value::String(text)).ok();
        read(starred.to_owned()).or_else(|| read(format!("{starred}Z")))
    }

    fn external_ids(&self, namespace: &str) -> Value {
        let mut ids = json!({namespace: self.id()});
        let isrc = &self.0["isrc"];
        let known = [
            ("musicbrainz", self.filled("musicBrainzId")),
            ("isrc", isrc.as_str().or_else(|| isrc[0].as_str())),
        ];
        for (name, id) in known {
            if let Some(id) = id.filter(|id| !id.is_empty()) {
                ids[name] = id.into();
            }
        }
        ids
    }

    fn artist_ids(&self, namespace: &str) -> Value {
        match self.filled("artistId") {
            Some(id) => json!({namespace: id}),
            None => json!({}),
        }
    }

    fn duration_ms(&self) -> Option<u64> {
        let ms = self.0["duration"].as_u64()?.checked_mul(1_000)?;
        (1..=u64::from(limits::TRACK_MS_MAX))
            .contains(&ms)
            .then_some(ms)
    }

    fn text(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap_or_default()
    }

    fn filled(&self, name: &str) -> Option<&str> {
        Some(self.text(name)).filter(|text| !text.trim().is_empty())
    }
}

/// A value as it stands in a query.
fn escaped(value: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let written = value.bytes().map(|byte| match is_plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    });
    written.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_song_is_told_as_the_catalogue_takes_it() {
        let song = Song::new(
            json!({"id": "s-1", "title": "A", "artist": "B", "artistId": "a-1",
            "album": "", "duration": 61, "year": 1999, "track": 3, "isrc": ["X1"],
            "musicBrainzId": "", "starred": "2024-05-01T10:00:00Z"}),
        );
        assert_eq!(
            song.track("navidrome"),
            json!({"title": "A", "artist": "B", "album": null, "genre": null,
                "duration_ms": 61_000, "release_date": "1999", "track_number": 3,
                "external_ids": {"navidrome": "s-1", "isrc": "X1"},
                "artist_ids": {"navidrome": "a-1"}})
        );
        let ids = json!({"track": "t", "external_ids": {"navidrome": "s-1"},
            "artist_ids": {"navidrome": "a-1"}});
        assert_eq!(song.ids("navidrome", "t"), ids);
        let zoneless = Song::new(json!({"starred": "2024-05-01T10:00:00"}));
        assert_eq!(song.starred_at(), zoneless.starred_at());
        assert!(song.starred_at().is_some());
        let bare = Song::new(
            json!({"id": "s-2", "duration": 0, "track": 100_001, "album": "x".repeat(2_000)}),
        );
        assert_eq!(bare.track("x")["title"], "untitled");
        assert_eq!(bare.track("x")["duration_ms"], Value::Null);
        assert_eq!(
            bare.track("x")["track_number"],
            Value::Null,
            "beyond the bound"
        );
        assert_eq!(bare.ids("x", "t")["artist_ids"], json!({}));
        assert_eq!(bare.text("album").len(), limits::NAME_BYTES_MAX);
    }

    #[test]
    fn a_query_holds_any_text() {
        assert_eq!(escaped("a b&\u{e9}"), "a%20b%26%C3%A9");
    }
}
