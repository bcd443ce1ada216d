//! The envelope of every answer, good or bad, as JSON or XML; and the parameters, wherever they
//! stand.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::middleware::body::read_bounded;
use crate::problem::Problem;

/// The version of the protocol that is spoken.
const VERSION: &str = "1.16.1";
/// Largest form.
const FORM_BYTES_MAX: usize = 256 * 1024;

/// A refusal with a code of the protocol.
#[derive(Debug, Clone)]
pub struct Failure {
    code: u16,
    message: String,
}

impl Failure {
    /// A refusal.
    pub fn new(code: u16, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    /// A parameter that is missing.
    pub fn missing(name: &str) -> Self {
        Self::new(10, format!("required parameter `{name}` is missing"))
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        let code = match problem.status() {
            StatusCode::NOT_FOUND => 70,
            StatusCode::FORBIDDEN => 50,
            StatusCode::UNAUTHORIZED => 40,
            _ => 0,
        };
        Self::new(code, problem.detail())
    }
}

/// The parameters of a call, of the query and of the form together.
#[derive(Debug, Clone, Default)]
pub struct Form(Vec<(String, String)>);

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// XML, unless something else is asked for.
    Xml,
    /// JSON.
    Json,
}

impl Form {
    fn parse(texts: &[&str]) -> Self {
        let pairs = texts.iter().flat_map(|text| text.split('&'));
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (unescaped(name), unescaped(value))
        };
        Self(pairs.filter(|pair| !pair.is_empty()).map(pair).collect())
    }

    /// The first value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Every value of a parameter, in order.
    pub fn all<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s str> {
        let found = self.0.iter().filter(move |(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// How the answer is written.
    pub fn format(&self) -> Format {
        match self.get("f") {
            Some("json") => Format::Json,
            _ => Format::Xml,
        }
    }

    /// The key a call carries: as `apiKey`, or as password, plain or in hexadecimal.
    fn key(&self) -> Option<String> {
        if let Some(key) = self.get("apiKey") {
            return Some(key.to_owned());
        }
        let password = self.get("p")?;
        match password.strip_prefix("enc:") {
            None => Some(password.to_owned()),
            Some(digits) => String::from_utf8(hex::decode(digits).ok()?).ok(),
        }
    }
}

fn unescaped(text: &str) -> String {
    let digit = |byte: Option<&u8>| char::from(*byte?).to_digit(16);
    let (bytes, mut plain, mut at) = (text.as_bytes(), Vec::new(), 0);
    while let Some(byte) = bytes.get(at) {
        let escaped = digit(bytes.get(at + 1)).zip(digit(bytes.get(at + 2)));
        match (byte, escaped) {
            (b'%', Some((high, low))) => {
                plain.push((high * 16 + low) as u8);
                at += 2;
            }
            (b'+', _) => plain.push(b' '),
            (byte, _) => plain.push(*byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&plain).into_owned()
}

/// Reads the parameters of a call before anything else does, puts its key where the credential is
/// looked for, and wraps what any layer refuses.
pub async fn around(request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let mut texts = vec![parts.uri.query().unwrap_or_default().to_owned()];
    if parts.method == Method::POST {
        match read_bounded(&parts.headers, body, FORM_BYTES_MAX).await {
            Ok(bytes) => texts.push(String::from_utf8_lossy(&bytes).into_owned()),
            Err(problem) => return envelope(Format::Xml, Err(problem.into())),
        }
    }
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let form = Form::parse(&texts);
    let format = form.format();
    if let Some(key) = form.key()
        && let Ok(value) = HeaderValue::from_str(&format!("Bearer {key}"))
    {
        parts.headers.insert(header::AUTHORIZATION, value);
    }
    // The query may hold the key; nothing behind this point needs it.
    if let Ok(bare) = parts.uri.path().parse::<Uri>() {
        parts.uri = bare;
    }
    parts.extensions.insert(form);
    let mut response = next.run(Request::from_parts(parts, Body::empty())).await;
    let problem = response.extensions_mut().remove::<Problem>();
    let is_unknown = response.status() == StatusCode::NOT_FOUND;
    match problem.filter(|_| !is_unknown) {
        None => response,
        Some(problem) => {
            let mut wrapped = envelope(format, Err(problem.into()));
            for name in ["ratelimit-policy", "ratelimit", "retry-after"] {
                if let Some(value) = response.headers().get(name) {
                    wrapped.headers_mut().insert(name, value.clone());
                }
            }
            wrapped
        }
    }
}

/// Writes an answer.
pub fn envelope(format: Format, outcome: Result<Map<String, Value>, Failure>) -> Response {
    let is_good = outcome.is_ok();
    let mut inner = Map::from_iter([
        (
            "status".to_owned(),
            json!(if is_good { "ok" } else { "failed" }),
        ),
        ("version".to_owned(), json!(VERSION)),
        ("type".to_owned(), json!("leitmotif")),
        ("serverVersion".to_owned(), json!(env!("CARGO_PKG_VERSION"))),
        ("openSubsonic".to_owned(), json!(true)),
    ]);
    match outcome {
        Ok(payload) => inner.extend(payload),
        Err(failure) => {
            let error = json!({"code": failure.code, "message": failure.message});
            inner.insert("error".to_owned(), error);
        }
    }
    let (media_type, text) = match format {
        Format::Json => (
            "application/json",
            json!({"subsonic-response": inner}).to_string(),
        ),
        Format::Xml => {
            inner.insert("xmlns".to_owned(), json!("http://subsonic.org/restapi"));
            let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
            write_element(&mut text, "subsonic-response", &Value::Object(inner));
            ("application/xml", text)
        }
    };
    ([(header::CONTENT_TYPE, media_type)], text).into_response()
}

/// Writes plain values of an object as attributes and the rest as elements; a list repeats its
/// element.
fn write_element(text: &mut String, name: &str, value: &Value) {
    match value {
        Value::Array(values) => values
            .iter()
            .for_each(|value| write_element(text, name, value)),
        Value::Object(members) => {
            text.push('<');
            text.push_str(name);
            let is_nested = |value: &Value| value.is_array() || value.is_object();
            for (key, value) in members {
                if !is_nested(value) && !value.is_null() {
                    text.push_str(&format!(" {key}=\"{}\"", escaped(&plain(value))));
                }
            }
            text.push('>');
            for (key, value) in members.iter().filter(|(_, value)| is_nested(value)) {
                write_element(text, key, value);
            }
            text.push_str(&format!("</{name}>"));
        }
        value => text.push_str(&format!("<{name}>{}</{name}>", escaped(&plain(value)))),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\n' => safe.push_str("&#10;"),
            '\t' => safe.push_str("&#9;"),
            // XML 1.0 has no way to write them.
            c if c.is_control() => {}
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read_wherever_they_stand() {
        let form = Form::parse(&["f=json&id=a%20b", "id=c+d&x=%zz&empty"]);
        assert_eq!(form.format(), Format::Json);
        assert_eq!(form.all("id").collect::<Vec<_>>(), ["a b", "c d"]);
        assert_eq!((form.get("x"), form.get("empty")), (Some("%zz"), Some("")));
        assert_eq!(form.get("none"), None);
    }

    #[test]
    fn passwords_are_keys_in_either_writing() {
        let key = |text: &str| Form::parse(&[text]).key();
        assert_eq!(key("p=lmk_a").as_deref(), Some("lmk_a"));
        assert_eq!(key("p=enc:6c6d6b").as_deref(), Some("lmk"));
        assert_eq!(key("p=enc:zz"), None);
        assert_eq!(key("apiKey=k&p=x").as_deref(), Some("k"));
    }

    #[test]
    fn elements_carry_plain_values_as_attributes() {
        let mut text = String::new();
        let value = json!({"a": "1 < \"2\"", "none": null, "song": [{"id": 1}, {"id": 2}],
            "versions": [1, 2]});
        write_element(&mut text, "r", &value);
        assert_eq!(
            text,
            "<r a=\"1 &lt; &quot;2&quot;\"><song id=\"1\"></song><song id=\"2\"></song>\
             <versions>1</versions><versions>2</versions></r>"
        );
    }
}
