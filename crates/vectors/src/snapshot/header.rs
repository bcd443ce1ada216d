//! The first bytes of a snapshot: what it is, and where its sections lie.

use std::ops::Range;

use super::checksum::xxh64;
use super::{ALIGNMENT, MAGIC, VERSION, corrupt};
use crate::error::{Error, Result};
use crate::graph::{LinkLine, link_lines};
use crate::options::{DIMENSION_MAX, IndexOptions, Metric};
use crate::quantise::{CodeLine, Terms, code_lines};
use crate::store::SLOTS_MAX;

/// Places of the sections in the header's table. Version 1 ends after the upper links.
pub(super) const STATES: usize = 0;
pub(super) const IDS: usize = 1;
pub(super) const LEVELS: usize = 2;
pub(super) const VECTORS: usize = 3;
pub(super) const BASE_LINKS: usize = 4;
pub(super) const UPPER_LINKS: usize = 5;
pub(super) const CODES: usize = 6;
pub(super) const TERMS: usize = 7;
pub(super) const ORDER: usize = 8;

/// Number of sections of the present version.
pub(super) const SECTION_COUNT: usize = 9;

/// Size of the header: magic, version, checksum, then 10 words and two words per section, rounded up
/// to where a section may begin.
pub(super) const HEADER_BYTES: usize = 256;

const VERSION_1_SECTION_COUNT: usize = 6;
const VERSION_1_HEADER_BYTES: usize = 192;

/// One section: its place in the file and the checksum of its bytes.
pub(super) struct Section {
    pub name: &'static str,
    pub part: Range<usize>,
    pub checksum: u64,
}

/// What the header says, checked for everything that can be checked without the sections.
pub(super) struct Header {
    pub version: u32,
    pub generation: u64,
    pub dimension: usize,
    pub metric: Metric,
    pub options: IndexOptions,
    pub slot_count: usize,
    pub entry: u32,
    pub top_level: u32,
    pub sections: Vec<Section>,
}

/// Reads numbers off the front of a slice.
struct Reader<'b>(&'b [u8]);

impl Reader<'_> {
    fn take<const SIZE: usize>(&mut self) -> Result<[u8; SIZE]> {
        let (bytes, rest) =
            (self.0.split_first_chunk::<SIZE>()).ok_or_else(|| corrupt("header ends too early"))?;
        self.0 = rest;
        Ok(*bytes)
    }

    fn u32(&mut self) -> Result<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn usize(&mut self, name: &str) -> Result<usize> {
        usize::try_from(self.u64()?).map_err(|_| corrupt(format!("{name} is too large")))
    }
}

impl Header {
    /// Reads the header from the front of a file of a given size.
    pub(super) fn decode(front: &[u8], file_bytes: usize) -> Result<Self> {
        let mut start = Reader(front);
        if start.take::<8>()? != MAGIC {
            return Err(corrupt("it does not begin like one"));
        }
        let version = start.u32()?;
        let (header_bytes, section_count) = match version {
            1 => (VERSION_1_HEADER_BYTES, VERSION_1_SECTION_COUNT),
            VERSION => (HEADER_BYTES, SECTION_COUNT),
            found => {
                let supported = VERSION;
                return Err(Error::UnsupportedVersion { found, supported });
            }
        };
        let header = (front.get(..header_bytes))
            .ok_or_else(|| corrupt(format!("{file_bytes} bytes are too few for a header")))?;
        let mut reader = Reader(&header[12..]);
        if reader.u64()? != xxh64(reader.0) {
            return Err(corrupt("checksum of the header is wrong"));
        }
        let mut header = Self::decode_fields(&mut reader, version)?;
        let mut table = vec![(0, 0); section_count];
        for entry in &mut table {
            *entry = (reader.usize("length of a section")?, reader.u64()?);
        }
        header.sections = header.lay_out(&table, header_bytes, file_bytes)?;
        Ok(header)
    }

    fn decode_fields(reader: &mut Reader<'_>, version: u32) -> Result<Self> {
        Ok(Self {
            version,
            generation: reader.u64()?,
            dimension: reader.usize("dimension")?,
            metric: match reader.u64()? {
                0 => Metric::Cosine,
                1 => Metric::Dot,
                2 => Metric::L2,
                other => return Err(corrupt(format!("metric {other} is unknown"))),
            },
            options: IndexOptions {
                m: reader.usize("m")?,
                ef_construction: reader.usize("ef_construction")?,
                seed: reader.u64()?,
                exact_below: reader.usize("exact_below")?,
            },
            slot_count: reader.usize("number of slots")?,
            entry: reader.u32()?,
            top_level: reader.u32()?,
            sections: Vec::new(),
        })
    }

    /// Finds the sections in the file after checking their lengths against the numbers of the header.
    fn lay_out(
        &self,
        table: &[(usize, u64)],
        header_bytes: usize,
        file_bytes: usize,
    ) -> Result<Vec<Section>> {
        if self.slot_count > SLOTS_MAX {
            return Err(corrupt(format!("{} slots are too many", self.slot_count)));
        }
        // `Index::new` checks these too, but the products below need them bounded first.
        if self.dimension > DIMENSION_MAX || self.options.m > 64 {
            return Err(corrupt("dimension or m is too large"));
        }
        let mut sections = Vec::with_capacity(table.len());
        let mut end = header_bytes;
        for (&(name, row_bytes), &(length, checksum)) in self.rows().iter().zip(table) {
            if row_bytes.is_some_and(|row| self.slot_count.checked_mul(row) != Some(length)) {
                return Err(corrupt(format!("section `{name}` has a wrong length")));
            }
            let part = (end.checked_next_multiple_of(ALIGNMENT))
                .and_then(|begin| Some(begin..begin.checked_add(length)?))
                .filter(|part| part.end <= file_bytes)
                .ok_or_else(|| corrupt(format!("section `{name}` ends past the file")))?;
            end = part.end;
            sections.push(Section {
                name,
                part,
                checksum,
            });
        }
        if end != file_bytes {
            return Err(corrupt("bytes follow the last section"));
        }
        Ok(sections)
    }

    /// Name of each section and bytes per slot; nothing where that depends on the contents.
    fn rows(&self) -> [(&'static str, Option<usize>); SECTION_COUNT] {
        let link_bytes = match self.version {
            1 => 8 * self.options.m,
            _ => link_lines(self.options.m) * size_of::<LinkLine>(),
        };
        let code_bytes = code_lines(self.dimension) * size_of::<CodeLine>();
        [
            ("states", Some(1)),
            ("ids", Some(16)),
            ("levels", Some(1)),
            ("vectors", Some(4 * self.dimension)),
            ("links", Some(link_bytes)),
            ("upper links", None),
            ("codes", Some(code_bytes)),
            ("terms", Some(size_of::<Terms>())),
            ("order", None),
        ]
    }
}
