//! Addresses of our own pages.

use std::fmt::Write;

/// Percent-encodes text for a path segment or a query value: all but RFC 3986's unreserved.
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}"); // writing to a String cannot fail
        }
    }
    encoded
}

/// Joins a path and those pairs that have a value.
pub fn with_query(path: &str, pairs: &[(&str, Option<&str>)]) -> String {
    let filled = pairs
        .iter()
        .filter_map(|(name, value)| value.filter(|value| !value.is_empty()).map(|v| (name, v)));
    let query: Vec<String> = filled
        .map(|(name, value)| format!("{name}={}", encode(value)))
        .collect();
    if query.is_empty() {
        return path.to_owned();
    }
    format!("{path}?{}", query.join("&"))
}

/// The page of a track.
pub fn track(id: &str) -> String {
    format!("/studio/tracks/{}", encode(id))
}

/// The page of a listener.
pub fn listener(id: &str) -> String {
    format!("/studio/listeners/{}", encode(id))
}

/// The home of a listener, by name.
pub fn home(listener: &str) -> String {
    with_query("/studio/home", &[("listener", Some(listener))])
}

/// The page of a playlist.
pub fn playlist(id: &str) -> String {
    format!("/studio/playlists/{}", encode(id))
}

/// The page of a placement's pipeline.
pub fn pipeline(placement: &str) -> String {
    format!("/studio/pipelines/{}", encode(placement))
}

/// The page of a model.
pub fn model(id: &str) -> String {
    format!("/studio/models/{}", encode(id))
}

/// The page of an accuracy card.
pub fn analyzer(name: &str) -> String {
    format!("/studio/analyzers/{}", encode(name))
}

/// The page of a feature view.
pub fn feature_view(name: &str) -> String {
    format!("/studio/features/{}", encode(name))
}

/// The page of a metric.
pub fn metric(name: &str) -> String {
    format!("/studio/metrics/{}", encode(name))
}

/// The page of an import audit.
pub fn audit(id: &str) -> String {
    format!("/studio/audits/{}", encode(id))
}

/// The page of a webhook.
pub fn webhook(id: &str) -> String {
    format!("/studio/webhooks/{}", encode(id))
}

/// The page of a plugin.
pub fn plugin(name: &str) -> String {
    format!("/studio/plugins/{}", encode(name))
}

/// A place to go to after the login: a path of ours, or the overview.
///
/// `//host`, `/\host` and control characters would lead a browser elsewhere.
pub fn local_path(asked: Option<&str>) -> &str {
    let is_local = |path: &&str| {
        path.starts_with('/')
            && !path.starts_with("//")
            && path
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    };
    asked.filter(is_local).unwrap_or("/studio")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_local_paths_are_followed() {
        let check = |asked: &str, expected: &str| {
            assert_eq!(local_path(Some(asked)), expected, "{asked:?}");
        };
        check("/studio/jobs?state=dead", "/studio/jobs?state=dead");
        check("//evil.example", "/studio");
        check("/\\evil.example", "/studio");
        check("/\t/evil.example", "/studio");
        check("https://evil.example", "/studio");
        check("javascript:alert(1)", "/studio");
        check("", "/studio");
        assert_eq!(local_path(None), "/studio");
    }

    #[test]
    fn values_are_encoded_and_empty_ones_left_out() {
        let pairs = [("q", Some("a&b=ü")), ("genre", Some("")), ("cursor", None)];
        assert_eq!(with_query("/l", &pairs), "/l?q=a%26b%3D%C3%BC");
        assert_eq!(with_query("/l", &[]), "/l");
        assert_eq!(track("../x"), "/studio/tracks/..%2Fx");
    }
}
