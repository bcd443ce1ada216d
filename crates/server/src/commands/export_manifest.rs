//! What is in an export, said in the vocabulary of Croissant, so that dataset tools read it.

use leitmotif_api::native::exports::ExportTable;
use leitmotif_storage::tables::{Column, ColumnKind};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::export::Format;

/// Version of tables and manifest; a column that changes its meaning moves it.
const EXPORT_VERSION: u32 = 1;

/// A table that was written.
pub struct Exported {
    /// Which.
    pub table: ExportTable,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Name of the file.
    pub name: String,
    /// Rows.
    pub row_count: u64,
    /// Size of the file.
    pub size_bytes: u64,
    /// Hash of the file.
    pub sha256: String,
    /// Hash of the rows as JSON lines, the same in every file format.
    pub content_sha256: String,
}

/// Describes an export. Nothing in it tells when it was made, so the same catalogue gives the same
/// bytes. The licence is the owner's to fill in.
///
/// - Source: MLCommons Croissant 1.0, `FileObject`, `RecordSet` and `Field`.
pub fn manifest(files: &[Exported], format: Format, with_lyrics: bool) -> Value {
    let mut content = Sha256::new();
    for file in files {
        content.update(format!("{} {}\n", file.table.name(), file.content_sha256));
    }
    let media_type = format.media_type();
    let distribution = files.iter().map(|file| {
        json!({
            "@type": "cr:FileObject", "@id": file.name, "name": file.name,
            "contentUrl": file.name, "encodingFormat": media_type,
            "contentSize": file.size_bytes, "sha256": file.sha256, "rows": file.row_count,
        })
    });
    json!({
        "@context": {
            "@language": "en", "@vocab": "https://schema.org/", "sc": "https://schema.org/",
            "cr": "http://mlcommons.org/croissant/", "dct": "http://purl.org/dc/terms/",
            "conformsTo": "dct:conformsTo", "recordSet": "cr:recordSet", "field": "cr:field",
            "dataType": {"@id": "cr:dataType", "@type": "@vocab"}, "source": "cr:source",
            "fileObject": "cr:fileObject", "extract": "cr:extract", "column": "cr:column",
            "repeated": "cr:repeated", "leitmotif": "https://schema.org/additionalProperty",
        },
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": "leitmotif-catalogue",
        "description": "A music catalogue with its measured descriptors.",
        "license": null,
        "leitmotif": {
            "exportVersion": EXPORT_VERSION, "format": format.as_str(),
            "withLyrics": with_lyrics, "contentSha256": hex::encode(content.finalize()),
        },
        "distribution": distribution.collect::<Vec<_>>(),
        "recordSet": files.iter().map(record_set).collect::<Vec<_>>(),
    })
}

fn record_set(file: &Exported) -> Value {
    let table = file.table.name();
    let fields = file.columns.iter().map(|column| {
        let id = format!("{table}/{}", column.name);
        let mut field = Map::new();
        field.insert("@type".to_owned(), json!("cr:Field"));
        field.insert("@id".to_owned(), json!(id));
        field.insert("name".to_owned(), json!(column.name));
        field.insert("description".to_owned(), json!(column.description));
        field.insert("dataType".to_owned(), json!(data_type(column.kind)));
        if column.kind == ColumnKind::Reals {
            field.insert("repeated".to_owned(), json!(true));
        }
        if let Some(unit) = column.unit {
            field.insert("unitText".to_owned(), json!(unit));
        }
        let source = json!({"fileObject": {"@id": file.name}, "extract": {"column": column.name}});
        field.insert("source".to_owned(), source);
        Value::Object(field)
    });
    json!({
        "@type": "cr:RecordSet", "@id": table, "name": table, "rows": file.row_count,
        "contentSha256": file.content_sha256, "field": fields.collect::<Vec<_>>(),
    })
}

fn data_type(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Text | ColumnKind::Json => "sc:Text",
        ColumnKind::Integer => "sc:Integer",
        ColumnKind::Real | ColumnKind::Reals => "sc:Float",
        ColumnKind::Flag => "sc:Boolean",
    }
}
