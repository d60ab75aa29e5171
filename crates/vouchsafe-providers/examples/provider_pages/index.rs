//! The list of all pages.
use std::fmt::Write as _;

use vouchsafe_providers::Kind;

use super::content::Page;
use super::markdown::escaped;

/// The two kinds, each with its title.
pub(crate) const KINDS: [(Kind, &str, &str); 2] = [
    (Kind::Openid, "OpenID Connect", "An ID token says who signed in."),
    (Kind::Oauth2, "OAuth 2", "The profile says who signed in."),
];

pub(crate) fn markdown(pages: &[Page]) -> String {
    let mut out = format!(
        "# What do I enter there?\n\nOne page for each of the {} providers of the catalogue: what to click, which redirect URI, what stands \
         before strangers can sign in, what the e-mail is worth, whether a refresh token comes, and the error messages. `index.html` in \
         this folder has a search box. All of it is made from the catalogue by\n`cargo run -p vouchsafe-providers --features registration \
         --example provider_pages -- docs/providers`; a test says when it is stale.\n",
        pages.len()
    );
    for (kind, title, about) in KINDS {
        let _ = write!(out, "\n## {title}\n\n{about}\n\n");
        for page in sorted(pages, kind) {
            let thin = if page.is_thin { " (little is known)" } else { "" };
            let _ = writeln!(out, "- [{}]({}.md){thin}", escaped(&page.name), page.slug);
        }
    }
    out
}

pub(crate) fn sorted(pages: &[Page], kind: Kind) -> Vec<&Page> {
    let mut pages: Vec<_> = pages.iter().filter(|page| page.kind == kind).collect();
    pages.sort_by_key(|page| page.name.to_lowercase());
    pages
}

/// <https://llmstxt.org>
pub(crate) fn for_language_models(pages: &[Page]) -> String {
    let mut out = String::from(
        "# vouchsafe: sign-in providers\n\n> How to register an application with each OAuth 2 and OpenID Connect provider, and how to sign in with it in Rust. \
         Facts are dated and have sources; what is not known is said.\n",
    );
    for (kind, title, _) in KINDS {
        let _ = write!(out, "\n## {title}\n\n");
        for page in sorted(pages, kind) {
            let _ = writeln!(out, "- [{}]({}.md): slug {}", page.name, page.slug, page.slug);
        }
    }
    out
}
