//! The checks that are made at each step of a flow, in the order in which the library makes them, and the threats that they stop.
use serde::{Deserialize, Serialize};
use vouchsafe::error::Operation;

use super::record::{Refusal, Step};

/// A check at a step, and its outcome.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Check {
    /// The rule, as a sentence.
    pub(super) rule: String,
    /// The threat that it stops.
    pub(super) threat: String,
    pub(super) outcome: Outcome,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    Passed,
    Refused,
    /// An earlier check has ended the flow.
    NotReached,
}

impl Outcome {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Refused => "refused",
            Self::NotReached => "not reached",
        }
    }
}

/// The checks of a step.
pub(super) fn of(step: &Step) -> Vec<Check> {
    let has_id_token = || {
        let body = step.response.as_ref().and_then(|response| response.body.as_deref());
        let is_about = |refusal: &Refusal| is_of_id_token(refusal);
        body.is_some_and(|body| body.contains("\"id_token\"")) || step.refusal.as_ref().is_some_and(is_about)
    };
    let groups: &[&str] = match step.operation {
        Some(Operation::Discovery) => &["http", "discovery"],
        Some(Operation::Authorization) if is_signed(step) => &["signed", "authorization"],
        Some(Operation::Authorization) => &["authorization"],
        Some(Operation::AuthorizationCode) if has_id_token() => &["http", "token", "id_token"],
        Some(Operation::AuthorizationCode) => &["http", "token"],
        Some(Operation::Refresh) if has_id_token() => &["http", "token", "id_token", "refresh"],
        Some(Operation::Refresh) => &["http", "token", "refresh"],
        Some(Operation::KeySet) => &["http", "keys"],
        Some(Operation::Profile | Operation::Identity) => &["http", "profile"],
        Some(Operation::PushedRequest) => &["http", "pushed"],
        Some(Operation::Revocation) => &["http"],
        Some(Operation::LogoutToken) => &["logout"],
        _ => return Vec::new(),
    };
    let rows: Vec<_> = groups.iter().flat_map(|group| rows(group)).collect();
    let refused = step.refusal.as_ref().and_then(|refusal| place(&rows, refusal));
    let failed = step.refusal.is_none() && step.response.as_ref().is_some_and(|response| response.failed);
    let checks = rows.iter().enumerate().map(|(at, row)| Check {
        rule: row.rule.to_owned(),
        threat: row.threat.to_owned(),
        outcome: match (&step.refusal, refused) {
            (_, Some(refused)) if at < refused => Outcome::Passed,
            (_, Some(refused)) if at == refused => Outcome::Refused,
            (Some(_), _) => Outcome::NotReached,
            // Not a reason to refuse the login: the profile failed, and the ID token says who the user is.
            (None, _) if failed => Outcome::NotReached,
            (None, _) => Outcome::Passed,
        },
    });
    checks.collect()
}

/// Whether a signed authorization response was expected, or came.
fn is_signed(step: &Step) -> bool {
    let comes = step.request.iter().flat_map(|request| &request.params).any(|(name, _)| name == "response");
    comes || step.refusal.as_ref().is_some_and(|refusal| refusal.reason.contains("(JARM)"))
}

/// A row of the table: the group, the codes of errors, the rule and the threat.
struct Row {
    group: &'static str,
    codes: &'static str,
    rule: &'static str,
    threat: &'static str,
}

fn rows(group: &str) -> impl Iterator<Item = Row> {
    let group = group.to_owned();
    let read = |line: &'static str| {
        let mut cells = line.split('|').map(str::trim);
        Some(Row { group: cells.next()?, codes: cells.next()?, rule: cells.next()?, threat: cells.next()? })
    };
    include_str!("checks.txt").lines().filter_map(read).filter(move |row| row.group == group)
}

/// The row of a refusal. Some codes occur in several groups: then the words of the reason decide.
fn place(rows: &[Row], refusal: &Refusal) -> Option<usize> {
    let code = match &*refusal.code {
        _ if refusal.by != "vouchsafe" => "provider",
        "token_type" if refusal.reason.contains("must have the type") => "typ",
        "signature" if refusal.reason.contains("outside the JWT") => "outside",
        code => code,
    };
    let is_group = |row: &Row| (row.group == "id_token") == is_of_id_token(refusal);
    let fits = |row: &Row| row.codes.split(' ').any(|known| known == code);
    // The URLs in metadata are checked after its response.
    let exact = rows.iter().rposition(|row| fits(row) && is_group(row));
    exact.or_else(|| rows.iter().position(fits))
}

/// Whether the reason is about an ID token. Errors of a response name the endpoint, and those of a token its parts.
fn is_of_id_token(refusal: &Refusal) -> bool {
    let says = |word: &str| refusal.reason.contains(word);
    ["ID token", "JWT", "claim"].into_iter().any(says) && !says("access_token")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use vouchsafe::{Client, Http, Provider, Registration};
    use vouchsafe_sandbox::{Fault, Sandbox};

    use super::*;

    #[test]
    fn every_row_is_complete() {
        let groups = [
            "http",
            "discovery",
            "authorization",
            "signed",
            "token",
            "id_token",
            "refresh",
            "keys",
            "profile",
            "logout",
            "pushed",
        ];
        let known: usize = groups.iter().map(|group| rows(group).count()).sum();
        assert_eq!(known, include_str!("checks.txt").lines().count());
        for Row { rule, threat, .. } in groups.iter().flat_map(|group| rows(group)) {
            assert!(rule.ends_with('.') && threat.ends_with('.') && !threat.contains('|'), "{rule}");
        }
    }

    /// A check that a page calls passed was made: with two faults, the library names the one whose row comes first.
    #[tokio::test]
    async fn the_rows_are_in_the_order_in_which_the_library_checks() {
        let sandbox = Sandbox::start().await.unwrap();
        let registration = Registration::new(sandbox.client_id())
            .secret(sandbox.client_secret())
            .redirect_uri("http://127.0.0.1:4711/callback");
        let http = Http::new().unwrap();
        for (groups, first, second) in [
            (&["authorization"][..], "duplicate-code", "wrong-issuer"),
            (&["authorization"], "wrong-issuer", "foreign-state"),
            (&["authorization"], "foreign-state", "missing-code"),
            (&["http", "token", "id_token"], "html", "dpop-unasked"),
            (&["http", "token", "id_token"], "missing-access-token", "dpop-unasked"),
            (&["http", "token", "id_token"], "dpop-unasked", "alg-none"),
            (&["id_token"], "alg-none", "wrong-nonce"),
            (&["id_token"], "critical-header", "signature-wrong"),
            (&["id_token"], "unknown-key", "wrong-nonce"),
            (&["id_token"], "signature-wrong", "wrong-id-token-issuer"),
            (&["id_token"], "wrong-id-token-issuer", "missing-subject"),
            (&["id_token"], "missing-subject", "foreign-audience"),
            (&["id_token"], "foreign-audience", "expired-id-token"),
            (&["id_token"], "expired-id-token", "future-issued-at"),
            (&["id_token"], "future-not-before", "foreign-party"),
            (&["id_token"], "foreign-party", "wrong-nonce"),
            (&["id_token"], "wrong-nonce", "old-sign-in"),
            (&["id_token"], "old-sign-in", "wrong-token-hash"),
        ] {
            let [one, two] = [first, second].map(|name| Fault::named(name).unwrap());
            sandbox.fault(one);
            sandbox.fault(two);
            let provider = Provider::openid(sandbox.issuer());
            let client = Client::new(provider, registration.clone(), &http).unwrap();
            let login = client.login().max_age(Duration::from_secs(3600)).await.unwrap();
            let back = sandbox.person("alice").allow(&login.url).await.unwrap();
            let error = client.finish(login.pending, &*back).await.unwrap_err();
            sandbox.clear_faults();
            assert_eq!(error.code(), one.refusal().unwrap().code, "{first}, {second}");
            let rows: Vec<_> = groups.iter().flat_map(|group| rows(group)).collect();
            let at = |code: &str, reason: &str| {
                let (by, code, reason) = ("vouchsafe".to_owned(), code.to_owned(), reason.to_owned());
                place(&rows, &Refusal { by, code, reason }).unwrap()
            };
            let found = at(error.code(), &error.to_string());
            let later = at(
                two.refusal().unwrap().code,
                if two.place().title().contains("ID token") { "ID token" } else { "" },
            );
            assert!(found < later, "{first} at {found}, {second} at {later}");
        }
    }
}
