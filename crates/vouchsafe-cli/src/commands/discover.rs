//! `vouchsafe discover`: a provider's metadata, and its meaning for applications that sign users in there.
use serde::Deserialize;
use serde_json::{Value, json};
use vouchsafe::EndpointName;
use vouchsafe::error::UnsupportedError;

use crate::args::DiscoverArgs;
use crate::failure::{Failure, Kind};
use crate::terminal::{BAD, CAUTION, Event, GOOD, Output, SOFT, STRONG, paint};
use crate::{setup, text};

pub(crate) async fn run(args: &DiscoverArgs, output: &mut Output) -> Result<(), Failure> {
    setup::not_empty("The URL", Some(&args.url))?;
    setup::not_empty("--discovery", args.discovery.as_deref())?;
    let http = setup::http(&args.http, output)?;
    let discovery = setup::openid(&args.url, args.discovery.as_deref()).fetch_metadata(&http);
    let provider = output.patiently(&args.url, args.http.timeout, discovery).await?;
    let Some(metadata) = provider.metadata() else {
        return Err(Failure::new(Kind::Malformed, "metadata", "The provider publishes no metadata"));
    };
    let facts = Facts(metadata);
    let issuer = facts.text("issuer").unwrap_or_default();
    let (offers, missing, dangers) = (facts.offers(), facts.missing(), facts.dangers());
    let needs = provider.unmet_needs();
    let codes: Vec<_> = needs.iter().map(|need| need.feature().as_str()).collect();
    output.event(&Event::Metadata(json!({
        "issuer": issuer, "metadata": metadata, "offers": offers, "needs": codes, "missing": missing, "unsafe": dangers,
    })));

    let issuer = text::short(issuer, 200);
    output.say(paint(&issuer, STRONG));
    output.say("");
    show(&facts, output);
    let lines = |title: &'static str, codes: Vec<&'static str>, mark: &str, style| {
        let line = |code| format!("{} {}", paint(mark, style), sentence(title, code));
        codes.into_iter().map(line).collect::<Vec<_>>()
    };
    let need = |need: &UnsupportedError| format!("{} {}", paint("!", BAD), text::legible(need.reason()));
    output.section("Offers", lines("Offers", offers, "✓", GOOD));
    output.section("Needs what is missing here", needs.iter().map(need));
    output.section("Missing", lines("Missing", missing, "–", SOFT));
    output.section("Unsafe", lines("Unsafe", dangers, "!", CAUTION));
    let discovery = args.discovery.as_ref().map(|url| format!(" --discovery {}", text::short(url, 200)));
    let hint = match needs.is_empty() {
        true => format!(
            "To sign in: vouchsafe login --issuer {issuer}{} --client-id ID",
            discovery.unwrap_or_default()
        ),
        false => "A login does not start while the provider needs these.".to_owned(),
    };
    output.tell("");
    output.tell(paint(&hint, SOFT));
    Ok(())
}

/// The facts of the metadata, and their meanings as stable codes for programs. A member of the wrong type counts as absent.
struct Facts<'a>(&'a Value);

impl<'a> Facts<'a> {
    fn has(&self, name: &str) -> bool {
        !self.0[name].is_null()
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        self.0[name].as_str()
    }

    fn list(&self, name: &str) -> Option<Vec<&'a str>> {
        Vec::deserialize(&self.0[name]).ok()
    }

    fn lists(&self, name: &str, value: &str) -> bool {
        self.list(name).is_some_and(|list| list.contains(&value))
    }

    fn offers(&self) -> Vec<&'static str> {
        let grants = |grant: &str| self.lists(GRANTS, grant);
        found([
            ("openid", self.is_openid()),
            ("pkce", self.lists(PKCE, "S256")),
            ("iss_parameter", self.names_issuer()),
            ("authorization_code", self.grants_codes()),
            ("refresh_token", grants("refresh_token")),
            ("client_credentials", grants("client_credentials")),
            ("device_code", grants("urn:ietf:params:oauth:grant-type:device_code")),
            ("userinfo", self.has("userinfo_endpoint")),
            ("revocation", self.has("revocation_endpoint")),
            ("logout", self.has("end_session_endpoint")),
            ("introspection", self.has("introspection_endpoint")),
            ("par", self.has("pushed_authorization_request_endpoint")),
            ("registration", self.has("registration_endpoint")),
            ("dpop", self.has("dpop_signing_alg_values_supported")),
        ])
    }

    fn missing(&self) -> Vec<&'static str> {
        found([
            ("openid", !self.is_openid()),
            ("iss_parameter", !self.names_issuer()),
            ("refresh_token", self.list(GRANTS).is_some_and(|grants| !grants.contains(&"refresh_token"))),
            ("userinfo", !self.has("userinfo_endpoint")),
            ("revocation", !self.has("revocation_endpoint")),
            ("logout", !self.has("end_session_endpoint")),
        ])
    }

    fn dangers(&self) -> Vec<&'static str> {
        let pkce = self.list(PKCE);
        let algorithms = self.list(ALGORITHMS).unwrap_or_default();
        let is_weak = |algorithm: &&str| algorithm.starts_with("HS") || *algorithm == "none";
        let types = self.list("response_types_supported").unwrap_or_default();
        let returns_tokens = |types: &&str| types.split(' ').any(|each| each == "token");
        let returns_no_code = !types.is_empty() && !types.contains(&"code");
        let is_implicit = types.iter().any(returns_tokens) || self.lists(GRANTS, "implicit");
        found([
            ("no_authorization_code", !self.grants_codes()),
            ("no_pkce", pkce.is_none()),
            ("no_pkce_s256", pkce.is_some_and(|methods| !methods.contains(&"S256"))),
            ("alg_none", algorithms.contains(&"none")),
            ("no_asymmetric_alg", !algorithms.is_empty() && algorithms.iter().all(is_weak)),
            ("only_implicit", returns_no_code),
            ("implicit", is_implicit && !returns_no_code),
            ("password_grant", self.lists(GRANTS, "password")),
            ("http", !self.text("issuer").is_some_and(|issuer| issuer.starts_with("https:"))),
        ])
    }

    fn is_openid(&self) -> bool {
        self.has("jwks_uri") && self.list(ALGORITHMS).is_some()
    }

    fn names_issuer(&self) -> bool {
        self.0["authorization_response_iss_parameter_supported"] == true
    }

    /// OpenID Connect Discovery section 3, RFC 8414 section 2: this grant is among the default ones.
    fn grants_codes(&self) -> bool {
        self.list(GRANTS).is_none_or(|grants| grants.contains(&"authorization_code"))
    }
}

/// The codes that are true.
fn found<const N: usize>(codes: [(&'static str, bool); N]) -> Vec<&'static str> {
    codes.into_iter().filter_map(|(code, holds)| holds.then_some(code)).collect()
}

/// A code in words.
fn sentence(title: &str, code: &'static str) -> &'static str {
    text::row(include_str!("discover.txt"), &format!("{title} {code}")).unwrap_or(code)
}

fn show(facts: &Facts<'_>, output: &mut Output) {
    for name in EndpointName::ALL {
        output.row(text::endpoint(*name), name.in_metadata().and_then(|member| facts.text(member)));
    }
    output.row("keys", facts.text("jwks_uri"));
    for (label, name) in [
        ("grants", GRANTS),
        ("scopes", "scopes_supported"),
        ("client auth", "token_endpoint_auth_methods_supported"),
        ("ID token algs", ALGORITHMS),
        ("PKCE", PKCE),
    ] {
        output.row(label, facts.list(name).map(|list| list.join(" ")).as_deref());
    }
}

const GRANTS: &str = "grant_types_supported";
const PKCE: &str = "code_challenge_methods_supported";
const ALGORITHMS: &str = "id_token_signing_alg_values_supported";

#[cfg(test)]
mod tests {
    use super::*;

    fn report(metadata: &str) -> (Vec<&'static str>, Vec<&'static str>, Vec<&'static str>) {
        let metadata = metadata.parse().unwrap();
        let facts = Facts(&metadata);
        let report = (facts.offers(), facts.missing(), facts.dangers());
        for (title, codes) in [("Offers", &report.0), ("Missing", &report.1), ("Unsafe", &report.2)] {
            assert!(
                codes.iter().all(|code| sentence(title, code) != *code),
                "a sentence is missing: {codes:?}"
            );
        }
        report
    }

    #[test]
    fn metadata_with_an_issuer_alone_lacks_much() {
        let (offers, missing, dangers) = report(r#"{"issuer": "http://127.0.0.1:1"}"#);
        assert_eq!(offers, ["authorization_code"]);
        assert_eq!(missing, ["openid", "iss_parameter", "userinfo", "revocation", "logout"]);
        assert_eq!(dangers, ["no_pkce", "http"]);
    }

    #[test]
    fn unsafe_offers_are_found() {
        let (_, _, dangers) = report(
            r#"{"issuer": "https://a.example", "code_challenge_methods_supported": ["plain"],
                "id_token_signing_alg_values_supported": ["none", "HS256"], "response_types_supported": ["id_token token"],
                "grant_types_supported": ["implicit", "password"]}"#,
        );
        assert_eq!(
            dangers,
            [
                "no_authorization_code",
                "no_pkce_s256",
                "alg_none",
                "no_asymmetric_alg",
                "only_implicit",
                "password_grant"
            ]
        );
    }

    #[test]
    fn every_offer_is_found_and_has_its_sentence() {
        let (offers, missing, dangers) = report(
            r#"{"issuer": "https://a.example", "jwks_uri": "https://a.example/k", "userinfo_endpoint": "https://a.example/u",
                "revocation_endpoint": "https://a.example/r", "end_session_endpoint": "https://a.example/e",
                "introspection_endpoint": "https://a.example/i", "registration_endpoint": "https://a.example/c",
                "pushed_authorization_request_endpoint": "https://a.example/p",
                "authorization_response_iss_parameter_supported": true, "dpop_signing_alg_values_supported": ["ES256"],
                "code_challenge_methods_supported": ["S256"], "id_token_signing_alg_values_supported": ["ES256"],
                "response_types_supported": ["code", "code token"], "grant_types_supported": ["authorization_code",
                "client_credentials", "urn:ietf:params:oauth:grant-type:device_code"]}"#,
        );
        assert_eq!(offers.len(), 13, "{offers:?}");
        assert_eq!(missing, ["refresh_token"]);
        assert_eq!(dangers, ["implicit"]);
    }
}
