//! How alike any two moments of a track are.

use super::units::Units;

/// Lengths of the sequences that are compared, in bars: a chord progression rather than a chord.
const SEQUENCE_BARS: usize = 2;

/// Likeness of the harmony of the sequences that begin at any two units.
///
/// - Shape: `[count × count]`, symmetric; −1..=1, 1 on the diagonal where there is harmony.
/// - Cost: O(count² × 12): sums along diagonals.
/// - Source: the time-delay embedding of Serrà, Müller, Grosche & Arcos, "Unsupervised detection of
///   music boundaries by time series structure features", AAAI 2012, as a mean along the diagonals of
///   the self-similarity matrix.
pub(crate) struct Similarity {
    pub count: usize,
    values: Vec<f32>,
}

impl Similarity {
    pub(crate) fn compute(units: &Units) -> Self {
        let count = units.count();
        let sequence = (SEQUENCE_BARS * units.units_per_bar).max(1);
        let mut values = vec![0.0f32; count * count];
        let mut products = Vec::with_capacity(count);
        for lag in 0..count {
            products.clear();
            let pairs = units.chroma.iter().zip(units.chroma.iter().skip(lag));
            products.extend(pairs.map(|(a, b)| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>()));
            let mut sum = 0.0f32;
            let length = products.len();
            for start in (0..length).rev() {
                sum += products[start];
                if start + sequence < length {
                    sum -= products[start + sequence];
                }
                let mean = sum / (length - start).min(sequence) as f32;
                values[start * count + start + lag] = mean;
                values[(start + lag) * count + start] = mean;
            }
        }
        Self { count, values }
    }

    pub(crate) fn row(&self, unit: usize) -> &[f32] {
        let from = unit * self.count;
        self.values.get(from..from + self.count).unwrap_or_default()
    }
}
