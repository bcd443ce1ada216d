//! The calls of the platform, turned into those of the trait.

use crate::{Answer, Plugin, Track};

/// A plugin with the memory that the platform writes to and reads from.
#[derive(Debug, Default)]
pub struct Host<P> {
    plugin: P,
    buffer: Vec<u8>,
    answer: String,
}

impl<P: Plugin> Host<P> {
    /// Makes room for the input of the next call.
    pub fn buffer(&mut self, byte_count: usize) -> &mut [u8] {
        self.buffer.resize(byte_count, 0);
        &mut self.buffer
    }

    /// Takes a new track; its description lies in the buffer.
    ///
    /// # Panics
    /// When the description is no JSON, which the platform then tells of the plugin.
    pub fn begin(&mut self) {
        let track: Track =
            serde_json::from_slice(&self.buffer).expect("the platform describes a track as JSON");
        self.plugin = P::default();
        self.plugin.begin(track);
    }

    /// Hears the samples in the buffer.
    pub fn hear(&mut self) {
        let samples = self.buffer.chunks_exact(4);
        let samples = samples.map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]]));
        self.plugin.hear(&samples.collect::<Vec<f32>>());
    }

    /// Asks for the answer, which is kept until the next call.
    pub fn finish(&mut self) -> &str {
        let descriptors = self.plugin.finish();
        let answer = serde_json::to_string(&Answer { descriptors });
        self.answer = answer.expect("names, numbers and texts are JSON");
        &self.answer
    }
}
