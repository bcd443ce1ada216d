//! Files as they are downloaded: plain, gzip, or a zip with several of them.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use flate2::bufread::{DeflateDecoder, MultiGzDecoder};

/// Largest table of contents of a zip: some 600,000 names.
const DIRECTORY_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Most that one file may unpack to; beyond it something else is going on.
const UNPACKED_BYTES_MAX: u64 = 16 * 1024 * 1024 * 1024;
/// Where a zip's end record may begin, counted from the end: its comment has 16 bits of length.
const END_RECORD_BYTES_MAX: u64 = 22 + 65_535;

/// One file to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The file on the disk.
    pub path: PathBuf,
    /// Its name inside a zip.
    pub inner: Option<String>,
    packing: Packing,
    /// Bytes on the disk.
    pub bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Packing {
    Plain,
    Gzip,
    /// Where a zip's entry begins with its local header, and whether it is deflated.
    Entry {
        offset: u64,
        is_deflated: bool,
    },
}

impl Part {
    /// What a person calls it.
    pub fn name(&self) -> String {
        match &self.inner {
            Some(inner) => format!("{}:{inner}", self.path.display()),
            None => self.path.display().to_string(),
        }
    }

    /// Opens it for reading, unpacked.
    pub fn open(&self) -> io::Result<Box<dyn BufRead + Send>> {
        let mut file = File::open(&self.path)?;
        let bounded = |reader: Box<dyn Read + Send>| -> Box<dyn BufRead + Send> {
            Box::new(BufReader::new(reader.take(UNPACKED_BYTES_MAX)))
        };
        Ok(match self.packing {
            Packing::Plain => Box::new(BufReader::new(file)),
            Packing::Gzip => bounded(Box::new(MultiGzDecoder::new(BufReader::new(file)))),
            Packing::Entry {
                offset,
                is_deflated,
            } => {
                file.seek(SeekFrom::Start(offset))?;
                let mut header = [0; 30];
                file.read_exact(&mut header)?;
                let names = i64::from(u16_at(&header, 26)) + i64::from(u16_at(&header, 28));
                file.seek(SeekFrom::Current(names))?;
                let packed = BufReader::new(file.take(self.bytes));
                if is_deflated {
                    bounded(Box::new(DeflateDecoder::new(packed)))
                } else {
                    bounded(Box::new(packed))
                }
            }
        })
    }
}

/// Lists the files behind a path: itself, or the entries of a zip in the order of their names.
///
/// - Errors: `InvalidData` for a zip that is damaged, encrypted, or beyond 4 GiB.
pub fn parts_of(path: &Path) -> io::Result<Vec<Part>> {
    let mut file = File::open(path)?;
    let bytes = file.metadata()?.len();
    let mut magic = [0; 4];
    let count = file.read(&mut magic)?;
    let plain = |packing| Part {
        path: path.to_owned(),
        inner: None,
        packing,
        bytes,
    };
    match magic.get(..count).unwrap_or_default() {
        [0x1f, 0x8b, ..] => Ok(vec![plain(Packing::Gzip)]),
        [b'P', b'K', 3, 4] => entries_of(path, &mut file, bytes),
        _ => Ok(vec![plain(Packing::Plain)]),
    }
}

/// Reads a zip's table of contents (APPNOTE.TXT 4.3.12 and 4.3.16).
fn entries_of(path: &Path, file: &mut File, bytes: u64) -> io::Result<Vec<Part>> {
    let broken = |reason: &str| io::Error::new(io::ErrorKind::InvalidData, reason.to_owned());
    let from = bytes.saturating_sub(END_RECORD_BYTES_MAX);
    file.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    file.take(END_RECORD_BYTES_MAX).read_to_end(&mut tail)?;
    let end = tail.windows(4).rposition(|four| four == [b'P', b'K', 5, 6]);
    let end = end.and_then(|at| tail.get(at..at + 22));
    let end = end.ok_or_else(|| broken("the zip has no end"))?;
    let (size, offset) = (u32_at(end, 12), u32_at(end, 16));
    if offset == u32::MAX || u64::from(size) > DIRECTORY_BYTES_MAX {
        return Err(broken("the zip is larger than 4 GiB: unpack it first"));
    }
    file.seek(SeekFrom::Start(u64::from(offset)))?;
    let mut directory = vec![0; size as usize];
    file.read_exact(&mut directory)?;
    let mut rest = directory.as_slice();
    let mut parts = Vec::new();
    while rest.len() >= 46 && rest.starts_with(&[b'P', b'K', 1, 2]) {
        let name_bytes = usize::from(u16_at(rest, 28));
        let behind = usize::from(u16_at(rest, 30)) + usize::from(u16_at(rest, 32));
        let name = rest.get(46..46 + name_bytes);
        let name = String::from_utf8_lossy(name.ok_or_else(|| broken("a name is cut"))?);
        let (flags, method) = (u16_at(rest, 8), u16_at(rest, 10));
        if flags & 1 != 0 {
            return Err(broken("the zip is encrypted"));
        }
        if !name.ends_with('/') && (method == 0 || method == 8) {
            parts.push(Part {
                path: path.to_owned(),
                inner: Some(name.into_owned()),
                packing: Packing::Entry {
                    offset: u64::from(u32_at(rest, 42)),
                    is_deflated: method == 8,
                },
                bytes: u64::from(u32_at(rest, 20)),
            });
        }
        rest = rest.get(46 + name_bytes + behind..).unwrap_or_default();
    }
    parts.sort_by(|one, other| one.inner.cmp(&other.inner));
    Ok(parts)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    let two = bytes.get(at..at + 2).and_then(|two| two.try_into().ok());
    u16::from_le_bytes(two.unwrap_or_default())
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let four = bytes.get(at..at + 4).and_then(|four| four.try_into().ok());
    u32::from_le_bytes(four.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// A zip of deflated and stored entries, as its format describes it.
    fn zip(entries: &[(&str, &[u8], bool)]) -> Vec<u8> {
        let mut file = Vec::new();
        let mut directory = Vec::new();
        for (name, content, is_deflated) in entries {
            let packed = if *is_deflated {
                let level = flate2::Compression::default();
                let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), level);
                encoder.write_all(content).unwrap();
                encoder.finish().unwrap()
            } else {
                content.to_vec()
            };
            let method: u16 = if *is_deflated { 8 } else { 0 };
            let offset = file.len() as u32;
            let mut shared = Vec::new();
            shared.extend_from_slice(&[20, 0, 0, 0]);
            shared.extend_from_slice(&method.to_le_bytes());
            shared.extend_from_slice(&[0; 8]);
            shared.extend_from_slice(&(packed.len() as u32).to_le_bytes());
            shared.extend_from_slice(&(content.len() as u32).to_le_bytes());
            shared.extend_from_slice(&(name.len() as u16).to_le_bytes());
            shared.extend_from_slice(&[0, 0]);
            file.extend_from_slice(&[b'P', b'K', 3, 4]);
            file.extend_from_slice(&shared);
            file.extend_from_slice(name.as_bytes());
            file.extend_from_slice(&packed);
            directory.extend_from_slice(&[b'P', b'K', 1, 2, 20, 0]);
            directory.extend_from_slice(&shared);
            directory.extend_from_slice(&[0; 10]);
            directory.extend_from_slice(&offset.to_le_bytes());
            directory.extend_from_slice(name.as_bytes());
        }
        let (start, size) = (file.len() as u32, directory.len() as u32);
        file.extend_from_slice(&directory);
        file.extend_from_slice(&[b'P', b'K', 5, 6, 0, 0, 0, 0]);
        let count = entries.len() as u16;
        file.extend_from_slice(&count.to_le_bytes());
        file.extend_from_slice(&count.to_le_bytes());
        file.extend_from_slice(&size.to_le_bytes());
        file.extend_from_slice(&start.to_le_bytes());
        file.extend_from_slice(&[0, 0]);
        file
    }

    fn contents(path: &Path) -> Vec<(Option<String>, String)> {
        let parts = parts_of(path).unwrap();
        let read = |part: Part| {
            let mut text = String::new();
            part.open().unwrap().read_to_string(&mut text).unwrap();
            (part.inner, text)
        };
        parts.into_iter().map(read).collect()
    }

    #[test]
    fn plain_packed_and_zipped_files_are_read_alike() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "plain").unwrap();
        assert_eq!(contents(&path), [(None, "plain".to_owned())]);
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(b"packed").unwrap();
        std::fs::write(&path, encoder.finish().unwrap()).unwrap();
        assert_eq!(contents(&path), [(None, "packed".to_owned())]);
        let long = "again and ".repeat(9_000);
        let entries: [(&str, &[u8], bool); 3] = [
            ("b/", b"", false),
            ("b/2.jsonl", long.as_bytes(), true),
            ("b/1.jsonl", b"stored", false),
        ];
        std::fs::write(&path, zip(&entries)).unwrap();
        let expected = [
            (Some("b/1.jsonl".to_owned()), "stored".to_owned()),
            (Some("b/2.jsonl".to_owned()), long),
        ];
        assert_eq!(contents(&path), expected);
    }

    #[test]
    fn a_damaged_zip_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file.zip");
        let whole = zip(&[("a", b"text", true)]);
        std::fs::write(&path, &whole[..whole.len() - 20]).unwrap();
        assert!(parts_of(&path).is_err());
        for cut in 4..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            for part in parts_of(&path).unwrap_or_default() {
                let mut text = Vec::new();
                let _ = part
                    .open()
                    .and_then(|mut reader| reader.read_to_end(&mut text));
            }
        }
    }
}
