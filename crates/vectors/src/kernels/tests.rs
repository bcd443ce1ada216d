//! Every kernel this processor can run, against its plain twin.

use proptest::prelude::*;

use super::{available, plain};
use crate::quantise::{CodeLine, LINE_BYTES};

/// Sums in another order differ by rounding: a few units in the last place of the absolute sum.
fn close(found: f32, expected: f32, magnitude: f32) -> bool {
    (found - expected).abs() <= 1e-5 * magnitude + 1e-6
}

fn line(bytes: &[u8]) -> CodeLine {
    let mut line = CodeLine([0; LINE_BYTES]);
    line.0.copy_from_slice(bytes);
    line
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn pairs_agree(pairs in prop::collection::vec((-100.0f32..100.0, -100.0f32..100.0), 0..300)) {
        let (a, b): (Vec<f32>, Vec<f32>) = pairs.into_iter().unzip();
        let magnitude: f32 = a.iter().zip(&b).map(|(x, y)| (x * y).abs() + (x - y).powi(2)).sum();
        for kernels in available() {
            prop_assert!(close(kernels.dot(&a, &b), plain::dot(&a, &b), magnitude), "{}", kernels.name);
            prop_assert!(close(kernels.l2(&a, &b), plain::l2(&a, &b), magnitude), "{}", kernels.name);
        }
    }

    #[test]
    fn codes_agree(
        lines in 1usize..15,
        bytes in prop::collection::vec(any::<u8>(), 15 * LINE_BYTES * 6),
        slots in prop::collection::vec(0u32..5, 0..20),
    ) {
        let all: Vec<CodeLine> = bytes.chunks(LINE_BYTES).map(line).collect();
        let (query, codes) = all.split_at(lines);
        let mut expected = vec![0; slots.len()];
        plain::code_products(query, codes, &slots, &mut expected);
        for kernels in available() {
            let mut found = vec![0; slots.len()];
            kernels.code_products(query, codes, &slots, &mut found);
            prop_assert_eq!(&found, &expected, "{}", kernels.name);
        }
    }
}

#[test]
fn hand_worked_products() {
    for kernels in available() {
        assert_eq!(kernels.dot(&[1.0, 2.0, 3.0], &[4.0, -5.0, 6.0]), 12.0);
        assert_eq!(kernels.l2(&[1.0, 2.0, 3.0], &[4.0, -5.0, 6.0]), 67.0);
        assert_eq!(kernels.dot(&[], &[]), 0.0);
        let mut extreme = [0];
        let query = [line(&[0x80; 64])]; // −128 as a signed byte
        let codes = [line(&[0; 64]), line(&[255; 64])];
        kernels.code_products(&query, &codes, &[1], &mut extreme);
        assert_eq!(extreme[0], -128 * 255 * 64, "{}", kernels.name);
    }
}
