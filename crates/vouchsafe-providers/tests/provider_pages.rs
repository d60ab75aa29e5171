//! The pages of the providers are made from the catalogue, are not stale, and link to pages that are there.
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

#[path = "../examples/provider_pages/main.rs"]
#[allow(dead_code, reason = "the test takes the pages alone")]
mod provider_pages;

const HOW: &str =
    "cargo run -p vouchsafe-providers --features registration --example provider_pages -- docs/providers";

#[test]
fn no_page_is_stale() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/providers");
    let pages: BTreeMap<_, _> = provider_pages::pages().into_iter().collect();
    let kept: BTreeSet<_> = fs::read_dir(&folder).map_or_else(
        |_| BTreeSet::new(),
        |files| files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect(),
    );
    let made: BTreeSet<_> = pages.keys().cloned().collect();
    let difference: Vec<_> = kept.symmetric_difference(&made).collect();
    assert!(
        difference.is_empty(),
        "docs/providers has other pages than the catalogue: {difference:?}; make them anew: {HOW}"
    );
    for (name, text) in &pages {
        let kept = fs::read_to_string(folder.join(name)).unwrap().replace("\r\n", "\n");
        assert!(kept == *text, "docs/providers/{name} is stale; make it anew: {HOW}");
    }
}

#[test]
fn every_provider_has_a_page_and_its_twin_and_every_link_between_pages_leads_somewhere() {
    let pages: BTreeMap<_, _> = provider_pages::pages().into_iter().collect();
    for slug in vouchsafe_providers::slugs() {
        let [markdown, html] = ["md", "html"].map(|kind| &pages[&format!("{slug}.{kind}")]);
        for heading in
            ["What to enter", "Who signed in", "Tokens", "In your program", "Without an account", "Sources"]
        {
            assert!(
                markdown.contains(&format!("\n## {heading}\n")) && html.contains(&format!(">{heading}</h2>")),
                "{slug}: {heading}"
            );
        }
        assert!(
            pages["README.md"].contains(&format!("({slug}.md)"))
                && pages["llms.txt"].contains(&format!("({slug}.md)"))
        );
    }
    for (name, text) in &pages {
        let ids: BTreeSet<_> =
            text.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let html = text.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
        let markdown = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let links: Vec<_> = if name.ends_with(".html") { html.collect() } else { markdown.collect() };
        for link in links.into_iter().filter(|link| !link.starts_with("https://")) {
            let leads = link.strip_prefix('#').map_or(pages.contains_key(link), |id| ids.contains(id));
            assert!(leads || !(name.ends_with(".html") || link.ends_with(".md")), "{name}: {link}");
        }
    }
}

#[test]
fn text_of_a_fact_is_never_markup() {
    for (name, text) in provider_pages::pages().into_iter().filter(|(name, _)| name.ends_with(".html")) {
        let body = text.split("<main").nth(1).unwrap();
        for tag in ["<script", "<iframe", "<img", "<style", " style=", "javascript:", " onclick"] {
            assert!(!body.contains(tag), "{name}: {tag}");
        }
    }
}
