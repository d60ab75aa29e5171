//! What a user can be told by: what nobody can change or give away.
use crate::definition::Definition;
use crate::mistake::{Mistake, ensure, inside, pointer_in};

/// How names of members end that their owner chooses, changes or passes on: user names, addresses, numbers, pages.
const PASSING: [&str; 25] = [
    "name",
    "login",
    "handle",
    "slug",
    "nick",
    "alias",
    "vanity",
    "acct",
    "upn",
    "mention",
    "title",
    "email",
    "emailaddress",
    "mail",
    "phone",
    "phonenumber",
    "mobile",
    "tel",
    "url",
    "link",
    "permalink",
    "website",
    "picture",
    "avatar",
    "photo",
];

/// Members of an object that hold what it is called after.
const INSIDE: [&str; 6] = ["value", "text", "raw", "address", "primary", "default"];

/// Members that end like those and are none, as the provider documents.
const LASTING: [(&str, &str); 1] = [
    // https://api.freeagent.com/v2/users/123: the address of the API, made of the user's number.
    ("freeagent", "/user/url"),
];

/// What the identity's key is made of is unique at its server, and never another user's.
pub(crate) fn check(d: &Definition) -> Result<(), Mistake> {
    shape(d)?;
    let identity = &d.identity;
    for subject in &identity.subject {
        for pointer in parts(subject) {
            let lasts = LASTING.contains(&(d.slug.as_str(), pointer));
            ensure(lasts || !passes(pointer), "identity.subject", || {
                format!(
                    "{pointer} is what a user chooses, changes or gives away: it tells nobody who the user is"
                )
            })?;
            let shown = [&identity.name, &identity.email, &identity.picture];
            ensure(!shown.iter().any(|list| list.iter().any(|p| p == pointer)), "identity.subject", || {
                format!("{pointer} is the user's name, e-mail or picture as well, and these can change")
            })?;
        }
    }
    Ok(())
}

/// A pointer, or pointers in braces with a slash between them.
fn shape(d: &Definition) -> Result<(), Mistake> {
    let field = "identity.subject";
    for subject in &d.identity.subject {
        for pointer in parts(subject) {
            pointer_in(field, pointer, false)?;
        }
        if !subject.starts_with('{') {
            continue;
        }
        let marks: Vec<String> = inside(subject).map(|mark| format!("{{{mark}}}")).collect();
        ensure(marks.join("/") == *subject, field, || {
            format!("{subject:?} must be pointers in braces with a slash between them: {{/team/id}}/{{/id}}")
        })?;
        ensure(!d.identity.subject_is_last_segment, field, || {
            "cannot be put together where it is the last part of something".to_owned()
        })?;
    }
    Ok(())
}

fn parts(subject: &str) -> Vec<&str> {
    if subject.starts_with('{') { inside(subject).collect() } else { vec![subject] }
}

fn passes(pointer: &str) -> bool {
    let parts = pointer.split('/').rev().map(|part| {
        let letters = part.chars().filter(char::is_ascii_alphanumeric);
        letters.map(|c| c.to_ascii_lowercase()).collect::<String>()
    });
    // `/emails/0/value` is about e-mails.
    let about = |part: &String| !part.bytes().all(|b| b.is_ascii_digit()) && !INSIDE.contains(&part.as_str());
    let Some(last) = parts.into_iter().find(about) else { return false };
    let one = last.strip_suffix('s').unwrap_or(&last);
    PASSING.iter().any(|end| last.ends_with(end) || one.ends_with(end))
}
