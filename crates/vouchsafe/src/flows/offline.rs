//! A login that has to bring a refresh token.
use vouchsafe_providers::{EndpointName, RefreshQuirks};

use crate::error::{Error, Feature, Operation};
use crate::provider::Server;
use crate::tokens::Tokens;

/// What a login has to ask for.
pub(super) struct Wishes {
    pub(super) scope: Option<String>,
    pub(super) params: Vec<(String, String)>,
}

impl Wishes {
    /// What brings a refresh token at this server. `scopes` are those that the login requests.
    pub(super) fn at(server: &Server, scopes: &[String]) -> Result<Self, Error> {
        server.endpoint(EndpointName::Refresh)?;
        let quirks = &server.definition.refreshing;
        let mut params: Vec<_> = quirks.needs_params.iter().chain(&quirks.again_params).map(owned).collect();
        let has = |scope: &String| scopes.contains(scope);
        if !quirks.needs_scope.is_empty() {
            let scope = quirks.needs_scope.first().filter(|_| !quirks.needs_scope.iter().any(has));
            return Ok(Self { scope: scope.cloned(), params });
        }
        // A provider without a definition of its own says in its metadata whether it knows the scope of OpenID Connect Core
        // section 11, which needs a consent each time.
        let offers = server.metadata.as_ref().is_some_and(|metadata| {
            let offered = metadata.raw.get("scopes_supported").and_then(|scopes| scopes.as_array());
            offered.is_some_and(|scopes| scopes.iter().any(|scope| scope == OFFLINE))
        });
        let is_plain = params.is_empty() && server.openid.is_some() && !quirks.access_token;
        if !(is_plain && offers) {
            return Ok(Self { scope: None, params });
        }
        params.push(("prompt".to_owned(), "consent".to_owned()));
        let scope = Some(OFFLINE.to_owned()).filter(|scope| !has(scope));
        Ok(Self { scope, params })
    }
}

/// Refuses tokens that cannot be refreshed, after a login that had to bring a refresh token.
pub(super) fn check(tokens: &Tokens, server: &Server, operation: Operation) -> Result<(), Error> {
    let quirks = &server.definition.refreshing;
    if tokens.refresh_token().is_some() || quirks.access_token {
        return Ok(());
    }
    let asked = match wanted(quirks) {
        asked if asked.is_empty() => String::new(),
        asked => format!(", although the login asked for it by {asked}"),
    };
    let why = match quirks.needs_scope.first() {
        Some(scope) if !tokens.scopes().any(|granted| quirks.needs_scope.iter().any(|own| own == granted)) => {
            format!("the scope {scope} was not granted: allow it where the client is registered, and ask the user to consent")
        }
        _ if quirks.again_params.is_empty() && quirks.needs_params.is_empty() => {
            "check whether refresh tokens are switched on where the client is registered".to_owned()
        }
        _ => "the user may have consented before: check the client where it is registered, or let the user remove \
              the application from their account and sign in again"
            .to_owned(),
    };
    let detail = format!("the provider issued no refresh token{asked}; {why}");
    Err(Error::unsupported(operation, Feature::RefreshToken, detail))
}

fn wanted(quirks: &RefreshQuirks) -> String {
    let scope = quirks.needs_scope.first().map(|scope| format!("the scope {scope}"));
    let params = quirks.needs_params.iter().chain(&quirks.again_params);
    let params = params.map(|(name, value)| format!("{name}={value}"));
    scope.into_iter().chain(params).collect::<Vec<_>>().join(" and ")
}

fn owned((name, value): (&String, &String)) -> (String, String) {
    (name.clone(), value.clone())
}

const OFFLINE: &str = "offline_access";
