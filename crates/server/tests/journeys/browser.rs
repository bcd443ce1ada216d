//! The studio in a real browser: by keyboard and pointer, wide and narrow, by day and by night.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use leitmotif_demo::listeners::ListenOutcome;
use leitmotif_demo::world::{World, WorldSpec};
use serde_json::{Value, json};

use crate::harness::{TestServer, wait_until};
use crate::tables::now;
use crate::webdriver::{ARROW_DOWN, ARROW_RIGHT, Browser, ENTER, Programs, TAB};

const HOSTILE: &str = "<script>alert(1)</script>";
/// Songs with audio; the rest of the catalogue is known by name and words only.
const RENDERED: usize = 12;
const WORLD: WorldSpec = WorldSpec {
    seed: 7,
    song_count: 40,
    song_seconds: 8.0,
    artist_count: 14,
    listener_count: 24,
    listen_count: 600,
    day_count: 21,
};
const DAY_MS: i64 = 86_400_000;

/// What the journey needs to know of what was put in.
struct Known {
    /// The song with the hostile title.
    track: String,
    /// Another song with audio.
    other: String,
    listener: String,
    playlist: String,
}

fn fill(server: &TestServer) -> Known {
    let wire = &server.wire;
    let mut world = World::new(WORLD);
    world.songs[0].title = HOSTILE.to_owned();
    let tracks: Vec<Value> = world
        .songs
        .iter()
        .map(|song| {
            json!({"title": song.title, "artist": song.artist, "album": song.album,
                "genre": song.genre, "lyrics": song.lyrics})
        })
        .collect();
    let written = wire.post("/api/v1/tracks", &json!({ "tracks": tracks }));
    let ids: Vec<&str> = written["tracks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|track| track["id"].as_str().unwrap())
        .collect();
    let mut truths = BTreeMap::new();
    let upload = |id: &str, bytes: &[u8]| {
        let path = format!("/api/v1/tracks/{id}/audio?extension=wav");
        let reply = wire.send("PUT", &path, &[], bytes);
        assert_eq!(reply.status, 200, "{}", reply.text());
    };
    for (index, id) in ids.iter().enumerate().take(RENDERED) {
        let song = world.render(index).unwrap();
        upload(id, &song.wav);
        truths.insert(index, song.truth);
    }
    upload(ids[RENDERED], b"dear diary, this is no music");
    let start = now() - i64::from(WORLD.day_count + 1) * DAY_MS;
    let events: Vec<Value> = world
        .simulate(&truths)
        .listens
        .iter()
        .map(|listen| {
            let outcome = match listen.outcome {
                ListenOutcome::Played => "completed",
                ListenOutcome::Skipped => "skipped",
            };
            json!({"kind": "listen", "occurred_at": start + listen.at_ms as i64,
                "listener": format!("listener-{}", listen.listener_index),
                "track": ids[listen.track_index], "outcome": outcome,
                "played_ms": listen.played_ms, "track_ms": listen.track_ms})
        })
        .collect();
    wire.post("/api/v1/events", &json!({ "events": events }));
    let playlist = json!({"name": "Morning", "tracks": [ids[1], ids[2]]});
    let playlist = wire.post("/api/v1/playlists", &playlist);
    assert_eq!(server.wait_idle(), 1, "the broken file is the dead job");
    let job = wire.post("/api/v1/training-runs", &json!({}))["job"].clone();
    let trained = server.wait_job(&job);
    assert_eq!(trained["state"], "done", "{trained}");
    let listener = wire.get("/api/v1/listeners/listener-1");
    Known {
        track: ids[0].to_owned(),
        other: ids[1].to_owned(),
        listener: listener["id"].as_str().unwrap().to_owned(),
        playlist: playlist["id"].as_str().unwrap().to_owned(),
    }
}

#[test]
fn the_studio_in_a_browser() {
    let programs = match Programs::find() {
        Ok(programs) => programs,
        Err(missing) => {
            // Written past the harness, which keeps what passing tests print.
            let line = format!("\n!!! browser test SKIPPED: {missing} !!!\n\n");
            std::io::stderr().write_all(line.as_bytes()).unwrap();
            return;
        }
    };
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(&folder.path().join("data"));
    let known = fill(&server);
    let profile = folder.path().join("profile");
    let browser = Browser::open(&programs, &profile, &server.wire.address);

    login(&browser, &server);
    overview(&browser, &server);
    library(&browser, &known);
    track(&browser, &known);
    close_reading(&browser, &known);
    comparison(&browser, &known);
    map(&browser);
    listener(&browser, &known);
    jobs(&browser, &server);
    every_page(&browser, &known, folder.path());
    dark(&browser);
    not_found(&browser);
    logout(&browser);
    is_quiet(&browser);
}

/// Asserts that no page complained since the last look.
fn is_quiet(browser: &Browser) {
    let complaints = browser.complaints();
    assert!(complaints.is_empty(), "{complaints:#?}");
}

/// Asserts that the browser complained of one status of one page, and of nothing else.
fn complained_once(browser: &Browser, path: &str, status: &str) {
    let complaints = browser.complaints();
    let is_it = |text: &String| text.contains(path) && text.contains(status);
    assert!(
        complaints.len() == 1 && complaints.iter().all(is_it),
        "{complaints:#?}"
    );
}

/// Asserts what holds for every page.
fn is_sound(browser: &Browser) {
    browser.holds("document.querySelectorAll('h1').length === 1");
    browser.holds("document.querySelector('h1').textContent.trim() !== ''");
    browser.holds("document.documentElement.lang === 'en'");
    browser.holds("document.title.endsWith(' · Leitmotif') && document.title.length > 12");
    browser
        .holds("document.querySelector('a, button, input').matches('a.skip[href=\"#content\"]')");
    browser.holds("document.querySelectorAll('main#content').length === 1");
    browser.holds("document.querySelectorAll('header.masthead, footer.colophon').length === 2");
    browser.holds(
        "new Set([...document.querySelectorAll('[id]')].map((e) => e.id)).size \
         === document.querySelectorAll('[id]').length",
    );
    browser.holds("[...document.scripts].every((s) => s.src.startsWith(location.origin))");
    // Whatever can be operated has a name.
    browser.holds(
        "[...document.querySelectorAll('a, button, input:not([type=hidden]):not([hidden]), select')]\
         .every((e) => e.textContent.trim() || e.ariaLabel || e.labels?.length)",
    );
}

fn login(browser: &Browser, server: &TestServer) {
    browser.go("/studio/jobs?state=dead");
    browser.wait("location.pathname === '/studio/login'");
    is_sound(browser);
    browser.holds("!document.querySelector('#complaint')");
    browser.tab_to("#key");
    browser.press("lm_no_such_key");
    browser.press(ENTER);
    browser.wait("document.querySelector('#complaint[role=alert]')");
    browser.holds("document.querySelector('#complaint').innerText.includes('opens nothing')");
    browser.holds("document.querySelector('#key').getAttribute('aria-invalid') === 'true'");
    browser.holds("document.querySelector('#key').value === ''");
    complained_once(browser, "/studio/login", "401");
    is_sound(browser);

    browser.tab_to("#key");
    browser.press(server.wire.key.as_deref().unwrap());
    browser.tab_to("form button[type=submit]");
    browser.press(ENTER);
    // Where the visitor wanted to go in the first place.
    browser.wait("location.pathname + location.search === '/studio/jobs?state=dead'");
    browser.holds("document.cookie === ''");
    is_quiet(browser);
}

fn overview(browser: &Browser, server: &TestServer) {
    browser.go("/studio");
    is_sound(browser);
    // The first Tab offers the way past the navigation.
    browser.press(TAB);
    browser.holds("document.activeElement.matches('a.skip')");
    browser.wait("document.activeElement.getBoundingClientRect().top >= 0");
    browser.press(ENTER);
    browser.wait("document.activeElement.matches('main#content')");

    let counts = server.wire.get("/api/v1/overview");
    for name in ["tracks", "with_audio", "analysed", "listeners", "events"] {
        let shown = browser.text(&format!(
            "document.querySelector('[data-count={name}]').innerText"
        ));
        assert_eq!(shown, counts[name].to_string(), "{name}");
    }
    assert_eq!(counts["tracks"], WORLD.song_count);
    let dead = browser.text("document.querySelector('[data-jobs=dead]').innerText");
    assert_eq!(dead, "1");
    browser.holds("document.querySelectorAll('table.ladder tbody tr').length >= 5");
    // It follows what happens while it is open.
    server.wire.post(
        "/api/v1/tracks",
        &json!({"title": "Latecomer", "artist": "Somebody", "genre": "late"}),
    );
    let more = WORLD.song_count + 1;
    browser.wait(&format!(
        "document.querySelector('[data-count=tracks]').innerText === '{more}'"
    ));
    is_quiet(browser);
}

fn library(browser: &Browser, known: &Known) {
    browser.tab_to("nav a[href='/studio/library']");
    browser.press(ENTER);
    browser.wait("location.pathname === '/studio/library'");
    is_sound(browser);
    browser.tab_to("#q");
    browser.press("latecomer");
    browser.press(ENTER);
    browser.wait("location.search.includes('q=latecomer')");
    browser.holds("document.querySelectorAll('tbody tr').length === 1");
    browser.holds("document.querySelector('tbody th').innerText === 'Latecomer'");

    browser.tab_to(".filters a[href='/studio/library']");
    browser.press(ENTER);
    browser.wait("location.search === ''");
    browser.tab_to("#audio");
    browser.press(ARROW_DOWN);
    browser.holds("document.activeElement.value === 'yes'");
    browser.tab_to(".filters button");
    browser.press(ENTER);
    browser.wait("location.search.includes('audio=yes')");
    browser.holds("document.querySelector('#audio').value === 'yes'");
    let rows = browser.value("document.querySelectorAll('tbody tr').length");
    assert_eq!(rows, RENDERED + 1);
    browser.holds(
        "[...document.querySelectorAll('tbody td.has')].every((e) => e.innerText.includes('audio'))",
    );

    // Markup in a title is text.
    let link = format!("tbody th a[href='/studio/tracks/{}']", known.track);
    browser.holds(&format!(
        "document.querySelector({link:?}).innerText === {HOSTILE:?}"
    ));
    browser.tab_to(&link);
    browser.press(ENTER);
    browser.wait(&format!(
        "location.pathname === '/studio/tracks/{}'",
        known.track
    ));
    is_quiet(browser);
}

fn track(browser: &Browser, known: &Known) {
    is_sound(browser);
    browser.holds(&format!(
        "document.querySelector('h1').innerText === {HOSTILE:?}"
    ));
    // The address is there before the last of the page is.
    browser.wait("document.readyState === 'complete'");
    browser.holds("document.querySelector('.wave svg .wave-shape').getBBox().width > 900");
    browser.holds("document.querySelector('.wave-beats').getAttribute('d').split('M').length > 8");
    browser.holds("document.querySelector('.wave-downbeats').getAttribute('d').includes('M')");

    for (title, pattern) in [
        ("Tempo", "/^[\\d.]+ bpm/"),
        ("Key", "/^[A-G]#?b? (major|minor)/"),
    ] {
        let card = format!(
            "[...document.querySelectorAll('article.card')]\
             .find((e) => e.querySelector('h3').innerText === '{title}')"
        );
        browser.holds(&format!(
            "{pattern}.test({card}.querySelector('.card-value').innerText)"
        ));
        let evidence = format!("{card}.querySelector('details.evidence')");
        browser.holds(&format!(
            "!{evidence}.querySelector('dl').checkVisibility()"
        ));
        browser.click(&format!("{evidence}.querySelector('summary')"));
        browser.wait(&format!("{evidence}.querySelector('dl').checkVisibility()"));
        for word in ["Confidence", "Method", "Version"] {
            browser.holds(&format!("{evidence}.innerText.includes('{word}')"));
        }
    }

    browser.holds("document.querySelectorAll('ol.verse li').length >= 12");
    browser.holds("document.querySelectorAll('ol.verse .rhyme').length >= 6");
    browser.holds(
        "[...document.querySelectorAll('.rhyme')]\
         .every((e) => getComputedStyle(e).backgroundColor !== 'rgba(0, 0, 0, 0)')",
    );

    let near = "[...document.querySelectorAll('section[aria-labelledby=near] td .measure')]\
                .map((e) => Number(e.innerText))";
    browser.holds(&format!("{near}.length >= 5"));
    browser.holds(&format!(
        "{near}.every((d, i, all) => d >= 0 && d <= 2 && (i === 0 || all[i - 1] <= d))"
    ));

    plays(browser, known);
    is_quiet(browser);
}

/// The browser reads the audio by range, and the keyboard moves within it.
fn plays(browser: &Browser, known: &Known) {
    let audio = "document.querySelector('[data-audio]')";
    browser.wait(&format!("{audio}.readyState >= 1 && {audio}.duration > 0"));
    browser.holds(&format!(
        "Math.abs({audio}.duration - {}) < 0.2 && !{audio}.error",
        WORLD.song_seconds
    ));
    browser.holds("document.querySelector('[data-audio-problem]').hidden");
    let path = format!("/api/v1/tracks/{}/audio", known.track);
    let answers = browser.exchanges();
    let mut answers = answers.iter().filter(|answer| answer.url.ends_with(&path));
    assert!(
        answers.any(|answer| answer.status == Some(206) && answer.range.is_some()),
        "the audio is read by range"
    );
    browser.tab_to("[data-seek][role=slider]");
    browser.press(ARROW_RIGHT);
    browser.wait(&format!("Math.abs({audio}.currentTime - 5) < 0.2"));
    browser.wait("document.querySelector('[data-seek]').getAttribute('aria-valuenow') === '5'");
}

/// Syllables and density come when they are asked for.
fn close_reading(browser: &Browser, known: &Known) {
    browser.holds("document.querySelectorAll('.syllable-count').length === 0");
    browser.click("document.querySelector('a[href*=\"words=close\"]')");
    browser.wait("location.search === '?words=close'");
    browser.wait("document.readyState === 'complete'");
    is_sound(browser);
    browser.holds("document.querySelectorAll('.syllable-count').length >= 12");
    browser.holds("document.querySelectorAll('ol.verse .stressed').length >= 12");
    browser.holds("document.querySelectorAll('.density .spread-here').length >= 4");
    browser
        .holds("document.querySelector('.density').innerText.includes('tracks of this catalogue')");
    browser.holds("document.querySelectorAll('.wheel .wheel-key').length === 1");
    browser.holds("document.querySelectorAll('.wheel .wheel-near').length === 3");
    browser.holds("document.querySelector('.loudness-short').getBBox().width > 900");
    browser.go(&format!("/studio/tracks/{}", known.track));
    is_quiet(browser);
}

/// From a near track to both side by side.
fn comparison(browser: &Browser, known: &Known) {
    browser.click(
        "document.querySelector('section[aria-labelledby=near] a[aria-label^=\"Compare with\"]')",
    );
    browser.wait("location.pathname === '/studio/compare'");
    browser.wait("document.readyState === 'complete'");
    is_sound(browser);
    browser.holds("document.querySelectorAll('.pair-side .wave-shape').length === 2");
    browser.holds("document.querySelectorAll('section[aria-labelledby=shared] .card').length <= 3");
    browser.holds(
        "document.querySelectorAll('section[aria-labelledby=traits] tbody tr').length >= 10",
    );
    browser.holds(&format!(
        "document.querySelector('.pair-side a').getAttribute('href') === '/studio/tracks/{}'",
        known.track
    ));
    is_quiet(browser);
}

/// The map is made, drawn, coloured and walked over by keyboard.
fn map(browser: &Browser) {
    browser.click("document.querySelector('nav[aria-label=Library] a[href=\"/studio/map\"]')");
    browser.wait("location.pathname === '/studio/map'");
    is_sound(browser);
    browser.wait("document.querySelector('[data-map]').classList.contains('is-ready')");
    browser.wait("document.querySelectorAll('[data-list] li a').length >= 5");
    browser.wait("document.querySelectorAll('[data-legend] .map-name').length >= 2");
    // Something of a colour is on the canvas.
    browser.wait(
        "[...document.querySelector('[data-canvas]').getContext('2d')\
         .getImageData(0, 0, document.querySelector('[data-canvas]').width, document.querySelector('[data-canvas]').height)\
         .data].some((value, place) => place % 4 === 3 && value > 200)",
    );
    browser.tab_to("[data-canvas]");
    browser.press("n");
    browser.wait("!document.querySelector('[data-tip]').hidden");
    browser.wait("document.querySelector('[data-announce]').textContent.length > 3");
    browser.press(ENTER);
    browser.wait("location.pathname.startsWith('/studio/tracks/')");
    browser.wait("document.readyState === 'complete'");
    is_quiet(browser);
}

fn listener(browser: &Browser, known: &Known) {
    browser.go("/studio/listeners");
    browser.click(&format!(
        "document.querySelector('a[href=\"/studio/listeners/{}\"]')",
        known.listener
    ));
    browser.wait(&format!(
        "location.pathname === '/studio/listeners/{}'",
        known.listener
    ));
    is_sound(browser);
    browser.holds("document.querySelector('.rung').innerText === 'personalised'");
    browser.holds("document.querySelectorAll('ol.next > li').length >= 5");
    browser.holds(
        "[...document.querySelectorAll('ol.next > li')]\
         .every((e) => e.querySelector('.reason-text')?.innerText.length > 3)",
    );
    browser.holds("document.querySelector('[data-announce][aria-live=polite]').innerText === ''");

    let first = "document.querySelector('ol.next > li').dataset.track";
    let skipped = browser.text(first);
    let title = browser.text("document.querySelector('ol.next > li').dataset.title");
    let request = browser.text("document.querySelector('[data-request]').dataset.request");
    browser.click("document.querySelector('ol.next > li button[data-act=skip]')");
    let said = json!(format!("Skipped {title}. The list was asked for again"));
    browser.wait(&format!(
        "document.querySelector('[data-announce]').innerText.startsWith({said})"
    ));
    assert_ne!(browser.text(first), skipped, "another track leads the list");
    browser.holds(&format!(
        "document.querySelector('[data-request]').dataset.request !== '{request}'"
    ));
    browser.holds("document.querySelectorAll('ol.next .change').length > 0");
    browser.holds("document.querySelector('[data-recommended]').ariaBusy !== 'true'");
    browser.holds("document.activeElement.matches('ol.next button[data-act=skip]')");
    // It lasts.
    browser.go(&format!("/studio/listeners/{}", known.listener));
    assert_ne!(browser.text(first), skipped, "the skip is remembered");
    is_quiet(browser);
}

fn jobs(browser: &Browser, server: &TestServer) {
    let before = server.wire.get("/api/v1/jobs?state=dead")["jobs"][0].clone();
    let id = before["id"].as_str().unwrap();
    browser.go("/studio/jobs");
    is_sound(browser);
    browser.click("document.querySelector('nav.states a[href$=\"state=dead\"]')");
    browser.wait("location.search === '?state=dead'");
    let row = format!("document.querySelector('tr[data-job=\"{id}\"]')");
    browser.holds("document.querySelectorAll('tr[data-job]').length === 1");
    browser.holds(&format!("{row}.dataset.state === 'dead'"));
    browser.holds(&format!(
        "{row}.querySelector('.job-error').innerText.includes('cannot analyse the audio')"
    ));
    browser.click(&format!("{row}.querySelector('form button')"));
    browser.wait("location.pathname + location.search === '/studio/jobs'");
    // It is run again, and the page says how that ended without being asked.
    let after = wait_until("the job is run again", || {
        let job = server.wire.get(&format!("/api/v1/jobs/{id}"));
        let is_over = job["state"] == "done" || job["state"] == "dead";
        (is_over && job["updated_at"] != before["updated_at"]).then_some(job)
    });
    assert_eq!(after["state"], "dead", "the file is as broken as before");
    browser.wait(&format!(
        "{row}.dataset.state === 'dead' && !!{row}.querySelector('form button')"
    ));
    browser.wait("document.querySelector('[data-jobs=dead]').innerText === '1'");
    is_quiet(browser);
}

/// Every page is sound, and none is wider than the window of a telephone.
fn every_page(browser: &Browser, known: &Known, folder: &Path) {
    let narrow = json!({"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": false});
    browser.cdp("Emulation.setDeviceMetricsOverride", &narrow);
    let pages = [
        "/studio/login".to_owned(),
        "/studio".to_owned(),
        "/studio/library".to_owned(),
        format!("/studio/tracks/{}", known.track),
        format!("/studio/tracks/{}?words=close", known.track),
        "/studio/map".to_owned(),
        "/studio/compare?q=the".to_owned(),
        format!("/studio/compare?track={}&with={}", known.track, known.other),
        "/studio/listeners".to_owned(),
        format!("/studio/listeners/{}", known.listener),
        "/studio/playlists".to_owned(),
        format!("/studio/playlists/{}", known.playlist),
        "/studio/jobs".to_owned(),
        "/studio/models".to_owned(),
        "/studio/duplicates".to_owned(),
        "/studio/heads".to_owned(),
        "/studio/lyrics-space".to_owned(),
        "/studio/analyzers".to_owned(),
        "/studio/analyzers/tempo".to_owned(),
        "/studio/analyzers/energy".to_owned(),
        "/studio/features".to_owned(),
        "/studio/features/track?feature=plays_30d".to_owned(),
        "/studio/metrics".to_owned(),
        "/studio/plugins".to_owned(),
        "/studio/webhooks".to_owned(),
        "/studio/metrics/click_through".to_owned(),
    ];
    for (number, path) in pages.iter().enumerate() {
        browser.go(path);
        is_sound(browser);
        browser.holds("innerWidth === 360");
        // Opened evidence must fit as well.
        browser.script("document.querySelectorAll('details').forEach((e) => { e.open = true; });");
        let widest = browser.value("document.documentElement.scrollWidth");
        assert!(widest.as_f64().unwrap() <= 360.0, "{path}: {widest}");
        let picture = browser.picture().unwrap();
        assert!(picture.starts_with(b"\x89PNG") && picture.len() > 4_000);
        std::fs::write(folder.join(format!("narrow-{number}.png")), picture).unwrap();
    }
    browser.cdp("Emulation.clearDeviceMetricsOverride", &json!({}));
    is_quiet(browser);
}

fn dark(browser: &Browser) {
    browser.go("/studio");
    let scheme = |value: &str| {
        let features = json!([{"name": "prefers-color-scheme", "value": value}]);
        let media = json!({"media": "", "features": features});
        browser.cdp("Emulation.setEmulatedMedia", &media);
        browser.wait(&format!(
            "matchMedia('(prefers-color-scheme: {value})').matches"
        ));
        let light = |property: &str| {
            let sum = format!(
                "getComputedStyle(document.body).{property}.match(/\\d+/g).slice(0, 3)\
                 .reduce((sum, part) => sum + Number(part), 0)"
            );
            browser.value(&sum).as_i64().unwrap()
        };
        (light("backgroundColor"), light("color"))
    };
    let (day_ground, day_ink) = scheme("light");
    let (night_ground, night_ink) = scheme("dark");
    assert!(day_ground > 600 && day_ink < 200, "{day_ground} {day_ink}");
    assert!(
        night_ground < 200 && night_ink > 600,
        "{night_ground} {night_ink}"
    );
    is_quiet(browser);
}

fn not_found(browser: &Browser) {
    browser.go("/studio/no/such/page");
    is_sound(browser);
    browser.holds("document.querySelector('h1').innerText === 'Not Found'");
    complained_once(browser, "/studio/no/such/page", "404");
    browser.tab_to("main a[href='/studio']");
    browser.press(ENTER);
    browser.wait("location.pathname === '/studio'");
}

fn logout(browser: &Browser) {
    browser.tab_to("form.account button");
    browser.press(ENTER);
    browser.wait("location.pathname === '/studio/login'");
    browser.go("/studio/library");
    browser.wait("location.pathname === '/studio/login'");
    browser.holds("!document.querySelector('nav')");
}
