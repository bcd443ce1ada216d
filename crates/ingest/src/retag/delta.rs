//! How a file was before, told by how it is now: what is the same is not kept a second time.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;

use serde::{Deserialize, Serialize};

/// Bytes compared at a time; the place where the files part is found to this width.
const BLOCK_BYTES: usize = 1_024;
/// Equal bytes between two differences that are kept along rather than named anew.
const GAP_BYTES: u64 = 24;

/// The former bytes of a file, as far as they are not in the present one.
///
/// Before `split` the former file equals the present one at the same place, after it at the same
/// distance from the end, but for the literals: a tag that grew moves everything after it by one
/// step. This also holds for Ogg, where every later page has another number and checksum, and
/// for MP4, where the table of offsets changes before the tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Delta {
    size_bytes: u64,
    split: u64,
    literals: Vec<Literal>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Literal {
    at: u64,
    /// Hexadecimal.
    bytes: String,
}

/// Reads a file at places that may lie outside of it.
struct Sides<'f> {
    former: &'f File,
    former_bytes: u64,
    present: &'f File,
    present_bytes: u64,
}

impl Sides<'_> {
    /// The present bytes that stand for the former ones from `at`, `None` where there are none.
    fn present(&self, at: u64, is_from_end: bool, length: usize) -> io::Result<Vec<Option<u8>>> {
        let shift = if is_from_end {
            i128::from(self.present_bytes) - i128::from(self.former_bytes)
        } else {
            0
        };
        let start = i128::from(at) + shift;
        let mut found = vec![None; length];
        let inside = start.max(0)..(start + length as i128).min(i128::from(self.present_bytes));
        if inside.is_empty() {
            return Ok(found);
        }
        let mut bytes = vec![0; (inside.end - inside.start) as usize];
        self.present
            .read_exact_at(&mut bytes, inside.start as u64)?;
        let skipped = (inside.start - start) as usize;
        for (place, byte) in found[skipped..].iter_mut().zip(bytes) {
            *place = Some(byte);
        }
        Ok(found)
    }

    fn former(&self, at: u64) -> io::Result<Vec<u8>> {
        let length = (self.former_bytes - at).min(BLOCK_BYTES as u64);
        let mut bytes = vec![0; length as usize];
        self.former.read_exact_at(&mut bytes, at)?;
        Ok(bytes)
    }

    fn differences(&self, at: u64, former: &[u8], is_from_end: bool) -> io::Result<u64> {
        let present = self.present(at, is_from_end, former.len())?;
        let pairs = former.iter().zip(present);
        Ok(pairs.filter(|(a, b)| Some(**a) != *b).count() as u64)
    }

    fn blocks(&self) -> impl Iterator<Item = u64> + use<> {
        (0..self.former_bytes).step_by(BLOCK_BYTES)
    }
}

impl Delta {
    /// Compares two files.
    ///
    /// - Cost: reads both twice; memory of 8 bytes a KiB of the former and of what differs.
    pub fn between(former: &File, present: &File) -> io::Result<Self> {
        let sides = Sides {
            former,
            former_bytes: former.metadata()?.len(),
            present,
            present_bytes: present.metadata()?.len(),
        };
        let split = sides.best_split()?;
        let mut literals: Vec<(u64, Vec<u8>)> = Vec::new();
        for at in sides.blocks() {
            let bytes = sides.former(at)?;
            let same = sides.present(at, at >= split, bytes.len())?;
            for (place, (byte, same)) in (at..).zip(bytes.iter().zip(same)) {
                if same == Some(*byte) {
                    continue;
                }
                match literals.last_mut() {
                    Some((start, kept)) if place - (*start + kept.len() as u64) < GAP_BYTES => {
                        let end = *start + kept.len() as u64;
                        let mut gap = vec![0; (place - end) as usize];
                        former.read_exact_at(&mut gap, end)?;
                        kept.append(&mut gap);
                        kept.push(*byte);
                    }
                    _ => literals.push((place, vec![*byte])),
                }
            }
        }
        let literals = literals.into_iter().map(|(at, bytes)| Literal {
            at,
            bytes: hex::encode(bytes),
        });
        Ok(Self {
            size_bytes: sides.former_bytes,
            split,
            literals: literals.collect(),
        })
    }

    /// Writes the former file.
    ///
    /// - Errors: `InvalidData` when the present file is not the one that was compared; what came out
    ///   must be hashed by the caller in any case.
    pub fn rebuild(&self, present: &File, out: &mut impl Write) -> io::Result<()> {
        let sides = Sides {
            former: present,
            former_bytes: self.size_bytes,
            present,
            present_bytes: present.metadata()?.len(),
        };
        let broken = |reason: &str| io::Error::new(io::ErrorKind::InvalidData, reason.to_owned());
        let mut literals = self.literals.iter().peekable();
        let mut rest: (u64, Vec<u8>) = (0, Vec::new());
        for at in sides.blocks() {
            let length = (self.size_bytes - at).min(BLOCK_BYTES as u64) as usize;
            let mut bytes = sides.present(at, at >= self.split, length)?;
            let end = at + length as u64;
            loop {
                let rest_end = rest.0 + rest.1.len() as u64;
                let (first, last) = (rest.0.max(at), rest_end.min(end));
                if first < last {
                    let literal = &rest.1[(first - rest.0) as usize..(last - rest.0) as usize];
                    let places = &mut bytes[(first - at) as usize..(last - at) as usize];
                    for (place, byte) in places.iter_mut().zip(literal) {
                        *place = Some(*byte);
                    }
                }
                match literals.next_if(|next| rest_end <= end && next.at < end) {
                    None => break,
                    Some(next) => {
                        let decoded = hex::decode(&next.bytes);
                        rest = (
                            next.at,
                            decoded.map_err(|_| broken("a literal is no hexadecimal"))?,
                        );
                    }
                }
            }
            let whole: Option<Vec<u8>> = bytes.into_iter().collect();
            out.write_all(
                &whole.ok_or_else(|| broken("the file is not the one that was changed"))?,
            )?;
        }
        Ok(())
    }
}

impl Sides<'_> {
    /// The start of the block from which on counting from the end differs less than counting from
    /// the start.
    fn best_split(&self) -> io::Result<u64> {
        if self.former_bytes == self.present_bytes {
            return Ok(self.former_bytes);
        }
        let mut counts = Vec::new();
        for at in self.blocks() {
            let bytes = self.former(at)?;
            let from_start = self.differences(at, &bytes, false)?;
            let from_end = self.differences(at, &bytes, true)?;
            // Both are at most BLOCK_BYTES.
            counts.push((from_start as u32, from_end as u32));
        }
        let mut cost: i64 = counts
            .iter()
            .map(|(_, from_end)| i64::from(*from_end))
            .sum();
        let (mut best, mut best_cost) = (0, cost);
        for (place, (from_start, from_end)) in (1_u64..).zip(counts) {
            cost += i64::from(from_start) - i64::from(from_end);
            if cost < best_cost {
                (best, best_cost) = (place * BLOCK_BYTES as u64, cost);
            }
        }
        Ok(best.min(self.former_bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(former: &[u8], present: &[u8]) -> usize {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            File::open(path).unwrap()
        };
        let (old, new) = (write("old", former), write("new", present));
        let delta = Delta::between(&old, &new).unwrap();
        let mut out = Vec::new();
        delta.rebuild(&new, &mut out).unwrap();
        assert!(
            out == former,
            "{} and {} bytes",
            former.len(),
            present.len()
        );
        delta.literals.iter().map(|one| one.bytes.len() / 2).sum()
    }

    fn noise(length: usize) -> Vec<u8> {
        let mixed = |i: u32| (i.wrapping_mul(2_654_435_761) >> 24) as u8;
        (0..length as u32).map(mixed).collect()
    }

    #[test]
    fn a_grown_tag_costs_what_it_replaced() {
        let sound = noise(100_000);
        let (old, new) = ([0xAA; 300], [0xBB; 900]);
        let at_start = check(&[&old[..], &sound].concat(), &[&new[..], &sound].concat());
        assert!((300..300 + BLOCK_BYTES).contains(&at_start), "{at_start}");
        let at_end = check(&[&sound[..], &old].concat(), &[&sound[..], &new].concat());
        assert!((300..300 + BLOCK_BYTES).contains(&at_end), "{at_end}");
        let shrunk = check(&[&new[..], &sound].concat(), &[&old[..], &sound].concat());
        assert!((900..900 + BLOCK_BYTES).contains(&shrunk), "{shrunk}");
        // A header that names the size, and a tag after the sound.
        let (mut first, mut second) = (sound.clone(), [&sound[..], &new].concat());
        first[4] = 1;
        second[4] = 2;
        assert_eq!(check(&first, &second), 1);
    }

    #[test]
    fn whatever_differs_comes_back() {
        check(b"", b"");
        check(b"", b"abc");
        check(b"abc", b"");
        check(&noise(5_000), &[0; 70]);
        check(&[1; 3_000], &noise(9_000));
    }

    proptest::proptest! {
        #[test]
        fn any_two_files(a: Vec<u8>, b: Vec<u8>, shared in 0..4_000_usize) {
            let shared = noise(shared);
            check(&[&a[..], &shared, &b].concat(), &[&b[..], &shared, &a].concat());
        }
    }
}
