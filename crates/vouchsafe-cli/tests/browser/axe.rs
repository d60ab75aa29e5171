//! Whether everybody can use a page: axe-core finds nothing, it fits small screens, and the keyboard reaches everything, also in
//! forced colours.
//!
//! axe-core comes from npm, once. Without npm the tests are skipped, with a message. With `VOUCHSAFE_TEST_ALL=1` they fail instead.
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::{Value, json};

use super::chromium::Browser;

/// Whether axe-core is there to ask.
pub(crate) fn is_installed() -> bool {
    axe().is_some()
}

/// The text of axe-core, or `None` and a message.
fn axe() -> Option<&'static str> {
    static AXE: OnceLock<Option<String>> = OnceLock::new();
    let read = || match install() {
        Ok(text) => Some(text),
        Err(why) => {
            assert!(std::env::var_os("VOUCHSAFE_TEST_ALL").is_none(), "{why}");
            // Straight to the terminal: the test runner hides the output of a test that passes.
            let _ = writeln!(std::io::stderr(), "skipped: the test of accessibility, because {why}");
            None
        }
    };
    AXE.get_or_init(read).as_deref()
}

/// Installs the exact version of the lock file, once for each version of it.
fn install() -> Result<String, String> {
    let mut hasher = DefaultHasher::new();
    (PACKAGE, LOCK).hash(&mut hasher);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("axe-{:016x}", hasher.finish()));
    if !folder.exists() {
        // First into a folder of its own: another process may do the same now.
        let own = folder.with_extension(std::process::id().to_string());
        fs::create_dir_all(&own).map_err(|error| error.to_string())?;
        for (name, text) in [("package.json", PACKAGE), ("package-lock.json", LOCK)] {
            fs::write(own.join(name), text).map_err(|error| error.to_string())?;
        }
        let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
        let npm = Command::new(npm)
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
            .current_dir(&own)
            .output()
            .map_err(|error| format!("npm cannot be run: {error}"))?;
        if !npm.status.success() {
            let _ = fs::remove_dir_all(&own);
            return Err(format!("npm cannot install axe-core: {}", String::from_utf8_lossy(&npm.stderr)));
        }
        if fs::rename(&own, &folder).is_err() {
            let _ = fs::remove_dir_all(&own);
        }
    }
    let file = folder.join("node_modules/axe-core/axe.min.js");
    fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))
}

impl Browser {
    /// Checks that everybody can use the page in the window.
    pub(crate) async fn is_accessible(&self, page: &str) {
        let found = self.barriers().await;
        assert!(found.is_empty(), "{page}:\n{}", found.join("\n"));
    }

    /// What keeps people from using the page in the window: in the light on a desk, in the dark on a phone, and in forced colours.
    pub(crate) async fn barriers(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (scheme, width) in [("light", 1200), ("dark", 400)] {
            self.with_media(&[("prefers-color-scheme", scheme), STILL]).await;
            self.resize(width, 900).await;
            found
                .extend(self.violations().await.into_iter().map(|text| format!("{scheme}, {width}: {text}")));
        }
        self.with_media(&[STILL]).await;
        self.resize(320, 640).await;
        found.extend(self.list("return window.checks.wide()").await);
        found.extend(self.unreached().await.into_iter().map(|text| format!("keyboard: {text}")));
        self.with_media(&[("forced-colors", "active"), STILL]).await;
        found.extend(self.list("return window.checks.edges()").await);
        let unreached = self.unreached().await;
        found.extend(unreached.into_iter().map(|text| format!("keyboard in forced colours: {text}")));
        self.with_media(&[]).await;
        self.resize(1280, 900).await;
        found
    }

    /// What axe-core finds.
    async fn violations(&self) -> Vec<String> {
        let axe = axe().expect("axe-core is installed");
        if self.run("return !window.axe").await == true {
            self.run(axe).await;
            self.run(CHECKS).await;
        }
        let found = self.client.execute_async(ASK_AXE, Vec::new()).await.unwrap();
        texts(&found)
    }

    /// What the tabulator does not reach, or where nobody sees that it is there.
    async fn unreached(&self) -> Vec<String> {
        let count = self.run("return window.checks.begin()").await.as_u64().unwrap();
        // Once around: the window itself is a stop too, and so is each part that scrolls.
        for _ in 0..count + 12 {
            for kind in ["keyDown", "keyUp"] {
                let key = json!({ "type": kind, "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9 });
                self.devtools("Input.dispatchKeyEvent", key).await;
            }
        }
        self.list("return window.checks.end()").await
    }

    async fn list(&self, script: &str) -> Vec<String> {
        texts(&self.run(script).await)
    }
}

/// No colour is on its way from one to another.
const STILL: (&str, &str) = ("prefers-reduced-motion", "reduce");

fn texts(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap_or_default().to_owned()).collect()
}

const PACKAGE: &str = include_str!("axe/package.json");
const LOCK: &str = include_str!("axe/package-lock.json");
/// What axe-core does not look at.
const CHECKS: &str = include_str!("axe/checks.js");
const ASK_AXE: &str = "const done = arguments[arguments.length - 1];
    axe.run().then((result) => done(result.violations.flatMap((rule) =>
        rule.nodes.map((node) => `${rule.id}: ${node.html.slice(0, 160)} ${node.failureSummary}`))),
        (error) => done([String(error)]));";
