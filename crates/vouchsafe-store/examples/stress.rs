//! Many processes with one store at a provider that ends a login whose refresh token comes twice. It counts what was lost.
//!
//! ```sh
//! cargo run --release -p vouchsafe-store --example stress -- sqlite:/tmp/stress.db --seconds 60 --kill
//! ```
//!
//! Without `--issuer`, the provider is the sandbox, whose tokens live 2 seconds. With `--issuer URL --sign-in COMMAND`, it is another one:
//! the command gets the URL of a login as its last argument, and prints the URL that the browser would come back with.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use vouchsafe::seal::KeyRing;
use vouchsafe::vault::Event;
use vouchsafe::{Client, Http, Provider, Registration, Vault};
use vouchsafe_sandbox::Sandbox;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

const PROCESSES: usize = 8;
const TASKS: usize = 50;
const REDIRECT_URI: &str = "http://127.0.0.1:8765/callback";

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).cloned()
    };
    let number = |name: &str, usual: u64| value(name).map_or(Ok(usual), |text| text.parse());
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let store = arguments.first().ok_or("give the URL of a store")?;
    let (seconds, users) = (number("--seconds", 10)?, number("--users", 1)?);
    if has("--worker") {
        let end = Duration::from_secs(seconds);
        return worker(
            store,
            value("--issuer").ok_or("no issuer")?,
            value("--client"),
            value("--secret"),
            users,
            end,
        )
        .await;
    }

    let sandbox = Sandbox::builder().access_token_lifetime(Duration::from_secs(2)).start().await?;
    let issuer = value("--issuer").unwrap_or_else(|| sandbox.issuer().to_owned());
    let id = value("--client").unwrap_or_else(|| sandbox.client_id().to_owned());
    let secret = value("--secret").unwrap_or_else(|| sandbox.client_secret().to_owned());
    let vault = vault(store, &issuer, &id, &secret).await?;
    let client = client(&issuer, &id, &secret)?;
    for user in 0..users {
        let login = client.login().scopes(["openid", "offline_access"]).prompt("consent").await?;
        let callback = match value("--sign-in") {
            Some(command) => output(&format!("{command} '{}'", login.url))?,
            None => sandbox.person("alice").allow(&login.url).await?,
        };
        let tokens = client.finish(login.pending, callback.trim()).await?;
        vault.connect(&format!("user {user}"), tokens).await?;
    }
    println!("{users} login(s) saved; {PROCESSES} processes with {TASKS} tasks each for {seconds} s");

    let (told, telling) = channel();
    let start = || -> Result<Child> {
        let mut child = Command::new(std::env::current_exe()?);
        child.args([store, "--worker", "--seconds", &seconds.to_string(), "--users", &users.to_string()]);
        child.args(["--issuer", &issuer, "--client", &id, "--secret", &secret]).stdout(Stdio::piped());
        let mut child = child.spawn()?;
        let lines = BufReader::new(child.stdout.take().ok_or("no output")?);
        let told = told.clone();
        std::thread::spawn(move || {
            lines.lines().map_while(std::io::Result::ok).try_for_each(|line| told.send(line))
        });
        Ok(child)
    };
    let mut children = (0..PROCESSES).map(|_| start()).collect::<Result<Vec<_>>>()?;
    let begin = Instant::now();
    let end = begin + Duration::from_secs(seconds);
    let (mut killed, mut stopped) = (0_u32, None);
    while Instant::now() < end {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if has("--kill") && Instant::now() + Duration::from_secs(2) < end {
            let unlucky = (begin.elapsed().as_millis() as usize * 7919) % children.len();
            children[unlucky].kill()?;
            children[unlucky].wait()?;
            children[unlucky] = start()?;
            killed += 1;
        }
        if has("--stop") && stopped.is_none() {
            let pid = children[0].id().to_string();
            Command::new("kill").args(["-STOP", &pid]).status()?;
            stopped = Some((pid, Instant::now()));
        }
        if let Some((pid, since)) = &stopped
            && since.elapsed() > Duration::from_secs(20)
        {
            Command::new("kill").args(["-CONT", pid]).status()?;
        }
    }
    for child in &mut children {
        child.wait()?;
    }
    drop(told);
    let counts = counts(&telling);
    println!("killed {killed}; counted {counts:?}");
    let (mut alive, mut lost) = (0, 0);
    for user in 0..users {
        match vault.refresh(&format!("user {user}"), "openid").await {
            Ok(_) => alive += 1,
            Err(error) => {
                lost += 1;
                println!("user {user}: {error}");
            }
        }
    }
    println!("logins alive {alive}, lost {lost}; expiries of all logins about {}", users * seconds / 2);
    sandbox.shutdown().await;
    Ok(())
}

/// One of the processes: each task asks for a token again and again.
async fn worker(
    store: &str,
    issuer: String,
    id: Option<String>,
    secret: Option<String>,
    users: u64,
    end: Duration,
) -> Result<()> {
    let vault = vault(store, &issuer, &id.ok_or("no client")?, &secret.ok_or("no secret")?).await?;
    let events = vault.events();
    std::thread::spawn(move || {
        for event in events {
            match event {
                Event::Refreshed { .. } => println!("refreshed"),
                Event::RefreshFailed { error, .. } => println!("failed: {}", error.code()),
                Event::SignInAgain { .. } => println!("sign in again"),
                _ => {}
            }
        }
    });
    let begin = Instant::now();
    let asking = (0..TASKS).map(|task| {
        let vault = vault.clone();
        let user = format!("user {}", task as u64 % users);
        tokio::spawn(async move {
            let mut counts = BTreeMap::new();
            while begin.elapsed() < end {
                let outcome = match vault.token(&user, "openid").await {
                    Ok(_) => "token".to_owned(),
                    Err(error) => format!("no token: {}", error.code()),
                };
                *counts.entry(outcome).or_insert(0_u64) += 1;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            counts
        })
    });
    for task in asking.collect::<Vec<_>>() {
        for (outcome, count) in task.await? {
            println!("{outcome}\t{count}");
        }
    }
    Ok(())
}

async fn vault(store: &str, issuer: &str, id: &str, secret: &str) -> Result<Vault> {
    let keys = KeyRing::new(&[7; 32])?;
    Ok(Vault::sealed(vouchsafe_store::open(store).await?, keys).client(client(issuer, id, secret)?))
}

fn client(issuer: &str, id: &str, secret: &str) -> Result<Client> {
    let registration = Registration::new(id).secret(secret).redirect_uri(REDIRECT_URI);
    Ok(Client::new(Provider::openid(issuer), registration, &Http::new()?)?)
}

/// What the processes told, added up.
fn counts(lines: &Receiver<String>) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for line in lines.iter() {
        let (what, count) =
            line.split_once('\t').map_or((&*line, 1), |(what, count)| (what, count.parse().unwrap_or(1)));
        *counts.entry(what.to_owned()).or_insert(0) += count;
    }
    counts
}

fn output(command: &str) -> Result<String> {
    let output = Command::new("sh").args(["-c", command]).output()?;
    Ok(String::from_utf8(output.stdout)?)
}
