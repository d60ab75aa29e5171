//! `vouchsafe discover`: what a provider says of itself, and what that means for those who sign in there.
use serde_json::Value;
use vouchsafe::{Json, Provider};

use crate::args::DiscoverArgs;
use crate::failure::{Failure, Kind};
use crate::setup::provider as target;
use crate::terminal::output::{Event, Output, Style};
use crate::text;

pub(crate) async fn run(args: &DiscoverArgs, output: &mut Output) -> Result<(), Failure> {
    let http = target::http(&args.http)?;
    let provider = Provider::discover(args.url.as_str(), &http).await?;
    let Some(metadata) = provider.metadata() else {
        return Err(Failure::new(Kind::Malformed, "metadata", "The provider publishes no metadata"));
    };
    let metadata = metadata.clone();
    let report = Report::new(&metadata);
    let issuer = metadata.str_at("/issuer").unwrap_or_default();
    let codes = |findings: &[Finding]| findings.iter().map(|f| f.code).collect();
    output.event(&Event::Metadata {
        issuer,
        metadata: &metadata,
        offers: codes(&report.offers),
        missing: codes(&report.missing),
        r#unsafe: codes(&report.r#unsafe),
    });
    if !output.is_json() {
        show(issuer, &metadata, &report, output);
    }
    Ok(())
}

/// What metadata means.
#[derive(Default)]
struct Report {
    offers: Vec<Finding>,
    missing: Vec<Finding>,
    r#unsafe: Vec<Finding>,
}

/// A finding: a stable word for programs, a sentence for people.
struct Finding {
    code: &'static str,
    told: String,
}

impl Report {
    fn new(metadata: &Json) -> Self {
        let facts = Facts(metadata);
        let mut report = Self::default();
        report.protocol(&facts);
        report.grants(&facts);
        report.endpoints(&facts);
        report.safety(&facts);
        report
    }

    fn protocol(&mut self, facts: &Facts<'_>) {
        if facts.has("jwks_uri") && facts.list("id_token_signing_alg_values_supported").is_some() {
            self.offer("openid", "OpenID Connect: an ID token says who signed in");
        } else {
            self.miss(
                "openid",
                "OpenID Connect: no ID tokens are announced, so the profile has to say who signed in",
            );
        }
        let methods = facts.list("code_challenge_methods_supported").unwrap_or_default();
        if methods.iter().any(|m| m == "S256") {
            self.offer("pkce", "PKCE with S256: a stolen code is of no use (RFC 7636)");
        }
        if facts.flag("authorization_response_iss_parameter_supported") {
            self.offer("iss_parameter", "the issuer in authorization responses, against mix-up (RFC 9207)");
        } else {
            self.miss(
                "iss_parameter",
                "the issuer in authorization responses (RFC 9207): one provider's response could \
                                        pass as another's; use a redirect URI for each provider",
            );
        }
    }

    fn grants(&mut self, facts: &Facts<'_>) {
        // OpenID Connect Discovery §3, RFC 8414 §2: what is left out is authorization_code and implicit.
        let grants = facts.list("grant_types_supported");
        let has = |grant: &str| grants.as_ref().is_some_and(|list| list.iter().any(|g| g == grant));
        if grants.is_none() || has("authorization_code") {
            self.offer("authorization_code", "the authorization code grant");
        } else {
            self.danger(
                "no_authorization_code",
                "the authorization code grant is not among the grants: only worse ones are",
            );
        }
        if has("refresh_token") {
            self.offer("refresh_token", "refresh tokens");
        } else if grants.is_some() {
            self.miss(
                "refresh_token",
                "refresh tokens are not announced: users may have to sign in again and again",
            );
        }
        if has("client_credentials") {
            self.offer("client_credentials", "tokens for an application itself (client credentials)");
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
                "a profile of the user (UserInfo)",
                "a profile of the user (UserInfo)",
            ),
            (
                "revocation_endpoint",
                "revocation",
                "revocation of tokens (RFC 7009)",
                "revocation of tokens (RFC 7009): a token lost is a token valid until it expires",
            ),
            (
                "end_session_endpoint",
                "logout",
                "logout at the provider",
                "logout at the provider: signing out of an application leaves the provider's session open",
            ),
        ] {
            if facts.has(name) { self.offer(code, offered) } else { self.miss(code, missing) }
        }
        for (name, code, told) in [
            ("introspection_endpoint", "introspection", "introspection of tokens (RFC 7662)"),
            ("pushed_authorization_request_endpoint", "par", "pushed authorization requests (RFC 9126)"),
            ("registration_endpoint", "registration", "registration of clients by themselves (RFC 7591)"),
        ] {
            if facts.has(name) {
                self.offer(code, told);
            }
        }
        if facts.has("dpop_signing_alg_values_supported") {
            self.offer("dpop", "tokens bound to a key of the client's (RFC 9449)");
        }
    }

    fn safety(&mut self, facts: &Facts<'_>) {
        match facts.list("code_challenge_methods_supported") {
            Some(methods) if methods.iter().any(|m| m == "S256") => {}
            Some(_) => self.danger(
                "no_pkce_s256",
                "PKCE is announced without S256, which alone protects a code (RFC 7636)",
            ),
            None => self.danger(
                "no_pkce",
                "PKCE is not announced: it is sent all the same, and may be ignored (RFC 9700)",
            ),
        }
        let algorithms = facts.list("id_token_signing_alg_values_supported").unwrap_or_default();
        if algorithms.iter().any(|a| a == "none") {
            self.danger(
                "alg_none",
                "ID tokens without a signature (alg none) are announced; they are refused here",
            );
        }
        let weak = |a: &String| a.starts_with("HS") || a == "none";
        if !algorithms.is_empty() && algorithms.iter().all(weak) {
            self.danger(
                "no_asymmetric_alg",
                "ID tokens are signed by no public key: they cannot be verified here",
            );
        }
        let grants = facts.list("grant_types_supported").unwrap_or_default();
        let types = facts.list("response_types_supported").unwrap_or_default();
        if !types.is_empty() && !types.iter().any(|t| t == "code") {
            self.danger(
                "only_implicit",
                "the response type code is not among those announced: tokens pass through the browser",
            );
        } else if types.iter().any(|t| t.split(' ').any(|t| t == "token"))
            || grants.iter().any(|g| g == "implicit")
        {
            self.danger(
                "implicit",
                "the implicit grant is announced: leave it off for your client (RFC 9700 section 2.1.2)",
            );
        }
        if grants.iter().any(|g| g == "password") {
            self.danger(
                "password_grant",
                "the password grant is announced: never use it (RFC 9700 section 2.4)",
            );
        }
        if !facts.text("issuer").is_some_and(|issuer| issuer.starts_with("https:")) {
            self.danger("http", "the issuer is not on https: that is for development alone");
        }
    }

    fn offer(&mut self, code: &'static str, told: &str) {
        self.offers.push(Finding { code, told: told.to_owned() });
    }

    fn miss(&mut self, code: &'static str, told: &str) {
        self.missing.push(Finding { code, told: told.to_owned() });
    }

    fn danger(&mut self, code: &'static str, told: &str) {
        self.r#unsafe.push(Finding { code, told: told.to_owned() });
    }
}

/// Metadata, asked for single facts. What has another type than it should is not there.
struct Facts<'a>(&'a Json);

impl Facts<'_> {
    fn has(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| value.to::<Value>().is_ok_and(|v| !v.is_null()))
    }

    fn text(&self, name: &str) -> Option<String> {
        self.0.get(name)?.as_str().map(str::to_owned)
    }

    fn list(&self, name: &str) -> Option<Vec<String>> {
        self.0.get(name)?.to().ok()
    }

    fn flag(&self, name: &str) -> bool {
        self.0.get(name).and_then(|value| value.as_bool()) == Some(true)
    }
}

fn show(issuer: &str, metadata: &Json, report: &Report, output: &mut Output) {
    let facts = Facts(metadata);
    output.say(output.paint(&text::short(issuer, 200), Style::Strong));
    output.say("");
    for (label, name) in [
        ("authorization", "authorization_endpoint"),
        ("token", "token_endpoint"),
        ("userinfo", "userinfo_endpoint"),
        ("keys", "jwks_uri"),
        ("revocation", "revocation_endpoint"),
        ("introspection", "introspection_endpoint"),
        ("device", "device_authorization_endpoint"),
        ("logout", "end_session_endpoint"),
    ] {
        if let Some(url) = facts.text(name) {
            row(output, label, &url);
        }
    }
    for (label, name) in [
        ("grants", "grant_types_supported"),
        ("scopes", "scopes_supported"),
        ("client auth", "token_endpoint_auth_methods_supported"),
        ("ID token algs", "id_token_signing_alg_values_supported"),
        ("PKCE", "code_challenge_methods_supported"),
    ] {
        if let Some(list) = facts.list(name) {
            row(output, label, &list.join(" "));
        }
    }
    for (title, mark, style, findings) in [
        ("Offers", "✓", Style::Good, &report.offers),
        ("Missing", "–", Style::Soft, &report.missing),
        ("Unsafe", "!", Style::Caution, &report.r#unsafe),
    ] {
        if findings.is_empty() {
            continue;
        }
        output.say("");
        output.say(output.paint(title, Style::Strong));
        for finding in findings {
            output.say(format!("  {} {}", output.paint(mark, style), finding.told));
        }
    }
    output.tell("");
    let hint = format!("Sign in: vouchsafe login --issuer {} --client-id ID", text::short(issuer, 200));
    output.tell(output.paint(&hint, Style::Soft));
}

fn row(output: &mut Output, label: &str, value: &str) {
    let label = output.paint(&format!("{label:<14}"), Style::Soft);
    output.say(format!("  {label} {}", text::short(value, 400)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(metadata: &str) -> (Vec<&'static str>, Vec<&'static str>, Vec<&'static str>) {
        let report = Report::new(&metadata.parse().unwrap());
        let codes = |findings: Vec<Finding>| findings.into_iter().map(|f| f.code).collect();
        (codes(report.offers), codes(report.missing), codes(report.r#unsafe))
    }

    #[test]
    fn a_bare_provider_lacks_much_and_is_told_so() {
        let (offers, missing, dangers) = report(r#"{"issuer": "http://127.0.0.1:1"}"#);
        assert_eq!(offers, ["authorization_code"]);
        assert_eq!(missing, ["openid", "iss_parameter", "userinfo", "revocation", "logout"]);
        assert_eq!(dangers, ["no_pkce", "http"]);
    }

    #[test]
    fn what_is_unsafe_is_found() {
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
