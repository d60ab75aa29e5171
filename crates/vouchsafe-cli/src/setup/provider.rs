//! The provider that the arguments name.
use std::path::Path;
use std::sync::Arc;

use url::{Position, Url};
use vouchsafe::{EndpointName, Provider};
use vouchsafe_providers::{Definition, Rule, similar};
use vouchsafe_sandbox::ActedProvider;

use crate::args::TargetArgs;
use crate::failure::Failure;
use crate::setup::file::read_text;
use crate::text;

/// Where to sign in.
pub(crate) struct Target {
    pub(crate) provider: Provider,
    /// The name to show to a person.
    pub(crate) name: String,
    /// The provider as the sandbox of --at acts it.
    pub(crate) acted: Option<ActedProvider>,
}

/// The provider that the arguments name.
pub(crate) fn provider(named: Option<&str>, args: &TargetArgs) -> Result<Target, Failure> {
    for (option, url) in [
        ("--at", &args.at),
        ("--issuer", &args.issuer),
        ("--discovery", &args.discovery),
        ("--authorize-url", &args.authorize_url),
        ("--token-url", &args.token_url),
        ("--refresh-url", &args.refresh_url),
        ("--revoke-url", &args.revoke_url),
        ("--device-url", &args.device_url),
        ("--userinfo-url", &args.userinfo_url),
    ] {
        not_empty(option, url.as_deref())?;
    }
    let bare = |provider, url: &str| Target { provider, name: host(url), acted: None };
    if let (Some(authorize), Some(token)) = (&args.authorize_url, &args.token_url) {
        let issuer = args.issuer.clone().or_else(|| common_origin(authorize, token));
        let provider = issuer.into_iter().fold(Provider::oauth2("oauth2"), Provider::issuer);
        let urls = [
            (EndpointName::Authorization, &args.authorize_url),
            (EndpointName::Token, &args.token_url),
            (EndpointName::Refresh, &args.refresh_url),
            (EndpointName::Revocation, &args.revoke_url),
            (EndpointName::DeviceAuthorization, &args.device_url),
            (EndpointName::Userinfo, &args.userinfo_url),
        ];
        let urls = urls.into_iter().filter_map(|(name, url)| Some((name, url.as_ref()?)));
        let provider = urls.fold(provider, |provider, (name, url)| provider.endpoint(name, url));
        return Ok(bare(provider, authorize));
    }
    if let Some(issuer) = &args.issuer {
        return Ok(bare(openid(issuer, args.discovery.as_deref()), issuer));
    }
    let Some(named) = named.filter(|named| !named.trim().is_empty()) else {
        let message = "The provider is missing. Give a PROVIDER from `vouchsafe providers`, or --issuer URL for an OpenID \
                       Provider, or --authorize-url and --token-url for any other service";
        return Err(Failure::usage("usage", message));
    };
    let definition = match &args.definition {
        Some(toml) => Arc::new(parsed(named, toml)?),
        None => definition(named)?,
    };
    let acted = args.at.as_deref().map(|at| acted(&definition, at, &args.params)).transpose()?;
    let provider = match &acted {
        Some(acted) => {
            let provider = Provider::from(acted.definition());
            acted.params().into_iter().fold(provider, |provider, (name, value)| provider.param(name, value))
        }
        None => definition.into(),
    };
    let provider = args.params.iter().fold(provider, |provider, (name, value)| provider.param(name, value));
    let provider = args.discovery.iter().fold(provider, Provider::discovery);
    let name = match args.params.iter().find(|(name, _)| name == "issuer") {
        Some((_, issuer)) => host(issuer),
        None => text::short(provider.display_name(), 80),
    };
    Ok(Target { provider, name, acted })
}

/// The OpenID Provider with that issuer, and the URL of its metadata document if it is reached by another name.
pub(crate) fn openid(issuer: &str, discovery: Option<&str>) -> Provider {
    discovery.into_iter().fold(Provider::openid(issuer), Provider::discovery)
}

/// Refuses a URL without text. A script passes one on when its variable is not set.
pub(crate) fn not_empty(name: &str, url: Option<&str>) -> Result<(), Failure> {
    if url.is_none_or(|url| !url.trim().is_empty()) {
        return Ok(());
    }
    let message = format!("{name} is empty. Write the complete URL, beginning with https://");
    Err(Failure::usage("invalid_url", message))
}

/// The origin of both endpoints. It is usually the service's issuer, and this command has no other provider's response to
/// confuse it with.
fn common_origin(authorize: &str, token: &str) -> Option<String> {
    let origin = |url| Url::parse(url).ok().map(|url| url.origin().ascii_serialization());
    origin(authorize).filter(|common| origin(token).as_ref() == Some(common))
}

fn is_path(named: &str) -> bool {
    // A URL contains slashes as well. It gets advice of its own.
    !named.contains("://") && (named.contains(['/', std::path::MAIN_SEPARATOR]) || named.ends_with(".toml"))
}

/// The definition of the catalogue, or in a file.
pub(crate) fn definition(named: &str) -> Result<Arc<Definition>, Failure> {
    if is_path(named) { from_file(named).map(Arc::new) } else { from_catalogue(named) }
}

/// The provider as a sandbox at that URL acts it.
fn acted(definition: &Definition, at: &str, params: &[(String, String)]) -> Result<ActedProvider, Failure> {
    let fits = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
    let fits = |url: &Url| fits(url) && url.query().is_none() && url.fragment().is_none();
    if Url::parse(at).ok().filter(fits).is_none() {
        let message = "--at is not the URL of a server: give the one that `vouchsafe sandbox` prints, such as \
                       http://127.0.0.1:8080";
        return Err(Failure::usage("invalid_url", message));
    }
    let is_server = |name: &str| definition.params.get(name).is_some_and(|param| param.rule == Rule::Url);
    if let Some((name, _)) = params.iter().find(|(name, _)| is_server(name)) {
        let message = format!("--param {name} names one server, and --at another: leave one of them out");
        return Err(Failure::usage("invalid_param", message));
    }
    Ok(ActedProvider::at(definition, at))
}

/// The definition with this slug in the catalogue.
pub(crate) fn from_catalogue(slug: &str) -> Result<Arc<Definition>, Failure> {
    vouchsafe_providers::get(slug).ok_or_else(|| {
        let near = similar(slug, vouchsafe_providers::slugs());
        let advice = if slug.contains("://") {
            "For an OpenID Provider, give its URL with --issuer."
        } else if near.is_empty() {
            "`vouchsafe providers` lists the catalogue; any OpenID Provider works with --issuer URL."
        } else {
            &format!("Did you mean {}?", near.join(" or "))
        };
        let message = format!("The catalogue has no provider named {}", text::short(slug, 60));
        Failure::usage("unknown_provider", message).advise(advice)
    })
}

fn from_file(path: &str) -> Result<Definition, Failure> {
    parsed(path, &file_text(path)?)
}

/// The text of the definition file that an argument names; `None` if it names a provider of the catalogue.
pub(crate) fn definition_file(named: Option<&str>) -> Result<Option<String>, Failure> {
    named.filter(|named| is_path(named)).map(file_text).transpose()
}

fn file_text(path: &str) -> Result<String, Failure> {
    read_text("the definition file", Path::new(path), "definition")
}

fn parsed(path: &str, toml: &str) -> Result<Definition, Failure> {
    Definition::from_toml(toml).map_err(|e| {
        // The excerpt with its bars and arrows does not fit into a paragraph. The line number and the reason stay.
        let error = e.to_string();
        let reason: Vec<_> = error.lines().filter(|line| !is_excerpt(line)).collect();
        let message = format!("The definition file {path} is not valid: {}", reason.join(": "));
        Failure::usage("definition", message)
    })
}

fn is_excerpt(line: &str) -> bool {
    line.trim_start().trim_start_matches(|c: char| c.is_ascii_digit()).trim_start().starts_with('|')
}

/// A name for a provider without one: the host and port of its URL.
fn host(url: &str) -> String {
    let parsed = Url::parse(url).ok().filter(Url::has_host);
    let host = parsed.as_ref().map_or(url, |url| &url[Position::BeforeHost..Position::AfterPort]);
    text::short(host, 80)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_in_an_error_is_recognised() {
        assert!(is_excerpt("1 | slug = 1"));
        assert!(is_excerpt("  |        ^"));
        assert!(!is_excerpt("invalid type: integer `1`, expected a string"));
    }
}
