//! The tables of a running PostgreSQL, read as the JSON lines that an export of them would have.

use anyhow::Context;
use postgres::{Client, IsolationLevel, NoTls, Transaction};

use super::counted::Counted;
use super::read::TableKind;

/// The tables by their names over there, in the order they are read. `songs` repeats the tracks and
/// is not read.
const TABLES: [(TableKind, &str); 4] = [
    (TableKind::Tracks, "tracks"),
    (TableKind::Analyses, "analysis_results"),
    (TableKind::Features, "ml_features"),
    (TableKind::Versions, "dataset_versions"),
];

/// A database that has the tables.
pub struct Database {
    client: Client,
    tables: Vec<(TableKind, &'static str)>,
}

impl Database {
    /// Connects and looks which tables there are. Must not be called from an async task.
    ///
    /// - Errors: no connection, or no table `tracks`; the sentence has no password in it.
    pub fn open(dsn: &str) -> anyhow::Result<Self> {
        let config: postgres::Config = dsn.parse().context(
            "the connection of `--pg` is not understood; it is like \
             `postgres://user:password@host:5432/database`",
        )?;
        let place = place_of(&config);
        let mut client = config
            .connect(NoTls)
            .with_context(|| format!("cannot connect to PostgreSQL at {place}"))?;
        let mut tables = Vec::new();
        for (kind, name) in TABLES {
            let row = client.query_one("SELECT to_regclass($1) IS NOT NULL", &[&name])?;
            if row.get(0) {
                tables.push((kind, name));
            }
        }
        let has_tracks = tables.first().is_some_and(|(_, name)| *name == "tracks");
        anyhow::ensure!(has_tracks, "the database at {place} has no table `tracks`");
        Ok(Self { client, tables })
    }

    /// Bytes of the rows as JSON lines. Costs one pass over the tables.
    pub fn bytes(&mut self) -> anyhow::Result<u64> {
        let mut sum = 0;
        for (_, name) in &self.tables {
            let size = "coalesce(sum(octet_length(row_to_json(t)::text) + 1), 0)::bigint";
            let row = self
                .client
                .query_one(&format!("SELECT {size} FROM {name} t"), &[])?;
            sum += row.get::<_, i64>(0).unsigned_abs();
        }
        Ok(sum)
    }

    /// Hands every table to `take` with its kind and name, all as they were at one moment.
    ///
    /// - Errors: those of `take`, and a database that goes away.
    pub fn read(
        &mut self,
        mut take: impl FnMut(TableKind, &str, &mut Counted<'_>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let tables = self.tables.clone();
        let snapshot = self.client.build_transaction().read_only(true);
        let mut snapshot = snapshot
            .isolation_level(IsolationLevel::RepeatableRead)
            .start()?;
        for (kind, name) in tables {
            read_table(&mut snapshot, kind, name, &mut take)?;
        }
        Ok(())
    }
}

fn read_table(
    snapshot: &mut Transaction,
    kind: TableKind,
    name: &str,
    take: &mut impl FnMut(TableKind, &str, &mut Counted<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    // JSON text has no control characters, so that these two never need quoting, and every line is
    // the object as it is. Rows in the order of their ids give the same audit every time.
    let order = match kind {
        TableKind::Features => "track_id",
        _ => "id",
    };
    let copy = format!(
        "COPY (SELECT row_to_json(t) FROM {name} t ORDER BY {order}) TO STDOUT
         WITH (FORMAT csv, DELIMITER E'\\x02', QUOTE E'\\x01')"
    );
    let rows = snapshot
        .copy_out(&copy)
        .with_context(|| format!("cannot read the table `{name}`"))?;
    let mut rows = Counted::new(Box::new(rows));
    take(kind, name, &mut rows)?;
    // To whoever reads lines, a connection that broke looks like the end of a file.
    match rows.failure() {
        None => Ok(()),
        Some(reason) => anyhow::bail!(
            "the database went away while `{name}` was read ({reason}); what was read before is \
             kept, and the same command goes on from there"
        ),
    }
}

/// Where a database is, without user or password.
fn place_of(config: &postgres::Config) -> String {
    let host = config.get_hosts().first().map(|host| match host {
        postgres::config::Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        postgres::config::Host::Unix(path) => path.display().to_string(),
    });
    let port = config.get_ports().first().copied().unwrap_or(5_432);
    format!("{}:{port}", host.unwrap_or_else(|| "localhost".to_owned()))
}
