//! Packs the VADER lexicon: tokens and their mean valence, nothing else of the file.
//!
//! `cargo run --release -p leitmotif-analysis --example build_sentiment -- vader_lexicon.txt sentiment.bin`

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write;

use leitmotif_analysis::lyrics::meaning::SentimentLexicon;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [source, target] = arguments.as_slice() else {
        return Err("usage: build_sentiment LEXICON OUTPUT".into());
    };
    let mut text = "LMSENT1\n".to_owned();
    for (token, tenths) in read_entries(&std::fs::read_to_string(source)?)? {
        text.push_str(&format!("{token}\t{tenths}\n"));
    }
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(text.as_bytes())?;
    let packed = encoder.finish()?;
    let lexicon = SentimentLexicon::from_packed(&packed)?;
    println!("{} tokens, {} bytes", lexicon.entry_count(), packed.len());
    std::fs::write(target, packed)?;
    Ok(())
}

/// Reads `token TAB mean TAB deviation TAB ratings`; of a token listed twice the later line counts.
fn read_entries(text: &str) -> Result<BTreeMap<&str, i8>, Box<dyn Error>> {
    let mut entries = BTreeMap::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let mut fields = line.split('\t');
        let (token, mean) = fields
            .next()
            .zip(fields.next())
            .ok_or("a line has one field")?;
        let mean: f64 = mean.trim().parse()?;
        let tenths = (mean * 10.0).round();
        if (tenths / 10.0 - mean).abs() > 1e-9 {
            return Err(format!("`{token}` has {mean}, finer than tenths").into());
        }
        entries.insert(token, tenths as i8);
    }
    Ok(entries)
}
