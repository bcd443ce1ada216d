//! Any bytes as a file of rows, each row mapped in every way.
#![no_main]

use leitmotif_ingest::imports::lines::{Row, read_objects};
use leitmotif_ingest::imports::rap_scraper::{map_analysis, map_features, map_table_row};
use leitmotif_ingest::imports::records::read_cells;
use libfuzzer_sys::fuzz_target;

fn map_all(rows: impl Iterator<Item = Row>) {
    for (_, row) in rows.flatten() {
        let _ = map_table_row(&row);
        let _ = map_analysis(&row);
        let _ = map_features(&row);
    }
}

fuzz_target!(|bytes: &[u8]| {
    map_all(read_objects(bytes));
    if let Ok(rows) = read_cells(bytes) {
        map_all(rows);
    }
});
