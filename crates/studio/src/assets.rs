//! Our style sheet, modules and logo, compiled in.

use axum::extract::{Path, Query};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use leitmotif_api::Problem;
use serde::Deserialize;

use crate::failure::Failure;

/// A file under `/studio/assets/`.
struct Asset {
    name: &'static str,
    media_type: &'static str,
    content: &'static str,
}

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

const ASSETS: [Asset; 10] = [
    Asset {
        name: "studio.css",
        media_type: "text/css; charset=utf-8",
        content: STYLE,
    },
    Asset {
        name: "logo.svg",
        media_type: "image/svg+xml",
        content: include_str!("assets/logo.svg"),
    },
    Asset {
        name: "poll.js",
        media_type: JAVASCRIPT,
        content: include_str!("assets/poll.js"),
    },
    Asset {
        name: "overview.js",
        media_type: JAVASCRIPT,
        content: include_str!("assets/overview.js"),
    },
    Asset {
        name: "jobs.js",
        media_type: JAVASCRIPT,
        content: include_str!("assets/jobs.js"),
    },
    Asset {
        name: "followed.js",
        media_type: JAVASCRIPT,
        content: include_str!("assets/followed.js"),
    },
    Asset {
        name: "player.js",
        media_type: JAVASCRIPT,
        content: include_str!("assets/player.js"),
    },
    Asset {
        name: "plugins.js",
        media_type: JAVASCRIPT,
        content: include_str!("assets/plugins.js"),
    },
    Asset {
        name: "map.js",
        media_type: JAVASCRIPT,
        content: include_str!("assets/map.js"),
    },
    Asset {
        name: "recommended.js",
        media_type: JAVASCRIPT,
        content: include_str!("assets/recommended.js"),
    },
];

/// The style sheet.
pub const STYLE: &str = include_str!("assets/studio.css");

/// The address of an asset with the hash of its content, so that it may be kept forever.
pub fn url(name: &str) -> String {
    let found = ASSETS.iter().find(|asset| asset.name == name);
    let hash = found.map_or(0, |asset| content_hash(asset.content));
    format!("/studio/assets/{name}?v={hash:016x}")
}

/// The version in an asset's address.
#[derive(Debug, Default, Deserialize)]
pub struct Version {
    v: Option<String>,
}

/// Serves an asset. An address with the present hash is kept for a year; any other is asked for
/// again each time and mostly answered by 304.
pub async fn serve(
    Path(name): Path<String>,
    Query(version): Query<Version>,
    headers: HeaderMap,
) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else {
        return Failure(Problem::not_found("asset", &name)).into_response();
    };
    let hash = format!("{:016x}", content_hash(asset.content));
    let etag = format!("\"{hash}\"");
    let cache = if version.v.as_deref() == Some(hash.as_str()) {
        "public, max-age=31536000, immutable"
    } else {
        "public, no-cache"
    };
    let is_known = headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.contains(&etag));
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, asset.media_type)], asset.content).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    if let Ok(value) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, value);
    }
    response
}

/// FNV-1a, 64 bits: names a content, protects nothing.
const fn content_hash(content: &str) -> u64 {
    let bytes = content.as_bytes();
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut place = 0;
    while place < bytes.len() {
        hash = (hash ^ bytes[place] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        place += 1;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_asset_asks_another_host() {
        for asset in &ASSETS {
            let content = asset.content.replace("http://www.w3.org/2000/svg", "");
            for scheme in ["http://", "https://", "url(//", "@import"] {
                assert!(!content.contains(scheme), "{} {scheme}", asset.name);
            }
        }
    }

    #[tokio::test]
    async fn a_known_content_is_not_sent_again() {
        let path = || Path("studio.css".to_owned());
        let hash = format!("{:016x}", content_hash(STYLE));
        let version = Query(Version {
            v: Some(hash.clone()),
        });
        let first = serve(path(), version, HeaderMap::new()).await;
        assert_eq!(first.status(), 200);
        let cache = first.headers()[header::CACHE_CONTROL].to_str().unwrap();
        assert!(cache.contains("immutable"));
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_NONE_MATCH, first.headers()[header::ETAG].clone());
        let again = serve(path(), Query(Version::default()), headers).await;
        assert_eq!(again.status(), 304);
        let lost = serve(
            Path("../Cargo.toml".to_owned()),
            Query(Version::default()),
            HeaderMap::new(),
        );
        assert_eq!(lost.await.status(), 404);
    }
}
