//! The subject of an identity must be permanent: a user can neither change it nor give it away.
use crate::definition::Definition;
use crate::mistake::{Result, ensure, has, pointer_in};
use crate::template::marks;

/// The subject is unique at its server, and never another user's.
pub(crate) fn check(d: &Definition) -> Result {
    let (field, identity) = ("identity.subject", &d.identity);
    for subject in &identity.subject {
        let parts = parts(subject);
        for pointer in &parts {
            pointer_in(field, pointer, false)?;
            let lasts = LASTING.contains(&(&d.slug, pointer));
            let why = "is something a user can choose, change or give away: use a permanent identifier";
            ensure(lasts || !passes(pointer), field, format_args!("{pointer} {why}"))?;
            let mut shown = [&identity.name, &identity.email, &identity.picture].into_iter().flatten();
            let why = format!("{pointer} is also used as name, e-mail or picture, and these can change");
            ensure(!shown.any(|shown| shown == pointer), field, why)?;
        }
        let is_joined = subject.starts_with('{');
        let whole = format!("{{{}}}", parts.join("}/{"));
        let rule = "must be pointers in braces, separated by slashes: {/team/id}/{/id}";
        ensure(!is_joined || whole == *subject, field, format_args!("{subject:?} {rule}"))?;
        let why = "cannot have several parts if subject_is_last_segment is set";
        ensure(!is_joined || !identity.subject_is_last_segment, field, why)?;
    }
    Ok(())
}

/// The pointers of a subject: one, or several in braces, separated by slashes.
fn parts(subject: &str) -> Vec<&str> {
    if subject.starts_with('{') { marks(subject).collect() } else { vec![subject] }
}

fn passes(pointer: &str) -> bool {
    let parts = pointer.split('/').rev().map(|part| {
        let letters = part.chars().filter(char::is_ascii_alphanumeric);
        letters.map(|c| c.to_ascii_lowercase()).collect::<String>()
    });
    // `/emails/0/value` is about e-mails.
    let about = |part: &String| !part.bytes().all(|b| b.is_ascii_digit()) && !has(INSIDE, part);
    let Some(last) = parts.into_iter().find(about) else { return false };
    let one = last.strip_suffix('s').unwrap_or(&last);
    PASSING.split(' ').any(|end| last.ends_with(end) || one.ends_with(end))
}

/// Endings of members that a user can choose, change or pass on: user names, addresses, phone numbers, pages.
const PASSING: &str = "name login handle slug nick alias vanity acct upn mention title email emailaddress mail phone \
                       phonenumber mobile tel url link permalink website picture avatar photo";

/// Members that hold the value of the object around them.
const INSIDE: &str = "value text raw address primary default";

/// Members that end like those but are permanent, as the provider documents.
const LASTING: [(&str, &str); 1] = [
    // https://api.freeagent.com/v2/users/123: the URL of the user in the API, made of the user's number.
    ("freeagent", "/user/url"),
];
