//! What a developer meets who registers an application with a provider: facts for people, which no login needs.
use serde::{Deserialize, Serialize};

use crate::locate;
use crate::mistake::{self, DefinitionError, ensure};
use crate::values::{self, ValueFacts};

/// The registration of an application with a provider, as its documentation describes it. Texts are for people. A field that no
/// source tells is empty.
///
/// The catalogue has one file for each provider in `registration/`. A definition of your own may have the same as its table
/// `[registration]`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RegistrationFacts {
    /// The day on which the sources were read: `2026-11-26`.
    pub checked: String,
    /// Where each fact stands: URLs, or the name of a package. The first is the best page to begin with.
    pub sources: Vec<String>,
    /// The page where applications are registered, with parameters such as `{host}`.
    pub console: Option<String>,
    /// The provider's word for an application.
    pub app: Option<String>,
    /// What to click and to enter, in order.
    pub steps: Vec<String>,
    /// The provider's word for the client ID.
    pub client_id: Option<String>,
    /// The provider's word for the client secret.
    pub client_secret: Option<String>,
    /// The forms of the values that the provider gives.
    pub values: Vec<ValueFacts>,
    /// What has to happen before people can sign in.
    pub access: AccessFacts,
    /// Which redirect URIs the provider accepts.
    pub redirect: RedirectFacts,
    /// Whether an application without a secret can use the code grant.
    pub public_client: Option<bool>,
    /// `required`, `supported`, `ignored` or `refused`.
    pub pkce: Option<String>,
    /// Whether the provider has the device authorization grant (RFC 8628).
    pub device_flow: Option<bool>,
    /// The client secret.
    pub secret: SecretFacts,
    /// Scopes that people need.
    pub scopes: Vec<ScopeFacts>,
    /// How to get the e-mail, and what it is worth.
    pub email: Option<String>,
    /// Which member is the stable identifier of a user.
    pub subject: Option<String>,
    /// When a refresh token comes, and how long it lasts.
    pub refresh: RefreshFacts,
    /// How long an access token lasts.
    pub access_token: Option<String>,
    /// How to sign out at the provider.
    pub logout: Option<String>,
    /// How to revoke tokens.
    pub revoke: Option<String>,
    /// What people do not expect.
    pub quirks: Vec<String>,
    /// The provider's error messages.
    pub errors: Vec<ErrorFacts>,
    /// Contradictions between sources, and facts that nobody has confirmed. For those who keep the file: not for pages.
    pub unsure: Vec<String>,
}

/// What has to happen before people can sign in.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct AccessFacts {
    /// The account that a developer needs.
    pub account: Option<String>,
    /// Whether the provider reviews applications: `none`, `for some scopes`, `always`.
    pub review: Option<String>,
    /// What it reviews.
    pub review_for: Vec<String>,
    /// How many people can sign in before the review.
    pub limit_before_review: Option<String>,
    /// How long the review takes.
    pub wait: Option<String>,
    /// What it costs.
    pub cost: Option<String>,
}

/// Which redirect URIs a provider accepts. `None` where no source tells.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RedirectFacts {
    /// `http://localhost`.
    pub http_localhost: Option<bool>,
    /// `http://127.0.0.1`.
    pub http_loopback_ip: Option<bool>,
    /// Any port of a loopback address (RFC 8252 section 7.3).
    pub any_port: Option<bool>,
    /// A scheme of the application's own, such as `com.example.app:/callback`.
    pub custom_scheme: Option<bool>,
    /// A wildcard.
    pub wildcard: Option<bool>,
    /// How the request is compared with the registration: `exact`, `prefix` or `host`.
    #[serde(rename = "match")]
    pub comparison: Option<String>,
    /// Whether it must be https, except on loopback hosts that are accepted.
    pub https_required: Option<bool>,
    /// How many can be registered.
    pub max: Option<u32>,
    /// Rules for the fragment, the query and the rest.
    pub fragment_or_query: Option<String>,
}

/// The client secret of an application.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct SecretFacts {
    /// When it expires.
    pub expires: Option<String>,
    /// Whether the provider shows it only once.
    pub shown_once: Option<bool>,
    /// How it is replaced.
    pub rotation: Option<String>,
}

/// A scope.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ScopeFacts {
    /// The scope.
    pub name: String,
    /// What it opens.
    #[serde(rename = "for")]
    pub opens: String,
    /// Whether the provider reviews applications that request it.
    pub review: Option<bool>,
    /// Whether a login requests it by default.
    pub default: Option<bool>,
}

/// The refresh token.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RefreshFacts {
    /// When one comes.
    pub comes: Option<String>,
    /// Whether each refresh replaces it.
    pub rotates: Option<bool>,
    /// How long it lasts.
    pub lifetime: Option<String>,
    /// How many there can be.
    pub limit: Option<String>,
}

/// An error message of the provider.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ErrorFacts {
    /// The text that the provider shows.
    pub text: String,
    /// The cause.
    pub means: String,
    /// What to do.
    #[serde(rename = "do")]
    pub remedy: String,
}

impl RegistrationFacts {
    /// Reads the facts from TOML and checks them.
    ///
    /// # Errors
    /// Names the line and the field, and says what is wrong with it.
    pub fn from_toml(text: &str) -> Result<Self, DefinitionError> {
        let facts: Self = toml::from_str(text).map_err(|e| locate::unreadable(&e, text))?;
        facts.check().map_err(|mistake| locate::located(mistake, text))?;
        Ok(facts)
    }

    /// Checks what the shape cannot express: there is a source and a day, and words are those that are known.
    ///
    /// # Errors
    /// Names the field, and says what is wrong with it.
    pub fn check(&self) -> mistake::Result {
        let is_day = |text: &str| {
            let parts: Vec<_> = text.split('-').map(str::len).collect();
            parts == [4, 2, 2] && text.bytes().all(|b| b.is_ascii_digit() || b == b'-')
        };
        ensure(
            is_day(&self.checked),
            "checked",
            "is the day on which the sources were read, such as 2026-11-26",
        )?;
        ensure(!self.sources.is_empty(), "sources", "is empty: a fact without a source is worth nothing")?;
        let known =
            |word: &Option<String>, words: &[&str]| word.as_deref().is_none_or(|word| words.contains(&word));
        let pkce = ["required", "supported", "ignored", "refused"];
        ensure(known(&self.pkce, &pkce), "pkce", format_args!("is none of {}", pkce.join(", ")))?;
        let comparison = ["exact", "prefix", "host"];
        let is_known = known(&self.redirect.comparison, &comparison);
        ensure(is_known, "redirect.match", format_args!("is none of {}", comparison.join(", ")))?;
        let console = self.console.as_deref().unwrap_or("https://");
        ensure(console.starts_with("http") || console.starts_with('{'), "console", "is no URL")?;
        values::check(&self.values)?;
        let lines = self
            .steps
            .iter()
            .map(|step| ("steps", step))
            .chain(self.quirks.iter().map(|quirk| ("quirks", quirk)));
        for (field, line) in lines {
            ensure(
                !line.trim().is_empty() && !line.contains('\n'),
                field,
                "has an empty line, or more than one line in a text",
            )?;
        }
        Ok(())
    }
}

impl AccessFacts {
    /// What has to happen before other people can sign in: the beginning of a sentence, and the provider's words, which may be
    /// empty.
    pub fn hurdles(&self) -> Vec<(String, String)> {
        let review = self.review.as_deref().map(|review| match review {
            "none" => ("There is no review".to_owned(), String::new()),
            when => (format!("A review is needed {when}"), self.review_for.join("; ")),
        });
        let told = |lead: &str, text: &Option<String>| Some((lead.to_owned(), text.clone()?));
        let all = [
            told("The account of the developer", &self.account),
            review,
            told("Before the review", &self.limit_before_review),
            told("It takes", &self.wait),
            told("It costs", &self.cost),
        ];
        all.into_iter().flatten().collect()
    }
}

impl RedirectFacts {
    /// Forms of redirect URIs, each with an example and whether the provider accepts it; only those of which a source tells.
    pub fn forms(&self) -> Vec<(&'static str, bool)> {
        let rows = [
            ("http://localhost:3000/callback", self.http_localhost),
            ("http://127.0.0.1:3000/callback", self.http_loopback_ip),
            ("any port of such an address", self.any_port),
            ("http://app.example.com/callback", self.https_required.map(|required| !required)),
            ("com.example.app:/callback", self.custom_scheme),
            ("https://*.example.com/callback", self.wildcard),
        ];
        rows.into_iter().filter_map(|(form, accepted)| Some((form, accepted?))).collect()
    }
}

impl RegistrationFacts {
    /// Why a value is probably not what `of` names: `client_id`, `client_secret`, `team_id` or `key_id`. `None` if it has the
    /// right form, or no source tells one.
    pub fn doubt(&self, of: &str, value: &str) -> Option<String> {
        values::doubt(&self.values, of, value)
    }

    /// The row for an error message of the provider, if one fits: by an error code in it, or by most of its words.
    pub fn error(&self, message: &str) -> Option<&ErrorFacts> {
        let message = message.to_lowercase();
        let words: Vec<_> = words(&message).collect();
        let score = |row: &ErrorFacts| {
            let text = row.text.to_lowercase();
            let known: Vec<_> = self::words(&text).filter(|word| word.len() > 3).collect();
            let found = known.iter().filter(|word| words.contains(word)).count();
            let code = known.iter().any(|word| is_code(word) && words.contains(word));
            let most = found >= 3 && found * 10 >= known.len() * 7;
            (code || most).then_some(found)
        };
        // Of rows that fit equally well, the first.
        let scored = self.errors.iter().rev().filter_map(|row| Some((score(row)?, row)));
        scored.max_by_key(|(score, _)| *score).map(|(_, row)| row)
    }
}

/// How the variables of an environment that belong to a provider begin: `GOOGLE` for `GOOGLE_CLIENT_ID`.
pub fn variable_prefix(slug: &str) -> String {
    let name = slug.replace('-', "_").to_ascii_uppercase();
    // No name of a variable begins with a digit.
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("P{name}") } else { name }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty())
}

/// Whether a word is an error code: `invalid_client`, `aadsts50011`.
fn is_code(word: &str) -> bool {
    word.contains('_')
        || (word.len() > 5
            && word.ends_with(|c: char| c.is_ascii_digit())
            && word.starts_with(|c: char| c.is_ascii_alphabetic()))
}
