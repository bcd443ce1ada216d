//! WAV files of more channels than there are names for loudspeakers.
//!
//! The reader gives every channel a place in a room and knows 26 of them, so that a file of 32 channels, as mixing
//! desks and microphone arrays write them, is no WAV to it. The samples lie in such a file as those of one
//! channel would, frame after frame: so it is shown with one channel, and frames are made of the samples.

use std::io::{Read, Result, Seek, SeekFrom};

use symphonia::core::io::MediaSource;

/// Most channels that the reader takes itself.
const NAMED_CHANNEL_COUNT_MAX: u16 = 26;
/// Bytes at the start in which the format has to be told; writers put it first.
const HEAD_BYTES: usize = 4_096;
/// Formats whose samples lie one after the other: whole numbers, floats, and either under an extended header.
const PLAIN_FORMATS: [u16; 3] = [1, 3, EXTENDED];
const EXTENDED: u16 = 0xfffe;
/// The centre, the place of a single channel in an extended header.
const CENTRE: u8 = 4;

/// Shows a WAV file of too many channels with one of them, and tells how many it has; any other as it is.
pub(super) fn narrow<'a>(
    mut source: Box<dyn MediaSource + 'a>,
) -> (Box<dyn MediaSource + 'a>, Option<usize>) {
    if !source.is_seekable() {
        return (source, None);
    }
    let mut head = Vec::new();
    let read = source
        .by_ref()
        .take(HEAD_BYTES as u64)
        .read_to_end(&mut head);
    // What cannot be read or rewound will say so again.
    if read.and(source.rewind()).is_err() {
        return (source, None);
    }
    let Some((patches, channel_count)) = patches(&head) else {
        return (source, None);
    };
    let narrowed = Narrowed {
        source,
        position: 0,
        patches,
    };
    (Box::new(narrowed), Some(channel_count))
}

/// Bytes by their place that make one channel of many, and how many there are.
fn patches(head: &[u8]) -> Option<(Vec<(u64, u8)>, usize)> {
    if head.get(..4)? != b"RIFF" || head.get(8..12)? != b"WAVE" {
        return None;
    }
    let mut chunk = 12;
    while head.get(chunk..chunk + 4)? != b"fmt " {
        let length = head.get(chunk + 4..chunk + 8)?.try_into().ok()?;
        let length = u32::from_le_bytes(length) as usize;
        chunk = chunk
            .checked_add(8)?
            .checked_add(length)?
            .checked_add(length % 2)?;
    }
    let fields = chunk + 8;
    let word = |offset: usize| {
        let bytes = head.get(fields + offset..fields + offset + 2)?;
        Some(u16::from_le_bytes(bytes.try_into().ok()?))
    };
    let (format, channel_count, bits) = (word(0)?, word(2)?, word(14)?);
    if channel_count <= NAMED_CHANNEL_COUNT_MAX || !PLAIN_FORMATS.contains(&format) {
        return None;
    }
    let mut patches = Vec::new();
    let mut patch = |offset: usize, bytes: &[u8]| {
        let places = (fields + offset) as u64..;
        patches.extend(places.zip(bytes.iter().copied()));
    };
    patch(2, &1u16.to_le_bytes());
    patch(12, &bits.div_ceil(8).to_le_bytes());
    if format == EXTENDED {
        patch(20, &[CENTRE, 0, 0, 0]);
    }
    Some((patches, channel_count.into()))
}

/// A file with some bytes changed.
struct Narrowed<'a> {
    source: Box<dyn MediaSource + 'a>,
    position: u64,
    patches: Vec<(u64, u8)>,
}

impl Read for Narrowed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let count = self.source.read(buffer)?;
        for &(place, byte) in &self.patches {
            let inside = place
                .checked_sub(self.position)
                .map(|offset| offset as usize);
            let read = buffer.get_mut(..count).unwrap_or_default();
            if let Some(value) = inside.and_then(|offset| read.get_mut(offset)) {
                *value = byte;
            }
        }
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Narrowed<'_> {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        self.position = self.source.seek(to)?;
        Ok(self.position)
    }
}

impl MediaSource for Narrowed<'_> {
    fn is_seekable(&self) -> bool {
        self.source.is_seekable()
    }

    fn byte_len(&self) -> Option<u64> {
        self.source.byte_len()
    }
}
