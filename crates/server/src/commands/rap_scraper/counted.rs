//! A reader that knows how far it is.

use std::cell::Cell;
use std::io::Read;
use std::rc::Rc;

/// Counts what is read and keeps the error that ended it.
pub struct Counted<'r> {
    inner: Box<dyn Read + 'r>,
    bytes: Rc<Cell<u64>>,
    failure: Option<String>,
}

impl<'r> Counted<'r> {
    /// Reads from `inner`.
    pub fn new(inner: Box<dyn Read + 'r>) -> Self {
        Self {
            inner,
            bytes: Rc::default(),
            failure: None,
        }
    }

    /// The count, which goes on while somebody else has the reader.
    pub fn bytes(&self) -> Rc<Cell<u64>> {
        Rc::clone(&self.bytes)
    }

    /// What ended the reading before its end.
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer);
        match &read {
            Ok(count) => self.bytes.set(self.bytes.get() + *count as u64),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => self.failure = Some(error.to_string()),
        }
        read
    }
}
