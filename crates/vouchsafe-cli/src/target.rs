//! From what was said on the command line to the library's three nouns: provider, registration, HTTP.
use std::fmt::Display;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use url::Url;
use vouchsafe::{ClientAuth, Http, Provider, Registration, Secret};
use vouchsafe_providers::Definition;

use crate::args::{ClientArgs, HttpArgs, TargetArgs};
use crate::failure::Failure;
use crate::text;

/// Where to sign in.
pub(crate) struct Target {
    pub(crate) provider: Provider,
    /// What to call it when speaking to a person.
    pub(crate) name: String,
    /// Its client secrets are signed with a key, as Apple's are.
    pub(crate) signed_secret: bool,
}

impl Target {
    fn bare(provider: Provider, name: String) -> Self {
        Self { provider, name, signed_secret: false }
    }
}

/// The origin of both endpoints, which is a service's own issuer more often than not. Its responses alone come to this
/// command, so none is another provider's by mistake.
fn one_origin(authorize: &str, token: &str) -> Option<String> {
    let origin = |url| url::Url::parse(url).ok().map(|url| url.origin().ascii_serialization());
    origin(authorize).filter(|one| origin(token).as_ref() == Some(one))
}

/// The provider that was named.
pub(crate) fn provider(named: Option<&str>, args: &TargetArgs) -> Result<Target, Failure> {
    if let (Some(authorize), Some(token)) = (&args.authorize_url, &args.token_url) {
        let mut provider = Provider::oauth2("oauth2")
            .authorization_endpoint(authorize.as_str())
            .token_endpoint(token.as_str());
        if let Some(url) = &args.refresh_url {
            provider = provider.refresh_endpoint(url.as_str());
        }
        if let Some(url) = &args.revoke_url {
            provider = provider.revocation_endpoint(url.as_str());
        }
        if let Some(url) = &args.userinfo_url {
            provider = provider.userinfo_endpoint(url.as_str());
        }
        if let Some(issuer) = args.issuer.clone().or_else(|| one_origin(authorize, token)) {
            provider = provider.issuer(issuer);
        }
        return Ok(Target::bare(provider, host(authorize)));
    }
    if let Some(issuer) = &args.issuer {
        return Ok(Target::bare(Provider::openid(issuer.as_str()), host(issuer)));
    }
    let Some(named) = named else {
        let message = "Say where to sign in: a PROVIDER of `vouchsafe providers`, --issuer URL for an OpenID Provider, \
                       or --authorize-url and --token-url for any other service";
        return Err(Failure::usage("usage", message));
    };
    let definition = if is_path(named) { from_file(named)? } else { from_catalogue(named)? };
    let signed_secret = definition.signed_client_secret;
    let provider = Provider::from(definition);
    let provider = args.params.iter().fold(provider, |provider, (name, value)| provider.param(name, value));
    let name = match args.params.iter().find(|(name, _)| name == "issuer") {
        Some((_, issuer)) => host(issuer),
        None => provider.display_name().to_owned(),
    };
    Ok(Target { provider, name: text::short(&name, 80), signed_secret })
}

/// Who the client is, without a redirect URI: that is known only when its port is.
///
/// `signing` is the name of the provider, if its client secrets are signed with a key.
pub(crate) fn registration(args: &ClientArgs, signing: Option<&str>) -> Result<Registration, Failure> {
    let Some(id) = args.client_id.as_deref().filter(|id| !id.is_empty()) else {
        let message = "The client id is missing: it is what the provider gave your application when you registered it. \
                       Give it with --client-id, or set VOUCHSAFE_CLIENT_ID";
        return Err(Failure::usage("client_id", message));
    };
    let mut registration = Registration::new(id);
    if let Some(path) = &args.client_key {
        return with_key(registration, path, args, signing);
    }
    match (secret(args)?, signing) {
        (Some(secret), _) => registration = registration.secret(secret.expose()),
        (None, Some(name)) => {
            let message = format!(
                "{name} takes no client secret but one that is signed with your key: give the key's file with \
                 --client-key, and the ids that stand beside it with --key-id and --team-id"
            );
            return Err(Failure::usage("client_key", message));
        }
        (None, None) => {}
    }
    Ok(match &args.client_auth {
        Some(method) => registration.client_auth(client_auth(method)?),
        None => registration,
    })
}

fn with_key(
    registration: Registration,
    path: &Path,
    args: &ClientArgs,
    signing: Option<&str>,
) -> Result<Registration, Failure> {
    if signing.is_none() {
        let message = "--client-key is for providers whose client secrets are signed with a key, such as apple; \
                       private_key_jwt is not available in this version";
        return Err(Failure::usage("client_auth_not_supported", message));
    }
    let id = |option: &str, id: &Option<String>| {
        id.clone().filter(|id| !id.is_empty()).ok_or_else(|| {
            let message = format!(
                "{option} is missing: a client secret names the key and the team of developers that it is signed by, and \
                 both ids stand beside the key where it was downloaded"
            );
            Failure::usage("client_key", message)
        })
    };
    let (key_id, team_id) = (id("--key-id", &args.key_id)?, id("--team-id", &args.team_id)?);
    let pem = String::from_utf8(read("--client-key", path)?).map(Secret::new).map_err(|_| {
        Failure::usage("client_key", format!("The key's file {} is not text: give it as PEM", path.display()))
    })?;
    Ok(registration.apple_key(team_id, key_id, pem))
}

pub(crate) fn http(args: &HttpArgs) -> Result<Http, Failure> {
    let mut builder = Http::builder().timeout(args.timeout);
    if let Some(proxy) = &args.proxy {
        builder = builder.proxy(proxy.as_str());
    }
    if let Some(path) = &args.ca_file {
        builder = builder.certificate_authority(read("--ca-file", path)?);
    }
    Ok(builder.build()?)
}

fn is_path(named: &str) -> bool {
    // A URL has slashes, too, and is no path; it gets its own advice.
    !named.contains("://") && (named.contains(['/', std::path::MAIN_SEPARATOR]) || named.ends_with(".toml"))
}

fn from_catalogue(slug: &str) -> Result<Definition, Failure> {
    vouchsafe_providers::get(slug).ok_or_else(|| unknown_provider(slug))
}

pub(crate) fn unknown_provider(slug: &str) -> Failure {
    let shown = text::short(slug, 60);
    let failure = Failure::usage("unknown_provider", format!("The catalogue has no provider named {shown}"));
    if slug.contains("://") {
        return failure.advise("For an OpenID Provider, write its URL behind --issuer.");
    }
    match nearest(slug) {
        near if near.is_empty() => failure.advise(
            "`vouchsafe providers` lists those that it has; any OpenID Provider works with --issuer URL.",
        ),
        near => failure.advise(&format!("Did you mean {}?", near.join(" or "))),
    }
}

/// The known slugs that are most like a word, the best first.
fn nearest(word: &str) -> Vec<&'static str> {
    let word: Vec<char> = word.to_lowercase().chars().take(64).collect();
    let mut near: Vec<_> = vouchsafe_providers::slugs()
        .map(|slug| (distance(&word, &slug.chars().collect::<Vec<_>>()), slug))
        .filter(|(distance, slug)| *distance < word.len() && *distance <= 1 + slug.len().min(word.len()) / 4)
        .collect();
    near.sort_unstable();
    near.into_iter().map(|(_, slug)| slug).take(3).collect()
}

/// How many letters have to be changed, added or taken away to make one word the other; two swapped ones count once.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                let changed = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let best = changed.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                if swapped { best.min(rows[i - 2][j - 2] + 1) } else { best }
            };
        }
    }
    rows[a.len()][b.len()]
}

fn from_file(path: &str) -> Result<Definition, Failure> {
    let toml = String::from_utf8(read("the definition file", Path::new(path))?)
        .map_err(|_| Failure::usage("definition", format!("The definition file {path} is not text")))?;
    Definition::from_toml(&toml).map_err(|e| {
        // The picture of the place, with its bars and arrows, is no paragraph: the line number and the reason stay.
        let told = e.to_string();
        let words: Vec<_> = told.lines().filter(|line| !is_picture(line)).collect();
        Failure::usage(
            "definition",
            format!("The definition file {path} cannot be used: {}", words.join(": ")),
        )
    })
}

fn is_picture(line: &str) -> bool {
    line.trim_start().trim_start_matches(|c: char| c.is_ascii_digit()).trim_start().starts_with('|')
}

fn secret(args: &ClientArgs) -> Result<Option<Secret>, Failure> {
    let Some(path) = &args.client_secret_file else {
        // A variable that is set to nothing is how scripts leave one out.
        let variable = std::env::var_os("VOUCHSAFE_CLIENT_SECRET").filter(|secret| !secret.is_empty());
        return variable
            .map(|secret| {
                let not_text = || Failure::usage("client_secret", "VOUCHSAFE_CLIENT_SECRET is not text");
                secret.into_string().map(Secret::new).map_err(|_| not_text())
            })
            .transpose();
    };
    let text = String::from_utf8(read("--client-secret-file", path)?).map_err(|_| {
        Failure::usage("client_secret", format!("The client secret's file {} is not text", path.display()))
    })?;
    let text = Secret::new(text);
    let line = text.expose();
    let line = line.strip_suffix('\n').map_or(line, |line| line.strip_suffix('\r').unwrap_or(line));
    if line.is_empty() {
        let message = format!("The client secret's file {} is empty", path.display());
        return Err(Failure::usage("client_secret", message));
    }
    Ok(Some(Secret::new(line)))
}

fn client_auth(method: &str) -> Result<ClientAuth, Failure> {
    Ok(match method {
        "none" => ClientAuth::None,
        "client_secret_basic" => ClientAuth::ClientSecretBasic,
        "client_secret_post" => ClientAuth::ClientSecretPost,
        "client_secret_jwt" | "private_key_jwt" | "tls_client_auth" => {
            let message = format!("--client-auth {method} is not available in this version");
            return Err(Failure::usage("client_auth_not_supported", message)
                .advise("Choose none, client_secret_basic or client_secret_post."));
        }
        other => {
            let message = format!("--client-auth {} is no method that there is", text::short(other, 60));
            return Err(Failure::usage("invalid_argument", message)
                .advise("Choose none, client_secret_basic or client_secret_post."));
        }
    })
}

fn read(what: &str, path: &Path) -> Result<Vec<u8>, Failure> {
    let refuse = |why: &dyn Display| {
        Failure::usage("invalid_argument", format!("{what} {} cannot be read: {why}", path.display()))
    };
    let mut content = Vec::new();
    // A device such as /dev/zero has no end.
    let bounded = File::open(path).and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut content));
    match bounded {
        Err(e) => Err(refuse(&e)),
        Ok(_) if content.len() as u64 > MAX_FILE => Err(refuse(&"it is larger than a mebibyte")),
        Ok(_) => Ok(content),
    }
}

/// How to call a provider of which nothing but a URL is known.
fn host(url: &str) -> String {
    let parsed = Url::parse(url).ok();
    let host = parsed.as_ref().and_then(|url| {
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        url.host_str().map(|host| format!("{host}{port}"))
    });
    text::short(&host.unwrap_or_else(|| url.to_owned()), 80)
}

/// The largest file that is read: certificate authorities, definitions, secrets.
const MAX_FILE: u64 = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_provider_has_a_neighbour() {
        for word in ["gogle", "Google", "googel", "goolge"] {
            assert_eq!(nearest(word).first(), Some(&"google"), "{word}");
        }
        assert!(nearest("nothing-like-it").is_empty());
        assert!(nearest("").is_empty());
    }

    #[test]
    fn a_file_without_end_is_refused() {
        let path = std::env::temp_dir().join(format!("vouchsafe-large-{}", std::process::id()));
        std::fs::write(&path, vec![b'a'; 1024 * 1024]).unwrap();
        assert_eq!(read("--ca-file", &path).unwrap().len(), 1024 * 1024);
        std::fs::write(&path, vec![b'a'; 1024 * 1024 + 1]).unwrap();
        let failure = read("--ca-file", &path).unwrap_err();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(failure.code, "invalid_argument");
        assert!(
            failure.message.ends_with("cannot be read: it is larger than a mebibyte."),
            "{}",
            failure.message
        );
    }

    #[test]
    fn the_picture_in_an_error_is_no_words() {
        assert!(is_picture("1 | slug = 1"));
        assert!(is_picture("  |        ^"));
        assert!(!is_picture("invalid type: integer `1`, expected a string"));
    }
}
