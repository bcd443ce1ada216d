//! The sound of a file apart from its tags: files of one payload sound alike, whatever is written
//! about them.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// Boxes of an MP4 sample table that say how the samples lie in time and how they are coded; the
/// offsets beside them (`stco`, `co64`) move whenever a tag grows.
const MP4_SOUND: [&[u8; 4]; 6] = [b"stsd", b"stts", b"stsc", b"stsz", b"stz2", b"elst"];
/// Boxes on the way to them.
const MP4_WAY: [&[u8; 4]; 6] = [b"moov", b"trak", b"edts", b"mdia", b"minf", b"stbl"];
/// Nesting of those boxes.
const MP4_DEPTH_MAX: usize = 8;
/// Boxes, chunks and tags looked at before a file counts as broken.
const PARTS_MAX: usize = 10_000_000;

/// Where in a file the sound lies.
struct Parts {
    container: &'static str,
    ranges: Vec<Range<u64>>,
}

/// Hashes what is heard of a file (SHA-256, hexadecimal) and leaves out what is said of it: ID3 and
/// APE tags, Vorbis comments and pictures, MP4 metadata, chunks of text. `None` for a container that
/// is not understood, whose sound is then told by the whole of its bytes.
///
/// - Takes MPEG audio, FLAC, Ogg with one Vorbis or Opus stream, WAVE, AIFF and unfragmented MP4.
/// - Errors: `Unreadable`. A broken container is `None`, not an error.
/// - Cost: reads the file once; memory of 16 bytes a page for Ogg, else a constant.
pub fn hash_payload(path: &Path) -> Result<Option<String>> {
    let unreadable = |error: io::Error| Error::unreadable(path, error);
    let mut file = BufReader::new(File::open(path).map_err(unreadable)?);
    let length = file.get_ref().metadata().map_err(unreadable)?.len();
    let parts = match find_parts(&mut file, length) {
        Ok(Some(parts)) if parts.ranges.iter().all(|range| range.end <= length) => parts,
        Ok(_) => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    let mut hasher = Sha256::new();
    hasher.update(parts.container.as_bytes());
    for range in parts.ranges {
        hash_range(&mut file, range, &mut hasher).map_err(unreadable)?;
    }
    Ok(Some(hex::encode(hasher.finalize())))
}

fn hash_range<R: Read + Seek>(
    file: &mut BufReader<R>,
    range: Range<u64>,
    hasher: &mut Sha256,
) -> io::Result<()> {
    seek(file, range.start)?;
    let mut left = range.end.saturating_sub(range.start);
    let mut buffer = [0; 16 * 1024];
    while left > 0 {
        let piece = usize::try_from(left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        file.read_exact(&mut buffer[..piece])?;
        hasher.update(&buffer[..piece]);
        left -= piece as u64;
    }
    Ok(())
}

/// Seeks without losing the buffer, because pages lie close to each other.
fn seek<R: Read + Seek>(file: &mut BufReader<R>, to: u64) -> io::Result<()> {
    let at = file.stream_position()?;
    match i64::try_from(i128::from(to) - i128::from(at)) {
        Ok(step) => file.seek_relative(step),
        Err(_) => file.seek(SeekFrom::Start(to)).map(drop),
    }
}

fn read_at<const N: usize, R: Read + Seek>(
    file: &mut BufReader<R>,
    at: u64,
) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    seek(file, at)?;
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn find_parts<R: Read + Seek>(file: &mut BufReader<R>, length: u64) -> io::Result<Option<Parts>> {
    let start = after_id3v2(file)?;
    let magic: [u8; 12] = read_at(file, start)?;
    let only = |container, ranges: Vec<Range<u64>>| {
        (!ranges.is_empty()).then_some(Parts { container, ranges })
    };
    match &magic {
        [b'f', b'L', b'a', b'C', ..] => {
            let end = before_trailing_tags(file, length)?;
            Ok(only("flac", flac_ranges(file, start, end)?))
        }
        [b'O', b'g', b'g', b'S', ..] => {
            Ok(ogg_ranges(file, start, length)?.and_then(|ranges| only("ogg", ranges)))
        }
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E'] => {
            let wanted: [&[u8; 4]; 3] = [b"fmt ", b"fact", b"data"];
            let size_of = |size: [u8; 4]| u32::from_le_bytes(size);
            Ok(only(
                "wave",
                chunk_ranges(file, start + 12, length, &wanted, size_of)?,
            ))
        }
        [
            b'F',
            b'O',
            b'R',
            b'M',
            _,
            _,
            _,
            _,
            b'A',
            b'I',
            b'F',
            b'F' | b'C',
        ] => {
            let wanted: [&[u8; 4]; 3] = [b"COMM", b"SSND", b"FVER"];
            let size_of = |size: [u8; 4]| u32::from_be_bytes(size);
            Ok(only(
                "aiff",
                chunk_ranges(file, start + 12, length, &wanted, size_of)?,
            ))
        }
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => {
            let mut ranges = Vec::new();
            let is_whole = mp4_ranges(file, start..length, 0, &mut ranges)?;
            let has_sound = is_whole && ranges.len() > 1;
            Ok(if has_sound { only("mp4", ranges) } else { None })
        }
        // The eleven set bits of an MPEG audio frame, with a layer.
        [0xFF, second, ..] if second & 0xE0 == 0xE0 && second & 0x06 != 0 => {
            let end = before_trailing_tags(file, length)?;
            Ok(only(
                "mpeg",
                std::iter::once(start..end.max(start)).collect(),
            ))
        }
        _ => Ok(None),
    }
}

/// Where the sound may begin: after ID3v2 tags (ID3v2.4 §3.1), of which some files have several.
fn after_id3v2<R: Read + Seek>(file: &mut BufReader<R>) -> io::Result<u64> {
    let mut at = 0;
    loop {
        let header: [u8; 10] = read_at(file, at)?;
        let [b'I', b'D', b'3', _, _, flags, size @ ..] = header else {
            return Ok(at);
        };
        let size = size
            .iter()
            .fold(0, |sum, byte| sum << 7 | u64::from(byte & 0x7F));
        let footer = if flags & 0x10 == 0 { 0 } else { 10 };
        at += 10 + size + footer;
    }
}

/// Where the sound must end: before ID3v1 and APEv2 tags.
fn before_trailing_tags<R: Read + Seek>(file: &mut BufReader<R>, length: u64) -> io::Result<u64> {
    let mut end = length;
    if end >= 128 && &read_at::<3, R>(file, end - 128)? == b"TAG" {
        end -= 128;
    }
    if end >= 32 {
        let footer: [u8; 32] = read_at(file, end - 32)?;
        if let [
            b'A',
            b'P',
            b'E',
            b'T',
            b'A',
            b'G',
            b'E',
            b'X',
            _,
            _,
            _,
            _,
            a,
            b,
            c,
            d,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            flags,
            ..,
        ] = footer
        {
            let header = if flags & 0x80 == 0 { 0 } else { 32 };
            let size = u64::from(u32::from_le_bytes([a, b, c, d])) + header;
            end = end.saturating_sub(size);
        }
    }
    Ok(end)
}

/// STREAMINFO and the frames (RFC 9639 §8).
fn flac_ranges<R: Read + Seek>(
    file: &mut BufReader<R>,
    start: u64,
    end: u64,
) -> io::Result<Vec<Range<u64>>> {
    let mut ranges = Vec::new();
    let mut at = start + 4;
    for _ in 0..PARTS_MAX {
        let [kind, size @ ..]: [u8; 4] = read_at(file, at)?;
        let size = size.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        if kind & 0x7F == 0 {
            ranges.push(at + 4..at + 4 + size);
        }
        at += 4 + size;
        if kind & 0x80 != 0 {
            ranges.push(at..end.max(at));
            break;
        }
    }
    Ok(ranges)
}

fn chunk_ranges<R: Read + Seek>(
    file: &mut BufReader<R>,
    mut at: u64,
    length: u64,
    wanted: &[&[u8; 4]],
    size_of: impl Fn([u8; 4]) -> u32,
) -> io::Result<Vec<Range<u64>>> {
    let mut ranges = Vec::new();
    while at + 8 <= length {
        let [a, b, c, d, size @ ..]: [u8; 8] = read_at(file, at)?;
        let size = u64::from(size_of(size));
        let end = at + 8 + size;
        if wanted.contains(&&[a, b, c, d]) {
            // A recorder that died leaves a size that was never filled in.
            ranges.push(at + 8..end.min(length));
        }
        at = end + size % 2;
    }
    Ok(ranges)
}

/// Sound boxes of an MP4; false when it is fragmented or broken.
fn mp4_ranges<R: Read + Seek>(
    file: &mut BufReader<R>,
    within: Range<u64>,
    depth: usize,
    ranges: &mut Vec<Range<u64>>,
) -> io::Result<bool> {
    let mut at = within.start;
    while at + 8 <= within.end && ranges.len() < PARTS_MAX {
        let [s0, s1, s2, s3, kind @ ..]: [u8; 8] = read_at(file, at)?;
        let (body, end) = match u32::from_be_bytes([s0, s1, s2, s3]) {
            0 => (at + 8, within.end),
            1 => {
                let size = u64::from_be_bytes(read_at(file, at + 8)?);
                (at + 16, at.saturating_add(size))
            }
            size => (at + 8, at + u64::from(size)),
        };
        if end < body || end > within.end || &kind == b"moof" {
            return Ok(false);
        }
        let is_sound = &kind == b"mdat" && depth == 0 || MP4_SOUND.contains(&&kind);
        if is_sound {
            ranges.push(body..end);
        } else if MP4_WAY.contains(&&kind) {
            let is_whole = depth < MP4_DEPTH_MAX && mp4_ranges(file, body..end, depth + 1, ranges)?;
            if !is_whole {
                return Ok(false);
            }
        }
        at = end;
    }
    Ok(true)
}

/// One page of an Ogg stream (RFC 3533 §6).
struct Page {
    serial: [u8; 4],
    at: u64,
    lacing: Vec<u8>,
}

impl Page {
    fn read<R: Read + Seek>(file: &mut BufReader<R>, at: u64) -> io::Result<Option<Self>> {
        let header: [u8; 27] = read_at(file, at)?;
        if !header.starts_with(b"OggS") {
            return Ok(None);
        }
        let mut lacing = vec![0; usize::from(header[26])];
        file.read_exact(&mut lacing)?;
        let [.., s0, s1, s2, s3, _, _, _, _, _, _, _, _, _] = header;
        let serial = [s0, s1, s2, s3];
        Ok(Some(Self { serial, at, lacing }))
    }

    fn body(&self) -> u64 {
        self.at + 27 + self.lacing.len() as u64
    }

    fn end(&self) -> u64 {
        self.body() + self.lacing.iter().map(|size| u64::from(*size)).sum::<u64>()
    }
}

/// Header packets but the comments, then of every page its position in time, lacing and body. Page
/// numbers and checksums move when the comments grow. `None` for several streams or another codec.
fn ogg_ranges<R: Read + Seek>(
    file: &mut BufReader<R>,
    start: u64,
    length: u64,
) -> io::Result<Option<Vec<Range<u64>>>> {
    let Some(first) = Page::read(file, start)? else {
        return Ok(None);
    };
    let header_packets = match &read_at(file, first.body())? {
        b"\x01vorbis\x00" => 3,
        b"OpusHead" => 2,
        _ => return Ok(None),
    };
    let (mut ranges, mut packet, mut at) = (Vec::new(), 0, start);
    while at + 27 <= length && ranges.len() < PARTS_MAX {
        let page = match Page::read(file, at)? {
            Some(page) if page.serial == first.serial => page,
            _ => return Ok(None),
        };
        let mut body = page.body();
        if packet >= header_packets {
            ranges.push(page.at + 6..page.at + 14);
            ranges.push(page.at + 26..page.end());
        } else {
            for size in &page.lacing {
                let end = body + u64::from(*size);
                if packet != 1 {
                    ranges.push(body..end);
                }
                packet += usize::from(*size < 255);
                body = end;
            }
        }
        at = page.end();
    }
    Ok((packet >= header_packets).then_some(ranges))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash_of(bytes: &[u8]) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::fs::write(&path, bytes).unwrap();
        hash_payload(&path).unwrap()
    }

    fn id3(content: &[u8]) -> Vec<u8> {
        [b"ID3\x04\0\0\0\0\0", &[content.len() as u8][..], content].concat()
    }

    #[test]
    fn tags_around_mpeg_frames_do_not_count() {
        let frames = [&[0xFF, 0xFB, 0x90, 0x00][..], &[7; 400]].concat();
        let bare = hash_of(&frames);
        assert!(bare.is_some());
        let v1 = [b"TAG".as_slice(), &[b' '; 125]].concat();
        let ape_footer = |size: u32| {
            let size = size.to_le_bytes();
            [b"APETAGEX\xD0\x07\0\0".as_slice(), &size, &[0; 16]].concat()
        };
        let ape = [vec![1; 10], ape_footer(42)].concat();
        for tagged in [
            [id3(b"abc"), frames.clone()].concat(),
            [id3(b"abc"), id3(b""), frames.clone()].concat(),
            [frames.clone(), v1.clone()].concat(),
            [id3(b"x"), frames.clone(), ape, v1].concat(),
        ] {
            assert_eq!(hash_of(&tagged), bare);
        }
        assert_ne!(hash_of(&[frames, vec![0]].concat()), bare);
    }

    #[test]
    fn chunks_of_text_in_a_wave_do_not_count() {
        let chunk = |name: &[u8; 4], body: &[u8]| {
            let size = (body.len() as u32).to_le_bytes();
            let pad = vec![0; body.len() % 2];
            [name.as_slice(), &size, body, &pad].concat()
        };
        let wave = |chunks: &[Vec<u8>]| {
            let body = [b"WAVE".to_vec(), chunks.concat()].concat();
            chunk(b"RIFF", &body)
        };
        let (fmt, data) = (chunk(b"fmt ", &[1; 16]), chunk(b"data", &[5; 7]));
        let bare = hash_of(&wave(&[fmt.clone(), data.clone()]));
        assert!(bare.is_some());
        let text = chunk(b"LIST", b"INFOxyz");
        assert_eq!(hash_of(&wave(&[fmt.clone(), text, data])), bare);
        let other = chunk(b"data", &[6; 7]);
        assert_ne!(hash_of(&wave(&[fmt, other])), bare);
    }

    #[test]
    fn what_is_not_understood_has_no_payload() {
        for bytes in [
            &b""[..],
            b"ID3",
            b"fLaC\x80",
            b"dear diary, this is no music",
            b"OggS\0\x02 but nothing more comes than this",
            b"\0\0\0\x08ftyp\xFF\xFF\xFF\xFFmoov and so on",
        ] {
            assert_eq!(hash_of(bytes), None, "{bytes:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_are_a_panic(bytes: Vec<u8>, kind in 0..6_usize) {
            let magic = [&b""[..], b"fLaC", b"OggS", b"RIFF1234WAVE", b"\0\0\0\x0Cftypxxxx", b"ID3\x04\0\x10"][kind];
            hash_of(&[magic, &bytes].concat());
        }
    }
}
