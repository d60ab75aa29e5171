//! `vouchsafe discover`: a provider's metadata, and what it means for applications that sign users in there.
use serde::Deserialize;
use serde_json::Value;
use vouchsafe::Provider;

use crate::args::DiscoverArgs;
use crate::failure::{Failure, Kind};
use crate::terminal::{CAUTION, Event, GOOD, Output, SOFT, STRONG, paint};
use crate::{setup, text};

pub(crate) async fn run(args: &DiscoverArgs, output: &mut Output) -> Result<(), Failure> {
    let provider = Provider::discover(args.url.as_str(), &setup::http(&args.http)?).await?;
    let Some(metadata) = provider.metadata() else {
        return Err(Failure::new(Kind::Malformed, "metadata", "The provider publishes no metadata"));
    };
    let report = Report::new(metadata);
    let issuer = metadata["issuer"].as_str().unwrap_or_default();
    let codes = |findings: &[Finding]| findings.iter().map(|finding| finding.0).collect();
    output.event(&Event::Metadata {
        issuer,
        metadata,
        offers: codes(&report.offers),
        missing: codes(&report.missing),
        r#unsafe: codes(&report.r#unsafe),
    });
    show(&text::short(issuer, 200), &Facts(metadata), &report, output);
    Ok(())
}

/// What the metadata means.
#[derive(Default)]
struct Report {
    offers: Vec<Finding>,
    missing: Vec<Finding>,
    r#unsafe: Vec<Finding>,
}

/// A stable code for programs, and a sentence for people.
type Finding = (&'static str, &'static str);

impl Report {
    fn new(metadata: &Value) -> Self {
        let facts = Facts(metadata);
        let mut report = Self::default();
        report.protocol(&facts);
        report.grants(&facts);
        report.endpoints(&facts);
        report.safety(&facts);
        report
    }

    fn protocol(&mut self, facts: &Facts<'_>) {
        if facts.has("jwks_uri") && facts.has_list("id_token_signing_alg_values_supported") {
            self.offer("openid", "OpenID Connect: an ID token says who signed in");
        } else {
            self.miss("openid", "OpenID Connect: without ID tokens, only the profile says who signed in");
        }
        if facts.lists("code_challenge_methods_supported", "S256") {
            self.offer("pkce", "PKCE with S256: a stolen code cannot be used (RFC 7636)");
        }
        if facts.flag("authorization_response_iss_parameter_supported") {
            self.offer(
                "iss_parameter",
                "the issuer in authorization responses, against mix-up attacks (RFC 9207)",
            );
        } else {
            self.miss(
                "iss_parameter",
                "the issuer in authorization responses (RFC 9207): use a separate redirect URI for each provider, so that \
                 a response cannot pass as another provider's",
            );
        }
    }

    fn grants(&mut self, facts: &Facts<'_>) {
        // OpenID Connect Discovery §3, RFC 8414 §2: the default is authorization_code and implicit.
        let listed = facts.has_list("grant_types_supported");
        let has = |grant: &str| facts.lists("grant_types_supported", grant);
        if !listed || has("authorization_code") {
            self.offer("authorization_code", "the authorization code grant");
        } else {
            self.danger(
                "no_authorization_code",
                "the authorization code grant is missing: the other grants are less safe",
            );
        }
        if has("refresh_token") {
            self.offer("refresh_token", "refresh tokens");
        } else if listed {
            self.miss(
                "refresh_token",
                "refresh tokens: users may have to sign in again when an access token expires",
            );
        }
        if has("client_credentials") {
            self.offer("client_credentials", "tokens for the application itself (client credentials)");
        }
        if has("urn:ietf:params:oauth:grant-type:device_code") {
            self.offer("device_code", "sign-in on devices without a browser (RFC 8628)");
        }
    }

    fn endpoints(&mut self, facts: &Facts<'_>) {
        for (name, code, offered, missing) in [
            (
                "userinfo_endpoint",
                "userinfo",
                "the user's profile (UserInfo)",
                "the user's profile (UserInfo)",
            ),
            (
                "revocation_endpoint",
                "revocation",
                "token revocation (RFC 7009)",
                "token revocation (RFC 7009): a stolen token stays valid until it expires",
            ),
            (
                "end_session_endpoint",
                "logout",
                "logout at the provider",
                "logout at the provider: users who sign out of an application stay signed in at the provider",
            ),
        ] {
            if facts.has(name) { self.offer(code, offered) } else { self.miss(code, missing) }
        }
        for (name, code, offered) in [
            ("introspection_endpoint", "introspection", "token introspection (RFC 7662)"),
            ("pushed_authorization_request_endpoint", "par", "pushed authorization requests (RFC 9126)"),
            ("registration_endpoint", "registration", "dynamic client registration (RFC 7591)"),
            (
                "dpop_signing_alg_values_supported",
                "dpop",
                "tokens that are bound to a key of the client (DPoP, RFC 9449)",
            ),
        ] {
            if facts.has(name) {
                self.offer(code, offered);
            }
        }
    }

    fn safety(&mut self, facts: &Facts<'_>) {
        if !facts.has_list("code_challenge_methods_supported") {
            self.danger(
                "no_pkce",
                "PKCE is not announced: it is sent, but the provider may ignore it (RFC 9700)",
            );
        } else if !facts.lists("code_challenge_methods_supported", "S256") {
            self.danger(
                "no_pkce_s256",
                "PKCE is announced without S256, the only method that protects a code (RFC 7636)",
            );
        }
        let algorithms = facts.list("id_token_signing_alg_values_supported");
        if algorithms.iter().any(|algorithm| algorithm == "none") {
            self.danger(
                "alg_none",
                "ID tokens without a signature (alg none) are announced; vouchsafe refuses them",
            );
        }
        let is_weak = |algorithm: &String| algorithm.starts_with("HS") || algorithm == "none";
        if !algorithms.is_empty() && algorithms.iter().all(is_weak) {
            self.danger("no_asymmetric_alg", "no public key signs ID tokens: vouchsafe cannot verify them");
        }
        let types = facts.list("response_types_supported");
        let returns_tokens = |types: &String| types.split(' ').any(|each| each == "token");
        if !types.is_empty() && !types.iter().any(|each| each == "code") {
            self.danger(
                "only_implicit",
                "the response type code is not announced: tokens pass through the browser",
            );
        } else if types.iter().any(returns_tokens) || facts.lists("grant_types_supported", "implicit") {
            self.danger(
                "implicit",
                "the implicit grant is announced: turn it off for your client (RFC 9700 section 2.1.2)",
            );
        }
        if facts.lists("grant_types_supported", "password") {
            self.danger(
                "password_grant",
                "the password grant is announced: never use it (RFC 9700 section 2.4)",
            );
        }
        if !facts.text("issuer").is_some_and(|issuer| issuer.starts_with("https:")) {
            self.danger("http", "the issuer is not on https, which is acceptable for development only");
        }
    }

    fn offer(&mut self, code: &'static str, sentence: &'static str) {
        self.offers.push((code, sentence));
    }

    fn miss(&mut self, code: &'static str, sentence: &'static str) {
        self.missing.push((code, sentence));
    }

    fn danger(&mut self, code: &'static str, sentence: &'static str) {
        self.r#unsafe.push((code, sentence));
    }
}

/// Single facts of the metadata. A member of the wrong type counts as absent.
struct Facts<'a>(&'a Value);

impl Facts<'_> {
    fn has(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| !value.is_null())
    }

    fn text(&self, name: &str) -> Option<String> {
        self.0.get(name)?.as_str().map(str::to_owned)
    }

    fn list(&self, name: &str) -> Vec<String> {
        self.0.get(name).and_then(|value| Vec::deserialize(value).ok()).unwrap_or_default()
    }

    fn has_list(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| Vec::<String>::deserialize(value).is_ok())
    }

    fn lists(&self, name: &str, value: &str) -> bool {
        self.list(name).iter().any(|each| each == value)
    }

    fn flag(&self, name: &str) -> bool {
        self.0.get(name).and_then(|value| value.as_bool()) == Some(true)
    }
}

fn show(issuer: &str, facts: &Facts<'_>, report: &Report, output: &mut Output) {
    output.say(paint(issuer, STRONG));
    output.say("");
    for (label, name) in [
        ("authorization", "authorization_endpoint"),
        ("token", "token_endpoint"),
        ("UserInfo", "userinfo_endpoint"),
        ("keys", "jwks_uri"),
        ("revocation", "revocation_endpoint"),
        ("introspection", "introspection_endpoint"),
        ("device", "device_authorization_endpoint"),
        ("logout", "end_session_endpoint"),
    ] {
        if let Some(url) = facts.text(name) {
            output.row(label, &url);
        }
    }
    for (label, name) in [
        ("grants", "grant_types_supported"),
        ("scopes", "scopes_supported"),
        ("client auth", "token_endpoint_auth_methods_supported"),
        ("ID token algs", "id_token_signing_alg_values_supported"),
        ("PKCE", "code_challenge_methods_supported"),
    ] {
        if facts.has_list(name) {
            output.row(label, &facts.list(name).join(" "));
        }
    }
    for (title, mark, style, findings) in [
        ("Offers", "✓", GOOD, &report.offers),
        ("Missing", "–", SOFT, &report.missing),
        ("Unsafe", "!", CAUTION, &report.r#unsafe),
    ] {
        if !findings.is_empty() {
            output.heading(title);
        }
        for (_, sentence) in findings {
            output.say(format!("  {} {sentence}", paint(mark, style)));
        }
    }
    output.tell("");
    output.tell(paint(&format!("To sign in: vouchsafe login --issuer {issuer} --client-id ID"), SOFT));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(metadata: &str) -> (Vec<&'static str>, Vec<&'static str>, Vec<&'static str>) {
        let report = Report::new(&metadata.parse().unwrap());
        let codes = |findings: Vec<Finding>| findings.into_iter().map(|finding| finding.0).collect();
        (codes(report.offers), codes(report.missing), codes(report.r#unsafe))
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
}
