//! Rows of every kind of column, as lines and as Parquet.

use super::*;

const COLUMNS: [Column; 6] = [
    Column::new("name", ColumnKind::Text, "a text"),
    Column::new("document", ColumnKind::Json, "a document"),
    Column::new("length_ms", ColumnKind::Integer, "a number").in_unit("ms"),
    Column::new("ratio", ColumnKind::Real, "a share"),
    Column::new("is_good", ColumnKind::Flag, "a flag"),
    Column::new("vector", ColumnKind::Reals, "a list"),
];

fn rows() -> Vec<Vec<Cell>> {
    vec![
        vec![
            Cell::Text("é \"quoted\"\n".to_owned()),
            Cell::Text("{\"a\":1}".to_owned()),
            Cell::Integer(-7),
            Cell::Real(0.1),
            Cell::Flag(true),
            Cell::Reals(vec![0.1, -1.5e-30]),
        ],
        vec![
            Cell::Null,
            Cell::Null,
            Cell::Null,
            Cell::Null,
            Cell::Null,
            Cell::Null,
        ],
        vec![
            Cell::Text(String::new()),
            Cell::Null,
            Cell::Integer(i64::MAX),
            Cell::Real(1e300),
            Cell::Flag(false),
            Cell::Reals(Vec::new()),
        ],
    ]
}

#[test]
fn rows_are_lines_in_the_order_of_the_columns() {
    let mut lines = Vec::new();
    for row in rows() {
        write_row(&COLUMNS, &row, &mut lines).unwrap();
    }
    let text = String::from_utf8(lines).unwrap();
    let expected = "{\"name\":\"é \\\"quoted\\\"\\n\",\"document\":\"{\\\"a\\\":1}\",\"length_ms\":-7,\
        \"ratio\":0.1,\"is_good\":true,\"vector\":[0.1,-1.5e-30]}\n\
        {\"name\":null,\"document\":null,\"length_ms\":null,\"ratio\":null,\"is_good\":null,\"vector\":null}\n\
        {\"name\":\"\",\"document\":null,\"length_ms\":9223372036854775807,\"ratio\":1e+300,\
        \"is_good\":false,\"vector\":[]}\n";
    assert_eq!(text, expected);
    let read: Vec<_> = text
        .lines()
        .map(|line| parse_row(&COLUMNS, line.as_bytes()).unwrap())
        .collect();
    assert_eq!(read, rows());
}

#[test]
fn rows_that_do_not_fit_are_refused() {
    let mut out = Vec::new();
    assert!(write_row(&COLUMNS[..1], &[], &mut out).is_err());
    assert!(write_row(&COLUMNS[..1], &[Cell::Integer(1)], &mut out).is_err());
    for line in [&b"{}"[..], b"[]", b"{\"name\":1}", b"not json"] {
        assert!(parse_row(&COLUMNS[..1], line).is_err());
    }
}

#[cfg(feature = "parquet")]
mod as_parquet {
    use ::parquet::file::reader::{FileReader, SerializedFileReader};
    use ::parquet::record::{Field, RowAccessor};
    use bytes::Bytes;

    use super::*;

    fn written(rows: &[Vec<Cell>]) -> Vec<u8> {
        let mut writer = ParquetWriter::new(Vec::new(), &COLUMNS).unwrap();
        for row in rows {
            writer.write(row).unwrap();
        }
        writer.finish().unwrap()
    }

    #[test]
    fn what_is_written_reads_back() {
        let bytes = written(&rows());
        assert_eq!(bytes, written(&rows()), "the same rows are the same bytes");
        let reader = SerializedFileReader::new(Bytes::from(bytes)).unwrap();
        let metadata = reader.metadata().file_metadata();
        assert_eq!(metadata.num_rows(), 3);
        assert_eq!(metadata.created_by(), Some("leitmotif tables 1"));
        let read: Vec<_> = reader
            .get_row_iter(None)
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert_eq!(read[0].get_string(0).unwrap(), "é \"quoted\"\n");
        assert_eq!(read[0].get_long(2).unwrap(), -7);
        assert_eq!(read[0].get_double(3).unwrap(), 0.1);
        assert!(read[0].get_bool(4).unwrap());
        let list = read[0].get_list(5).unwrap().elements().to_vec();
        assert_eq!(list, [Field::Float(0.1), Field::Float(-1.5e-30)]);
        assert!(
            read[1]
                .get_column_iter()
                .all(|(_, field)| *field == Field::Null)
        );
        assert_eq!(read[2].get_list(5).unwrap().elements().len(), 0);
    }

    #[test]
    fn rows_come_in_groups() {
        let row = |number: i64| {
            let mut row = rows().remove(1);
            row[2] = Cell::Integer(number);
            row
        };
        let many: Vec<_> = (0..50_001).map(row).collect();
        let reader = SerializedFileReader::new(Bytes::from(written(&many))).unwrap();
        assert_eq!(reader.num_row_groups(), 2);
        let long = vec![Cell::Text("x".repeat(20 << 20)); 1];
        let mut writer = ParquetWriter::new(Vec::new(), &COLUMNS[..1]).unwrap();
        for _ in 0..4 {
            writer.write(&long).unwrap();
        }
        let reader = SerializedFileReader::new(Bytes::from(writer.finish().unwrap())).unwrap();
        assert_eq!(reader.num_row_groups(), 2);
        let mut empty = ParquetWriter::new(Vec::new(), &COLUMNS).unwrap();
        assert!(empty.write(&[Cell::Null]).is_err());
        assert!(empty.write(&vec![Cell::Integer(1); 6]).is_err());
    }
}
