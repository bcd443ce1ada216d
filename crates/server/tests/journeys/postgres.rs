//! Moving in from the running PostgreSQL of rap-scraper, with a server of its own. Says loudly where
//! PostgreSQL is not installed.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use leitmotif_demo::rap_catalogue::{write_analyses, write_tracks};
use serde_json::Value;

use crate::harness::{TestServer, cli};

const TRACKS: u64 = 400;
/// As the database over there has them; vectors as the text that pgvector gives.
const SCHEMA: &str = "
CREATE TABLE tracks (id SERIAL PRIMARY KEY, title VARCHAR NOT NULL, artist VARCHAR NOT NULL,
    lyrics TEXT, url TEXT, genius_id INTEGER, scraped_date TIMESTAMP, word_count INTEGER,
    genre VARCHAR, release_date VARCHAR, album VARCHAR, language VARCHAR, explicit BOOLEAN,
    song_art_url TEXT, popularity_score INTEGER, lyrics_quality_score REAL, created_at TIMESTAMP,
    spotify_data JSONB, lyrics_embedding TEXT, flow_embedding TEXT, embedding_model VARCHAR(100),
    embedding_timestamp TIMESTAMP);
CREATE TABLE analysis_results (id SERIAL PRIMARY KEY, track_id INTEGER, analyzer_type VARCHAR(50),
    sentiment VARCHAR, confidence NUMERIC, themes TEXT, analysis_data JSONB, created_at TIMESTAMP,
    complexity_score NUMERIC, processing_time_ms INTEGER, model_version VARCHAR, embedding TEXT);
CREATE TABLE songs (id INTEGER);
";

/// A cluster in a folder; stopped when dropped.
struct Cluster {
    programs: PathBuf,
    folder: PathBuf,
    port: u16,
}

impl Cluster {
    /// The folder of the programs, of the newest release there is.
    fn programs() -> Option<PathBuf> {
        let usual = [
            "/usr/bin",
            "/usr/local/bin",
            "/usr/local/pgsql/bin",
            "/opt/homebrew/bin",
        ];
        let mut places: Vec<PathBuf> = usual.iter().map(PathBuf::from).collect();
        if let Ok(releases) = fs::read_dir("/usr/lib/postgresql") {
            let mut releases: Vec<_> = releases.flatten().map(|one| one.path()).collect();
            releases.sort();
            places.extend(releases.into_iter().rev().map(|path| path.join("bin")));
        }
        places.into_iter().find(|place| {
            ["initdb", "pg_ctl", "psql"]
                .iter()
                .all(|name| place.join(name).is_file())
        })
    }

    fn start(programs: PathBuf, folder: &Path) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let cluster = Self {
            programs,
            folder: folder.to_owned(),
            port,
        };
        if is_root() {
            let own = Command::new("chown").arg("postgres").arg(folder).status();
            assert!(own.unwrap().success());
        }
        let data = folder.join("cluster");
        let data = data.to_str().unwrap();
        cluster.run(
            "initdb",
            &["-D", data, "-A", "trust", "-U", "rap", "-E", "UTF8"],
        );
        let options = format!(
            "-p {port} -c listen_addresses=127.0.0.1 -c fsync=off -k {}",
            folder.display()
        );
        let log = folder.join("log");
        let log = log.to_str().unwrap();
        cluster.run(
            "pg_ctl",
            &["-D", data, "-w", "-l", log, "-o", &options, "start"],
        );
        cluster
    }

    /// Runs a program of PostgreSQL, which refuses to be root.
    fn run(&self, program: &str, arguments: &[&str]) {
        let program = self.programs.join(program);
        let mut command = match is_root() {
            true => {
                let mut command = Command::new("runuser");
                command.args(["-u", "postgres", "--"]).arg(&program);
                command
            }
            false => Command::new(&program),
        };
        // Nothing of it may hold the pipes of the test.
        let command = command.args(arguments).current_dir(&self.folder);
        let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(status.unwrap().success(), "{program:?} {arguments:?}");
    }

    fn sql(&self, text: &str) {
        let port = self.port.to_string();
        let mut psql = Command::new(self.programs.join("psql"))
            .args([
                "-h",
                "127.0.0.1",
                "-p",
                &port,
                "-U",
                "rap",
                "-d",
                "postgres",
            ])
            .args(["-q", "-v", "ON_ERROR_STOP=1"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        psql.stdin
            .take()
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
        assert!(psql.wait().unwrap().success());
    }

    /// Fills a table with rows that are JSON lines.
    fn fill(&self, table: &str, lines: &[u8]) {
        let lines = String::from_utf8(lines.to_vec()).unwrap();
        let copied = "COPY lines FROM STDIN WITH (FORMAT csv, DELIMITER E'\\x02', QUOTE E'\\x01');";
        self.sql(&format!(
            "CREATE TEMP TABLE lines (line JSONB);\n{copied}\n{lines}\\.\n
             INSERT INTO {table} SELECT filled.* FROM lines,
             jsonb_populate_record(NULL::{table}, line) AS filled;"
        ));
    }

    fn dsn(&self, port: u16) -> String {
        format!("postgres://rap@127.0.0.1:{port}/postgres")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let data = self.folder.join("cluster");
        self.run(
            "pg_ctl",
            &["-D", data.to_str().unwrap(), "-m", "immediate", "stop"],
        );
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout.trim_ascii() == b"0"
}

/// Passes bytes on to a port and hangs up after so many from there.
fn cut_after(port: u16, bytes_max: usize) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for near in listener.incoming().flatten() {
            let far = TcpStream::connect(("127.0.0.1", port)).unwrap();
            let (mut from_near, mut to_far) = (near.try_clone().unwrap(), far.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut from_near, &mut to_far));
            let mut passed = far.try_clone().unwrap().take(bytes_max as u64);
            drop(std::io::copy(&mut passed, &mut near.try_clone().unwrap()));
            drop((near.shutdown(Shutdown::Both), far.shutdown(Shutdown::Both)));
        }
    });
    own
}

fn import(data: &Path, dsn: &str) -> crate::harness::Said {
    let html = data.with_extension("html");
    let html = html.to_str().unwrap();
    cli(
        data,
        &[
            "import",
            "rap-scraper",
            "--pg",
            dsn,
            "--html",
            html,
            "--json",
        ],
    )
}

fn counts(audit: &Value, table: usize) -> [u64; 3] {
    let table = &audit["document"]["tables"][table];
    ["rows_in", "rows_out", "changed"].map(|name| table[name].as_u64().unwrap())
}

#[test]
fn journey_move_in_from_a_database() {
    let Some(programs) = Cluster::programs() else {
        let line = "\n!!! move from PostgreSQL SKIPPED: no initdb, pg_ctl and psql !!!\n\n";
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("pg");
    fs::create_dir(&place).unwrap();
    if is_root() {
        // The other user has to come through.
        let open = Command::new("chmod").arg("755").arg(folder.path()).status();
        assert!(open.unwrap().success());
    }
    let cluster = Cluster::start(programs, &place);
    let data = folder.path().join("data");

    let said = import(&data, &cluster.dsn(cluster.port));
    assert!(
        !said.is_success && said.stderr.contains("has no table `tracks`"),
        "{said:?}"
    );
    cluster.sql(SCHEMA);
    let (mut tracks, mut analyses) = (Vec::new(), Vec::new());
    write_tracks(5, TRACKS, &mut tracks).unwrap();
    let analysis_count = write_analyses(5, TRACKS, &mut analyses).unwrap();
    cluster.fill("tracks", &tracks);
    cluster.fill("analysis_results", &analyses);

    // The database goes away while its rows are read: a sentence, and what was read is kept.
    let said = import(
        &data,
        &cluster.dsn(cut_after(cluster.port, tracks.len() / 2)),
    );
    assert!(!said.is_success, "{said:?}");
    assert!(
        said.stderr.contains("went away") && said.stderr.contains("goes on"),
        "{said:?}"
    );

    let audit = import(&data, &cluster.dsn(cluster.port)).json()["audit"].clone();
    let document = &audit["document"];
    assert_eq!(document["tracks"]["tracks"], TRACKS);
    assert_eq!(document["tables"][0]["name"], "tracks");
    assert_eq!(document["tables"][1]["name"], "analysis_results");
    assert_eq!(counts(&audit, 0)[..2], [TRACKS; 2]);
    assert_eq!(counts(&audit, 1)[0], analysis_count);
    let again = import(&data, &cluster.dsn(cluster.port)).json()["audit"].clone();
    assert_eq!([counts(&again, 0)[2], counts(&again, 1)[2]], [0, 0]);

    // The files of the same rows say the same.
    let dump = folder.path().join("dump");
    fs::create_dir(&dump).unwrap();
    fs::write(dump.join("tracks.jsonl"), &tracks).unwrap();
    fs::write(dump.join("analysis.jsonl"), &analyses).unwrap();
    let html = data.with_extension("html");
    let from = [
        "import",
        "rap-scraper",
        "--jsonl",
        dump.to_str().unwrap(),
        "--json",
        "--html",
    ];
    let files = cli(&data, &[&from[..], &[html.to_str().unwrap()]].concat()).json();
    assert_eq!(
        [counts(&files["audit"], 0)[2], counts(&files["audit"], 1)[2]],
        [0, 0]
    );
    assert_eq!(files["audit"]["document"]["tracks"], document["tracks"]);

    let server = TestServer::start(&data);
    let overview = server.wire.get("/api/v1/overview");
    assert_eq!(overview["tracks"], TRACKS);
}
