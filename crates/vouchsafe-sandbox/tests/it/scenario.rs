//! A sandbox, and a client in front of it.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use url::Url;
use url::form_urlencoded::Serializer;
use vouchsafe_sandbox::{Person, Sandbox, SandboxBuilder};

pub(crate) const REDIRECT_URI: &str = "http://127.0.0.1:3000/callback";
/// The pair of RFC 7636 appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A sandbox, and a client in front of it.
pub(crate) struct Scenario {
    pub(crate) sandbox: Sandbox,
}

impl Scenario {
    pub(crate) async fn new() -> Self {
        Self::with(Sandbox::builder()).await
    }

    pub(crate) async fn with(builder: SandboxBuilder) -> Self {
        Self { sandbox: builder.start().await.unwrap() }
    }

    /// The authorization URL of the confidential client; a parameter here replaces one of those, an empty one removes it.
    pub(crate) fn authorization_url(&self, params: &[(&str, &str)]) -> String {
        let mut all = BTreeMap::from([
            ("response_type", "code"),
            ("client_id", self.sandbox.client_id()),
            ("redirect_uri", REDIRECT_URI),
            ("scope", "openid profile email"),
            ("state", "the state"),
            ("nonce", "the nonce"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ]);
        all.extend(params.iter().copied());
        all.retain(|_, value| !value.is_empty());
        let query = Serializer::new(String::new()).extend_pairs(all).finish();
        format!("{}/authorize?{query}", self.sandbox.issuer())
    }

    /// A code that alice has allowed.
    pub(crate) async fn code(&self, params: &[(&str, &str)]) -> String {
        let callback = self.sandbox.person("alice").allow(&self.authorization_url(params)).await.unwrap();
        query_value(&callback, "code").unwrap()
    }

    /// Tokens that alice has allowed.
    pub(crate) async fn tokens(&self, params: &[(&str, &str)]) -> Value {
        let code = self.code(params).await;
        let reply = self.redeem(&code, &[]).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.json()
    }

    pub(crate) async fn redeem(&self, code: &str, params: &[(&str, &str)]) -> Reply {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", VERIFIER),
        ];
        self.post("/token", &replaced(&form, params)).await
    }

    pub(crate) async fn refresh(&self, refresh_token: &str) -> Reply {
        self.post("/token", &[("grant_type", "refresh_token"), ("refresh_token", refresh_token)]).await
    }

    /// A form from the confidential client.
    pub(crate) async fn post(&self, path: &str, form: &[(&str, &str)]) -> Reply {
        let basic = basic(self.sandbox.client_id(), self.sandbox.client_secret());
        self.send("POST", path, &[("authorization", &basic)], Some(form)).await
    }

    /// A form from a client that says in it who it is, or nowhere.
    pub(crate) async fn post_bare(&self, path: &str, form: &[(&str, &str)]) -> Reply {
        self.send("POST", path, &[], Some(form)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], None).await
    }

    pub(crate) async fn userinfo(&self, access_token: &str) -> Reply {
        self.send("GET", "/userinfo", &[("authorization", &format!("Bearer {access_token}"))], None).await
    }

    pub(crate) async fn introspect(&self, token: &str) -> Value {
        self.post("/introspect", &[("token", token)]).await.json()
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        form: Option<&[(&str, &str)]>,
    ) -> Reply {
        let mut request = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        let body = form.map(|form| Serializer::new(String::new()).extend_pairs(form).finish());
        if body.is_some() && !headers.iter().any(|(name, _)| *name == "content-type") {
            request.push_str("content-type: application/x-www-form-urlencoded\r\n");
        }
        let body = body.unwrap_or_default();
        request.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
        self.raw(request.as_bytes()).await
    }

    pub(crate) async fn raw(&self, request: &[u8]) -> Reply {
        let address = self.sandbox.issuer().strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        // A server that refuses a long body closes before it has read all of it; what it said counts.
        let _ = stream.read_to_end(&mut answer).await;
        Reply::parse(&String::from_utf8(answer).unwrap())
    }

    pub(crate) fn person(&self) -> Person {
        self.sandbox.person("alice")
    }
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: String,
    headers: Vec<(String, String)>,
}

impl Reply {
    pub(crate) fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers =
            lines.map(|line| line.split_once(": ").unwrap()).map(|(n, v)| (n.to_lowercase(), v.to_owned()));
        Self { status, headers: headers.collect(), body: body.to_owned() }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Asserts an error answer of RFC 6749 §5.2.
    #[track_caller]
    pub(crate) fn assert_error(&self, status: u16, error: &str) {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(self.json()["error"], error);
        assert_eq!(self.header("cache-control"), Some("no-store"));
    }
}

pub(crate) fn basic(id: &str, secret: &str) -> String {
    let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!("Basic {}", STANDARD.encode(format!("{}:{}", encode(id), encode(secret))))
}

pub(crate) fn query_value(url: &str, name: &str) -> Option<String> {
    let (_, value) = Url::parse(url).unwrap().query_pairs().into_owned().find(|(known, _)| known == name)?;
    Some(value)
}

/// The claims of a JWT, unverified.
pub(crate) fn claims(jwt: &Value) -> Value {
    part(jwt, 1)
}

pub(crate) fn jose_header(jwt: &Value) -> Value {
    part(jwt, 0)
}

fn part(jwt: &Value, index: usize) -> Value {
    let part = jwt.as_str().unwrap().split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn replaced<'a>(form: &[(&'a str, &'a str)], with: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let kept = form.iter().filter(|(name, _)| !with.iter().any(|(other, _)| other == name));
    kept.chain(with).copied().filter(|(_, value)| !value.is_empty()).collect()
}
