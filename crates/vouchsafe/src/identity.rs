//! Who signed in.
use std::convert::Infallible;
use std::sync::Arc;

use vouchsafe_providers::{EmailAuthority, IdentityQuirks};

use crate::error::{Error, Feature, LeftOut, Malformed, Operation, Warning};
use crate::provenance::Provenance;
use crate::text::form::escape_segment;
use crate::text::json::{Value, add_missing};
use crate::text::template::{Mark, fill};

mod key;
mod stored;

pub use key::{IdentityKey, InvalidIdentityKey};

/// Who signed in, according to the provider.
///
/// Link accounts by [`key`](Identity::key). An e-mail address, even a verified one, can pass to another person, and
/// anybody can type an unverified one.
///
/// An identity serialises, for example into a session, without [`warnings`](Identity::warnings). Nothing in the
/// stored form proves where it comes from: store it where the user cannot change it.
#[derive(Clone, Debug)]
pub struct Identity {
    provider: String,
    key: IdentityKey,
    email: Option<String>,
    email_verified: Option<bool>,
    name: Option<String>,
    picture: Option<String>,
    /// Often the claims of an ID token, which has them as well.
    profile: Arc<Value>,
    warnings: Vec<Warning>,
}

impl Identity {
    /// Reads the identity from a profile. The quirks tell which members this provider uses.
    pub(crate) fn read(
        from: &Provenance,
        quirks: &IdentityQuirks,
        profile: impl Into<Arc<Value>>,
    ) -> Result<Self, Error> {
        let profile = profile.into();
        let (email, email_verified) = email(quirks, &profile);
        let subject = subject(quirks, &profile)?;
        Ok(Self {
            provider: from.provider.clone(),
            key: IdentityKey { issuer: from.issuer.clone(), subject },
            email_verified,
            email,
            name: name(quirks, &profile),
            picture: picture(quirks, &profile),
            warnings: unreadable_email(quirks, &profile).into_iter().collect(),
            profile,
        })
    }

    /// Reads the identity from the claims of an ID token and the profile together. The claims come first. If UserInfo calls its
    /// e-mail address verified, this does not make another address in the ID token verified.
    pub(crate) fn read_both(
        from: &Provenance,
        quirks: &IdentityQuirks,
        claims: &Value,
        profile: Value,
    ) -> Result<Self, Error> {
        let (in_token, token_says) = email(quirks, claims);
        let (in_profile, profile_says) = email(quirks, &profile);
        let unreadable = unreadable_email(quirks, &profile);
        let mut both = claims.clone();
        if let (Value::Object(members), Value::Object(more)) = (&mut both, profile) {
            add_missing(members, more);
        }
        let mut identity = Self::read(from, quirks, both)?;
        if identity.warnings.is_empty() {
            identity.warnings.extend(unreadable);
        }
        Ok(match in_token {
            Some(_) if in_token == in_profile => identity.with_email(in_token, token_says.or(profile_says)),
            Some(_) => identity.with_email(in_token, token_says),
            None => identity.with_email(in_profile, profile_says),
        })
    }

    pub(crate) fn with_email(mut self, email: Option<String>, verified: Option<bool>) -> Self {
        self.email_verified = verified.filter(|_| email.is_some());
        self.email = email;
        self
    }

    /// Replaces the e-mail address by one from a list.
    pub(crate) fn with_listed(self, quirks: &IdentityQuirks, listed: Option<(String, Option<bool>)>) -> Self {
        let (email, verified) = listed.map_or((None, None), |(email, verified)| (Some(email), verified));
        self.with_email(email, verified.or(quirks.email_always_verified.then_some(true)))
    }

    pub(crate) fn with_warning(mut self, warning: Warning) -> Self {
        self.warnings.push(warning);
        self
    }

    /// Takes the name from a value that came through the browser, if the provider itself sends none.
    pub(crate) fn or_name(mut self, parts: &[String], profile: &Value) -> Self {
        if self.name.is_none() {
            let parts = parts.iter().filter_map(|part| profile.pointer(part)?.as_str()).map(str::trim);
            let parts: Vec<_> = parts.filter(|part| !part.is_empty()).collect();
            self.name = (!parts.is_empty()).then(|| parts.join(" "));
        }
        self
    }

    /// The slug of the provider.
    pub fn provider_slug(&self) -> &str {
        &self.provider
    }

    /// The server that identifies the user: the provider's issuer. For a provider without an issuer, it is made from the token
    /// endpoint and the parameters that tell its servers apart. Two servers never share it, even if they share a slug.
    pub fn issuer(&self) -> &str {
        self.key.issuer()
    }

    /// The user's identifier. It is unique at this issuer and never passes to another user. It has no meaning at another issuer.
    pub fn subject(&self) -> &str {
        self.key.subject()
    }

    /// The key of the account: the issuer and the subject. Store it. It changes only if you change the issuer or an endpoint.
    pub fn key(&self) -> &IdentityKey {
        &self.key
    }

    /// The e-mail address, verified or not.
    pub fn email(&self) -> Option<&str> {
        self.email.as_deref()
    }

    /// Whether the provider verified that this e-mail address is the user's. `None` if it does not say.
    pub fn email_verified(&self) -> Option<bool> {
        self.email_verified
    }

    /// The e-mail address, if the provider verified it.
    pub fn verified_email(&self) -> Option<&str> {
        self.email().filter(|_| self.email_verified == Some(true))
    }

    /// The name to show; `preferred_username` where the provider has no `name`. Users can change it.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The URL of a picture, as the provider sent it. It may point anywhere.
    pub fn picture(&self) -> Option<&str> {
        self.picture.as_deref()
    }

    /// The claims of the ID token and the profile in one object.
    pub fn profile(&self) -> &Value {
        &self.profile
    }

    /// Values that were left out: the whole profile, if it could not be fetched and the ID token says who the user is
    /// ([`LeftOut::Profile`](crate::error::LeftOut::Profile)), or an e-mail address that is not text.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }
}

/// The user's identifier. If several members have it, they must be equal: at some providers users can add members to
/// their profile, and such a member must not select the account.
fn subject(quirks: &IdentityQuirks, profile: &Value) -> Result<String, Error> {
    if quirks.subject.is_empty() {
        let detail = "the provider has no permanent user identifier, only names that can pass to another user: use \
                      Client::profile";
        return Err(Error::unsupported(Operation::Identity, Feature::Identity, detail));
    }
    let mut found: Option<String> = None;
    for place in &quirks.subject {
        let subject = match inside(place) {
            Some(template) => joined(template, profile)?,
            None => part(place, profile)?.map(|subject| match quirks.subject_is_last_segment {
                true => subject.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned(),
                false => subject,
            }),
        };
        let Some(subject) = subject else { continue };
        if subject.is_empty() {
            return Err(no_user_id());
        }
        // The key goes into logs and stores, where a control character could end a line.
        if subject.contains(char::is_control) {
            let detail = "the profile's user id must not contain control characters, and it does: ask the provider \
                          to correct it";
            return Err(Error::response(Operation::Identity, Malformed::InvalidField, detail));
        }
        if found.as_ref().is_some_and(|known| *known != subject) {
            let detail = format!(
                "the profile has different user ids in {}: choose one with Provider::subject",
                quirks.subject.join(", ")
            );
            return Err(Error::response(Operation::Identity, Malformed::InvalidField, detail));
        }
        found = Some(subject);
    }
    found.ok_or_else(|| {
        let places = quirks.subject.join(", ");
        let detail = format!(
            "the profile has no user id at {places}: name the member that has it with Provider::subject"
        );
        Error::response(Operation::Identity, Malformed::MissingField, detail)
    })
}

/// The pointers of a subject that is joined from several members: the text between the first brace and the last.
fn inside(place: &str) -> Option<&str> {
    place.strip_prefix('{')?.strip_suffix('}')
}

/// Several members with slashes between them, each escaped as in a URL, so that no member contains a slash and no two
/// users get the same subject. `None` if one of them is missing.
fn joined(template: &str, profile: &Value) -> Result<Option<String>, Error> {
    let mut subject = String::new();
    for (number, pointer) in template.split("}/{").enumerate() {
        let Some(part) = part(pointer, profile)? else { return Ok(None) };
        if part.is_empty() {
            return Err(no_user_id());
        }
        if number > 0 {
            subject.push('/');
        }
        escape_segment(&mut subject, &part);
    }
    Ok(Some(subject))
}

fn part(pointer: &str, profile: &Value) -> Result<Option<String>, Error> {
    match profile.pointer(pointer) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(Value::Number(number)) if number.is_u64() || number.is_i64() => Ok(Some(number.to_string())),
        Some(_) => Err(no_user_id()),
    }
}

fn no_user_id() -> Error {
    let detail = "the profile's user id must be text that is not empty, or an integer, and it is neither: name another member with \
                  Provider::subject";
    Error::response(Operation::Identity, Malformed::InvalidField, detail)
}

/// The value at the first pointer that finds one.
fn first<'p>(pointers: &[String], profile: &'p Value) -> Option<&'p Value> {
    pointers.iter().filter_map(|p| profile.pointer(p)).find(|v| !v.is_null())
}

fn text(pointers: &[String], profile: &Value) -> Option<String> {
    first(pointers, profile)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The name. Where the name is the standard claim and absent, `preferred_username` takes its place (OpenID Connect Core §5.1).
fn name(quirks: &IdentityQuirks, profile: &Value) -> Option<String> {
    let is_standard = quirks.name.iter().any(|pointer| pointer == "/name");
    let username = || profile.get("preferred_username")?.as_str().filter(|name| !name.is_empty());
    text(&quirks.name, profile).or_else(|| username().filter(|_| is_standard).map(str::to_owned))
}

/// The URL of a picture: from a template, or from the profile.
fn picture(quirks: &IdentityQuirks, profile: &Value) -> Option<String> {
    if let Some(template) = &quirks.picture_template
        && let Some(picture) = put_together(template, profile)
    {
        return Some(picture);
    }
    let picture = text(&quirks.picture, profile)?;
    if !quirks.picture_is_html {
        return Some(picture);
    }
    // `&amp;` comes last, so that its result is not unescaped again.
    let escapes =
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&#x27;", "'"), ("&amp;", "&")];
    Some(escapes.iter().fold(picture, |text, (escaped, plain)| text.replace(escaped, plain)))
}

/// Fills in a template with JSON Pointers in braces. `None` if one of them finds nothing. The values are escaped, so that
/// they cannot change the host or the path.
pub(crate) fn put_together(template: &str, profile: &Value) -> Option<String> {
    let value = |pointer: &str| {
        let mut escaped = String::new();
        match profile.pointer(pointer) {
            Some(Value::String(text)) if !text.is_empty() => escape_segment(&mut escaped, text),
            Some(Value::Number(number)) => escape_segment(&mut escaped, &number.to_string()),
            _ => return Ok(Mark::Absent),
        }
        Ok::<_, Infallible>(Mark::Value(escaped.into()))
    };
    fill(template, value).unwrap_or_default()
}

/// An e-mail address that is not text is no e-mail address.
fn unreadable_email(quirks: &IdentityQuirks, profile: &Value) -> Option<Warning> {
    let what = "the e-mail address is left out: the provider sends a value that is not text";
    first(&quirks.email, profile)
        .filter(|email| !email.is_string())
        .map(|_| Warning::new(LeftOut::Email, what))
}

/// The e-mail address, and whether the provider verified it.
fn email(quirks: &IdentityQuirks, profile: &Value) -> (Option<String>, Option<bool>) {
    let email = text(&quirks.email, profile);
    let says = |pointer: &String| match profile.pointer(pointer)? {
        Value::Bool(verified) => Some(*verified),
        Value::String(text) if text == "false" => Some(false),
        Value::String(text) if quirks.email_verified_text => match &**text {
            "true" | "1" => Some(true),
            "0" => Some(false),
            _ => None,
        },
        Value::Number(number) if quirks.email_verified_text => match number.as_u64() {
            Some(bit @ (0 | 1)) => Some(bit == 1),
            _ => None,
        },
        _ => None,
    };
    let marks: Vec<_> = quirks.email_verified.iter().map(says).collect();
    let verified = if marks.contains(&Some(false)) {
        Some(false)
    } else if quirks.email_always_verified || (!marks.is_empty() && !marks.contains(&None)) {
        Some(true)
    } else {
        None
    };
    let verified = verified.filter(|_| email.is_some());
    let is_doubtful = |email: &String| {
        quirks.email_authority.as_ref().is_some_and(|authority| !hosts(authority, email, profile))
    };
    let verified = match verified {
        Some(true) if email.as_ref().is_some_and(is_doubtful) => None,
        verified => verified,
    };
    (email, verified)
}

/// Whether the provider hosts the address itself, by the domain of the address or by a member of the profile.
fn hosts(authority: &EmailAuthority, email: &str, profile: &Value) -> bool {
    let domain = email.split_once('@').map_or("", |(_, domain)| domain);
    authority.domains.iter().any(|own| own.eq_ignore_ascii_case(domain))
        || authority.members.iter().any(|pointer| {
            profile.pointer(pointer).and_then(Value::as_str).is_some_and(|value| !value.is_empty())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(json: &str) -> Value {
        crate::text::json::parse(json.as_bytes()).unwrap()
    }

    fn from() -> Provenance {
        let [provider, issuer, client_id] = ["x", "https://x.example", "me"].map(str::to_owned);
        Provenance { provider, issuer, client_id }
    }

    fn quirks(email_verified_text: bool) -> IdentityQuirks {
        let mut quirks = vouchsafe_providers::get("openid").unwrap().identity.clone();
        quirks.email_verified_text = email_verified_text;
        quirks
    }

    fn verified(value: &str, text: bool) -> Option<bool> {
        let profile = format!(r#"{{"sub": "1", "email": "a@b.example", "email_verified": {value}}}"#);
        Identity::read(&from(), &quirks(text), parsed(&profile)).unwrap().email_verified()
    }

    #[test]
    fn an_email_is_verified_only_where_the_provider_says_so() {
        assert_eq!(verified("true", false), Some(true));
        assert_eq!(verified("false", false), Some(false));
        assert_eq!(verified(r#""false""#, false), Some(false));
        assert_eq!(verified(r#""true""#, false), None);
        assert_eq!(verified(r#""true""#, true), Some(true));
        for yes in ["1", r#""1""#] {
            assert_eq!((verified(yes, true), verified(yes, false)), (Some(true), None));
        }
        for no in ["0", r#""0""#] {
            assert_eq!((verified(no, true), verified(no, false)), (Some(false), None));
        }
        for odd in ["2", "1.0", "-1", "null", "[]", r#""yes""#] {
            assert_eq!(verified(odd, true), None, "{odd}");
        }
    }

    #[test]
    fn no_email_is_never_verified() {
        let profile: Value = r#"{"sub": "1", "email_verified": true}"#.parse().unwrap();
        let identity = Identity::read(&from(), &quirks(false), profile).unwrap();
        assert_eq!(
            (identity.email(), identity.email_verified(), identity.verified_email()),
            (None, None, None)
        );
    }

    #[test]
    fn an_email_of_a_wrong_type_is_left_out_with_a_warning() {
        let read = |email: &str| {
            let profile = format!(r#"{{"sub": "1", "email": {email}}}"#);
            Identity::read(&from(), &quirks(false), parsed(&profile))
        };
        assert!(read("null").unwrap().warnings().is_empty());
        for odd in ["7", "false", "{}", r#"["a@b.example"]"#] {
            let identity = read(odd).unwrap();
            assert_eq!((identity.email(), identity.warnings()[0].code()), (None, "email"), "{odd}");
        }
    }

    #[test]
    fn a_user_id_is_text_or_a_number() {
        let subject = |profile: &str| Identity::read(&from(), &quirks(false), parsed(profile));
        assert_eq!(subject(r#"{"sub": 7}"#).unwrap().subject(), "7");
        assert_eq!(subject(r#"{"sub": -7}"#).unwrap().subject(), "-7");
        assert_eq!(subject(r#"{"sub": 18446744073709551615}"#).unwrap().subject(), "18446744073709551615");
        assert_eq!(subject(r#"{"sub": 1.5}"#).unwrap_err().code(), "invalid_field");
        assert_eq!(subject(r#"{"sub": {}}"#).unwrap_err().code(), "invalid_field");
        assert_eq!(subject(r#"{"sub": ""}"#).unwrap_err().code(), "invalid_field");
        assert_eq!(subject("{}").unwrap_err().code(), "missing_field");
    }

    /// Who a profile is about, where it is looked at there.
    fn subject(places: &[&str], profile: &str) -> Result<String, String> {
        let mut quirks = quirks(false);
        quirks.subject = places.iter().map(|place| (*place).to_owned()).collect();
        let identity = Identity::read(&from(), &quirks, parsed(profile));
        identity.map(|identity| identity.subject().to_owned()).map_err(|e| e.code().to_owned())
    }

    #[test]
    fn members_that_say_who_it_is_say_the_same() {
        let read = |profile: &str| subject(&["/sub", "/id", "/user_id"], profile);
        for one in [
            r#"{"sub": "7"}"#,
            r#"{"id": 7}"#,
            r#"{"user_id": "7", "sub": null}"#,
            r#"{"sub": "7", "id": 7, "user_id": "7"}"#,
            r#"{"id": 7, "user_id": 7}"#,
        ] {
            assert_eq!(read(one).unwrap(), "7", "{one}");
        }
        // A user who may add members to a profile adds the one that is looked at first, or another.
        for two in [
            r#"{"sub": "8", "id": 7}"#,
            r#"{"id": 7, "user_id": 8}"#,
            r#"{"sub": "7", "id": 7, "user_id": "07"}"#,
            r#"{"sub": "", "id": 7}"#,
            r#"{"id": 7, "user_id": ""}"#,
            r#"{"id": 7, "user_id": {}}"#,
            r#"{"sub": ["7"], "id": 7}"#,
            r#"{"sub": true, "id": 7}"#,
        ] {
            assert_eq!(read(two).unwrap_err(), "invalid_field", "{two}");
        }
        assert_eq!(read(r#"{"sub": null}"#).unwrap_err(), "missing_field");
    }

    #[test]
    fn a_subject_of_several_members_is_nobody_else_s() {
        let read = |profile: &str| subject(&["{/team/id}/{/https:~1~1x.example~1user}"], profile);
        let profile = |team: &str, user: &str| {
            serde_json::json!({"team": {"id": team}, "https://x.example/user": user}).to_string()
        };
        assert_eq!(read(&profile("T1", "U1")).unwrap(), "T1/U1");
        assert_eq!(read(r#"{"team": {"id": 7}, "https://x.example/user": -8}"#).unwrap(), "7/-8");
        let odd = [
            "a",
            "a/b",
            "b",
            "a%2Fb",
            "%",
            "/",
            "a/",
            "/a",
            "ä",
            "a b",
            "{/team/id}",
            "..",
            "a}/{b",
            "\u{0}",
        ];
        let pairs = odd.iter().flat_map(|team| odd.iter().map(move |user| (*team, *user)));
        let read_all: Vec<_> = pairs.map(|(team, user)| read(&profile(team, user)).unwrap()).collect();
        let each: std::collections::BTreeSet<_> = read_all.iter().collect();
        assert_eq!(each.len(), odd.len() * odd.len(), "no two users look alike");
        assert!(read_all.iter().all(|subject| subject.matches('/').count() == 1), "{read_all:?}");

        for part in [r#"{"team": {"id": "T1"}}"#, r#"{"https://x.example/user": "U1"}"#, "{}"] {
            assert_eq!(read(part).unwrap_err(), "missing_field", "{part}");
        }
        for (team, user) in [("", "U1"), ("T1", "")] {
            assert_eq!(read(&profile(team, user)).unwrap_err(), "invalid_field", "{team}/{user}");
        }
        for wrong in ["{}", "1.5", "true", "[\"T1\"]"] {
            let wrong = format!(r#"{{"team": {{"id": {wrong}}}, "https://x.example/user": "U1"}}"#);
            assert_eq!(read(&wrong).unwrap_err(), "invalid_field", "{wrong}");
        }
    }

    #[test]
    fn where_nobody_can_be_told_there_is_no_identity() {
        assert_eq!(subject(&[], r#"{"sub": "1", "id": 1}"#).unwrap_err(), "identity_not_supported");
    }
}
