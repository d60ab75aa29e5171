//! `vouchsafe inspect`: decodes a JWT and, with an issuer, verifies it.
use std::io::{self, IsTerminal, Read};
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::task::spawn_blocking;
use vouchsafe::{Client, Registration};

use crate::args::InspectArgs;
use crate::failure::{Failure, Kind};
use crate::json::Object;
use crate::terminal::{BAD, CAUTION, Event, GOOD, Output, SOFT, STRONG, paint};
use crate::{setup, text};

pub(crate) async fn run(args: &InspectArgs, output: &mut Output) -> Result<(), Failure> {
    setup::not_empty("--issuer", args.issuer.as_deref())?;
    setup::not_empty("--discovery", args.discovery.as_deref())?;
    let audience = args.audience.as_deref().or(args.client_id.as_deref());
    let mut verifier = |issuer: &String| -> Result<Client, Failure> {
        // The client only fetches the provider's keys. It does not authenticate, so that any ID will do.
        let registration = Registration::new(args.client_id.as_deref().unwrap_or("vouchsafe-inspect"));
        let provider = setup::openid(issuer, args.discovery.as_deref());
        let client = Client::builder(provider, registration).clock_skew(args.checks.clock_skew);
        Ok(client.build(&setup::http(&args.http, output)?)?)
    };
    let verifier = args.issuer.as_ref().map(&mut verifier).transpose()?;
    let given = match &args.jwt {
        Some(jwt) => jwt.clone(),
        None => read(output).await?,
    };
    let jwt = compact(&given);
    let (header, claims) = header_and_claims(jwt)?;
    let verdict = match (&verifier, &args.issuer, &claims) {
        (Some(_), _, None) => Some(Err(Failure::new(Kind::Malformed, "encrypted_jwt", ENCRYPTED))),
        (Some(client), Some(issuer), Some(_)) => {
            let manual = client.manual();
            let verification = manual.verify_jwt(jwt, audience);
            let verified = output.patiently(issuer, args.http.timeout, verification).await;
            Some(verified.map(drop).map_err(Failure::from))
        }
        _ => None,
    };
    if claims.is_none() && verdict.is_none() {
        output.warn("encrypted_jwt", ENCRYPTED);
    }
    let verified = matches!(verdict, Some(Ok(())));
    output.event(&Event::Jwt(match &claims {
        Some(claims) => json!({"header": header, "claims": claims, "verified": verified}),
        None => json!({"header": header, "verified": verified}),
    }));
    let encrypted = "They are encrypted. Only the recipient of the JWT can read them.".to_owned();
    output.say(paint("Header", STRONG));
    members(&header, &[]).iter().for_each(|line| output.say(format!("  {line}")));
    output.section("Claims", claims.map_or(vec![encrypted], |claims| members(&claims, &TIMES)));
    let (mark, style, reason) = match (&verdict, audience) {
        (Some(Ok(())), Some(_)) => ("✓ verified", GOOD, ALL_CORRECT),
        (Some(Ok(())), None) => ("✓ verified", GOOD, AUDIENCE_UNCHECKED),
        (Some(Err(_)), _) => ("! not verified", BAD, "A check failed. Do not trust this JWT."),
        (None, _) => ("! not verified", CAUTION, UNVERIFIED),
    };
    output.say(format!("\n{}  {reason}", paint(mark, style)));
    verdict.unwrap_or(Ok(()))
}

/// The header and the claims of a JWT, without any verification. No claims if they are encrypted.
fn header_and_claims(jwt: &str) -> Result<(Value, Option<Value>), Failure> {
    let parts: Vec<&str> = jwt.split('.').collect();
    let claims = match parts.len() {
        3 => Some(decode("payload", parts[1])),
        // RFC 7516 §3.1: an encrypted JWT has five parts.
        5 => None,
        _ if jwt.is_empty() => return Err(not_a_jwt("the input is empty")),
        1 => return Err(not_a_jwt("it has no dots, so it may be an opaque token")),
        n => return Err(not_a_jwt(&format!("it has {n} parts between dots, not 3"))),
    };
    Ok((decode("header", parts[0])?, claims.transpose()?))
}

fn decode(what: &str, part: &str) -> Result<Value, Failure> {
    let refuse = |why: &str| not_a_jwt(&format!("its {what} {why}"));
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| refuse("is not base64url without padding"))?;
    let text = String::from_utf8(bytes).map_err(|_| refuse("is not UTF-8"))?;
    // An error of serde_json may quote the text.
    let read: Result<Object, _> = serde_json::from_str(&text);
    read.map(|Object(members)| members).map_err(|_| refuse("is not a JSON object, or has duplicate members"))
}

fn not_a_jwt(why: &str) -> Failure {
    Failure::new(Kind::Malformed, "jwt", format!("This is not a JWT: {why}"))
}

/// The JWT without the text around it that was pasted too: the scheme of a header, quotes, white space.
fn compact(given: &str) -> &str {
    let text = given.trim();
    let text = match text.split_once(char::is_whitespace) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => rest.trim_start(),
        _ => text,
    };
    text.trim_matches(['"', '\''])
}

async fn read(output: &Output) -> Result<String, Failure> {
    if io::stdin().is_terminal() && !output.is_quiet() {
        output.hint("Paste the JWT, then press Enter and Ctrl-D.");
    }
    let reading = spawn_blocking(|| {
        let mut text = String::new();
        io::stdin().lock().take(MAX_INPUT + 1).read_to_string(&mut text).map(|_| text)
    });
    match reading.await.map_err(io::Error::other).and_then(|read| read) {
        Ok(text) if text.len() as u64 > MAX_INPUT => Err(not_a_jwt("it is longer than 1 MiB")),
        Ok(text) => Ok(text),
        Err(e) if e.kind() == io::ErrorKind::InvalidData => Err(not_a_jwt("it is not UTF-8 text")),
        Err(e) => Err(Failure::local("input", format!("Standard input could not be read: {e}"))),
    }
}

/// The members of an object, a line each.
fn members(json: &Value, times: &[&str]) -> Vec<String> {
    let members: Vec<_> = json.as_object().into_iter().flatten().collect();
    let width = members.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default().min(24);
    let line = |(name, value): (&String, &Value)| {
        let shown = text::legible(&value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        let time = times.contains(&name.as_str()).then(|| time(value)).flatten();
        let time = time.map(|time| paint(&format!("  {time}"), SOFT)).unwrap_or_default();
        format!("{}  {shown}{time}", paint(&format!("{:<width$}", text::legible(name)), SOFT))
    };
    members.into_iter().map(line).collect()
}

/// A NumericDate (RFC 7519 section 2) as a date, with its distance from now.
fn time(value: &Value) -> Option<String> {
    let seconds = value.as_f64().filter(|seconds| (0.0..1e12).contains(seconds))?;
    let at = text::at(seconds as u64)?;
    Some(format!("{}, {}", text::date(at)?, text::relative(at, SystemTime::now())))
}

const ENCRYPTED: &str = "This JWT is encrypted (five parts), so that only its recipient can read it. If it is an ID token or a \
                         UserInfo response for your client, switch the encryption off in the registration of the client at the \
                         provider (id_token_encrypted_response_alg, userinfo_encrypted_response_alg)";
const ALL_CORRECT: &str = "The signature, the issuer, the times and the audience are correct.";
const AUDIENCE_UNCHECKED: &str = "The signature, the issuer and the times are correct. The audience was not checked: give \
                                  --audience or --client-id.";
const UNVERIFIED: &str = "Anybody could have made this JWT. To verify it, give the issuer with --issuer.";
/// The claims that are times: RFC 7519 section 4.1, OpenID Connect Core section 2.
const TIMES: [&str; 5] = ["exp", "nbf", "iat", "auth_time", "updated_at"];
/// The longest JWT that is read.
const MAX_INPUT: u64 = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_around_a_jwt_is_removed() {
        for given in ["a.b.c", " a.b.c\n", "Bearer a.b.c", "bearer  a.b.c", "\"a.b.c\"", "'a.b.c'\n"] {
            assert_eq!(compact(given), "a.b.c", "{given}");
        }
        assert_eq!(compact("bearer"), "bearer");
    }

    #[test]
    fn input_that_is_not_a_jwt_is_refused_without_a_panic() {
        for given in [
            "",
            ".",
            "..",
            "...",
            "a",
            "a.b.c",
            "e30.W10.",
            "e30.e30",
            "=.=.=",
            "é.é.é",
            "e30.eyJhIjoxLCJhIjoyfQ.x",
        ] {
            let failure = header_and_claims(given).err().map(|f| (f.kind, f.code));
            assert_eq!(failure, Some((Kind::Malformed, "jwt".to_owned())), "{given}");
        }
        assert!(header_and_claims("e30.e30.").is_ok());
        assert!(header_and_claims("e30.x.x.x.x").is_ok_and(|(_, claims)| claims.is_none()));
    }
}
