//! The comments of a FLAC file, changed in their place: every other block stays as and where it is,
//! so that taking a change back costs the size of the comments and not that of the pictures.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

use lofty::io::{Length, Truncate};

/// Type of the block of comments (RFC 9639 §8.6).
const COMMENTS_KIND: u8 = 4;
/// Longest block: its length has 24 bits.
const BLOCK_BYTES_MAX: usize = (1 << 24) - 1;
/// Bytes moved at a time.
const PIECE_BYTES: usize = 256 * 1024;

/// The comments of a FLAC file, as they lie in it.
pub(super) struct Comments {
    /// Where the block begins and how long it is with its header; an empty place when there is none.
    at: u64,
    length: u64,
    vendor: Vec<u8>,
    fields: Vec<Vec<u8>>,
    /// Whether no block comes after.
    is_last: bool,
    /// Where the header before a new block begins, which may be the last so far.
    header_before: u64,
}

impl Comments {
    /// Reads the comments.
    ///
    /// - Errors: `InvalidData`, `UnexpectedEof` for a damaged block.
    pub fn read(file: &mut File) -> io::Result<Self> {
        let mut at = 4;
        let mut found = None;
        file.seek(SeekFrom::Start(at))?;
        let mut first_end = 0;
        loop {
            let mut header = [0; 4];
            file.read_exact(&mut header)?;
            let [kind, a, b, c] = header;
            let size = u64::from(u32::from_be_bytes([0, a, b, c]));
            let is_last = kind & 0x80 != 0;
            if kind & 0x7F == COMMENTS_KIND {
                if found.is_some() {
                    return Err(damaged("two blocks of comments"));
                }
                let mut body = vec![0; size as usize];
                file.read_exact(&mut body)?;
                found = Some((at, size + 4, body, is_last));
            } else {
                file.seek(SeekFrom::Start(at + 4 + size))?;
            }
            at += 4 + size;
            if first_end == 0 {
                first_end = at;
            }
            if is_last {
                break;
            }
        }
        let Some((at, length, body, is_last)) = found else {
            // A new block follows STREAMINFO, which must be the first.
            return Ok(Self {
                at: first_end,
                length: 0,
                vendor: Vec::new(),
                fields: Vec::new(),
                is_last: first_end == at,
                header_before: 4,
            });
        };
        let (vendor, fields) = parse(&body)?;
        Ok(Self {
            at,
            length,
            vendor,
            fields,
            is_last,
            header_before: at,
        })
    }

    /// The first value of a field.
    pub fn get(&self, name: &str) -> Option<String> {
        let field = self.fields.iter().find(|field| is_field(field, name))?;
        let value = field.get(name.len() + 1..)?;
        Some(String::from_utf8_lossy(value).into_owned())
    }

    /// Sets a field in the place of its first value; further values go.
    pub fn set(&mut self, name: &str, value: &str) {
        let field = format!("{name}={value}").into_bytes();
        match self.fields.iter().position(|field| is_field(field, name)) {
            None => self.fields.push(field),
            Some(place) => {
                let mut index = 0;
                self.fields.retain(|field| {
                    index += 1;
                    index - 1 == place || !is_field(field, name)
                });
                self.fields[place] = field;
            }
        }
    }

    /// Writes the comments into a file that is a copy of the one they were read from.
    pub fn write(&self, copy: &mut File) -> io::Result<()> {
        let mut body = Vec::new();
        push_text(&mut body, &self.vendor);
        body.extend_from_slice(&(self.fields.len() as u32).to_le_bytes());
        for field in &self.fields {
            push_text(&mut body, field);
        }
        if body.len() > BLOCK_BYTES_MAX {
            return Err(damaged("the comments would be longer than a block may be"));
        }
        let mut header = (body.len() as u32).to_be_bytes();
        header[0] = COMMENTS_KIND | if self.is_last { 0x80 } else { 0 };
        let block = [header.as_slice(), &body].concat();
        move_end(copy, self.at + self.length, self.at + block.len() as u64)?;
        copy.seek(SeekFrom::Start(self.at))?;
        copy.write_all(&block)?;
        if self.length == 0 && self.is_last {
            let mut kind = [0];
            copy.seek(SeekFrom::Start(self.header_before))?;
            copy.read_exact(&mut kind)?;
            copy.seek(SeekFrom::Start(self.header_before))?;
            copy.write_all(&[kind[0] & 0x7F])?;
        }
        Ok(())
    }
}

fn damaged(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

fn is_field(field: &[u8], name: &str) -> bool {
    let (key, rest) = field.split_at(name.len().min(field.len()));
    key.eq_ignore_ascii_case(name.as_bytes()) && rest.first() == Some(&b'=')
}

/// Vendor and fields of a block.
fn parse(body: &[u8]) -> io::Result<(Vec<u8>, Vec<Vec<u8>>)> {
    let mut rest = body;
    let vendor = take_text(&mut rest)?;
    let count = take_number(&mut rest)?;
    let fields = (0..count).map(|_| take_text(&mut rest));
    Ok((vendor, fields.collect::<io::Result<_>>()?))
}

fn take_number(rest: &mut &[u8]) -> io::Result<u32> {
    let mut bytes = [0; 4];
    rest.read_exact(&mut bytes)?;
    Ok(u32::from_le_bytes(bytes))
}

fn take_text(rest: &mut &[u8]) -> io::Result<Vec<u8>> {
    let length = take_number(rest)? as usize;
    let split = rest.split_at_checked(length);
    let (text, left) = split.ok_or_else(|| damaged("a comment is longer than its block"))?;
    *rest = left;
    Ok(text.to_vec())
}

fn push_text(body: &mut Vec<u8>, text: &[u8]) {
    body.extend_from_slice(&(text.len() as u32).to_le_bytes());
    body.extend_from_slice(text);
}

/// Moves what lies from `from` to the end of a file to `to`.
fn move_end(file: &mut File, from: u64, to: u64) -> io::Result<()> {
    let length = file.len()?;
    let mut buffer = vec![0; PIECE_BYTES];
    let total = length.saturating_sub(from);
    let mut moved = 0;
    while moved < total {
        let piece = (total - moved).min(PIECE_BYTES as u64);
        // Backwards when the end moves back, so that nothing is overwritten before it is read.
        let offset = if to > from {
            total - moved - piece
        } else {
            moved
        };
        let bytes = &mut buffer[..piece as usize];
        file.seek(SeekFrom::Start(from + offset))?;
        file.read_exact(bytes)?;
        file.seek(SeekFrom::Start(to + offset))?;
        file.write_all(bytes)?;
        moved += piece;
    }
    file.truncate(to + total)
}
