//! A small HTTP/1.1 client over plain sockets, so that malformed and broken requests can be sent.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// An answer.
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Asserts that this is a problem document of a status; returns it.
    pub fn problem(&self, status: u16, context: &str) -> Value {
        assert_eq!(self.status, status, "{context}: {}", self.text());
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{context}: {}",
            self.text()
        );
        let document = self.json();
        assert_eq!(document["status"], status, "{context}");
        for name in ["type", "title", "code", "detail", "trace_id"] {
            assert!(document[name].is_string(), "{context}: `{name}` {document}");
        }
        document
    }

    /// Asserts that this is a problem about one field.
    pub fn points_at(&self, status: u16, pointer: &str, context: &str) {
        let document = self.problem(status, context);
        assert_eq!(
            document["errors"][0]["pointer"], pointer,
            "{context}: {document}"
        );
    }
}

/// A client with a key, or without.
#[derive(Clone)]
pub struct Wire {
    pub address: String,
    pub key: Option<String>,
}

impl Wire {
    pub fn with_key(&self, key: &str) -> Self {
        Self {
            address: self.address.clone(),
            key: Some(key.to_owned()),
        }
    }

    pub fn anonymous(&self) -> Self {
        Self {
            address: self.address.clone(),
            key: None,
        }
    }

    /// Reads a document that must be there.
    pub fn get(&self, path: &str) -> Value {
        let reply = self.send("GET", path, &[], b"");
        assert!(reply.status < 300, "GET {path}: {}", reply.text());
        reply.json()
    }

    /// Sends a document that must be taken.
    pub fn post(&self, path: &str, document: &Value) -> Value {
        let reply = self.ask("POST", path, document);
        assert!(
            reply.status < 300,
            "POST {path}: {} {}",
            reply.status,
            reply.text()
        );
        reply.json()
    }

    /// Sends a document, whatever the answer is.
    pub fn ask(&self, method: &str, path: &str, document: &Value) -> Reply {
        let media = [("content-type", "application/json")];
        self.send(method, path, &media, document.to_string().as_bytes())
    }

    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        self.try_send(method, path, headers, body)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    pub fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Reply> {
        let mut bytes = self.head(method, path, headers, body.len() as u64);
        bytes.extend_from_slice(body);
        let mut stream = self.open()?;
        // A server that refuses early closes its side while the body is still being written.
        let written = stream.write_all(&bytes);
        match read_reply(&stream, method == "HEAD") {
            Ok(reply) => Ok(reply),
            Err(error) => written.and(Err(error)),
        }
    }

    /// The head of a request with a declared length.
    pub fn head(&self, method: &str, path: &str, headers: &[(&str, &str)], length: u64) -> Vec<u8> {
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {length}\r\n",
            self.address
        );
        if let Some(key) = &self.key {
            head.push_str(&format!("authorization: Bearer {key}\r\n"));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        head.into_bytes()
    }

    pub fn open(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// Sends bytes as they are and reads the answer.
    pub fn raw(&self, bytes: &[u8]) -> Reply {
        let mut stream = self.open().unwrap();
        stream.write_all(bytes).unwrap();
        read_reply(&stream, false).unwrap()
    }

    /// Walks every page of a listing.
    pub fn walk(&self, path: &str, list: &str, limit: usize) -> Vec<Value> {
        let mut items = Vec::new();
        let mark = if path.contains('?') { '&' } else { '?' };
        let mut next = format!("{path}{mark}limit={limit}");
        loop {
            let page = self.get(&next);
            let found = page[list].as_array().unwrap();
            assert!(found.len() <= limit);
            items.extend(found.iter().cloned());
            match page["next_cursor"].as_str() {
                Some(cursor) => {
                    assert_eq!(page["has_more"], true);
                    next = format!("{path}{mark}limit={limit}&cursor={cursor}");
                }
                None => {
                    assert_eq!(page["has_more"], false);
                    return items;
                }
            }
        }
    }
}

/// Reads one answer.
pub fn read_reply(stream: &TcpStream, is_head: bool) -> io::Result<Reply> {
    let broken = |reason: &str| io::Error::new(io::ErrorKind::InvalidData, reason.to_owned());
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let status = line
        .split_whitespace()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| broken("no status line"))?;
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(broken("the head ends early"));
        }
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
    let mut reply = Reply {
        status,
        headers,
        body: Vec::new(),
    };
    if is_head || status == 204 {
        return Ok(reply);
    }
    if reply.header("transfer-encoding") == Some("chunked") {
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let size = usize::from_str_radix(line.trim(), 16)
                .map_err(|_| broken("a chunk has no size"))?;
            let mut chunk = vec![0; size + 2];
            reader.read_exact(&mut chunk)?;
            if size == 0 {
                return Ok(reply);
            }
            reply.body.extend_from_slice(&chunk[..size]);
        }
    }
    match reply.header("content-length") {
        Some(length) => {
            let length = length.parse().map_err(|_| broken("no length"))?;
            reply.body.resize(length, 0);
            reader.read_exact(&mut reply.body)?;
        }
        None => {
            reader.read_to_end(&mut reply.body)?;
        }
    }
    Ok(reply)
}
