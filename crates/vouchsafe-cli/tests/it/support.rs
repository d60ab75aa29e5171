//! Runs the command, and acts as the browser and as servers.
use std::ffi::OsStr;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;
use url::Url;
use vouchsafe_sandbox::Sandbox;

/// Builds a call of the command, without the environment variables of the tests.
pub(crate) struct Cli {
    command: Command,
}

impl Cli {
    pub(crate) fn new(args: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vouchsafe"));
        command.args(args).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        for name in [
            "BROWSER",
            "HTTPS_PROXY",
            "https_proxy",
            "NO_COLOR",
            "VOUCHSAFE_CLIENT_ID",
            "VOUCHSAFE_CLIENT_SECRET",
        ] {
            command.env_remove(name);
        }
        // No test may touch the logins of the person who runs it.
        command.env("VOUCHSAFE_STORE", "memory:");
        // The keyring of whoever runs the tests is left alone.
        command.env("VOUCHSAFE_KEYRING", "file");
        Self { command }
    }

    /// A login at the sandbox with `--json` and `--no-browser`.
    pub(crate) fn login(sandbox: &Sandbox, more: &[&str]) -> Self {
        let mut args = vec!["login", "--issuer", sandbox.issuer(), "--json", "--no-browser"];
        args.extend(more);
        Self::new(&args)
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    pub(crate) fn start(mut self) -> Running {
        let mut child = self.command.spawn().expect("the binary starts");
        let stdout = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        Running { child, stdout, lines: Vec::new() }
    }

    /// Starts it with an input that stays open.
    pub(crate) fn start_with_input(mut self) -> Running {
        self.command.stdin(Stdio::piped());
        self.start()
    }

    /// Runs it to its end.
    pub(crate) async fn run(self) -> Done {
        self.start().end().await
    }

    pub(crate) async fn run_with_input(mut self, input: &str) -> Done {
        self.command.stdin(Stdio::piped());
        let mut running = self.start();
        let mut stdin = running.child.stdin.take().expect("it is piped");
        stdin.write_all(input.as_bytes()).await.expect("it reads");
        drop(stdin);
        running.end().await
    }
}

/// The command while it runs.
pub(crate) struct Running {
    child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
    lines: Vec<String>,
}

impl Running {
    /// The next line of standard output.
    pub(crate) async fn line(&mut self) -> Option<String> {
        let line = soon(self.stdout.next_line()).await.expect("it is text");
        self.lines.extend(line.clone());
        line
    }

    /// Types a line, or pastes it.
    pub(crate) async fn type_line(&mut self, line: &str) {
        let stdin = self.child.stdin.as_mut().expect("it is piped");
        stdin.write_all(format!("{line}\n").as_bytes()).await.expect("it reads");
    }

    /// Reads until a JSON line with that event.
    pub(crate) async fn event(&mut self, event: &str) -> Value {
        while let Some(line) = self.line().await {
            let line: Value = serde_json::from_str(&line).expect("standard output holds JSON lines");
            if line["event"] == event {
                return line;
            }
        }
        panic!("there was no {event}: {:?}", self.lines);
    }

    pub(crate) async fn authorization_url(&mut self) -> String {
        self.event("authorization_url").await["url"].as_str().expect("it has a URL").to_owned()
    }

    #[cfg(unix)]
    pub(crate) async fn signal(&self, name: &str) {
        let id = self.child.id().expect("it runs").to_string();
        let status = Command::new("kill").args(["-s", name, &id]).status().await.expect("there is kill");
        assert!(status.success());
    }

    pub(crate) async fn end(mut self) -> Done {
        let mut stderr = self.child.stderr.take().expect("it is piped");
        let errors = async {
            let mut text = String::new();
            stderr.read_to_string(&mut text).await.expect("it is text");
            text
        };
        let rest = async { while self.line().await.is_some() {} };
        let (stderr, ()) = tokio::join!(soon(errors), rest);
        let status = soon(self.child.wait()).await.expect("it ends");
        Done { code: status.code(), lines: self.lines, stderr }
    }
}

/// The exit code and the output of the command.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) lines: Vec<String>,
    pub(crate) stderr: String,
}

impl Done {
    /// Standard output, which must hold JSON lines only.
    pub(crate) fn json(&self) -> Vec<Value> {
        let read = |line: &String| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        self.lines.iter().map(read).collect()
    }

    pub(crate) fn last(&self) -> Value {
        self.json().pop().unwrap_or_else(|| panic!("there is no output: {self:?}"))
    }

    pub(crate) fn stdout(&self) -> String {
        self.lines.join("\n")
    }

    /// Checks how it failed, and that the message is one paragraph.
    #[track_caller]
    pub(crate) fn assert_failed(&self, exit: i32, kind: &str, code: &str) -> String {
        let last = self.last();
        let told = (self.code, last["event"].as_str(), last["kind"].as_str(), last["code"].as_str());
        assert_eq!(told, (Some(exit), Some("error"), Some(kind), Some(code)), "{self:#?}");
        let message = last["message"].as_str().expect("there is a message").to_owned();
        assert!(message.len() > 20 && !message.chars().any(char::is_control), "{message}");
        assert!(message.ends_with(['.', '?']), "{message}");
        message
    }

    #[track_caller]
    pub(crate) fn assert_silent_about(&self, secret: &str) {
        assert!(secret.len() >= 6, "that would be found everywhere");
        assert!(!self.stdout().contains(secret) && !self.stderr.contains(secret), "{secret} in {self:#?}");
    }
}

/// The response to a browser.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) text: String,
}

/// Opens a URL of this machine, as a browser does.
pub(crate) async fn visit(url: &str) -> Page {
    let url = Url::parse(url).expect("it is a URL");
    let path = &url[url::Position::BeforePath..];
    let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
    send(&url, &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")).await
}

/// Sends a request as it is, and reads until the connection ends.
pub(crate) async fn send(url: &Url, request: &str) -> Page {
    let mut stream = connect(url).await;
    soon(stream.write_all(request.as_bytes())).await.expect("it is read");
    let mut text = String::new();
    soon(stream.read_to_string(&mut text)).await.expect("the page comes whole");
    let status = text.split(' ').nth(1).and_then(|s| s.parse().ok()).expect("it is HTTP");
    Page { status, text }
}

pub(crate) async fn connect(url: &Url) -> TcpStream {
    let addresses = url.socket_addrs(|| None).expect("there is a host with a port");
    soon(TcpStream::connect(&addresses[..])).await.expect("somebody listens")
}

pub(crate) fn param(url: &str, name: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    url.query_pairs().find(|(n, _)| n == name).map(|(_, value)| value.into_owned())
}

pub(crate) fn redirect_uri(url: &str) -> Url {
    let uri = param(url, "redirect_uri").expect("there is a redirect URI");
    Url::parse(&uri).expect("the redirect URI is a URL")
}

/// Limits how long a test waits for something that should happen at once.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(30), what).await.expect("it comes in time")
}

pub(crate) async fn sandbox() -> Sandbox {
    Sandbox::start().await.expect("the sandbox starts")
}

/// Starts a server that always sends the same response, and returns its URL.
pub(crate) async fn answering(answer: &'static str) -> String {
    answering_each(move || answer).await
}

/// The same, with an answer of its own for each connection.
pub(crate) async fn answering_each(mut answer: impl FnMut() -> &'static str + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = answer();
            tokio::spawn(async move {
                // The whole request is read first, so that closing the connection does not reset it.
                let mut request = Vec::new();
                while !is_whole(&request) && stream.read_buf(&mut request).await.is_ok_and(|n| n > 0) {}
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    url
}

/// Whether the request has its head and its body.
fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    body.len() >= length.and_then(|length| length.trim().parse().ok()).unwrap_or(0)
}

pub(crate) fn http(status: &str, kind: &str, body: &str) -> &'static str {
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    answer.leak()
}
