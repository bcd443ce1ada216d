//! The tags we write, in the words of each format: reading and writing them.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use lofty::TextEncoding;
use lofty::config::{ParseOptions, ParsingMode, WriteOptions};
use lofty::file::AudioFile;
use lofty::id3::v2::{
    ExtendedTextFrame, Frame, FrameId, Id3v2Tag, Id3v2Version, TextInformationFrame,
};
use lofty::iff::wav::WavFile;
use lofty::mp4::{Atom, AtomData, AtomIdent, Ilst, Mp4File};
use lofty::mpeg::MpegFile;
use lofty::ogg::VorbisFile;
use lofty::tag::TagExt;
use serde::{Deserialize, Serialize};

use super::flac;
use super::values::TagValues;

/// Free room after a new ID3v2 tag in bytes, so that the next change of another program need not
/// move the sound.
const PADDING_BYTES: u32 = 1_024;
/// The owner of free atoms, as every tagging program has it.
const MEAN: &str = "com.apple.iTunes";

/// A tag that we write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TagName {
    /// Beats per minute.
    Bpm,
    /// Initial key.
    Key,
    /// ReplayGain of the track.
    TrackGain,
    /// Its peak.
    TrackPeak,
    /// Genre.
    Genre,
}

impl TagName {
    const ALL: [Self; 5] = [
        Self::Bpm,
        Self::Key,
        Self::TrackGain,
        Self::TrackPeak,
        Self::Genre,
    ];

    /// The name as it is shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bpm => "bpm",
            Self::Key => "key",
            Self::TrackGain => "track_gain",
            Self::TrackPeak => "track_peak",
            Self::Genre => "genre",
        }
    }

    /// The field of Vorbis comments.
    pub(super) fn comment(self) -> &'static str {
        match self {
            Self::Bpm => "BPM",
            Self::Key => "INITIALKEY",
            Self::TrackGain => "REPLAYGAIN_TRACK_GAIN",
            Self::TrackPeak => "REPLAYGAIN_TRACK_PEAK",
            Self::Genre => "GENRE",
        }
    }

    /// The text frame of ID3v2, or none when it is a user's text under the name of the comment.
    fn frame(self) -> Option<&'static str> {
        match self {
            Self::Bpm => Some("TBPM"),
            Self::Key => Some("TKEY"),
            Self::Genre => Some("TCON"),
            Self::TrackGain | Self::TrackPeak => None,
        }
    }
}

/// A container whose tags we write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Container {
    Mpeg,
    Wave,
    Flac,
    Vorbis,
    Mp4,
}

/// The tag of a file as its format has it, with everything else that stands in it.
pub(super) enum TagBlock {
    Id3(Id3v2Tag),
    Flac(flac::Comments),
    Vorbis(lofty::ogg::tag::VorbisComments),
    Mp4(Ilst),
}

/// Finds the container by what lies in the file.
pub(super) fn container_of(path: &Path) -> std::io::Result<Option<Container>> {
    let mut file = File::open(path)?;
    let mut start = [0; 64];
    let mut read = 0;
    while read < start.len() {
        match file.read(&mut start[read..])? {
            0 => break,
            more => read += more,
        }
    }
    Ok(match &start {
        [b'f', b'L', b'a', b'C', ..] => Some(Container::Flac),
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'A',
            b'V',
            b'E',
            ..,
        ] => Some(Container::Wave),
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => Some(Container::Mp4),
        [b'I', b'D', b'3', ..] => Some(Container::Mpeg),
        [0xFF, second, ..] if second & 0xE0 == 0xE0 && second & 0x06 != 0 => Some(Container::Mpeg),
        [b'O', b'g', b'g', b'S', ..] if start[28..].starts_with(b"\x01vorbis") => {
            Some(Container::Vorbis)
        }
        _ => None,
    })
}

/// Strictly, because a tag that is read in part would be written in part.
fn options() -> ParseOptions {
    ParseOptions::new()
        .parsing_mode(ParsingMode::Strict)
        .read_properties(false)
        .implicit_conversions(false)
}

impl TagBlock {
    /// Reads the tag with all that is in it; an empty one when there is none.
    ///
    /// - Errors: the reason, for a tag that does not read completely.
    pub fn read(path: &Path, container: Container) -> Result<Self, String> {
        // The tag reader is safe Rust; a bug in it on a hostile file can only unwind.
        std::panic::catch_unwind(|| Self::parse(path, container))
            .unwrap_or_else(|_| Err("its tags cannot be read".to_owned()))
    }

    fn parse(path: &Path, container: Container) -> Result<Self, String> {
        let damaged = |error: &dyn std::fmt::Display| format!("its tags are damaged: {error}");
        let mut file = File::open(path).map_err(|error| error.to_string())?;
        let reader = &mut file;
        Ok(match container {
            Container::Mpeg => {
                let mut read = MpegFile::read_from(reader, options()).map_err(|e| damaged(&e))?;
                Self::Id3(read.remove_id3v2().unwrap_or_default())
            }
            Container::Wave => {
                let mut read = WavFile::read_from(reader, options()).map_err(|e| damaged(&e))?;
                Self::Id3(read.remove_id3v2().unwrap_or_default())
            }
            Container::Flac => Self::Flac(flac::Comments::read(reader).map_err(|e| damaged(&e))?),
            Container::Vorbis => {
                let read = VorbisFile::read_from(reader, options()).map_err(|e| damaged(&e))?;
                Self::Vorbis(read.vorbis_comments().clone())
            }
            Container::Mp4 => {
                let mut read = Mp4File::read_from(reader, options()).map_err(|e| damaged(&e))?;
                Self::Mp4(read.remove_ilst().unwrap_or_default())
            }
        })
    }

    /// The values of the tags that we write; the first where there are several.
    pub fn values(&self) -> TagValues {
        let named = |name: TagName| Some((name, self.get(name)?));
        TagName::ALL.into_iter().filter_map(named).collect()
    }

    fn get(&self, name: TagName) -> Option<String> {
        match self {
            Self::Id3(tag) => match name.frame() {
                Some(id) => tag.get_text(&frame_id(id)).map(str::to_owned),
                None => tag.into_iter().find_map(|frame| match frame {
                    Frame::UserText(text) if is_user_text(text, name) => {
                        Some(text.content.to_string())
                    }
                    _ => None,
                }),
            },
            Self::Flac(comments) => comments.get(name.comment()),
            Self::Vorbis(comments) => comments.get(name.comment()).map(str::to_owned),
            Self::Mp4(ilst) => ilst.into_iter().find_map(|atom| {
                let data = is_atom(atom.ident(), name).then(|| atom.data().next())??;
                match data {
                    AtomData::UTF8(text) | AtomData::UTF16(text) => Some(text.clone()),
                    AtomData::SignedInteger(number) => Some(number.to_string()),
                    AtomData::UnsignedInteger(number) => Some(number.to_string()),
                    AtomData::Unknown { data, .. } => {
                        let number = data
                            .iter()
                            .fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
                        (data.len() <= 8).then(|| number.to_string())
                    }
                    _ => None,
                }
            }),
        }
    }

    /// Sets a tag in place of whatever stood under its name.
    pub fn set(&mut self, name: TagName, value: &str) {
        match self {
            Self::Id3(tag) => set_frame(tag, name, value),
            Self::Flac(comments) => comments.set(name.comment(), value),
            Self::Vorbis(comments) => {
                comments.insert(name.comment().to_owned(), value.to_owned());
            }
            Self::Mp4(ilst) => set_atom(ilst, name, value),
        }
    }

    /// Writes the tag into a file that is a copy of the one it was read from.
    ///
    /// - Errors: the reason; the copy is worth nothing then.
    pub fn write(&self, copy: &mut File) -> Result<(), String> {
        let mut options = WriteOptions::new()
            .preferred_padding(PADDING_BYTES)
            .lossy_text_encoding(false)
            .respect_read_only(false)
            .parse_options(options());
        copy.seek(SeekFrom::Start(0))
            .map_err(|error| error.to_string())?;
        let written = match self {
            Self::Id3(tag) => {
                let is_old = tag.original_version() == Id3v2Version::V3;
                TagExt::save_to(tag, copy, options.use_id3v23(is_old))
            }
            Self::Flac(comments) => return comments.write(copy).map_err(|e| e.to_string()),
            Self::Vorbis(comments) => TagExt::save_to(comments, copy, options),
            Self::Mp4(ilst) => TagExt::save_to(ilst, copy, options),
        };
        written.map_err(|error| format!("its tags cannot be written: {error}"))
    }
}

fn frame_id(id: &'static str) -> FrameId<'static> {
    FrameId::Valid(id.into())
}

fn is_user_text(text: &ExtendedTextFrame<'_>, name: TagName) -> bool {
    // Programs differ in the case of the description.
    text.description.eq_ignore_ascii_case(name.comment())
}

fn set_frame(tag: &mut Id3v2Tag, name: TagName, value: &str) {
    // Both encodings are in ID3v2.3 and ID3v2.4; UTF-8 is not.
    let encoding = if value.is_ascii() {
        TextEncoding::Latin1
    } else {
        TextEncoding::UTF16
    };
    let value = value.to_owned();
    match name.frame() {
        Some(id) => {
            let frame = TextInformationFrame::new(frame_id(id), encoding, value);
            tag.insert(Frame::Text(frame));
        }
        None => {
            tag.retain(|frame| !matches!(frame, Frame::UserText(text) if is_user_text(text, name)));
            let frame = ExtendedTextFrame::new(encoding, name.comment(), value);
            tag.insert(Frame::UserText(frame));
        }
    }
}

fn is_atom(ident: &AtomIdent<'_>, name: TagName) -> bool {
    match (ident, name) {
        (AtomIdent::Fourcc(code), TagName::Bpm) => code == b"tmpo",
        (AtomIdent::Fourcc(code), TagName::Genre) => code == b"\xA9gen",
        (AtomIdent::Freeform { mean, name: found }, _) => {
            mean == MEAN && found.eq_ignore_ascii_case(name.comment())
        }
        _ => false,
    }
}

fn set_atom(ilst: &mut Ilst, name: TagName, value: &str) {
    ilst.retain(|atom| !is_atom(atom.ident(), name));
    let free = |found: &'static str| AtomIdent::Freeform {
        mean: MEAN.into(),
        name: found.into(),
    };
    let text = || AtomData::UTF8(value.to_owned());
    let (ident, data) = match name {
        TagName::Bpm => {
            let number: u16 = value.parse().unwrap_or_default();
            // Two bytes, as other programs write and expect it.
            let data = AtomData::Unknown {
                code: lofty::mp4::DataType::BeSignedInteger,
                data: number.to_be_bytes().to_vec(),
            };
            (AtomIdent::Fourcc(*b"tmpo"), data)
        }
        TagName::Genre => (AtomIdent::Fourcc(*b"\xA9gen"), text()),
        TagName::Key => (free("initialkey"), text()),
        TagName::TrackGain => (free("replaygain_track_gain"), text()),
        TagName::TrackPeak => (free("replaygain_track_peak"), text()),
    };
    ilst.insert(Atom::new(ident, data));
}
