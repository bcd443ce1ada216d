//! French by rule: how the ends of words sound, and which of them rhyme.
//!
//! French spelling tells the sound of a word's end nearly always; where it leaves it open (`chantent` and
//! `souvent`, `fille` and `ville`, `chanter` and `hiver`) every reading is kept, with a weight. Old spellings
//! (`maistre`, `faicte`, `moult`) are read as well.

mod consonants;
mod end;
mod sounds;

pub use end::FrenchEnd;
