//! `vouchsafe providers --check`: which definitions are to be read again, as Markdown that can be the text of a pull request.
use std::fmt::Write as _;
use std::sync::Arc;

use http::{Method, Request, StatusCode};
use serde::Serialize;
use serde_json::Value;
use time::{Date, Month, OffsetDateTime};
use tokio::task::JoinSet;
use vouchsafe::http::{HttpClient, Limits};
use vouchsafe::{EndpointName, Error, Http, Provider};
use vouchsafe_providers::{ClientAuth, Definition, Pkce, RegistrationFacts};

use crate::args::ProvidersArgs;
use crate::failure::Failure;
use crate::terminal::{Event, Output};
use crate::{setup, text};

pub(super) async fn run(args: &ProvidersArgs, output: &mut Output) -> Result<(), Failure> {
    let definitions: Vec<_> = match &args.slug {
        Some(named) => vec![setup::definition(named)?],
        None => vouchsafe_providers::all().collect(),
    };
    let today = OffsetDateTime::now_utc().date();
    let http = setup::http(&args.http, output)?;
    let mut limits = Limits::default();
    limits.timeout = args.http.timeout;
    let net = match args.offline {
        true => None,
        false => Some(Arc::new(Net { client: setup::transport(http.clone())?, http, limits })),
    };
    let (mut reports, mut work, mut rest) = (Vec::new(), JoinSet::new(), definitions.into_iter());
    loop {
        while work.len() < AT_ONCE
            && let Some(definition) = rest.next()
        {
            work.spawn(checked(definition, net.clone(), today));
        }
        let Some(report) = work.join_next().await else { break };
        let report = report.map_err(|e| Failure::local("runtime", format!("A check ended early: {e}")))?;
        output.detail(format!("Checked {}", report.slug));
        reports.push(report);
    }
    reports.sort_by(|a, b| a.slug.cmp(&b.slug));
    for report in &reports {
        output.event(&Event::Checked(serde_json::to_value(report).unwrap_or_default()));
    }
    markdown(&reports, today).lines().for_each(|line| output.line(line));
    Ok(())
}

/// The checks of one definition.
#[derive(Debug, Serialize)]
struct Report {
    #[serde(rename = "provider")]
    slug: String,
    name: String,
    /// What is to be mended.
    mend: Vec<String>,
    /// What could not be told, such as a page that did not load.
    unknown: Vec<String>,
}

/// How the providers are reached.
struct Net {
    http: Http,
    client: Arc<dyn HttpClient>,
    limits: Limits,
}

async fn checked(definition: Arc<Definition>, net: Option<Arc<Net>>, today: Date) -> Report {
    let facts = setup::facts(&definition);
    let mut report = Report {
        slug: definition.slug.clone(),
        name: text::short(&definition.display_name, 80),
        mend: stale(&definition, facts.as_deref(), today),
        unknown: Vec::new(),
    };
    let Some(net) = net else { return report };
    net.metadata(&definition, &mut report).await;
    let own = definition.sources.iter().chain([&definition.documentation]);
    let mut sources: Vec<_> = own.chain(facts.iter().flat_map(|facts| &facts.sources)).collect();
    sources.retain(|source| source.starts_with("https://") || source.starts_with("http://"));
    sources.sort();
    sources.dedup();
    for source in sources {
        net.source(source, &mut report).await;
    }
    report
}

impl Net {
    /// Compares the definition with the metadata of the provider, if it has one address for everybody.
    async fn metadata(&self, definition: &Arc<Definition>, report: &mut Report) {
        let mut params = definition.params.values();
        if params.any(|param| param.default.is_none() && !param.optional) {
            return;
        }
        match Provider::from(definition.clone()).fetch_metadata(&self.http).await {
            Ok(provider) => {
                if let Some(metadata) = provider.metadata() {
                    report.mend.extend(differences(definition, metadata));
                }
                let needs = provider.unmet_needs();
                report.mend.extend(
                    needs
                        .iter()
                        .map(|need| text::sentence(&format!("A login is not possible: {}", need.reason()))),
                );
            }
            Err(Error::Validation(e)) => {
                report.mend.push(text::sentence(&format!("The metadata is refused: {e}")));
            }
            Err(e) => report.unknown.push(text::sentence(&format!("the metadata: {e}"))),
        }
    }

    /// Whether a source is still there.
    async fn source(&self, url: &str, report: &mut Report) {
        let mut told = self.status(Method::HEAD, url).await;
        // Not every server knows HEAD.
        if !told.as_ref().is_ok_and(|status| status.is_success() || status.is_redirection()) {
            told = self.status(Method::GET, url).await;
        }
        match told {
            Ok(status) if status.is_success() || status.is_redirection() => {}
            Ok(StatusCode::NOT_FOUND | StatusCode::GONE) => {
                report.mend.push(format!(
                    "A source is gone: <{url}>. Find where the facts stand now, or take them out."
                ));
            }
            Ok(status) => report.unknown.push(format!("<{url}>: the status is {}.", status.as_u16())),
            Err(why) => report.unknown.push(text::sentence(&format!("<{url}>: {why}"))),
        }
    }

    async fn status(&self, method: Method, url: &str) -> Result<StatusCode, String> {
        let request = Request::builder().method(method).uri(url).header("user-agent", AGENT).body(Vec::new());
        let request = request.map_err(|e| e.to_string())?;
        let response = self.client.send(request, self.limits).await;
        response
            .map(|response| response.status())
            .map_err(|e| text::paragraph(&format!("no response came ({e})")))
    }
}

/// Facts that were read more than a year ago.
fn stale(definition: &Definition, facts: Option<&RegistrationFacts>, today: Date) -> Vec<String> {
    let all =
        [("definition", Some(&definition.checked)), ("registration", facts.map(|facts| &facts.checked))];
    let all = all.into_iter().filter_map(|(what, checked)| Some((what, checked?)));
    let old = all.filter_map(|(what, checked)| match day(checked) {
        Some(day) if (today - day).whole_days() <= YEAR => None,
        Some(_) => Some(format!("The {what} was checked on {checked}, more than a year ago. Read its sources again, and set `checked`.")),
        None => Some(format!("The {what} does not say when it was checked. Set `checked`.")),
    });
    old.collect()
}

/// What the metadata says otherwise.
fn differences(d: &Definition, metadata: &Value) -> Vec<String> {
    let code = |text: &str| format!("`{}`", text::short(text, 200).replace('`', "'"));
    let member = |name: &str| metadata[name].as_str();
    let list = |name: &str| {
        let list = metadata[name].as_array()?;
        Some(list.iter().filter_map(Value::as_str).collect::<Vec<_>>())
    };
    let mut found = Vec::new();
    for name in EndpointName::ALL {
        let theirs = name.in_metadata().and_then(|name| Some((name, member(name)?)));
        let ours = d.endpoint(*name).map(|ours| with_defaults(d, ours)).filter(|ours| !ours.contains('{'));
        if let (Some(ours), Some((name, theirs))) = (ours, theirs)
            && ours != theirs
        {
            found.push(format!(
                "`{name}`: the metadata says {}, and the definition {}.",
                code(theirs),
                code(&ours)
            ));
        }
    }
    let issuer =
        d.issuer.as_deref().map(|ours| with_defaults(d, ours)).filter(|_| d.issuer_template.is_none());
    if let (Some(ours), Some(theirs)) = (issuer.filter(|ours| !ours.contains('{')), member("issuer"))
        && ours != theirs
        && !d.issuer_aliases.iter().any(|alias| alias == theirs)
    {
        found.push(format!(
            "`issuer`: the metadata says {}, and the definition {}.",
            code(theirs),
            code(&ours)
        ));
    }
    let methods = list("token_endpoint_auth_methods_supported");
    if let (Some(ours), Some(theirs)) = (d.client_auth.filter(|method| *method != ClientAuth::None), methods)
        && !theirs.contains(&ours.as_str())
    {
        let theirs = theirs.join(", ");
        found.push(format!(
            "`client_auth`: the metadata lists {}, and the definition says {}.",
            code(&theirs),
            code(ours.as_str())
        ));
    }
    if let Some(theirs) = list("code_challenge_methods_supported")
        && theirs.contains(&"S256") == (d.pkce == Pkce::Unsupported)
    {
        let theirs = theirs.join(", ");
        found.push(format!(
            "`pkce`: the metadata lists {}, and the definition says otherwise.",
            code(&theirs)
        ));
    }
    if let Some(theirs) = list("scopes_supported") {
        let missing: Vec<_> =
            d.scopes.iter().filter(|scope| !theirs.contains(&scope.as_str())).map(|s| code(s)).collect();
        if !missing.is_empty() {
            found.push(format!("`scopes`: the metadata does not list {}.", missing.join(", ")));
        }
    }
    let algorithms = list("id_token_signing_alg_values_supported");
    if let Some(theirs) =
        algorithms.filter(|list| list.iter().all(|name| name.starts_with("HS") || *name == "none"))
    {
        let theirs = theirs.join(", ");
        found.push(format!(
            "The metadata lists no algorithm for ID tokens that vouchsafe accepts: {}.",
            code(&theirs)
        ));
    }
    found
}

fn with_defaults(d: &Definition, url: &str) -> String {
    let defaults = d.params.iter().filter_map(|(name, param)| Some((name, param.default.as_deref()?)));
    defaults.fold(url.to_owned(), |url, (name, value)| url.replace(&format!("{{{name}}}"), value))
}

/// The text of a pull request.
fn markdown(reports: &[Report], today: Date) -> String {
    let to_mend: Vec<_> = reports.iter().filter(|report| !report.mend.is_empty()).collect();
    let unknown: Vec<_> = reports
        .iter()
        .flat_map(|report| report.unknown.iter().map(move |line| (&report.name, line)))
        .collect();
    let mut text = format!(
        "# Definitions to check again\n\nChecked on {today}: {} of {} definitions have something to mend.\n",
        to_mend.len(),
        reports.len()
    );
    for report in to_mend {
        let Report { slug, name, mend, .. } = report;
        let _ = write!(text, "\n## {name}\n\n`providers/{slug}.toml`, `registration/{slug}.toml`\n\n");
        mend.iter().for_each(|line| text.push_str(&format!("- [ ] {line}\n")));
    }
    if !unknown.is_empty() {
        text.push_str("\n## Could not be told\n\nThese may be right: a page that refuses programs, or a network that failed.\n\n");
        unknown.iter().for_each(|(name, line)| text.push_str(&format!("- {name}: {line}\n")));
    }
    text
}

/// A day such as `2026-11-26`.
fn day(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
    Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()
}

const YEAR: i64 = 366;
/// Providers that are asked at the same time.
const AT_ONCE: usize = 8;
/// Some sites refuse requests without one.
const AGENT: &str = concat!("vouchsafe/", env!("CARGO_PKG_VERSION"), " (", env!("CARGO_PKG_REPOSITORY"), ")");

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn definition(more: &str) -> Definition {
        let toml = format!(
            "slug = \"acme\"\ndisplay_name = \"Acme\"\nkind = \"openid\"\nissuer = \"https://acme.example\"\n\
             scopes = [\"openid\", \"email\"]\nchecked = \"2026-11-26\"\n{more}"
        );
        Definition::from_toml(&toml).unwrap()
    }

    #[test]
    fn facts_are_stale_after_a_year_and_not_before() {
        let facts = "[registration]\nchecked = \"2026-12-31\"\nsources = [\"x\"]\n";
        let definition = definition(facts);
        let facts = definition.registration.as_ref();
        for (today, count) in [("2026-11-27", 0), ("2027-11-27", 0), ("2027-11-28", 1), ("2028-01-02", 2)] {
            let told = stale(&definition, facts, day(today).unwrap());
            assert_eq!(told.len(), count, "{today}: {told:?}");
        }
        let told = stale(&definition, None, day("2028-01-01").unwrap());
        assert!(told[0].contains("2026-11-26"), "{told:?}");
        assert_eq!((day("2026-02-29"), day("soon"), day("")), (None, None, None));
    }

    #[test]
    fn metadata_that_says_the_same_is_no_difference_and_other_metadata_is() {
        let more =
            "client_auth = \"client_secret_post\"\nrevocation_endpoint = \"https://acme.example/revoke\"\n";
        let definition = definition(more);
        let same = json!({
            "issuer": "https://acme.example", "revocation_endpoint": "https://acme.example/revoke",
            "token_endpoint": "https://acme.example/token", "scopes_supported": ["openid", "email", "profile"],
            "token_endpoint_auth_methods_supported": ["client_secret_post"], "code_challenge_methods_supported": ["S256"],
            "id_token_signing_alg_values_supported": ["RS256", "HS256"],
        });
        assert_eq!(differences(&definition, &same), Vec::<String>::new());
        for (member, value, words) in [
            ("issuer", json!("https://other.example"), "`issuer`: the metadata says `https://other.example`"),
            ("revocation_endpoint", json!("https://acme.example/v2/revoke"), "`revocation_endpoint`: "),
            ("token_endpoint_auth_methods_supported", json!(["private_key_jwt"]), "`client_auth`: "),
            ("code_challenge_methods_supported", json!(["plain"]), "`pkce`: "),
            ("scopes_supported", json!(["openid"]), "does not list `email`"),
            ("id_token_signing_alg_values_supported", json!(["HS256", "none"]), "no algorithm"),
        ] {
            let mut other = same.clone();
            other[member] = value;
            let told = differences(&definition, &other);
            assert!(told.len() == 1 && told[0].contains(words), "{member}: {told:?}");
        }
    }

    #[test]
    fn the_text_names_files_and_has_a_box_for_each_line() {
        let report = |mend: &[&str], unknown: &[&str]| Report {
            slug: "acme".to_owned(),
            name: "Acme".to_owned(),
            mend: mend.iter().map(|&line| line.to_owned()).collect(),
            unknown: unknown.iter().map(|&line| line.to_owned()).collect(),
        };
        let text =
            markdown(&[report(&["One."], &["<u>: two."]), report(&[], &[])], day("2026-11-27").unwrap());
        for words in
            ["2026-11-27: 1 of 2", "## Acme\n\n`providers/acme.toml`", "- [ ] One.\n", "- Acme: <u>: two.\n"]
        {
            assert!(text.contains(words), "{words}: {text}");
        }
    }
}
