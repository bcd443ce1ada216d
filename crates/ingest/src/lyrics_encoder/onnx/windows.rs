//! Text as windows of tokens.

use tokenizers::{Encoding, PostProcessor, Tokenizer, TruncationDirection};

/// Tokens of a window when the tokenizer names no bound: what most sentence encoders were trained with.
const WINDOW_TOKENS: usize = 256;
/// Tokens of the largest window. Attention costs the square of it, and encoders of this kind have as many
/// places.
const WINDOW_TOKENS_MAX: usize = 512;
/// Smallest window: marks of beginning and end, and some text.
const WINDOW_TOKENS_MIN: usize = 8;
/// Tokens of a text that are read. The longest songs have some 3,000; what is beyond is not a song.
const TEXT_TOKENS_MAX: usize = 8_192;
/// Bytes of a text that are cut into tokens at all: as many as lyrics have when they are parsed, and 32 a
/// token. Without a bound ten megabytes would take seconds and a gigabyte of tokens.
const TEXT_BYTES_MAX: usize = 256 << 10;
/// What tokenizers call a token that they do not know.
const UNKNOWN: [&str; 2] = ["[UNK]", "<unk>"];

/// Tokens as the network takes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Token ids, with the marks of beginning and end.
    pub ids: Vec<i64>,
    /// Which of two texts each token is of: all of the first.
    pub types: Vec<i64>,
    /// Tokens that stand for text.
    pub text_tokens: usize,
}

/// Cuts texts.
pub struct Windows {
    tokenizer: Tokenizer,
    unknown: Option<u32>,
    tokens_max: usize,
    /// Tokens of a window that stand for text; the others mark its beginning and end.
    text_tokens_max: usize,
}

impl Windows {
    /// Reads a tokenizer; its own padding is dropped, its own bound kept where it is one of ours.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let mut tokenizer = Tokenizer::from_bytes(bytes)
            .map_err(|error| format!("is no tokenizer as Hugging Face writes them: {error}"))?;
        let named = tokenizer.get_truncation().map(|own| own.max_length);
        let tokens_max = named
            .unwrap_or(WINDOW_TOKENS)
            .clamp(WINDOW_TOKENS_MIN, WINDOW_TOKENS_MAX);
        // Windows are cut here: the crate stops reading a text where the first ends.
        tokenizer
            .with_padding(None)
            .with_truncation(None)
            .map_err(|error| format!("does not read whole texts: {error}"))?;
        let marks = tokenizer.get_post_processor();
        let marks = marks.map_or(0, |marks| marks.added_tokens(false));
        let text_tokens_max = tokens_max.saturating_sub(marks);
        if text_tokens_max == 0 {
            return Err(format!(
                "adds {marks} tokens to a text, and a window has {tokens_max}"
            ));
        }
        if tokenizer.get_vocab_size(true) == 0 {
            return Err("knows no token".to_owned());
        }
        Ok(Self {
            unknown: UNKNOWN.iter().find_map(|name| tokenizer.token_to_id(name)),
            tokenizer,
            tokens_max,
            text_tokens_max,
        })
    }

    /// Tokens of the largest window.
    pub fn tokens_max(&self) -> usize {
        self.tokens_max
    }

    /// The windows of a text, in order; none for a text without a token that is known.
    pub fn cut(&self, text: &str) -> Result<Vec<Window>, String> {
        let refused = |error| format!("cannot cut the text into tokens: {error}");
        let end = text.floor_char_boundary(TEXT_BYTES_MAX);
        let text = text.get(..end).unwrap_or_default();
        let mut whole = self.tokenizer.encode(text, false).map_err(refused)?;
        for bound in [TEXT_TOKENS_MAX, self.text_tokens_max] {
            // The second cut divides what the first left.
            drop(whole.take_overflowing());
            whole.truncate(bound, 0, TruncationDirection::Right);
        }
        if !self.knows_a_token(&whole) {
            return Ok(Vec::new());
        }
        let rest = whole.take_overflowing();
        let parts = std::iter::once(whole).chain(rest);
        parts
            .map(|part| {
                let text_tokens = part.len();
                let marked = self.tokenizer.post_process(part, None, true);
                Ok(window_of(&marked.map_err(refused)?, text_tokens))
            })
            .collect()
    }

    /// A window as long as any, of tokens from all over the vocabulary, its last among them.
    pub fn widest(&self) -> Window {
        let last = self.tokenizer.get_vocab_size(true) as i64 - 1;
        let steps = self.tokens_max as i64 - 1;
        Window {
            ids: (0..=steps).map(|at| last * at / steps).collect(),
            types: vec![0; self.tokens_max],
            text_tokens: self.tokens_max,
        }
    }

    fn knows_a_token(&self, text: &Encoding) -> bool {
        let all = std::iter::once(text).chain(text.get_overflowing());
        all.flat_map(Encoding::get_ids)
            .any(|id| Some(*id) != self.unknown)
    }
}

fn window_of(part: &Encoding, text_tokens: usize) -> Window {
    let whole = |values: &[u32]| values.iter().map(|value| i64::from(*value)).collect();
    Window {
        ids: whole(part.get_ids()),
        types: whole(part.get_type_ids()),
        text_tokens,
    }
}
