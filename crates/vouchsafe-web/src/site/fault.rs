//! The kinds of failures, and the words for people.
use http::StatusCode;

/// What kept a request from going on.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// Nobody is signed in. 401; a page goes to the sign-in.
    SignedOut,
    /// The person has to sign in again, or in a stronger way (RFC 9470). 401; a page goes to the provider.
    StepUp,
    /// The person lacks a role, or the application refused them. 403.
    Forbidden,
    /// The request came from another site. 403.
    Origin,
    /// The person or the provider declined. 403.
    Denied,
    /// Another person than the one who is signed in answered a step-up. 403.
    SubjectMismatch,
    /// The provider did not deliver the step-up that was asked for. 403.
    NotDelivered,
    /// The response belongs to no login of this browser, is too old, or was used. 400.
    Stale,
    /// The request cannot be read. 400.
    Malformed,
    /// The path to return to is not a path of this site, or is too long. 400.
    ReturnTo,
    /// No person opened the page: a `HEAD` request, a prefetch, an image or a frame. 403.
    NoVisit,
    /// The method is not one of this route. 405.
    Method,
    /// There is no provider of that name. 404.
    UnknownProvider,
    /// There is no such thing, or it is not the person's. 404.
    NotFound,
    /// Sessions in cookies cannot do this. 501.
    NotSupported,
    /// The provider sent no usable response, or one that cannot be trusted. 502.
    Provider,
    /// The store of the sessions or of the tokens is away. 503.
    Store,
    /// The application is not set up correctly. 500.
    Setup,
}

impl Fault {
    /// The status, the code if there is no better one, the title, and the advice.
    pub(crate) fn words(self) -> (StatusCode, &'static str, &'static str, &'static str) {
        match self {
            Self::SignedOut => (
                StatusCode::UNAUTHORIZED,
                "login_required",
                "Please sign in",
                "This page is for people who are signed in.",
            ),
            Self::StepUp => (
                StatusCode::UNAUTHORIZED,
                "insufficient_user_authentication",
                "Please sign in once more",
                "This page needs a sign-in that is more recent or stronger.",
            ),
            Self::Forbidden => (
                StatusCode::FORBIDDEN,
                "forbidden",
                "This is not for your account",
                "Your account may not open this page. You can sign in with another one.",
            ),
            Self::Origin => (
                StatusCode::FORBIDDEN,
                "origin",
                "This came from another site",
                "Another site sent this on your behalf, so nothing was done. Please start from this site.",
            ),
            Self::Denied => (
                StatusCode::FORBIDDEN,
                "access_denied",
                "You were not signed in",
                "The sign-in was cancelled or refused. Your account was not shared. You can try again.",
            ),
            Self::SubjectMismatch => (
                StatusCode::FORBIDDEN,
                "subject_mismatch",
                "That was another account",
                "You are signed in with one account, and confirmed with another. Nothing has changed. Please use the same \
                 account, or sign out first.",
            ),
            Self::NotDelivered => (
                StatusCode::FORBIDDEN,
                "acr",
                "Your sign-in was not confirmed",
                "This page needs a sign-in that is more recent or stronger, and your provider did not do that. Nothing has \
                 changed.",
            ),
            Self::Stale => (
                StatusCode::BAD_REQUEST,
                "state_mismatch",
                "This sign-in is no longer valid",
                "It took too long, was used already, or started in another browser. If you are not signed in, please start \
                 again.",
            ),
            Self::Malformed => (
                StatusCode::BAD_REQUEST,
                "malformed",
                "This could not be read",
                "The data that arrived here is damaged or incomplete. Please start again.",
            ),
            Self::ReturnTo => (
                StatusCode::BAD_REQUEST,
                "return_to",
                "This link leads to another site",
                "After the sign-in, you would come to another site. Please start from this site instead.",
            ),
            Self::NoVisit => (
                StatusCode::FORBIDDEN,
                "no_visit",
                "Please open this page yourself",
                "A program or another page loaded this page for you. Please start from this site.",
            ),
            Self::Method => (
                StatusCode::METHOD_NOT_ALLOWED,
                "method",
                "This cannot be opened like that",
                "Please start from this site.",
            ),
            Self::UnknownProvider => (
                StatusCode::NOT_FOUND,
                "unknown_provider",
                "This way to sign in does not exist",
                "Please choose another way to sign in.",
            ),
            Self::NotFound => (
                StatusCode::NOT_FOUND,
                "not_found",
                "There is nothing here",
                "It may have been removed already.",
            ),
            Self::NotSupported => (
                StatusCode::NOT_IMPLEMENTED,
                "not_supported",
                "This site keeps no list of devices",
                "Your sign-in is kept by your browser alone. To end it, sign out in that browser.",
            ),
            Self::Provider => (
                StatusCode::BAD_GATEWAY,
                "provider",
                "The provider could not sign you in",
                "It sent no usable response. You did nothing wrong. Please try again in a few minutes.",
            ),
            Self::Store => (
                StatusCode::SERVICE_UNAVAILABLE,
                "store",
                "Please try again in a moment",
                "This site cannot look up who is signed in just now. You are still signed in.",
            ),
            Self::Setup => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "setup",
                "Sign-in is not set up correctly",
                "You did nothing wrong. Trying again does not help. Please tell the operator of this site.",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Fault::*;
    use super::*;
    use crate::page::language::Language;

    #[test]
    fn every_sentence_has_every_language() {
        let all = [
            SignedOut,
            StepUp,
            Forbidden,
            Origin,
            Denied,
            SubjectMismatch,
            NotDelivered,
            Stale,
            Malformed,
            ReturnTo,
            NoVisit,
            Method,
            UnknownProvider,
            NotFound,
            NotSupported,
            Provider,
            Store,
            Setup,
        ];
        let tables: [&str; 5] = [
            include_str!("../page/words/de.txt"),
            include_str!("../page/words/fr.txt"),
            include_str!("../page/words/es.txt"),
            include_str!("../page/words/ko.txt"),
            include_str!("../page/words/ja.txt"),
        ];
        let keys = |table: &'static str| -> BTreeSet<_> {
            table.lines().map(|row| row.split_once(" = ").expect("a row has two sides").0).collect()
        };
        let known = keys(tables[0]);
        for table in tables {
            assert_eq!(keys(table), known);
            assert_eq!(table.lines().count(), known.len(), "no sentence is there twice");
            for (english, own) in table.lines().filter_map(|row| row.split_once(" = ")) {
                for mark in ["{}", "{when}", "{seen}", "{address}"] {
                    assert_eq!(english.contains(mark), own.contains(mark), "{english} = {own}");
                }
                assert!(!own.contains(['<', '>', '&', '"']), "{own}");
            }
        }
        for (_, _, title, advice) in all.map(Fault::words) {
            for text in [title, advice] {
                assert!(known.contains(text), "{text}");
                for language in Language::ALL.into_iter().skip(1) {
                    assert_ne!(language.say(text), text);
                }
            }
        }
    }
}
