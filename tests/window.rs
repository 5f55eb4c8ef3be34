//! A browser without a screen: Debian's Chromium, driven over WebDriver (W3C, 2018) by octets of our own; no library between.
//!
//! It can reach this machine and nothing else. Pictures go to `target/tmp/pages/` for people to look at.

use crate::archive::Folder;
use crate::target;
use base64ct::{Base64, Encoding};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A browser with one window.
pub struct Window {
    driver: Child,
    port: u16,
    session: String,
    _profile: Folder,
}

impl Window {
    /// Opens one. `None`, and that is said, where Chromium is not there; with `AUSCULT_FOREIGN` that is a failure.
    ///
    /// # Panics
    /// If it was to be there and is not, or does not start.
    #[must_use]
    pub fn open() -> Option<Window> {
        let driver = Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut driver = match driver {
            Ok(driver) => driver,
            Err(failure) => {
                assert!(std::env::var_os("AUSCULT_FOREIGN").is_none(), "no chromedriver: {failure}");
                eprintln!("NOT RUN, there is no chromedriver (Debian: chromium chromium-driver): {failure}");
                return None;
            }
        };
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port =
            lines.find_map(|l| l.ok()?.split_once("successfully on port ")?.1.trim_end_matches('.').parse().ok());
        let profile = Folder::new();
        let mut window = Window { driver, port: port.unwrap(), session: String::new(), _profile: profile };
        // What it says later is read by nobody, and must not stop it.
        std::thread::spawn(move || lines.for_each(drop));
        let mut arguments: Vec<String> = ARGUMENTS.iter().map(|a| (*a).to_owned()).collect();
        arguments.push(format!("--user-data-dir={}", window._profile.0.display()));
        let options = json!({"binary": "/usr/bin/chromium", "args": arguments});
        let always = json!({"acceptInsecureCerts": true, "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}});
        let made = window.call("POST", "/session", &json!({"capabilities": {"alwaysMatch": always}}));
        window.session = made["sessionId"].as_str().unwrap().to_owned();
        Some(window)
    }

    /// Goes to an address.
    pub fn go(&self, url: &str) {
        self.own("POST", "url", &json!({"url": url}));
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        self.own("GET", "url", &Value::Null).as_str().unwrap_or_default().to_owned()
    }

    /// What a script gives: the body of a function.
    #[must_use]
    pub fn script(&self, body: &str) -> Value {
        self.own("POST", "execute/sync", &json!({"script": body, "args": []}))
    }

    /// The text of the page as a person sees it.
    #[must_use]
    pub fn text(&self) -> String {
        self.script("return document.body.innerText").as_str().unwrap_or_default().to_owned()
    }

    /// The text of the first element of a selector; empty if there is none.
    #[must_use]
    pub fn text_of(&self, css: &str) -> String {
        let script = format!("const e = document.querySelector({}); return e ? e.innerText : ''", json!(css));
        self.script(&script).as_str().unwrap_or_default().to_owned()
    }

    /// Waits until the page says this.
    ///
    /// # Panics
    /// If it does not within a minute.
    pub fn until(&self, words: &str) {
        for _ in 0..600 {
            if self.text().contains(words) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("the page never says {words:?}: {} {}", self.url(), self.text());
    }

    /// Waits until the field of this name has the focus, as a person sees it blink before typing.
    ///
    /// # Panics
    /// If it has not within a minute.
    pub fn until_focused(&self, name: &str) {
        for _ in 0..600 {
            if self.script("return document.activeElement.name || ''") == json!(name) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("the field {name:?} never has the focus: {}", self.url());
    }

    /// Clicks what a selector names and goes where that leads.
    ///
    /// # Panics
    /// If it is not there, or cannot be clicked.
    pub fn click(&self, css: &str) {
        self.click_by("css selector", css);
    }

    /// Clicks a link by its words.
    ///
    /// # Panics
    /// If it is not there, or cannot be clicked.
    pub fn follow(&self, words: &str) {
        self.click_by("partial link text", words);
    }

    /// A live part of a page may be another between finding and clicking: then it is found again, as a person does.
    fn click_by(&self, using: &str, value: &str) {
        for _ in 0..5 {
            let element = self.element(using, value);
            let clicked = self.asked("POST", &format!("/session/{}/element/{element}/click", self.session), &json!({}));
            match clicked["error"].as_str() {
                None => return,
                Some("stale element reference") => {}
                Some(other) => panic!("{value}: {other} {}", clicked["message"]),
            }
        }
        panic!("{value} is another each time");
    }

    /// Types into a field.
    pub fn fill(&self, css: &str, text: &str) {
        let element = self.element("css selector", css);
        self.own("POST", &format!("element/{element}/value"), &json!({"text": text}));
    }

    /// Presses keys, wherever the focus is. `\u{e004}` is the tabulator, `\u{e007}` enter, `\u{e00d}` the space bar.
    pub fn press(&self, keys: &str) {
        let actions: Vec<Value> = keys
            .chars()
            .flat_map(|key| {
                [
                    json!({"type": "keyDown", "value": key.to_string()}),
                    json!({"type": "keyUp", "value": key.to_string()}),
                ]
            })
            .collect();
        self.own("POST", "actions", &json!({"actions": [{"type": "key", "id": "keys", "actions": actions}]}));
    }

    /// Says something to the browser in its own protocol.
    #[allow(clippy::must_use_candidate, reason = "mostly it is only told")]
    pub fn tell(&self, what: &str, parameters: &Value) -> Value {
        self.own("POST", "goog/cdp/execute", &json!({"cmd": what, "params": parameters}))
    }

    /// A picture of the whole page at a width, `target/tmp/pages/NAME-WIDTH.png`. Says whether the page is wider than the window: then
    /// somebody has to push it about.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn picture(&self, name: &str, width: u32) -> bool {
        let size =
            |height: u64| json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500});
        self.tell("Emulation.setDeviceMetricsOverride", &size(900));
        let height = self.script("return document.documentElement.scrollHeight").as_u64().unwrap_or(900);
        let is_wider =
            self.script("return document.documentElement.scrollWidth > window.innerWidth + 1") == json!(true);
        self.tell("Emulation.setDeviceMetricsOverride", &size(height.clamp(600, 6_000)));
        // Two frames later everything is drawn.
        let _ = self
            .script("return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))");
        let shot = self.own("GET", "screenshot", &Value::Null);
        let folder = target().join("tmp").join("pages");
        fs::create_dir_all(&folder).unwrap();
        let octets = Base64::decode_vec(shot.as_str().unwrap()).unwrap();
        fs::write(folder.join(format!("{name}-{width}.png")), octets).unwrap();
        self.tell("Emulation.clearDeviceMetricsOverride", &json!({}));
        is_wider
    }

    /// What the browser complained of since the last time: errors of scripts, and what the pages' policy forbade.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        let log = self.own("POST", "se/log", &json!({"type": "browser"}));
        let severe =
            |entry: &Value| entry["level"] == "SEVERE" || entry["message"].to_string().contains("Security Policy");
        log.as_array().into_iter().flatten().filter(|e| severe(e)).map(|e| e["message"].to_string()).collect()
    }

    fn element(&self, using: &str, value: &str) -> String {
        let found = self.own("POST", "element", &json!({"using": using, "value": value}));
        found.as_object().and_then(|o| o.values().next()?.as_str()).unwrap_or_default().to_owned()
    }

    fn own(&self, method: &str, path: &str, body: &Value) -> Value {
        self.call(method, &format!("/session/{}/{path}", self.session), body)
    }

    /// One question to the driver: its value. What it refuses breaks the test, in its own words.
    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let value = self.asked(method, path, body);
        assert!(value["error"].is_null(), "{method} {path}: {} {}", value["error"], value["message"]);
        value
    }

    /// One question to the driver: its value, or what it refuses.
    fn asked(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all((head + &body).as_bytes()).unwrap();
        let mut reader = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert!(reader.read_line(&mut line).unwrap() > 0, "the driver said nothing to {path}");
            if line.trim().is_empty() {
                break;
            }
            if let Some(octets) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = octets.trim().parse().unwrap();
            }
        }
        let mut octets = vec![0; length];
        reader.read_exact(&mut octets).unwrap();
        serde_json::from_slice::<Value>(&octets).unwrap()["value"].clone()
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        // The driver ends its browser with the session; what is left ends with the driver.
        // Also of a test that failed; a driver that is gone by then is no second failure.
        if !self.session.is_empty() {
            let end = || self.call("DELETE", &format!("/session/{}", self.session), &Value::Null);
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(end));
        }
        let _ = Command::new("kill").arg(self.driver.id().to_string()).status();
        let _ = self.driver.wait();
    }
}

/// It has no screen, asks nobody outside of this machine, and runs also where root runs tests.
const ARGUMENTS: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1440,900",
    "--force-color-profile=srgb",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
];
