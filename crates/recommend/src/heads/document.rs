//! Trained heads as they are stored.

use leitmotif_domain::{ModelId, Timestamp};
use leitmotif_learn::heads::{Head, HeadMeasure, Shortage, Standard};
use leitmotif_storage::ports::VectorSpace;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::columns::Columns;
use super::labels::{Label, LabelKind};
use super::values::ValueRow;
use crate::error::{Error, Result};

/// Version of the stored form and of what the numbers mean; an unknown one is refused. Since 2 the values
/// follow the document.
const FORMAT: u16 = 2;
/// The form without values, which is still read.
const FORMAT_WITHOUT_VALUES: u16 = 1;
/// Bytes of the checksum before the document.
const CHECKSUM_BYTES: usize = 32;

/// What one training made of the labels of a tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Heads {
    pub(super) format: u16,
    /// When they were trained.
    pub trained_at: Timestamp,
    /// Sum over the labels that they learnt from.
    pub(super) checksum: u64,
    /// Labelled tracks, by kind.
    pub labelled: Vec<(LabelKind, usize)>,
    /// Of them, tracks of which nothing was measured: they teach nothing.
    pub unmeasured: usize,
    /// Labels that were left out because there are too many; they are the rarest.
    pub left_out: usize,
    pub(super) columns: Columns,
    pub(super) standard: Option<Standard>,
    /// Every label, by kind and name.
    pub rows: Vec<HeadRow>,
    /// Every value; none where they were trained before values were learnt. Stored behind the rest.
    #[serde(skip)]
    pub values: Vec<ValueRow>,
}

/// What is known of one label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeadRow {
    /// The label.
    pub label: Label,
    /// Measured tracks that carry it.
    pub tracks: usize,
    /// Their artists.
    pub artists: usize,
    /// Whether it speaks, or why not.
    pub standing: Standing,
    /// What tells of it, where it speaks.
    pub(super) head: Option<Head>,
}

/// Whether a head speaks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Standing {
    /// It does.
    Shown(HeadMeasure),
    /// It was measured, and is not good enough; so many more labelled tracks are worth another try.
    BelowBar(HeadMeasure, usize),
    /// There is too little to learn from.
    TooFew(Shortage),
    /// Others had more tracks, and only so many are trained.
    TooMany,
    /// Nothing was trained yet; what is missing before it can be.
    NotTrained(Shortage),
}

impl Heads {
    /// The row of a label.
    pub fn row(&self, label: &Label) -> Option<&HeadRow> {
        self.rows.iter().find(|row| row.label == *label)
    }

    /// How many heads of a kind speak.
    pub fn shown_count(&self, kind: LabelKind) -> usize {
        let rows = self.rows.iter().filter(|row| row.label.kind == kind);
        rows.filter(|row| row.head.is_some()).count()
    }

    /// What the heads look at, in words.
    pub fn inputs(&self) -> Vec<String> {
        self.columns.describe()
    }

    /// The embedding spaces that they look at.
    pub fn spaces(&self) -> Vec<VectorSpace> {
        self.columns.spaces()
    }

    /// Writes them, with a checksum in front.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut document = postcard::to_allocvec(self).map_err(Error::bug)?;
        if self.format != FORMAT_WITHOUT_VALUES {
            document.extend(postcard::to_allocvec(&self.values).map_err(Error::bug)?);
        }
        let mut bytes = Sha256::digest(&document).to_vec();
        bytes.extend_from_slice(&document);
        Ok(bytes)
    }

    /// Reads heads; bytes of any origin give heads or an error.
    ///
    /// - Errors: `DamagedModel` where the checksum is another, or the form.
    pub fn from_bytes(id: ModelId, bytes: &[u8]) -> Result<Self> {
        let damaged = |reason: String| Error::DamagedModel {
            model: id.to_string(),
            reason,
        };
        let Some((checksum, document)) = bytes.split_at_checked(CHECKSUM_BYTES) else {
            return Err(damaged(format!("{} bytes, too few", bytes.len())));
        };
        if Sha256::digest(document).as_slice() != checksum {
            return Err(damaged("the checksum is another".to_owned()));
        }
        let (format, _) = postcard::take_from_bytes::<u16>(document)
            .map_err(|error| damaged(error.to_string()))?;
        if !matches!(format, FORMAT | FORMAT_WITHOUT_VALUES) {
            return Err(damaged(format!("format {format} is not known")));
        }
        let (mut heads, rest) = postcard::take_from_bytes::<Self>(document)
            .map_err(|error| damaged(error.to_string()))?;
        if format != FORMAT_WITHOUT_VALUES {
            heads.values =
                postcard::from_bytes(rest).map_err(|error| damaged(error.to_string()))?;
        }
        let width = heads.columns.width();
        let labels = heads.rows.iter().filter_map(|row| row.head.as_ref());
        let values = heads.values.iter().filter_map(|row| row.head.as_ref());
        let mut widths = labels
            .map(|head| head.logistic.weights.len())
            .chain(values.map(|head| head.weights.len()));
        let are_whole = widths.all(|of_head| of_head == width)
            && heads
                .standard
                .as_ref()
                .is_none_or(|standard| standard.width() == width);
        if !are_whole {
            return Err(damaged(format!("not all of it has {width} columns")));
        }
        Ok(heads)
    }

    pub(super) fn format() -> u16 {
        FORMAT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_from_before_values_are_read() {
        let old = Heads {
            format: FORMAT_WITHOUT_VALUES,
            trained_at: Timestamp::from_ms(7),
            checksum: 3,
            labelled: vec![(LabelKind::Genre, 4)],
            unmeasured: 1,
            left_out: 0,
            columns: Columns::default(),
            standard: None,
            rows: Vec::new(),
            values: Vec::new(),
        };
        let bytes = old.to_bytes().expect("writes");
        let id = ModelId::from_u128(1);
        assert_eq!(Heads::from_bytes(id, &bytes).expect("reads"), old);
        let new = Heads {
            format: FORMAT,
            ..old
        };
        assert_eq!(new.to_bytes().expect("writes").len(), bytes.len() + 1);
        let unknown = Heads { format: 3, ..new };
        let refused = Heads::from_bytes(id, &unknown.to_bytes().expect("writes"));
        assert!(
            refused
                .expect_err("is unknown")
                .to_string()
                .contains("format 3")
        );
    }
}
