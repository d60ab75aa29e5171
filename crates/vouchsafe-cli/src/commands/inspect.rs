//! `vouchsafe inspect`: what a JWT says, and whether it is to be believed.
use std::io::{self, IsTerminal, Read};
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::task::spawn_blocking;
use vouchsafe::{Client, Json, Provider, Registration};

use crate::args::InspectArgs;
use crate::failure::{Failure, Kind};
use crate::setup::provider as target;
use crate::terminal::output::{Event, Output, Style};
use crate::text;

pub(crate) async fn run(args: &InspectArgs, output: &mut Output) -> Result<(), Failure> {
    let verifier = match &args.issuer {
        Some(issuer) => {
            // Nobody authenticates here; a client is what has the provider's keys.
            let registration = Registration::new(args.client_id.as_deref().unwrap_or("vouchsafe-inspect"));
            let http = target::http(&args.http)?;
            Some(Client::new(Provider::openid(issuer.as_str()), registration, &http)?)
        }
        None => None,
    };
    let given = match &args.jwt {
        Some(jwt) => jwt.clone(),
        None => read(output).await?,
    };
    let jwt = compact(&given);
    let decoded = Decoded::new(jwt)?;
    let audience = args.audience.as_deref().or(args.client_id.as_deref());
    let verdict = match &verifier {
        Some(client) => Some(client.manual().verify_jwt(jwt, audience).await.map_err(Failure::from)),
        None => None,
    };
    let verified = matches!(verdict, Some(Ok(_)));
    let claims = decoded.claims.as_ref();
    output.event(&Event::Jwt { header: &decoded.header, claims, verified });
    if !output.is_json() {
        show(&decoded, output);
        conclude(&verdict, audience, output);
    }
    match verdict {
        Some(Err(failure)) => Err(failure),
        _ => Ok(()),
    }
}

/// A JWT taken apart, believed in nothing.
struct Decoded {
    header: Json,
    /// None where they are encrypted.
    claims: Option<Json>,
}

impl Decoded {
    fn new(jwt: &str) -> Result<Self, Failure> {
        let parts: Vec<&str> = jwt.split('.').collect();
        let encrypted = match parts.len() {
            3 => false,
            // RFC 7516 §3.1: five parts, of which the payload is not for us.
            5 => true,
            _ if jwt.is_empty() => return Err(not_a_jwt("there is nothing there")),
            n => {
                let parts = if n == 1 { "part" } else { "parts" };
                return Err(not_a_jwt(&format!(
                    "it has {n} {parts} between dots, not 3; it may be an opaque token"
                )));
            }
        };
        let header = decode("header", parts[0])?;
        let claims = (!encrypted).then(|| decode("payload", parts[1])).transpose()?;
        Ok(Self { header, claims })
    }
}

fn decode(what: &str, part: &str) -> Result<Json, Failure> {
    let bytes = URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| not_a_jwt(&format!("its {what} is not base64url without padding")))?;
    let text = String::from_utf8(bytes).map_err(|_| not_a_jwt(&format!("its {what} is not UTF-8")))?;
    let json: Json = text.parse().map_err(|e| not_a_jwt(&format!("its {what} cannot be read: {e}")))?;
    if !value(&json).is_object() {
        return Err(not_a_jwt(&format!("its {what} is not a JSON object")));
    }
    Ok(json)
}

fn not_a_jwt(why: &str) -> Failure {
    Failure::new(Kind::Malformed, "jwt", format!("That is not a JWT: {why}"))
}

/// The JWT itself, out of what was pasted: a header line, quotes, lines that were broken.
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
    let text = match reading.await {
        Ok(Ok(text)) => text,
        Ok(Err(e)) if e.kind() == io::ErrorKind::InvalidData => return Err(not_a_jwt("it is not text")),
        Ok(Err(e)) => return Err(Failure::local("input", format!("Standard input cannot be read: {e}"))),
        Err(_) => return Err(Failure::local("input", "Standard input cannot be read")),
    };
    if text.len() as u64 > MAX_INPUT {
        return Err(not_a_jwt("it is longer than a mebibyte"));
    }
    Ok(text)
}

fn show(decoded: &Decoded, output: &mut Output) {
    output.say(output.paint("Header", Style::Strong));
    members(&decoded.header, &[], output);
    output.say("");
    output.say(output.paint("Claims", Style::Strong));
    match &decoded.claims {
        Some(claims) => members(claims, &TIMES, output),
        None => output.say("  encrypted: only whom it was made for can read them"),
    }
    output.say("");
}

fn members(json: &Json, times: &[&str], output: &mut Output) {
    let value = value(json);
    let Some(members) = value.as_object() else { return };
    let width = members.keys().map(|k| k.chars().count()).max().unwrap_or_default().min(24);
    for (name, value) in members {
        let name = text::printable(name);
        let shown = match value.as_str() {
            Some(value) => text::printable(value),
            None => text::printable(&value.to_string()),
        };
        let time = times.contains(&name.as_str()).then(|| time(value)).flatten();
        let time = time.map(|t| format!("  {}", output.paint(&t, Style::Soft))).unwrap_or_default();
        let name = output.paint(&format!("{name:<width$}"), Style::Soft);
        output.say(format!("  {name}  {shown}{time}"));
    }
}

/// A NumericDate (RFC 7519 section 2), for a person.
fn time(value: &serde_json::Value) -> Option<String> {
    let seconds = value.as_f64().filter(|s| (0.0..1e12).contains(s))?;
    let at = text::at(seconds as u64)?;
    Some(format!("{}, {}", text::date(at)?, text::relative(at, SystemTime::now())))
}

fn conclude(verdict: &Option<Result<Json, Failure>>, audience: Option<&str>, output: &mut Output) {
    let (mark, told) = match verdict {
        Some(Ok(_)) => {
            let mark = output.paint("✓ verified", Style::Good);
            (
                mark,
                match audience {
                    Some(_) => "The signature, the issuer, the times and the audience are right.",
                    None => {
                        "The signature, the issuer and the times are right. Whom it is meant for was not asked: give \
                         --audience or --client-id."
                    }
                },
            )
        }
        Some(Err(_)) => {
            let mark = output.paint("! not verified", Style::Bad);
            (mark, "A check failed: believe nothing of it.")
        }
        None => {
            let mark = output.paint("! not verified", Style::Caution);
            (mark, "Anybody could have made this: give --issuer to have it checked.")
        }
    };
    output.say(format!("{mark}  {told}"));
}

fn value(json: &Json) -> serde_json::Value {
    json.to().unwrap_or_default()
}

/// The claims that are times: RFC 7519 section 4.1, OpenID Connect Core section 2.
const TIMES: [&str; 5] = ["exp", "nbf", "iat", "auth_time", "updated_at"];
/// The longest JWT that is read.
const MAX_INPUT: u64 = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_surrounds_a_jwt_is_left_out() {
        for given in ["a.b.c", " a.b.c\n", "Bearer a.b.c", "bearer  a.b.c", "\"a.b.c\"", "'a.b.c'\n"] {
            assert_eq!(compact(given), "a.b.c", "{given}");
        }
        assert_eq!(compact("bearer"), "bearer");
    }

    #[test]
    fn whatever_is_no_jwt_is_told_and_never_a_crash() {
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
            let failure = Decoded::new(given).err().map(|f| (f.kind, f.code));
            assert_eq!(failure, Some((Kind::Malformed, "jwt".to_owned())), "{given}");
        }
        assert!(Decoded::new("e30.e30.").is_ok());
        assert!(Decoded::new("e30.x.x.x.x").is_ok_and(|d| d.claims.is_none()));
    }
}
