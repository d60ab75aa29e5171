//! The page where people choose how to sign in.
use http::{HeaderMap, Response};

use crate::page::language::Language;
use crate::page::sign_in::SignInPage;

/// A choice: the slug of the provider, its name for people, and the link that starts the login.
pub(crate) struct Choice {
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) href: String,
}

/// The question for an e-mail address, which finds the provider of an organisation.
pub(crate) struct Ask<'a> {
    /// Where the form is posted to.
    pub(crate) action: String,
    pub(crate) return_to: Option<&'a str>,
    /// Whether the address that was given leads to no provider.
    pub(crate) is_unknown: bool,
}

/// The page, in the language that the browser asks for.
pub(crate) fn page(
    headers: &HeaderMap,
    application: Option<&str>,
    choices: Vec<Choice>,
    ask: Option<Ask<'_>>,
) -> Response<String> {
    let mut page = SignInPage::new(Language::preferred(headers));
    if let Some(application) = application {
        page = page.application(application);
    }
    if let Some(Ask { action, return_to, is_unknown }) = ask {
        page = page.ask_for_address(action, return_to, is_unknown);
    }
    choices
        .into_iter()
        .fold(page, |page, choice| page.choice(choice.slug, choice.name, choice.href))
        .response()
}
