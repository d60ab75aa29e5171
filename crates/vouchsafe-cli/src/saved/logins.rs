//! The saved logins in their store.
use std::pin::pin;
use std::sync::mpsc::Receiver;
use std::time::{Duration, SystemTime};

use http::{Request, StatusCode};
use tokio::time::timeout;
use url::Url;
use vouchsafe::http::Response;
use vouchsafe::seal::KeyRing;
use vouchsafe::vault::{Connect, Connection, ConnectionState, Disconnected, Event, ValidToken};
use vouchsafe::{Client, TokenSource, Tokens, Vault};
use vouchsafe_providers::similar;

use super::key::{Choice, key_ring};
use super::place::Place;
use super::recipe::Recipe;
use crate::args::{LoginArgs, NamedArgs, StoreArgs};
use crate::failure::Failure;
use crate::system::{Interrupt, Keyrings};
use crate::terminal::Output;
use crate::text;

/// The saved logins in their store.
pub(crate) struct SavedLogins {
    vault: Vault,
    events: Receiver<Event>,
}

impl SavedLogins {
    pub(crate) async fn open(args: &StoreArgs, output: &Output) -> Result<Self, Failure> {
        let place = Place::of(args)?;
        let store = place.open().await?;
        let keys = match &place.key {
            Some(path) => {
                let variable = std::env::var_os("VOUCHSAFE_KEYRING");
                let choice = Choice::of(variable.as_deref(), place.is_shared)?;
                let (keys, place) = key_ring(path, choice, Keyrings::OWN).await?;
                output.detail(format!("Saved logins are sealed with the key in {place}"));
                keys
            }
            None => KeyRing::generate()
                .map_err(|e| Failure::local("store", format!("There is no key for the saved logins: {e}")))?,
        };
        let vault = Vault::sealed(store, keys);
        Ok(Self { events: vault.events(), vault })
    }

    /// All of them, by their names.
    pub(crate) async fn all(&self) -> Result<Vec<Connection>, Failure> {
        Ok(self.vault.all_connections().await?)
    }

    pub(crate) async fn find(&self, name: &str) -> Result<Connection, Failure> {
        if let Some(found) = self.vault.connections(name).await?.pop() {
            return Ok(found);
        }
        let all = self.vault.all_connections().await?;
        let near = similar(name, all.iter().map(|known| known.user.as_str()));
        let shown = |name: &str| text::short(name, 60);
        let failure =
            Failure::usage("unknown_login", format!("There is no saved login named {}", shown(name)));
        Err(failure.advise(&match near.first() {
            Some(near) => format!("Did you mean {}?", shown(near)),
            None => "`vouchsafe list` shows the saved logins; `vouchsafe login` saves one.".to_owned(),
        }))
    }

    /// The saved login that the arguments name, with its client.
    pub(crate) async fn login(
        &self,
        args: &NamedArgs,
        need: Need,
        output: &mut Output,
    ) -> Result<SavedLogin, Failure> {
        let connection = self.find(&args.name).await?;
        let recipe = Recipe::from_text(&args.name, connection.data.as_deref().unwrap_or_default())?;
        let needs_secret = need == Need::Client || !is_fresh_for_long(&connection);
        let file = args.client_secret_file.as_deref();
        let (client, provider) = recipe.client(file, needs_secret, &args.http, output)?;
        let vault = self.vault.clone().client_named(LOGIN, client.clone());
        Ok(SavedLogin { name: args.name.clone(), vault, client, provider, recipe })
    }

    /// Deletes a saved login without a word to its provider. It is an error if there is none.
    pub(crate) async fn delete(&self, name: &str) -> Result<(), Failure> {
        if self.vault.disconnect_all(name).await?.is_empty() {
            self.find(name).await?;
        }
        Ok(())
    }

    /// The outcome of the work. After a signal, a refresh that is under way gets a moment, so that its tokens are saved.
    pub(crate) async fn finish<T>(
        &self,
        interrupt: &mut Interrupt,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let mut work = pin!(work);
        let signal = tokio::select! {
            biased;
            signal = interrupt.wait() => signal,
            outcome = &mut work => return outcome,
        };
        if self.is_refreshing() {
            tokio::select! {
                _ = interrupt.wait() => {}
                _ = timeout(GRACE, work) => {}
            }
        }
        Err(Failure::interrupted(signal))
    }

    fn is_refreshing(&self) -> bool {
        self.events.try_iter().fold(false, |is_refreshing, event| match event {
            Event::Refreshing { .. } => true,
            Event::Refreshed { .. } | Event::RefreshFailed { .. } => false,
            _ => is_refreshing,
        })
    }
}

/// What a command does with a saved login.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Need {
    /// It needs a valid token, and nothing else.
    Token,
    /// It calls the provider as the client.
    Client,
}

/// A saved login, ready for use.
pub(crate) struct SavedLogin {
    name: String,
    pub(crate) vault: Vault,
    pub(crate) client: Client,
    /// The name of the provider, to show to a person.
    pub(crate) provider: String,
    pub(crate) recipe: Recipe,
}

impl SavedLogin {
    /// Its tokens, of which the access token is valid.
    pub(crate) async fn tokens(&self) -> Result<Tokens, Failure> {
        tokens_of(&self.vault.token(&self.name, LOGIN).await?)
    }

    /// The same after a refresh.
    pub(crate) async fn refreshed(&self) -> Result<Tokens, Failure> {
        tokens_of(&self.vault.refresh(&self.name, LOGIN).await?)
    }

    /// Whether its access token is worth something only with the client's key or certificate.
    pub(crate) async fn is_bound(&self) -> Result<bool, Failure> {
        Ok(self.recipe.has_certificate() || self.stored_tokens().await?.token_type() == "DPoP")
    }

    /// Sends a request with the token and what it is bound to. If the API refuses the token, another one is tried once.
    pub(crate) async fn call_api(&self, request: &Request<Vec<u8>>) -> Result<Response, Failure> {
        let response = self.client.call_api(&self.tokens().await?, request.clone()).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        Ok(self.client.call_api(&self.refreshed().await?, request.clone()).await?)
    }

    /// Its tokens as they are in the store: the access token may have expired.
    pub(crate) async fn stored_tokens(&self) -> Result<Tokens, Failure> {
        let tokens = self.vault.stored_tokens(&self.name, LOGIN).await?;
        tokens.ok_or_else(|| Failure::usage("unknown_login", "The saved login was deleted meanwhile"))
    }

    /// A source of its tokens, for requests.
    pub(crate) fn source(&self) -> Result<TokenSource, Failure> {
        Ok(self.vault.source(&self.name, LOGIN)?)
    }

    /// Revokes its tokens and deletes it.
    pub(crate) async fn end(&self) -> Result<Disconnected, Failure> {
        Ok(self.vault.disconnect(&self.name, LOGIN).await?)
    }
}

fn tokens_of(token: &ValidToken) -> Result<Tokens, Failure> {
    let missing = || Failure::local("store", "The saved login has no tokens");
    token.tokens().cloned().ok_or_else(missing)
}

/// Where a login is going to be saved.
pub(crate) struct Saving {
    pub(crate) name: String,
    logins: SavedLogins,
}

impl Saving {
    /// Opens the store, so that a person does not sign in for nothing. `None` if the login is not to be saved.
    pub(crate) async fn open(args: &LoginArgs, slug: &str, output: &Output) -> Result<Option<Self>, Failure> {
        if args.no_save {
            return Ok(None);
        }
        let issuer = args.target.issuer.as_deref().and_then(|issuer| Url::parse(issuer).ok());
        let host = issuer.as_ref().and_then(Url::host_str);
        let name = args.save.as_deref().or(host).unwrap_or(slug);
        Self::named(name, &args.store, "With --no-save, a login is not saved.", output).await.map(Some)
    }

    /// Opens the store for a login with this name. `otherwise` says how the command works without the store.
    pub(crate) async fn named(
        name: &str,
        store: &StoreArgs,
        otherwise: &str,
        output: &Output,
    ) -> Result<Self, Failure> {
        let length = name.chars().count();
        if !(1..=MAX_NAME).contains(&length) || name.chars().any(char::is_control) {
            let message = format!(
                "--save expects a name of 1 to {MAX_NAME} characters without control characters, and found {length} characters: {:?}",
                text::short(name, 60)
            );
            return Err(Failure::usage("invalid_param", message));
        }
        let logins = SavedLogins::open(store, output).await.map_err(|failure| failure.advise(otherwise))?;
        Ok(Self { name: name.to_owned(), logins })
    }

    /// Saves the tokens of the login with the recipe of its client.
    pub(crate) async fn save(
        &self,
        client: &Client,
        tokens: &Tokens,
        recipe: &Recipe,
        more: impl FnOnce(Connect<'_>) -> Connect<'_>,
    ) -> Result<(), Failure> {
        let vault = self.logins.vault.clone().client_named(LOGIN, client.clone());
        let saving = vault.connect(&self.name, tokens.clone()).data(recipe.to_text()?);
        Ok(more(saving).await?)
    }
}

/// Whether nothing refreshes the token of this login for a while.
fn is_fresh_for_long(connection: &Connection) -> bool {
    let end = connection.expires_at.is_none_or(|end| end > SystemTime::now() + LONGEST_MARGIN);
    connection.state == ConnectionState::Fresh && end
}

/// The name of the provider of every saved login in the vault: a name is that of one login, whatever its provider.
const LOGIN: &str = "login";
const MAX_NAME: usize = 200;
/// How long a refresh under way may hold up the end of the program.
const GRACE: Duration = Duration::from_secs(2);
/// More time than the vault refreshes a token before its end.
const LONGEST_MARGIN: Duration = Duration::from_secs(61);
