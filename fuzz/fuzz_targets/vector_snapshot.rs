//! Any bytes as a snapshot of a vector index: refused, or an index that answers and writes itself.
#![no_main]

use leitmotif_vectors::Index;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok((index, generation)) = Index::load_bytes(bytes) {
        let (_, again) = Index::load_bytes(&index.to_bytes(generation))
            .expect("an index that was read writes a snapshot that reads");
        assert_eq!(again, generation);
    }
});
