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

/// The page, in the language that the browser asks for.
pub(crate) fn page(headers: &HeaderMap, application: Option<&str>, choices: Vec<Choice>) -> Response<String> {
    let mut page = SignInPage::new(Language::preferred(headers));
    if let Some(application) = application {
        page = page.application(application);
    }
    choices
        .into_iter()
        .fold(page, |page, choice| page.choice(choice.slug, choice.name, choice.href))
        .response()
}
