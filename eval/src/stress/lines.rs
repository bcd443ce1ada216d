//! Scanned verse as its files have it: syllables in rows, joined to words here.

use leitmotif_analysis::lyrics::phonemes::ReadingSource;
use leitmotif_analysis::lyrics::scansion::{Metre, ScannedLine, is_light};
use leitmotif_analysis::lyrics::syllables::{Singer, SungWord, Syllable};

/// Most syllables of one word.
const WORD_SYLLABLES_MAX: usize = 6;
/// Most syllables of a word that no dictionary has.
const UNKNOWN_SYLLABLES_MAX: usize = 3;
/// Words that small words make; what else they spell together is a name, as "to me" and "Tome".
const OF_SMALL_WORDS: [&str; 14] = [
    "cannot", "into", "thereby", "therein", "thereof", "thereon", "upon", "whereby", "wherein",
    "whereof", "whereon", "whereto", "within", "without",
];

/// A line as the file has it.
#[derive(Debug, Clone)]
pub struct GoldLine {
    /// Name of the metre.
    pub metre: String,
    /// Syllables as they are spelled.
    pub syllables: Vec<String>,
    /// Whether each is stressed.
    pub stresses: Vec<bool>,
}

/// Reads lines of rows: index, syllable, stress, and in the seventh column the metre. The
/// other columns are not read: words are joined by what is spelled.
pub fn read_lines(text: &str) -> Vec<GoldLine> {
    text.split("\n\n")
        .filter_map(|block| {
            let rows: Vec<Vec<&str>> = block
                .lines()
                .map(|line| line.split('\t').collect())
                .filter(|row: &Vec<&str>| row.len() > 2)
                .collect();
            let first = rows.first()?;
            Some(GoldLine {
                metre: first.get(6).copied().unwrap_or("").to_owned(),
                syllables: rows.iter().map(|row| row[1].to_owned()).collect(),
                stresses: rows.iter().map(|row| row[2] == "+").collect(),
            })
        })
        .collect()
}

/// The metre by the name that the files give it.
pub fn metre_named(name: &str) -> Metre {
    match name {
        "iambic" | "alexandrine" | "zehnsilber" | "spondeus" => Metre::Iambic,
        "troch" => Metre::Trochaic,
        "anapaest" | "amphi" | "prosodiakos" => Metre::Anapaestic,
        "daktyl" | "hexameter" => Metre::Dactylic,
        _ => Metre::Mixed,
    }
}

/// Joins the syllables of every line to words.
pub fn scanned_lines(lines: &[GoldLine]) -> Vec<ScannedLine> {
    let mut singer = Singer::default();
    let scanned = lines.iter().map(|line| ScannedLine {
        words: join(&mut singer, &line.syllables),
        stresses: line.stresses.clone(),
        metre: metre_named(&line.metre),
    });
    scanned.collect()
}

/// Joins syllables to words: the way that needs the fewest words, those of the dictionary first.
///
/// - Shape: the words have as many syllables as were given; a word that the dictionary divides otherwise
///   is stretched or drawn together. What the dictionary does not know may take in a
///   neighbour that it does.
pub fn join(singer: &mut Singer, syllables: &[String]) -> Vec<SungWord> {
    // For each end: the least cost, and the last word on the way.
    let mut best: Vec<(f64, Option<SungWord>)> = vec![(f64::INFINITY, None); syllables.len() + 1];
    best[0].0 = 0.0;
    for start in 0..syllables.len() {
        for count in 1..=WORD_SYLLABLES_MAX.min(syllables.len() - start) {
            let parts = &syllables[start..start + count];
            if parts[1..]
                .iter()
                .any(|part| part.starts_with(char::is_uppercase))
            {
                break;
            }
            let Some((cost, word)) = candidate(singer, parts) else {
                continue;
            };
            let cost = best[start].0 + cost;
            if cost < best[start + count].0 {
                best[start + count] = (cost, Some(word));
            }
        }
    }
    let mut words = Vec::new();
    let mut end = syllables.len();
    while let Some(word) = best[end].1.take() {
        end -= word.syllables.len();
        words.push(word);
    }
    words.reverse();
    words
}

/// The word that syllables spell together, and how unlikely it is that they are one.
fn candidate(singer: &mut Singer, parts: &[String]) -> Option<(f64, SungWord)> {
    let spelled = parts.concat();
    let sung = singer.sing(&spelled);
    let mut word = sung.into_iter().reduce(|mut first, next| {
        first.syllables.extend(next.syllables);
        first
    })?;
    let own_count = word.syllables.len();
    let source = singer.pronunciation(&word.folded).map(|found| found.source);
    let mut cost = match (word.is_guessed, own_count.abs_diff(parts.len())) {
        (false, 0) => 1.0,
        (false, _) if parts.len() == 1 => 1.1,
        (false, 1) => 1.6,
        (true, _) if parts.len() == 1 => 2.6,
        (true, _) if parts.len() <= UNKNOWN_SYLLABLES_MAX => 3.4 + 0.3 * parts.len() as f64,
        _ => return None,
    };
    if parts.len() > 1 && !word.is_guessed {
        cost += if source == Some(ReadingSource::Dictionary) {
            let mut is_light = |part: &String| singer.sing(part).iter().all(is_light);
            let is_known = OF_SMALL_WORDS.contains(&word.folded.as_str());
            if !is_known && parts.iter().all(&mut is_light) {
                2.0
            } else {
                0.0
            }
        } else {
            // Any two words can be read as a compound; an ending that is no word speaks for one.
            let is_compound = (1..parts.len()).any(|at| {
                let (head, tail) = parts.split_at(at);
                is_listed(singer, &head.concat()) && is_listed(singer, &tail.concat())
            });
            if is_compound { parts.len() as f64 } else { 0.3 }
        };
    }
    fit_count(&mut word.syllables, parts.len());
    Some((cost, word))
}

fn is_listed(singer: &mut Singer, word: &str) -> bool {
    let sung = singer.sing(word);
    let [word] = sung.as_slice() else {
        return false;
    };
    singer
        .pronunciation(&word.folded)
        .is_some_and(|found| found.source == ReadingSource::Dictionary)
}

/// Brings a word to a number of syllables: unstressed ones go first, later ones before earlier.
fn fit_count(syllables: &mut Vec<Syllable>, count: usize) {
    while syllables.len() > count {
        let weak = syllables
            .iter()
            .skip(1)
            .position(|syllable| syllable.stress == 0);
        syllables.remove(weak.map_or(syllables.len() - 1, |at| at + 1));
    }
    while syllables.len() < count {
        let last = syllables.last().copied();
        let silent = Syllable {
            vowel: 0,
            after: 0,
            after_near: 0,
            before: 0,
            stress: 0,
            start_char: 0,
            end_char: 0,
        };
        syllables.push(Syllable {
            stress: 0,
            ..last.unwrap_or(silent)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_lines_of_words() {
        let text = "1\tre\t-\t.\tJJ\t1\tiambic\tx\t-+-\n2\tmem\t+\t.\tJJ\t2\tiambic\tx\t-+-\n3\tber\t-\t.\tNN\t0\tiambic\tx\t-+-\n\n1\tCold\t+\t.\tNN\t0\ttroch\tx\t+\n";
        let lines = scanned_lines(&read_lines(text));
        let told: Vec<(Metre, usize, &[bool])> = lines
            .iter()
            .map(|line| (line.metre, line.words.len(), line.stresses.as_slice()))
            .collect();
        let expected: [(Metre, usize, &[bool]); 2] = [
            (Metre::Iambic, 1, &[false, true, false]),
            (Metre::Trochaic, 1, &[true]),
        ];
        assert_eq!(told, expected);
        assert!(read_lines("").is_empty());
    }

    #[test]
    fn syllables_are_joined_to_the_words_they_spell() {
        for (line, expected) in [
            ("to me he came", "to me he came"),
            ("be yond the door", "beyond the door"),
            ("in to the wood he ran", "into the wood he ran"),
            ("the cold moon", "the cold moon"),
            ("Win ter Is near", "winter is near"),
        ] {
            let syllables: Vec<String> = line.split(' ').map(str::to_owned).collect();
            let words = join(&mut Singer::default(), &syllables);
            let told: Vec<&str> = words.iter().map(|word| word.folded.as_str()).collect();
            assert_eq!(told.join(" "), expected);
            let count: usize = words.iter().map(|word| word.syllables.len()).sum();
            assert_eq!(count, syllables.len(), "{line}");
        }
    }
}
