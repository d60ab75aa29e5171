//! Chromium, driven through chromedriver, and the program that it visits.
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use fantoccini::key::Key;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::Mutex;

/// Starts a program and a browser, runs the test, and stops both whatever its result. The program comes with its URL.
pub(crate) async fn in_browser<P, F>(program: impl Future<Output = (P, String)>, test: F)
where
    P: 'static,
    F: AsyncFnOnce(&Browser, &mut P) + 'static,
{
    static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());
    let _turn = ONE_AT_A_TIME.lock().await;
    let Some(chromium) = installed() else { return };

    let (mut program, url) = program.await;
    let (_driver, port) = driver().await;

    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let profile = std::env::temp_dir().join(format!("vouchsafe-browser-{}-{number}", std::process::id()));
    let client = connect(&format!("http://127.0.0.1:{port}"), &chromium, &profile).await;
    let browser = Browser { client: client.clone(), url: url.trim_end_matches('/').to_owned() };
    // A task of its own, so that a test that panics leaves no browser behind.
    let task = async { tokio::task::spawn_local(async move { test(&browser, &mut program).await }).await };
    let result = tokio::task::LocalSet::new().run_until(task).await;
    let _ = client.close().await;
    let _ = std::fs::remove_dir_all(profile);
    if let Err(panic) = result {
        std::panic::resume_unwind(panic.into_panic());
    }
}

/// The path of the browser, or `None` and a message.
fn installed() -> Option<PathBuf> {
    let find = |names: &[&str]| {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path)
            .flat_map(|dir| names.iter().map(move |n| dir.join(n)).collect::<Vec<_>>())
            .find(|p| p.is_file())
    };
    let driver = find(&["chromedriver"]);
    let chromium = find(&["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]);
    if let (Some(_), Some(chromium)) = (&driver, chromium) {
        return Some(chromium);
    }
    let missing = if driver.is_none() { "chromedriver" } else { "chromium" };
    assert!(std::env::var_os("VOUCHSAFE_TEST_ALL").is_none(), "{missing} is not installed");
    // Straight to the terminal: the test runner hides the output of a test that passes.
    let _ = writeln!(io::stderr(), "skipped: the test in a browser, because {missing} is not installed");
    None
}

pub(crate) fn start(command: &mut Command) -> (Child, BufReader<ChildStdout>) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap());
    (child, lines)
}

/// ChromeDriver and its port. It takes a free port of IPv4 and then the same port of IPv6, and ends if that is in use. Then
/// it is started again.
async fn driver() -> (Child, String) {
    for _ in 0..10 {
        let (driver, mut lines) = start(Command::new("chromedriver").arg("--port=0"));
        if let Some(line) = find_line(&mut lines, "successfully on port").await {
            return (driver, line.rsplit(' ').next().unwrap().trim_end_matches('.').to_owned());
        }
    }
    panic!("chromedriver does not start")
}

pub(crate) async fn line_with(lines: &mut BufReader<ChildStdout>, text: &str) -> String {
    find_line(lines, text).await.unwrap_or_else(|| panic!("it ended before it said {text:?}"))
}

/// The line that contains a text, or `None` if the program ends before.
async fn find_line(lines: &mut BufReader<ChildStdout>, text: &str) -> Option<String> {
    let found = async {
        loop {
            let mut line = String::new();
            if lines.read_line(&mut line).await.unwrap() == 0 {
                return None;
            }
            if line.contains(text) {
                return Some(line.trim().to_owned());
            }
        }
    };
    tokio::time::timeout(PATIENCE, found).await.unwrap_or_else(|_| panic!("it never said {text:?}"))
}

async fn connect(driver: &str, chromium: &std::path::Path, profile: &std::path::Path) -> Client {
    let flags = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-dev-shm-usage",
        "--disable-sync",
        "--window-size=1280,900",
        &format!("--user-data-dir={}", profile.display()),
    ];
    let capabilities = json!({
        "goog:chromeOptions": { "binary": chromium, "args": flags },
        "goog:loggingPrefs": { "browser": "ALL" },
    });
    let Value::Object(capabilities) = capabilities else { unreachable!() };
    ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
        .capabilities(capabilities)
        .connect(driver)
        .await
        .unwrap()
}

pub(crate) struct Browser {
    pub(crate) client: Client,
    url: String,
}

impl Browser {
    pub(crate) async fn open(&self, path: &str) {
        self.client.goto(&format!("{}{path}", self.url)).await.unwrap();
    }

    /// Presses the button or follows the link that begins with these words.
    pub(crate) async fn click(&self, words: &str) {
        let exact = format!("normalize-space()='{words}' or .//b[normalize-space()='{words}']");
        self.click_at(&format!("//*[self::a or self::button][{exact}]")).await;
    }

    pub(crate) async fn click_at(&self, xpath: &str) {
        // Between finding and clicking, the page may change.
        let click = async || match self.client.find(Locator::XPath(xpath)).await {
            Ok(element) => element.click().await.is_ok(),
            Err(_) => false,
        };
        self.until(&format!("{xpath} can be clicked"), PATIENCE, click).await;
    }

    pub(crate) async fn sees(&self, words: &str) {
        self.until(&format!("{words:?} is seen"), PATIENCE, async || self.text().await.contains(words)).await;
    }

    pub(crate) async fn text(&self) -> String {
        let text =
            self.client.execute("return document.body ? document.body.innerText : ''", Vec::new()).await;
        text.ok().and_then(|t| t.as_str().map(str::to_owned)).unwrap_or_default()
    }

    pub(crate) async fn source(&self) -> String {
        self.client.source().await.unwrap()
    }

    pub(crate) async fn run(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.unwrap()
    }

    /// Waits for a condition, with a bound.
    pub(crate) async fn until(&self, what: &str, patience: Duration, mut holds: impl AsyncFnMut() -> bool) {
        let started = Instant::now();
        while !holds().await {
            if started.elapsed() > patience {
                let url = self.client.current_url().await.map(String::from).unwrap_or_default();
                panic!("in vain: {what}, at {url}:\n{}", self.text().await);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) async fn press(&self, key: Key) {
        let element = self.client.active_element().await.unwrap();
        element.send_keys(&char::from(key).to_string()).await.unwrap();
    }

    /// The text of the focused element.
    pub(crate) async fn focused(&self) -> String {
        self.run("return document.activeElement.innerText").await.as_str().unwrap_or_default().to_owned()
    }

    /// Presses Tab until the element with these words on a line has the focus.
    pub(crate) async fn tab_to(&self, words: &str) {
        for _ in 0..40 {
            self.press(Key::Tab).await;
            if self.focused().await.lines().any(|line| line == words) {
                return;
            }
        }
        panic!("the tabulator does not lead to {words:?}");
    }

    pub(crate) async fn forget_cookies(&self) {
        self.client.delete_all_cookies().await.unwrap();
    }

    pub(crate) async fn resize(&self, width: u32, height: u32) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    pub(crate) async fn without_scripts(&self) {
        self.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
    }

    pub(crate) async fn with_scripts(&self) {
        self.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": false })).await;
    }

    pub(crate) async fn with_forced_colours(&self) {
        self.with_media(&[("forced-colors", "active")]).await;
    }

    /// Shows pages as for somebody with these preferences.
    pub(crate) async fn with_media(&self, features: &[(&str, &str)]) {
        let features: Vec<_> =
            features.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
        self.devtools("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    }

    /// Asks for pages in this language.
    pub(crate) async fn prefers(&self, language: &str) {
        self.devtools("Network.enable", json!({})).await;
        let headers = json!({ "headers": { "Accept-Language": language } });
        self.devtools("Network.setExtraHTTPHeaders", headers).await;
    }

    /// Types into the focused element.
    pub(crate) async fn type_text(&self, text: &str) {
        self.client.active_element().await.unwrap().send_keys(text).await.unwrap();
    }

    /// Checks that the console holds only the expected entries: no error, no breach of the security policy.
    pub(crate) async fn has_no_complaints(&self, expected: &[&str]) {
        let command = Chromium { path: "se/log", body: json!({ "type": "browser" }) };
        let log = self.client.issue_cmd(command).await.unwrap();
        let complaints: Vec<_> = log
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|entry| entry["message"].as_str())
            .filter(|message| !expected.iter().any(|e| message.contains(e)))
            .collect();
        assert!(complaints.is_empty(), "{complaints:#?}");
    }

    pub(crate) async fn devtools(&self, method: &str, params: Value) {
        let command = Chromium { path: "goog/cdp/execute", body: json!({ "cmd": method, "params": params }) };
        self.client.issue_cmd(command).await.unwrap();
    }
}

/// A command that only Chromium knows.
#[derive(Debug)]
struct Chromium {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Chromium {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.body.to_string()))
    }
}

const PATIENCE: Duration = Duration::from_secs(20);
