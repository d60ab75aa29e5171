//! The settings of the lab, from the environment, and the site that they make. It knows no framework.
use std::env;
use std::error::Error;
use std::net::TcpListener;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use vouchsafe::seal::KeyRing;
use vouchsafe::vault::{MemoryStore, TokenStore};
use vouchsafe::{Client, Http, Provider, Registration};
use vouchsafe_sandbox::{ClientConfig, Sandbox, User};
use vouchsafe_store::{PostgresStore, RedisStore, SqliteStore};
use vouchsafe_web::{Require, Sessions, Site, SiteBuilder};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// The lab before a framework serves it.
pub(crate) struct Setup {
    /// The site.
    pub(crate) site: Site,
    /// Where it listens.
    pub(crate) listener: TcpListener,
    /// What `/fresh` demands.
    pub(crate) fresh: Require,
    /// What `/strong` demands.
    pub(crate) strong: Require,
    /// They live as long as the program.
    _sandboxes: Vec<Sandbox>,
}

impl Setup {
    /// Reads the environment.
    pub(crate) async fn from_environment() -> Outcome<Self> {
        tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
        let listener = TcpListener::bind(("127.0.0.1", number("PORT")?.unwrap_or(0)))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let public_url = text("PUBLIC_URL").unwrap_or_else(|| format!("http://127.0.0.1:{port}"));

        let keys = keys()?;
        let mut builder = Site::builder(&*public_url, keys.clone()).application("the lab");
        builder = with_stores(builder, keys).await?;
        if let Some(seconds) = number("IDLE_TIMEOUT")? {
            builder = builder.idle_timeout(Duration::from_secs(seconds));
        }
        if let Some(seconds) = number("ABSOLUTE_TIMEOUT")? {
            builder = builder.absolute_timeout(Duration::from_secs(seconds));
        }
        if let Some(pointer) = text("ROLES") {
            builder = builder.roles(pointer);
        }
        builder = builder.trusted_proxies(list("TRUSTED_PROXIES"));

        let mut sandboxes = Vec::new();
        let http = Http::new()?;
        let mut posting = Vec::new();
        let mut names = list("PROVIDERS");
        if names.is_empty() {
            names = ["sandbox", "second"].map(str::to_owned).into();
            for name in &names {
                let sandbox = sandbox(&public_url, name).await?;
                let registration = Registration::new("lab").secret(SANDBOX_SECRET);
                let provider = Provider::openid(sandbox.issuer()).scopes(SCOPES);
                builder = builder.provider_named(name, client(provider, registration, &http)?);
                sandboxes.push(sandbox);
            }
        } else {
            for name in &names {
                let of =
                    |what: &str| text(&format!("PROVIDER_{}_{what}", name.to_uppercase().replace('-', "_")));
                let missing = |what: &str| format!("PROVIDER_{}_{what} is missing", name.to_uppercase());
                let issuer = of("ISSUER").ok_or_else(|| missing("ISSUER"))?;
                let mut registration =
                    Registration::new(of("CLIENT_ID").ok_or_else(|| missing("CLIENT_ID"))?);
                if let Some(secret) = of("CLIENT_SECRET") {
                    registration = registration.secret(secret);
                }
                let scopes = of("SCOPES").unwrap_or_else(|| SCOPES.join(" "));
                let provider = Provider::openid(issuer).scopes(scopes.split_whitespace());
                builder = builder.provider_named(name, client(provider, registration, &http)?);
                match of("RESPONSE_MODE").as_deref() {
                    None | Some("query") => {}
                    Some("form_post") => posting.push(name.clone()),
                    Some(other) => {
                        return Err(format!("RESPONSE_MODE is query or form_post, and not {other:?}").into());
                    }
                }
            }
        }
        builder = builder.customise(move |name, login| {
            let posts = posting.iter().any(|posting| posting == name);
            if posts { login.extra("response_mode", "form_post") } else { login }
        });
        let fresh = Duration::from_secs(number("FRESH_MAX_AGE")?.unwrap_or(300));
        let acr = text("STEP_UP_ACR").unwrap_or_else(|| "urn:example:mfa".to_owned());
        let (fresh, strong) = (Require::fresh(fresh), Require::acr(acr));
        Ok(Self { site: builder.build()?, listener, fresh, strong, _sandboxes: sandboxes })
    }

    /// Tells that it serves.
    #[expect(clippy::print_stdout, reason = "the program that started the lab waits for this line")]
    pub(crate) fn ready(&self) -> Outcome<()> {
        println!("READY http://127.0.0.1:{}", self.listener.local_addr()?.port());
        Ok(())
    }
}

fn client(provider: Provider, registration: Registration, http: &Http) -> Outcome<Client> {
    let mut builder = Client::builder(provider, registration);
    if let Some(seconds) = number("LOGIN_TIMEOUT")? {
        builder = builder.login_limit(Duration::from_secs(seconds));
    }
    Ok(builder.build(http)?)
}

fn keys() -> Outcome<KeyRing> {
    let Some(key) = text("KEY") else { return Ok(KeyRing::generate()?) };
    let keys = KeyRing::new(key.as_bytes())?;
    list("OLD_KEYS").iter().try_fold(keys, |keys, old| Ok(keys.previous(old.as_bytes())?))
}

async fn with_stores(builder: SiteBuilder, keys: KeyRing) -> Outcome<SiteBuilder> {
    let session = match text("SESSION") {
        Some(words) => words,
        None => {
            let folder = env::temp_dir().join(format!("vouchsafe-lab-{}", std::process::id()));
            std::fs::create_dir_all(&folder)?;
            format!("sqlite:{}", folder.join("lab.db").display())
        }
    };
    let vault = text("VAULT");
    if session == "cookie" {
        let tokens = store(vault.as_deref().unwrap_or("memory:")).await?;
        return Ok(builder.store(tokens).sessions(Sessions::in_cookie(keys)));
    }
    let builder = builder.store(store(&session).await?);
    Ok(match vault.filter(|vault| *vault != session) {
        Some(vault) => builder.tokens_in(store(&vault).await?),
        None => builder,
    })
}

async fn store(words: &str) -> Outcome<Arc<dyn TokenStore>> {
    let scheme = words.split(':').next().unwrap_or_default();
    Ok(match scheme {
        "memory" => Arc::new(MemoryStore::new()),
        "sqlite" => Arc::new(SqliteStore::open(words.trim_start_matches("sqlite:")).await?),
        "postgres" | "postgresql" => Arc::new(PostgresStore::open(words).await?),
        "redis" | "rediss" => Arc::new(RedisStore::open(words).await?),
        _ => {
            return Err(format!(
                "a store is sqlite:PATH, postgres://…, redis://… or memory:, and not {words:?}"
            )
            .into());
        }
    })
}

/// A provider for trying out, with somebody who is an administrator.
async fn sandbox(public_url: &str, name: &str) -> Outcome<Sandbox> {
    let lab = ClientConfig::confidential("lab", SANDBOX_SECRET)
        .redirect_uri(format!("{public_url}/callback/{name}"))
        .post_logout_redirect_uri(format!("{public_url}/logged-out"))
        .backchannel_logout_uri(format!("{public_url}/backchannel-logout/{name}"))
        .frontchannel_logout_uri(format!("{public_url}/frontchannel-logout/{name}"));
    let admin =
        User::new("admin").with_verified_email("admin@example.com").with_claim("roles", json!(["admin"]));
    let builder =
        Sandbox::builder().session_management().client(lab).user(User::alice()).user(User::bob()).user(admin);
    Ok(builder.start().await?)
}

fn text(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn list(name: &str) -> Vec<String> {
    let value = text(name).unwrap_or_default();
    value.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

fn number<N: FromStr>(name: &str) -> Outcome<Option<N>> {
    let Some(value) = text(name) else { return Ok(None) };
    value.parse().map(Some).map_err(|_| format!("{name} is a number, and not {value:?}").into())
}

const SCOPES: [&str; 4] = ["openid", "email", "profile", "offline_access"];
const SANDBOX_SECRET: &str = "a secret of the sandbox alone";
