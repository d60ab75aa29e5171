//! What spends something reaches a server once, however that breaks off: counted at the server's socket.
use std::sync::{Arc, Mutex};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use vouchsafe::{Client, Error, Http, Provider, Registration, Tokens};
use vouchsafe_sandbox::{ActedProvider, Sandbox};

const REDIRECT_URI: &str = "http://127.0.0.1:9/callback";

/// How much a server says before it hangs up; where it answers once, it hangs up at the next request on the connection.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Says {
    Nothing,
    This(&'static str),
    OneAnswer,
}

const BREAKS: [Says; 6] = [
    Says::Nothing,
    Says::This("HTTP/1.1 2"),
    Says::This("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"),
    Says::This("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 90\r\n\r\n"),
    Says::This("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 90\r\n\r\n{\"access"),
    Says::OneAnswer,
];

struct Fickle {
    url: String,
    says: Arc<Mutex<Says>>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Fickle {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/spend", listener.local_addr().unwrap());
        let says = Arc::new(Mutex::new(Says::Nothing));
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let (saying, seen) = (says.clone(), requests.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, saying.clone(), seen.clone()));
            }
        });
        Self { url, says, requests }
    }

    /// The requests since it was asked last.
    fn taken(&self) -> Vec<String> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }
}

async fn serve(mut stream: TcpStream, says: Arc<Mutex<Says>>, seen: Arc<Mutex<Vec<String>>>) {
    let mut answered = false;
    let mut request = vec![0; 64 * 1024];
    loop {
        let length = stream.read(&mut request).await.unwrap_or_default();
        if length == 0 {
            return;
        }
        let head = String::from_utf8_lossy(&request[..length]);
        seen.lock().unwrap().push(head.lines().next().unwrap_or_default().to_owned());
        let says = *says.lock().unwrap();
        match says {
            Says::Nothing => return,
            Says::This(words) => {
                let _ = stream.write_all(words.as_bytes()).await;
                return;
            }
            Says::OneAnswer if answered => return,
            Says::OneAnswer => {
                answered = true;
                let no = "HTTP/1.1 400 Bad\r\ncontent-type: application/json\r\ncontent-length: 25\r\n\r\n\
                          {\"error\":\"invalid_grant\"}";
                let _ = stream.write_all(no.as_bytes()).await;
            }
        }
    }
}

/// A client of that provider, all of whose endpoints that spend something are the server's.
fn client(acted: &ActedProvider, server: &str, http: &Http) -> Client {
    let mut definition = acted.definition();
    if let Some(long_lived) = &mut definition.long_lived {
        long_lived.endpoint = Some(server.to_owned());
    }
    let mut provider = Provider::from(definition)
        .token_endpoint(server)
        .refresh_endpoint(server)
        .revocation_endpoint(server);
    for (name, value) in acted.params() {
        provider = provider.param(name, value);
    }
    let registration = Registration::new(acted.client_id());
    let registration = match acted.client_key() {
        Some(key) => {
            registration.credential(vouchsafe::Credential::apple_key(key.team_id(), key.key_id(), key.pem()))
        }
        None if acted.client_secret().is_empty() => registration,
        None => registration.secret(acted.client_secret()),
    };
    Client::new(provider, registration.redirect_uri(REDIRECT_URI), http).unwrap()
}

/// Tokens that this client may spend.
async fn tokens(client: &Client) -> Tokens {
    let login = client.login().await.unwrap();
    let tokens = json!({
        "v": 2, "token_type": "Bearer", "received_at": 1_800_000_000, "provider": client.provider_slug(), "issuer": login.pending.issuer(), "client_id": client.client_id(),
        "access_token": "at-1", "refresh_token": "rt-1",
    });
    serde_json::from_value(tokens).unwrap()
}

#[derive(Clone, Copy, Debug)]
enum Spending {
    Code,
    RefreshToken,
    LongLived,
    Revocation,
}

impl Spending {
    const ALL: [Self; 4] = [Self::Code, Self::RefreshToken, Self::LongLived, Self::Revocation];

    async fn run(self, client: &Client, tokens: &Tokens) -> Result<(), Error> {
        match self {
            Self::Code => client.manual().authorization_code("code-1", REDIRECT_URI).await.map(drop),
            Self::RefreshToken => client.refresh(tokens).await.map(drop),
            Self::LongLived => client.long_lived_token(tokens).await.map(drop),
            Self::Revocation => client.revoke(tokens).await,
        }
    }
}

#[tokio::test]
async fn what_spends_something_reaches_the_server_once_at_every_provider() {
    let (sandbox, server) = (Sandbox::start().await.unwrap(), Fickle::start().await);
    let http = Http::builder().no_proxy().build().unwrap();
    let (mut spent, mut by_get, mut wrong) = (0, 0, Vec::new());
    for definition in vouchsafe_providers::all() {
        let slug = &definition.slug;
        let acted = sandbox.provider(slug).unwrap();
        for says in BREAKS {
            *server.says.lock().unwrap() = says;
            let client = client(&acted, &server.url, &http);
            let tokens = tokens(&client).await;
            for spending in Spending::ALL {
                let times = if says == Says::OneAnswer { 2 } else { 1 };
                for _ in 0..times {
                    let _ = spending.run(&client, &tokens).await;
                }
                let requests = server.taken();
                if requests.is_empty() {
                    continue;
                }
                spent += 1;
                by_get += usize::from(requests[0].starts_with("GET "));
                if requests.len() != times {
                    wrong.push(format!("{slug}: {spending:?}, {says:?}: {} requests", requests.len()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(spent > 3000 && by_get > 60, "{spent}, of these {by_get} by GET");
}
