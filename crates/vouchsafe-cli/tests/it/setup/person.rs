//! A person at a terminal: questions, slips, and a sign-in at the end.
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::{Folder, PROVIDERS, come_back, free_redirect_uri};
use crate::support::{sandbox, soon};

/// The command in a terminal of its own.
struct Terminal {
    child: Child,
    stdin: ChildStdin,
    stdout: ChildStdout,
    shown: String,
    /// Everything up to here was expected.
    seen: usize,
}

impl Terminal {
    fn start(folder: &Folder, args: &[&str]) -> Self {
        let words = args.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
        // Wide, so that no line is broken. At the end, the terminal tells whether it shows what is typed.
        let line = format!(
            "trap : INT; stty cols 2000; {} setup {words}; code=$?; stty -a | tr ' ;' '\\n\\n' | grep -x -e echo -e -echo; exit $code",
            env!("CARGO_BIN_EXE_vouchsafe")
        );
        let mut command = Command::new("script");
        command
            .args(["-qec", &line, "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        command.current_dir(&folder.0).env("TERM", "xterm").env("NO_COLOR", "1").env("BROWSER", "false");
        command.env("VOUCHSAFE_STORE", "memory:");
        for other in [
            "VOUCHSAFE_CLIENT_ID",
            "VOUCHSAFE_CLIENT_SECRET",
            "DISPLAY",
            "WAYLAND_DISPLAY",
            "WSL_DISTRO_NAME",
        ] {
            command.env_remove(other);
        }
        let mut child = command.spawn().expect("there is script");
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, stdin, stdout, shown: String::new(), seen: 0 }
    }

    /// Waits until the terminal shows these words, behind those that were expected before.
    async fn expect(&mut self, words: &str) {
        loop {
            if let Some(at) = self.shown[self.seen..].find(words) {
                self.seen += at + words.len();
                return;
            }
            assert!(self.read().await, "{words:?} is missing: {}", self.shown);
        }
    }

    async fn read(&mut self) -> bool {
        let mut part = [0; 4096];
        let read = timeout(Duration::from_secs(30), self.stdout.read(&mut part)).await;
        let count = read.unwrap_or_else(|_| panic!("nothing more comes: {}", self.shown)).unwrap_or(0);
        self.shown.push_str(&String::from_utf8_lossy(&part[..count]));
        count > 0
    }

    /// Types an answer when the question is there.
    async fn answer(&mut self, question: &str, line: &str) {
        self.expect(question).await;
        self.expect(": ").await;
        self.press(&format!("{line}\n")).await;
    }

    async fn press(&mut self, keys: &str) {
        self.stdin.write_all(keys.as_bytes()).await.unwrap();
        self.stdin.flush().await.unwrap();
    }

    /// The exit code, and everything that the terminal showed.
    async fn end(mut self) -> (Option<i32>, String) {
        while self.read().await {}
        let echo = self.shown.trim_end().rsplit('\n').next().unwrap_or_default();
        assert_eq!(echo, "echo", "the terminal shows again what is typed: {}", self.shown);
        (soon(self.child.wait()).await.unwrap().code(), self.shown)
    }
}

#[tokio::test]
async fn a_new_user_sets_up_each_provider_and_ends_signed_in() {
    let sandbox = sandbox().await;
    for slug in PROVIDERS {
        let folder = Folder::new(&format!("person-{slug}"));
        let acted = sandbox.provider(slug).unwrap();
        let uri = free_redirect_uri(slug);
        let mut terminal = Terminal::start(&folder, &[slug, "--at", sandbox.issuer(), "--no-browser"]);
        terminal.answer("Redirect URI of your application", "localhost").await;
        terminal.expect("is not a whole URL").await;
        terminal.answer("Redirect URI of your application", &uri).await;
        terminal.expect("At the provider").await;
        terminal.expect("is in the clipboard").await;
        terminal.answer("Client ID", "jane@example.com").await;
        terminal.expect("e-mail address").await;
        terminal.answer("Use it anyway?", "n").await;
        if let (Some(path), Some(key)) = (folder.key(&acted), acted.client_key()) {
            terminal.answer("Client ID", "ABCDE12345").await;
            terminal.expect("copy the identifier of the Services ID").await;
            terminal.answer("Use it anyway?", "").await;
            terminal.answer("Client ID", acted.client_id()).await;
            terminal.answer("Team ID", key.team_id()).await;
            terminal.answer("Key ID", "").await;
            terminal.expect("The Key ID is empty").await;
            terminal.answer("Key ID", key.key_id()).await;
            terminal.answer("Path of the private key", "AuthKey_OLD.p8").await;
            terminal.expect("could not be read").await;
            terminal.answer("Path of the private key", &path).await;
        } else {
            terminal.answer("Client ID", "no-such-client").await;
            // No source tells the form of an ID at the others.
            if !["slack", "keycloak"].contains(&slug) {
                terminal.expect("should look like").await;
                terminal.answer("Use it anyway?", "y").await;
            }
            terminal.answer("Client secret", acted.client_secret()).await;
            terminal.expect("Enter the values again").await;
            terminal.answer("Client ID", acted.client_id()).await;
            terminal.answer("Client secret", "not-the-secret").await;
            terminal.expect("Enter the values again").await;
            // Enter takes the client of the sandbox.
            terminal.answer("Client ID", "").await;
            terminal.answer("Client secret", acted.client_secret()).await;
        }
        terminal.expect("accepts the client ID and the secret").await;
        terminal.expect("Wrote .env").await;
        terminal.expect("Open this URL in a browser").await;
        terminal.expect("paste it here").await;
        let url = terminal
            .shown
            .split_whitespace()
            .rfind(|word| word.contains("redirect_uri="))
            .unwrap()
            .to_owned();
        come_back(&sandbox, &url).await;
        terminal.expect("Signed in at").await;
        let (code, shown) = terminal.end().await;
        assert_eq!(code, Some(0), "{slug}: {shown}");
        if !acted.client_secret().is_empty() {
            assert!(!shown.contains(acted.client_secret()) && !shown.contains("not-the-secret"), "{shown}");
        }
        assert!(folder.text().contains(&format!("{}_REDIRECT_URI={uri}\n", slug.to_uppercase())));
    }
}

#[tokio::test]
async fn what_a_provider_is_known_to_refuse_is_told_at_once() {
    let folder = Folder::new("known");
    let mut terminal = Terminal::start(&folder, &["spotify", "--no-open"]);
    terminal
        .answer("Redirect URI of your application [http://127.0.0.1:3000", "http://localhost:3000/callback")
        .await;
    terminal.expect("use 127.0.0.1").await;
    terminal.answer("Use it anyway?", "n").await;
    terminal.answer("Redirect URI", "").await;
    terminal.answer("Client ID", "\"0123456789abcdef0123456789abcdef\"").await;
    terminal.expect("quotation marks").await;
    terminal.answer("Use it anyway?", "n").await;
    terminal.answer("Client ID", "0123456789abcdef0123456789abcdef").await;
    terminal.answer("Client secret", "0123456789abcdef0123456789abcdef").await;
    terminal.expect("is the same as the client ID").await;
    terminal.answer("Use it anyway?", "n").await;
    terminal.expect("Client secret").await;
    // The terminal shows what is typed again, and the shell knows why the command ended.
    terminal.press("\u{3}").await;
    let (code, shown) = terminal.end().await;
    assert!(code == Some(130) && shown.contains("interrupted"), "{shown}");

    let mut terminal = Terminal::start(&folder, &["microsoft", "--no-open"]);
    terminal.answer("Parameter tenant [common]", "").await;
    terminal.answer("Redirect URI", "").await;
    terminal.answer("Client ID", "00001111-aaaa-2222-bbbb-3333cccc4444").await;
    terminal.answer("Client secret", "11112222-bbbb-3333-cccc-4444dddd5555").await;
    terminal.expect("copy the column Value").await;
    terminal.press("\u{3}").await;
    assert_eq!(terminal.end().await.0, Some(130));

    let mut terminal = Terminal::start(&folder, &["shopify", "--no-open"]);
    terminal.answer("Parameter shop", "acme.myshopify.com").await;
    terminal.expect("for example acme-toys").await;
    terminal.answer("Parameter shop", "acme-toys").await;
    terminal.expect("Redirect URI").await;
    // The input ends.
    terminal.press("\u{4}").await;
    let (code, shown) = terminal.end().await;
    assert!(code == Some(2) && shown.contains("Give it with --redirect-uri"), "{shown}");
    assert_eq!(folder.text(), "");
}

#[tokio::test]
async fn the_page_of_the_provider_is_opened_and_its_failure_is_no_end() {
    let folder = Folder::new("console");
    let mut terminal = Terminal::start(&folder, &["github"]);
    terminal.answer("Redirect URI", "").await;
    terminal.expect("https://github.com/settings/developers").await;
    terminal.expect("No browser could be opened").await;
    terminal.expect("Client ID").await;
    terminal.press("\u{3}").await;
    assert_eq!(terminal.end().await.0, Some(130));
}

#[tokio::test]
async fn a_value_that_is_there_is_replaced_only_with_a_yes() {
    let sandbox = sandbox().await;
    let folder = Folder::new("replace");
    for (answer, code) in [("n", Some(2)), ("y", Some(0))] {
        std::fs::write(folder.path(".env"), "GITHUB_CLIENT_ID=old\n").unwrap();
        let options = ["github", "--at", sandbox.issuer(), "--no-login"];
        let mut terminal = Terminal::start(&folder, &options);
        for question in ["Redirect URI", "Client ID", "Client secret"] {
            terminal.answer(question, "").await;
        }
        terminal.expect("has other values of GITHUB_CLIENT_ID. Replace them?").await;
        terminal.press(&format!("{answer}\n")).await;
        let (ended, shown) = terminal.end().await;
        assert_eq!(ended, code, "{shown}");
        assert_eq!(folder.text() == "GITHUB_CLIENT_ID=old\n", answer == "n", "{}", folder.text());
    }
}
