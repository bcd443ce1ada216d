//! One connection to a server, kept alive: JSON goes out, JSON comes back.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use anyhow::{Context, ensure};
use serde_json::Value;

/// One kept-alive connection.
pub struct Wire {
    stream: BufReader<TcpStream>,
    head: String,
}

impl Wire {
    /// Connects to `host:port`.
    pub fn open(address: &str, key: &str) -> anyhow::Result<Self> {
        let stream =
            TcpStream::connect(address).with_context(|| format!("no answer at {address}"))?;
        stream.set_nodelay(true)?;
        let head = format!(
            "host: {address}\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n"
        );
        let stream = BufReader::new(stream);
        Ok(Self { stream, head })
    }

    /// Sends a document.
    pub fn post(&mut self, path: &str, document: &Value) -> anyhow::Result<Value> {
        self.send("POST", path, document.to_string().as_bytes())
    }

    /// Asks for a document.
    pub fn get(&mut self, path: &str) -> anyhow::Result<Value> {
        self.send("GET", path, b"")
    }

    /// Sends bytes that are JSON already, and reads JSON.
    pub fn send(&mut self, method: &str, path: &str, body: &[u8]) -> anyhow::Result<Value> {
        Ok(serde_json::from_slice(&self.exchange(method, path, body)?)?)
    }

    /// Sends bytes and reads bytes; an answer other than 2xx is an error with its text.
    pub fn exchange(&mut self, method: &str, path: &str, body: &[u8]) -> anyhow::Result<Vec<u8>> {
        let head = &self.head;
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\n{head}content-length: {length}\r\n\r\n");
        self.stream.get_mut().write_all(head.as_bytes())?;
        self.stream.get_mut().write_all(body)?;
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut length = 0;
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else {
                break;
            };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse()?;
            }
        }
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer)?;
        ensure!(
            status.starts_with('2'),
            "{path}: {status} {}",
            String::from_utf8_lossy(&answer)
        );
        Ok(answer)
    }
}
