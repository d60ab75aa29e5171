//! Writes the pages of the providers: "What do I enter there?" for each, as Markdown and as HTML, and the indexes.
//!
//! ```text
//! cargo run -p vouchsafe-providers --features registration --example provider_pages -- docs/providers
//! ```
use std::path::Path;
use std::{env, fs, io};

mod content;
mod html;
mod index;
mod markdown;

fn main() -> io::Result<()> {
    let folder = env::args().nth(1).ok_or_else(|| io::Error::other("give the folder to write to"))?;
    let folder = Path::new(&folder);
    fs::create_dir_all(folder)?;
    let pages = pages();
    for old in fs::read_dir(folder)? {
        let name = old?.file_name();
        if !pages.iter().any(|(page, _)| name == **page) {
            fs::remove_file(folder.join(name))?;
        }
    }
    pages.iter().try_for_each(|(name, text)| fs::write(folder.join(name), text))
}

/// Every file, by its name.
pub(crate) fn pages() -> Vec<(String, String)> {
    let pages: Vec<_> = vouchsafe_providers::all().map(|definition| content::page(&definition)).collect();
    let mut files = vec![
        ("README.md".to_owned(), index::markdown(&pages)),
        ("index.html".to_owned(), html::index(&pages)),
        ("llms.txt".to_owned(), index::for_language_models(&pages)),
        ("style.css".to_owned(), include_str!("style.css").to_owned()),
        ("search.js".to_owned(), include_str!("search.js").to_owned()),
    ];
    for page in &pages {
        files.push((format!("{}.md", page.slug), markdown::page(page)));
        files.push((format!("{}.html", page.slug), html::page(page)));
    }
    files
}
