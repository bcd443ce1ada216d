//! A headless Chromium behind chromedriver, driven by the W3C WebDriver protocol.

use std::cell::RefCell;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use base64::Engine;
use serde_json::{Value, json};

use crate::wire::Wire;

/// Longest wait for anything a page does.
const PATIENCE: Duration = Duration::from_secs(45);
const LOOK_EVERY: Duration = Duration::from_millis(25);
/// The name under which the protocol passes elements.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

pub const TAB: &str = "\u{E004}";
pub const ENTER: &str = "\u{E007}";
pub const ARROW_RIGHT: &str = "\u{E014}";
pub const ARROW_DOWN: &str = "\u{E015}";

/// Where browser and driver lie.
pub struct Programs {
    browser: PathBuf,
    driver: PathBuf,
}

impl Programs {
    /// Looks in `PATH`; the error names what is missing.
    pub fn find() -> Result<Self, String> {
        let browsers = [
            "chromium",
            "chromium-browser",
            "google-chrome",
            "google-chrome-stable",
        ];
        Ok(Self {
            driver: in_path(&["chromedriver"])?,
            browser: in_path(&browsers)?,
        })
    }
}

fn in_path(names: &[&str]) -> Result<PathBuf, String> {
    let look = |name: &&str| {
        let mut shell = Command::new("sh");
        shell.args(["-c", "command -v \"$0\"", name]);
        let said = shell.stdin(Stdio::null()).output().ok()?;
        let place = String::from_utf8(said.stdout).ok()?;
        said.status
            .success()
            .then(|| PathBuf::from(place.trim_end()))
    };
    names
        .iter()
        .find_map(look)
        .ok_or_else(|| format!("no {} in PATH", names.join(", ")))
}

/// What a page got, as the browser tells it.
#[derive(Debug, Clone)]
pub struct Exchange {
    pub url: String,
    /// The `Content-Range` of the answer.
    pub range: Option<String>,
    pub status: Option<u64>,
}

/// A window; closed with everything it started when dropped.
pub struct Browser {
    wire: Wire,
    session: String,
    /// Where the pages are.
    site: String,
    driver: Child,
    reader: Option<JoinHandle<()>>,
    exchanges: RefCell<Vec<Exchange>>,
    /// The severe lines of the console: errors, refusals, what could not be loaded.
    complaints: RefCell<Vec<String>>,
}

impl Browser {
    /// Opens a window with an empty profile.
    pub fn open(programs: &Programs, profile: &Path, address: &str) -> Self {
        let mut driver = Command::new(&programs.driver)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let rest = line.split_once("successfully on port ")?.1;
            rest.trim_end_matches('.').parse::<u16>().ok()
        });
        let reader = std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        let mut browser = Self {
            wire: Wire {
                address: format!("127.0.0.1:{}", port.expect("chromedriver tells its port")),
                key: None,
            },
            session: String::new(),
            site: format!("http://{address}"),
            driver,
            reader: Some(reader),
            exchanges: RefCell::default(),
            complaints: RefCell::default(),
        };
        let asked = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"binary": programs.browser, "args": arguments(profile)},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
            "timeouts": {"script": 45_000, "pageLoad": 45_000, "implicit": 0},
        }}});
        let opened = browser.send("POST", "/session", &asked);
        let opened = opened.unwrap_or_else(|error| panic!("the browser opens: {error}"));
        browser.session = opened["sessionId"].as_str().unwrap().to_owned();
        browser
    }

    fn send(&self, method: &str, path: &str, document: &Value) -> Result<Value, String> {
        let reply = self.wire.ask(method, path, document);
        let value = reply.json()["value"].take();
        if reply.status == 200 {
            return Ok(value);
        }
        let text = |name: &str| value[name].as_str().unwrap_or_default();
        let first = text("message").lines().next().unwrap_or_default();
        Err(format!("{}: {first}", text("error")))
    }

    fn try_command(&self, name: &str, document: &Value) -> Result<Value, String> {
        let path = format!("/session/{}/{name}", self.session);
        self.send("POST", &path, document)
    }

    fn command(&self, name: &str, document: &Value) -> Value {
        self.try_command(name, document)
            .unwrap_or_else(|error| panic!("{name} {document}: {error}"))
    }

    /// Opens a page of the studio.
    pub fn go(&self, path: &str) {
        self.command("url", &json!({"url": format!("{}{path}", self.site)}));
    }

    /// Runs the body of a function in the page.
    pub fn script(&self, body: &str) -> Value {
        self.command("execute/sync", &json!({"script": body, "args": []}))
    }

    /// What an expression is.
    pub fn value(&self, expression: &str) -> Value {
        self.script(&format!("return ({expression});"))
    }

    /// The text an expression is.
    pub fn text(&self, expression: &str) -> String {
        let value = self.value(expression);
        let text = value.as_str().map(str::to_owned);
        text.unwrap_or_else(|| panic!("{expression} is {value}"))
    }

    /// Asserts that an expression is true.
    pub fn holds(&self, expression: &str) {
        let value = self.value(expression);
        assert_eq!(value, true, "{expression} on {}", self.place());
    }

    /// Where the window is.
    pub fn place(&self) -> String {
        self.text("location.pathname + location.search")
    }

    /// Waits until an expression is true of a page that is loaded; pages may come and go.
    pub fn wait(&self, expression: &str) {
        let started = Instant::now();
        let body = format!("return document.readyState === 'complete' && !!({expression});");
        let asked = json!({"script": body, "args": []});
        loop {
            let found = self.try_command("execute/sync", &asked);
            if found.as_ref().is_ok_and(|value| value == true) {
                return;
            }
            assert!(
                started.elapsed() < PATIENCE,
                "waited too long on {} for: {expression}: {found:?}",
                self.place()
            );
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Presses and releases keys, one after the other, wherever the focus is.
    pub fn press(&self, keys: &str) {
        let strokes = keys.chars().flat_map(|key| {
            ["keyDown", "keyUp"].map(|kind| json!({"type": kind, "value": key.to_string()}))
        });
        let strokes: Vec<Value> = strokes.collect();
        let source = json!({"type": "key", "id": "keyboard", "actions": strokes});
        self.command("actions", &json!({ "actions": [source] }));
    }

    /// Goes on with Tab until the focus is at an element, and is seen to be there.
    pub fn tab_to(&self, selector: &str) {
        let is_there = format!("document.activeElement.matches({selector:?})");
        // The way around the longest page: a track with two links for each near one.
        for _ in 0..120 {
            if self.value(&is_there) == true {
                self.holds("getComputedStyle(document.activeElement).outlineStyle === 'solid'");
                return;
            }
            self.press(TAB);
        }
        panic!("the keyboard does not reach {selector} on {}", self.place());
    }

    /// Clicks the element an expression finds, as a pointer does.
    pub fn click(&self, expression: &str) {
        // The page scrolls smoothly, and the driver would click before it is there.
        let found = self.script(&format!(
            "const found = ({expression}); \
             found.scrollIntoView({{block: 'center', behavior: 'instant'}}); return found;"
        ));
        let element = found[ELEMENT].as_str();
        let element = element.unwrap_or_else(|| panic!("no element: {expression}: {found}"));
        self.command(&format!("element/{element}/click"), &json!({}));
    }

    /// A command of the browser's own protocol.
    pub fn cdp(&self, name: &str, parameters: &Value) {
        let asked = json!({"cmd": name, "params": parameters});
        self.command("goog/cdp/execute", &asked);
    }

    /// Reads the logs, and asserts that the pages asked nobody but their server.
    fn read_logs(&self) {
        for entry in list(&self.command("se/log", &json!({"type": "browser"}))) {
            if entry["level"] == "SEVERE" {
                let text = entry["message"].as_str().unwrap_or_default().to_owned();
                self.complaints.borrow_mut().push(text);
            }
        }
        let mut exchanges = self.exchanges.borrow_mut();
        for entry in list(&self.command("se/log", &json!({"type": "performance"}))) {
            let text = entry["message"].as_str().unwrap_or_default();
            let told: Value = serde_json::from_str(text).unwrap_or_default();
            let (method, told) = (&told["message"]["method"], &told["message"]["params"]);
            if method == "Network.requestWillBeSent" {
                let url = told["request"]["url"].as_str().unwrap_or_default();
                let is_ours = url.starts_with(&format!("{}/", self.site));
                // The browser's own first window loads pages that come with it.
                let is_inside = url.starts_with("data:") || url.starts_with("chrome://");
                assert!(is_ours || is_inside, "a page asked {url}");
            }
            if method == "Network.responseReceived" {
                let answer = &told["response"];
                let headers = &answer["headers"];
                let named = |name: &str| headers[name].as_str().map(str::to_owned);
                exchanges.push(Exchange {
                    url: answer["url"].as_str().unwrap_or_default().to_owned(),
                    range: named("content-range").or_else(|| named("Content-Range")),
                    status: answer["status"].as_u64(),
                });
            }
        }
    }

    /// Every answer the pages got so far.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.read_logs();
        self.exchanges.borrow().clone()
    }

    /// The severe lines of the console since the last look.
    pub fn complaints(&self) -> Vec<String> {
        self.read_logs();
        self.complaints.take()
    }

    /// A picture of the window.
    pub fn picture(&self) -> Result<Vec<u8>, String> {
        let path = format!("/session/{}/screenshot", self.session);
        let reply = self.wire.try_send("GET", &path, &[], b"");
        let document = reply.map_err(|error| error.to_string())?.json();
        let text = document["value"].as_str().unwrap_or_default();
        let engine = base64::engine::general_purpose::STANDARD;
        engine.decode(text).map_err(|error| error.to_string())
    }

    /// Leaves a picture where a person finds it after a failure.
    fn leave_picture(&self) {
        let name = format!("leitmotif-browser-{}.png", std::process::id());
        let place = std::env::temp_dir().join(name);
        if let Ok(picture) = self.picture()
            && std::fs::write(&place, picture).is_ok()
        {
            eprintln!("the window when it failed: {}", place.display());
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            if std::thread::panicking() {
                self.leave_picture();
            }
            // Closes the browser and waits for it; chromedriver alone would leave it behind.
            let path = format!("/session/{}", self.session);
            let _ = self.wire.try_send("DELETE", &path, &[], b"");
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

fn arguments(profile: &Path) -> Vec<String> {
    let fixed = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--window-size=1280,900",
    ];
    let mut arguments: Vec<String> = fixed.iter().map(|&text| text.to_owned()).collect();
    arguments.push(format!("--user-data-dir={}", profile.display()));
    arguments
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
