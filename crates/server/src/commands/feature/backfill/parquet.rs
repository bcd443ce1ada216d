//! Rows of features as a Parquet file, made of the lines that a run can go on with.

use std::path::{Path, PathBuf};

use anyhow::ensure;
use serde_json::Value;

use super::Format;

/// Refuses a format that this build does not write.
pub fn check(format: Format) -> anyhow::Result<()> {
    ensure!(
        format != Format::Parquet || cfg!(feature = "parquet"),
        "this build writes no Parquet: build it with `cargo build --release --features parquet`"
    );
    Ok(())
}

/// Where rows go while they come: the file itself, or lines beside it.
pub fn rows_path(out: &Path, format: Format) -> PathBuf {
    if format != Format::Parquet {
        return out.to_owned();
    }
    let mut beside = out.as_os_str().to_owned();
    beside.push(".rows");
    beside.into()
}

/// Writes the rows as Parquet and removes the lines.
#[cfg(feature = "parquet")]
pub fn convert(rows: &Path, out: &Path, keys: &[String], view: &Value) -> anyhow::Result<()> {
    use std::fs::File;
    use std::io::{BufRead, BufReader, BufWriter};

    use anyhow::Context;
    use leitmotif_storage::tables::{ParquetWriter, parse_row};

    let context = || format!("cannot write `{}`", out.display());
    let columns = columns_of(keys, view);
    let part = {
        let mut part = out.as_os_str().to_owned();
        part.push(".part");
        PathBuf::from(part)
    };
    let file = BufWriter::new(File::create(&part).with_context(context)?);
    let mut writer = ParquetWriter::new(file, &columns)?;
    for line in BufReader::new(File::open(rows)?).split(b'\n') {
        writer.write(&parse_row(&columns, &line?)?)?;
    }
    let file = writer.finish()?.into_inner().with_context(context)?;
    file.sync_all().with_context(context)?;
    std::fs::rename(&part, out).with_context(context)?;
    Ok(std::fs::remove_file(rows)?)
}

/// Never reached: [`check`] refuses the format first.
#[cfg(not(feature = "parquet"))]
pub fn convert(_: &Path, _: &Path, _: &[String], _: &Value) -> anyhow::Result<()> {
    check(Format::Parquet)
}

/// Join keys, moment and status, then the features by their declared types.
#[cfg(feature = "parquet")]
fn columns_of(keys: &[String], view: &Value) -> Vec<leitmotif_storage::tables::Column> {
    use leitmotif_storage::tables::{Column, ColumnKind};

    use crate::commands::{list_of, text_of};

    let head = ["at", "status"].map(str::to_owned);
    let head = keys.iter().cloned().chain(head);
    let head = head.map(|name| Column::named(name, ColumnKind::Text));
    let features = list_of(view, "features").iter().map(|feature| {
        let kind = match text_of(feature, "value_type") {
            "number" => ColumnKind::Real,
            "moment" | "text" => ColumnKind::Text,
            "vector" => ColumnKind::Reals,
            _ => ColumnKind::Json,
        };
        Column::named(text_of(feature, "name").to_owned(), kind)
    });
    head.chain(features).collect()
}

#[cfg(all(test, feature = "parquet"))]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rows_become_columns_of_their_declared_types() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("rows.parquet");
        let rows = rows_path(&out, Format::Parquet);
        let lines = [
            json!({"track": "a", "at": "2026-01-01T00:00:00Z", "status": "present",
                "plays": 3, "top": ["x"], "sound": [0.5, 1.0]}),
            json!({"track": "b", "at": "2026-01-01T00:00:00Z", "status": "not_found",
                "plays": null, "top": null, "sound": null}),
        ];
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        std::fs::write(&rows, text).unwrap();
        let view = json!({"features": [{"name": "plays", "value_type": "number"},
            {"name": "top", "value_type": "texts"}, {"name": "sound", "value_type": "vector"}]});
        let keys = ["track".to_owned()];
        convert(&rows, &out, &keys, &view).unwrap();
        assert!(!rows.exists());
        let bytes = std::fs::read(&out).unwrap();
        assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
        let again = folder.path().join("again.parquet");
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        std::fs::write(rows_path(&again, Format::Parquet), text).unwrap();
        convert(&rows_path(&again, Format::Parquet), &again, &keys, &view).unwrap();
        assert_eq!(
            std::fs::read(&again).unwrap(),
            bytes,
            "the same rows, the same bytes"
        );
    }
}
