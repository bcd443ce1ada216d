//! An [`IalsModel`] as bytes.

use super::ials::{IalsModel, IalsOptions, check_options};
use crate::error::{Error, Result};

const MAGIC: [u8; 8] = *b"LMIALS\r\n";
const VERSION: u32 = 1;

/// Magic, version, checksum, eight words.
const HEADER_BYTES: usize = 8 + 4 + 8 + 8 * 8;

impl IalsModel {
    /// Writes the model: a header with a checksum, item factors, listener factors, little-endian.
    pub fn to_bytes(&self) -> Vec<u8> {
        let options = self.options();
        let user_count = self.user_factors().len() / options.factors;
        let words = [
            options.factors as u64,
            u64::from(options.regularization.to_bits()),
            u64::from(options.alpha.to_bits()),
            u64::from(options.is_binary),
            options.iterations as u64,
            options.seed,
            self.item_count() as u64,
            user_count as u64,
        ];
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&[0; 8]);
        bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        let factors = self.item_factors().iter().chain(self.user_factors());
        bytes.extend(factors.flat_map(|component| component.to_le_bytes()));
        let checksum = fnv1a(&bytes[20..]);
        bytes[12..20].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// Takes item factors of any origin, row-major `[items × factors]`; it knows no listeners.
    ///
    /// - Errors: [`Error::InvalidOption`], and [`Error::Corrupt`] for factors that are not whole or not
    ///   finite.
    pub fn from_item_factors(options: IalsOptions, items: Vec<f32>) -> Result<Self> {
        check_options(&options)?;
        if !items.len().is_multiple_of(options.factors) {
            return Err(Error::Corrupt("a factor ends too early".to_owned()));
        }
        if items.iter().any(|component| !component.is_finite()) {
            return Err(Error::Corrupt("a factor is not finite".to_owned()));
        }
        Ok(Self::assemble(options, items, Vec::new()))
    }

    /// Reads what [`IalsModel::to_bytes`] wrote; bytes of any origin are safe.
    ///
    /// - Errors: [`Error::Corrupt`] unless checksum, lengths and every number are right.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let corrupt = |what: &str| Error::Corrupt(what.to_owned());
        let (header, body) = (bytes.split_at_checked(HEADER_BYTES))
            .ok_or_else(|| corrupt("header ends too early"))?;
        let (magic, rest) = header.split_at(8);
        let (version, rest) = rest.split_at(4);
        let (checksum, words) = rest.split_at(8);
        if magic != MAGIC {
            return Err(corrupt("it does not begin like one"));
        }
        if version != VERSION.to_le_bytes() {
            return Err(corrupt("its version is unknown"));
        }
        if checksum != fnv1a(&bytes[20..]).to_le_bytes() {
            return Err(corrupt("its checksum is wrong"));
        }
        let word = |at: usize| {
            let chunk = words.as_chunks::<8>().0[at];
            u64::from_le_bytes(chunk)
        };
        let count =
            |at: usize| usize::try_from(word(at)).map_err(|_| corrupt("a count is too large"));
        let single = |at: usize| u32::try_from(word(at)).map(f32::from_bits);
        let options = IalsOptions {
            factors: count(0)?,
            regularization: single(1).map_err(|_| corrupt("regularization is no number"))?,
            alpha: single(2).map_err(|_| corrupt("alpha is no number"))?,
            is_binary: match word(3) {
                0 => false,
                1 => true,
                _ => return Err(corrupt("mode is unknown")),
            },
            iterations: count(4)?,
            seed: word(5),
        };
        check_options(&options).map_err(|error| corrupt(&error.to_string()))?;
        let row_bytes = 4 * options.factors;
        let items_end = count(6)?.checked_mul(row_bytes);
        let users_bytes = count(7)?.checked_mul(row_bytes);
        let total = items_end
            .zip(users_bytes)
            .and_then(|(a, b)| a.checked_add(b));
        let (Some(items_end), true) = (items_end, total == Some(body.len())) else {
            return Err(corrupt("its length is wrong"));
        };
        let components = body.as_chunks::<4>().0.iter();
        let mut items: Vec<f32> = components.map(|&x| f32::from_le_bytes(x)).collect();
        if items.iter().any(|component| !component.is_finite()) {
            return Err(corrupt("a factor is not finite"));
        }
        let users = items.split_off(items_end / 4);
        Ok(Self::assemble(options, items, users))
    }
}

/// Sums up bytes against accidents (FNV-1a, 64 bits).
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, &byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::{InteractionMatrix, Triplet};

    fn model() -> IalsModel {
        let triplets: Vec<Triplet> = (0..6)
            .map(|at| Triplet {
                row: at % 3,
                column: at,
                weight: 1.0,
            })
            .collect();
        let matrix = InteractionMatrix::from_triplets(3, 6, &triplets).unwrap();
        let options = IalsOptions {
            factors: 2,
            iterations: 2,
            ..IalsOptions::default()
        };
        IalsModel::fit(&matrix, options).unwrap()
    }

    #[test]
    fn bytes_come_back() {
        let model = model();
        assert_eq!(IalsModel::from_bytes(&model.to_bytes()).unwrap(), model);
    }

    #[test]
    fn listeners_may_be_forgotten() {
        let (mut items, whole) = (model(), model());
        items.forget_users();
        let read = IalsModel::from_bytes(&items.to_bytes()).unwrap();
        assert_eq!(read, items);
        assert_eq!(read.fold_in(&[(0, 1.0)]), whole.fold_in(&[(0, 1.0)]));
        assert!(read.user_factor(0).is_none() && whole.user_factor(0).is_some());
        let factors = items.item_factors().to_vec();
        let (options, end) = (*items.options(), factors.len() - 1);
        let built = IalsModel::from_item_factors(options, factors.clone()).unwrap();
        assert_eq!(built, items);
        assert!(IalsModel::from_item_factors(options, factors[..end].to_vec()).is_err());
        let infinite = vec![f32::INFINITY; factors.len()];
        assert!(IalsModel::from_item_factors(options, infinite).is_err());
    }

    #[test]
    fn damage_is_refused() {
        let bytes = model().to_bytes();
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << (at % 8);
            assert!(IalsModel::from_bytes(&damaged).is_err(), "byte {at}");
            assert!(IalsModel::from_bytes(&bytes[..at]).is_err(), "{at} bytes");
            // With a right checksum it may be a model, but never a panic.
            let checksum = fnv1a(&damaged[20..]);
            damaged[12..20].copy_from_slice(&checksum.to_le_bytes());
            if let Ok(model) = IalsModel::from_bytes(&damaged) {
                let _ = model.fold_in(&[(0, 1.0)]);
            }
        }
    }
}
