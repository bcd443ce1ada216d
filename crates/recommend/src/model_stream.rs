//! Counts, numbers and documents on a stream, with the checksum of what passed. Numbers are little-endian.

use std::io::{self, Read, Write};

use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

/// Bytes that are turned into numbers at once.
pub const BLOCK_BYTES: usize = 64 << 10;

/// Where a model is written to, and the checksum so far.
pub struct Sink<W> {
    /// Where to.
    pub out: W,
    /// The checksum.
    pub hasher: Sha256,
}

impl<W: Write> Sink<W> {
    /// Writes bytes.
    pub fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.out.write_all(bytes)
    }

    /// Writes a count.
    pub fn count(&mut self, count: usize) -> io::Result<()> {
        self.bytes(&(count as u64).to_le_bytes())
    }

    /// Writes a document behind its length.
    pub fn document(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.count(bytes.len())?;
        self.bytes(bytes)
    }

    /// Writes numbers, block by block.
    pub fn numbers<const WIDTH: usize>(
        &mut self,
        numbers: impl Iterator<Item = [u8; WIDTH]>,
    ) -> io::Result<()> {
        let mut block = Vec::with_capacity(BLOCK_BYTES);
        for number in numbers {
            block.extend_from_slice(&number);
            if block.len() + WIDTH > BLOCK_BYTES {
                self.bytes(&block)?;
                block.clear();
            }
        }
        self.bytes(&block)
    }
}

/// Why parts do not read.
pub enum Unread {
    /// The stream ends or breaks.
    Stream(io::Error),
    /// What it brings is no model.
    Content(String),
}

impl From<io::Error> for Unread {
    fn from(error: io::Error) -> Self {
        Self::Stream(error)
    }
}

/// Where a model is read from, and the checksum so far.
pub struct Source<R> {
    /// Where from.
    pub stream: R,
    /// The checksum.
    pub hasher: Sha256,
    /// Bytes before the checksum: no room is made for more, whatever a count claims.
    pub left: u64,
}

impl<R: Read> Source<R> {
    /// Takes so many numbers of so many bytes out of what is left.
    fn claim(&mut self, count: usize, width: usize) -> std::result::Result<(), Unread> {
        let bytes = (count as u64).checked_mul(width as u64);
        let left = bytes.and_then(|bytes| self.left.checked_sub(bytes));
        let too_much = || Unread::Content("it ends too early".to_owned());
        self.left = left.ok_or_else(too_much)?;
        Ok(())
    }

    /// Reads a count.
    pub fn count(&mut self) -> std::result::Result<usize, Unread> {
        let counts = self.numbers(1, u64::from_le_bytes)?;
        let count = counts.first().copied().unwrap_or(0);
        usize::try_from(count).map_err(|_| Unread::Content("a count is too large".to_owned()))
    }

    /// Reads a document.
    pub fn document<T: DeserializeOwned>(&mut self) -> std::result::Result<T, Unread> {
        let length = self.count()?;
        let bytes = self.numbers(length, |[byte]| byte)?;
        postcard::from_bytes(&bytes).map_err(|error| Unread::Content(error.to_string()))
    }

    /// Reads so many numbers, block by block.
    ///
    /// - Cost: room for them and a block; none where fewer bytes are left.
    pub fn numbers<T, const WIDTH: usize>(
        &mut self,
        count: usize,
        number: impl Fn([u8; WIDTH]) -> T,
    ) -> std::result::Result<Vec<T>, Unread> {
        self.claim(count, WIDTH)?;
        let mut numbers = Vec::with_capacity(count);
        let mut block = vec![0; (BLOCK_BYTES / WIDTH).min(count) * WIDTH];
        while numbers.len() < count {
            let wanted = (count - numbers.len()) * WIDTH;
            let end = wanted.min(block.len());
            let bytes = &mut block[..end];
            self.stream.read_exact(bytes)?;
            self.hasher.update(&*bytes);
            numbers.extend(
                bytes
                    .as_chunks::<WIDTH>()
                    .0
                    .iter()
                    .map(|chunk| number(*chunk)),
            );
        }
        Ok(numbers)
    }
}
