//! Reading bodies with a bound, and JSON with a pointer to what is wrong.

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use leitmotif_domain::limits;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// Reads a whole body of at most `bytes_max`, unpacking gzip under the same bound, so that a small
/// body cannot grow into a large one.
pub async fn read_bounded(
    headers: &HeaderMap,
    body: Body,
    bytes_max: usize,
) -> Result<Bytes, Problem> {
    let too_large = || Problem::too_large(bytes_max as u64);
    check_declared(headers, bytes_max as u64)?;
    let mut collected = BytesMut::new();
    let mut body = body;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Problem::invalid("", "the body ended before its time"))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if collected.len() + data.len() > bytes_max {
            return Err(too_large());
        }
        collected.extend_from_slice(&data);
    }
    match headers
        .get(header::CONTENT_ENCODING)
        .map(|value| value.as_bytes())
    {
        None | Some(b"identity") => Ok(collected.freeze()),
        Some(b"gzip" | b"x-gzip") => unpack(&collected, bytes_max),
        Some(_) => Err(Problem::invalid(
            "",
            "Content-Encoding must be gzip or absent",
        )),
    }
}

/// Refuses a body that declares itself too large, before any of it is sent.
pub fn check_declared(headers: &HeaderMap, bytes_max: u64) -> Result<(), Problem> {
    let declared = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse::<u64>().ok());
    match declared {
        Some(length) if length > bytes_max => Err(Problem::too_large(bytes_max)),
        _ => Ok(()),
    }
}

/// Whether the body is packed.
pub fn is_packed(headers: &HeaderMap) -> bool {
    let encoding = headers.get(header::CONTENT_ENCODING);
    encoding.is_some_and(|value| value.as_bytes() != b"identity")
}

fn unpack(packed: &[u8], bytes_max: usize) -> Result<Bytes, Problem> {
    use std::io::Read;
    let mut plain = Vec::new();
    let mut reader = flate2::read::MultiGzDecoder::new(packed).take(bytes_max as u64 + 1);
    reader
        .read_to_end(&mut plain)
        .map_err(|error| Problem::invalid("", format!("the gzip body is damaged: {error}")))?;
    if plain.len() > bytes_max {
        return Err(Problem::too_large(bytes_max as u64));
    }
    Ok(Bytes::from(plain))
}

/// Parses JSON; the problem names the place as a JSON pointer.
pub fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    check_depth(bytes)?;
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let parsed = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let pointer = pointer_of(error.path());
        Problem::invalid(pointer, error.into_inner().to_string())
    })?;
    deserializer
        .end()
        .map_err(|_| Problem::invalid("", "there is more behind the JSON document"))?;
    Ok(parsed)
}

/// Refuses nesting that only an attack has, before the parser recurses into it.
fn check_depth(bytes: &[u8]) -> Result<(), Problem> {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in bytes {
        match (in_text, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (true, b'"') => in_text = false,
            (false, b'"') => in_text = true,
            (false, b'[' | b'{') => depth += 1,
            (false, b']' | b'}') => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > limits::JSON_DEPTH_MAX {
            let detail = format!("the JSON is nested deeper than {}", limits::JSON_DEPTH_MAX);
            return Err(Problem::invalid("", detail));
        }
    }
    Ok(())
}

fn pointer_of(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
            Segment::Enum { variant } => format!("/{variant}"),
            Segment::Unknown => String::new(),
        })
        .collect()
}

/// A JSON body, whatever its Content-Type says: some clients send none.
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = read_bounded(&parts.headers, body, limits::BODY_BYTES_MAX).await?;
        parse_json(&bytes).map(Self)
    }
}

/// A JSON body that may be left out for the usual.
pub struct OptionalJsonBody<T>(pub T);

impl<T: DeserializeOwned + Default, S: Send + Sync> FromRequest<S> for OptionalJsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = read_bounded(&parts.headers, body, limits::BODY_BYTES_MAX).await?;
        if bytes.trim_ascii().is_empty() {
            return Ok(Self(T::default()));
        }
        parse_json(&bytes).map(Self)
    }
}

/// Query parameters; the problem names the parameter.
pub struct QueryParameters<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for QueryParameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(parameters)) => Ok(Self(parameters)),
            Err(rejection) => Err(Problem::invalid("?", rejection.body_text())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    struct Item {
        #[expect(dead_code, reason = "only its parsing is tested")]
        count: u32,
    }

    #[tokio::test]
    async fn bodies_stop_at_the_bound_packed_or_not() {
        use std::io::Write;
        let headers = HeaderMap::new();
        let at = read_bounded(&headers, Body::from(vec![b' '; 100]), 100).await;
        assert_eq!(at.unwrap().len(), 100);
        let over = read_bounded(&headers, Body::from(vec![b' '; 101]), 100).await;
        assert_eq!(over.unwrap_err().status().as_u16(), 413);
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(&vec![0; 1_000_000]).unwrap();
        let bomb = encoder.finish().unwrap();
        assert!(bomb.len() < 2_000);
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_ENCODING, "gzip".parse().unwrap());
        let refused = read_bounded(&headers, Body::from(bomb.clone()), 10_000).await;
        assert_eq!(refused.unwrap_err().status().as_u16(), 413);
        let kept = read_bounded(&headers, Body::from(bomb), 1_000_000).await;
        assert_eq!(kept.unwrap().len(), 1_000_000);
    }

    #[test]
    fn a_wrong_field_is_named_by_pointer() {
        let refused = parse_json::<Vec<Item>>(br#"[{"count":1},{"count":-1}]"#).unwrap_err();
        assert!(format!("{refused:?}").contains("/1/count"), "{refused:?}");
        assert!(parse_json::<Item>(br#"{"count":1} x"#).is_err());
    }

    #[test]
    fn deep_nesting_is_refused_and_brackets_in_text_are_not_counted() {
        let deep = "[".repeat(100_000);
        assert_eq!(
            parse_json::<serde_json::Value>(deep.as_bytes())
                .unwrap_err()
                .status(),
            400
        );
        let text = format!("\"{}\\\"[\"", "[".repeat(1_000));
        assert!(parse_json::<serde_json::Value>(text.as_bytes()).is_ok());
    }
}
