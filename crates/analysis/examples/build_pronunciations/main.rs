//! Packs a CMU-format pronouncing dictionary, with letter-to-sound rules learned from it.
//!
//! `cargo run --release -p leitmotif-analysis --example build_pronunciations -- cmudict.dict out.bin`
//! With `--hold-out` every tenth word is kept from learning and the rules' error on it is printed.

mod align;
mod tree;

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write;

use leitmotif_analysis::lyrics::phonemes::{Dictionary, Phoneme};

/// A word and one of its readings.
pub struct Entry {
    word: String,
    reading: Vec<Phoneme>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [source, target, options @ ..] = arguments.as_slice() else {
        return Err("usage: build_pronunciations DICTIONARY OUTPUT [--hold-out]".into());
    };
    let entries = read_entries(&std::fs::read_to_string(source)?);
    if options.iter().any(|option| option == "--hold-out") {
        report_held_out(&entries)?;
    }
    let packed = pack(&entries, &entries.iter().collect::<Vec<_>>())?;
    let dictionary = Dictionary::from_packed(&packed)?;
    println!(
        "{} entries, {} bytes",
        dictionary.entry_count(),
        packed.len()
    );
    std::fs::write(target, packed)?;
    Ok(())
}

/// Reads `word PH ON EMES # comment` lines; `word(2)` is a further reading.
fn read_entries(text: &str) -> Vec<Entry> {
    let mut by_word: BTreeMap<String, Vec<Vec<Phoneme>>> = BTreeMap::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or("").trim();
        let mut fields = line.split_whitespace();
        let Some(word) = fields.next() else { continue };
        let word = word.split('(').next().unwrap_or(word).to_lowercase();
        let reading: Option<Vec<Phoneme>> = fields.map(Phoneme::from_arpabet).collect();
        let readings = by_word.entry(word).or_default();
        if let Some(reading) =
            reading.filter(|found| !found.is_empty() && !readings.contains(found))
        {
            readings.push(reading);
        }
    }
    let spread = |(word, readings): (String, Vec<Vec<Phoneme>>)| {
        readings.into_iter().map(move |reading| Entry {
            word: word.clone(),
            reading,
        })
    };
    by_word.into_iter().flat_map(spread).collect()
}

/// Learns the rules from `taught` and packs them with all `entries`.
fn pack(entries: &[Entry], taught: &[&Entry]) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut bytes = b"LMPRON1\n".to_vec();
    bytes.extend(u32::try_from(entries.len())?.to_le_bytes());
    let words: Vec<&[u8]> = entries.iter().map(|entry| entry.word.as_bytes()).collect();
    put_front_coded(&mut bytes, &words)?;
    let codes: Vec<Vec<u8>> = entries
        .iter()
        .map(|entry| entry.reading.iter().map(|phoneme| phoneme.code()).collect())
        .collect();
    put_front_coded(
        &mut bytes,
        &codes.iter().map(Vec::as_slice).collect::<Vec<_>>(),
    )?;
    for stream in tree::learn(&align::align(taught)).streams() {
        put_stream(&mut bytes, &stream)?;
    }
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&bytes)?;
    Ok(encoder.finish()?)
}

fn put_front_coded(bytes: &mut Vec<u8>, items: &[&[u8]]) -> Result<(), Box<dyn Error>> {
    let (mut prefixes, mut suffixes, mut payload) = (Vec::new(), Vec::new(), Vec::new());
    let mut previous: &[u8] = &[];
    for item in items {
        let shared = item
            .iter()
            .zip(previous)
            .take_while(|(left, right)| left == right)
            .count();
        prefixes.push(u8::try_from(shared)?);
        suffixes.push(u8::try_from(item.len() - shared)?);
        payload.extend_from_slice(&item[shared..]);
        previous = item;
    }
    for stream in [prefixes, suffixes, payload] {
        put_stream(bytes, &stream)?;
    }
    Ok(())
}

fn put_stream(bytes: &mut Vec<u8>, stream: &[u8]) -> Result<(), Box<dyn Error>> {
    bytes.extend(u32::try_from(stream.len())?.to_le_bytes());
    bytes.extend_from_slice(stream);
    Ok(())
}

/// Prints phoneme and word error on every tenth word, learning from the others.
fn report_held_out(entries: &[Entry]) -> Result<(), Box<dyn Error>> {
    let is_held_out = |index: usize| index % 10 == 9;
    let taught: Vec<&Entry> = entries
        .iter()
        .enumerate()
        .filter(|(index, _)| !is_held_out(*index))
        .map(|(_, e)| e)
        .collect();
    let dictionary = Dictionary::from_packed(&pack(&entries[..1], &taught)?)?;
    let (mut edits, mut phonemes, mut wrong, mut words, mut wrong_stress) = (0, 0, 0, 0, 0);
    for (_, entry) in entries
        .iter()
        .enumerate()
        .filter(|(index, _)| is_held_out(*index))
    {
        let guessed = dictionary.letter_to_sound().predict(&entry.word);
        let classes = |reading: &[Phoneme]| -> Vec<u8> {
            reading.iter().map(|phoneme| phoneme.class()).collect()
        };
        let distance = edit_distance(&classes(&guessed), &classes(&entry.reading));
        edits += distance;
        phonemes += entry.reading.len();
        words += 1;
        wrong += usize::from(distance > 0);
        wrong_stress += usize::from(distance == 0 && guessed != entry.reading);
    }
    println!(
        "held out: {words} words, phoneme error {:.4}, word error {:.4}, right but stress {:.4}",
        edits as f64 / phonemes as f64,
        wrong as f64 / words as f64,
        wrong_stress as f64 / words as f64,
    );
    Ok(())
}

fn edit_distance(left: &[u8], right: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let substituted = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}
