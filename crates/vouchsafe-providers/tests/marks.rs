//! Marks are small drawings of providers in the catalogue, and nothing else.
use std::path::Path;
use vouchsafe_providers::{NEUTRAL_MARK, get, mark, slugs};

#[test]
fn every_mark_is_a_drawing_and_cannot_run_or_load_anything() {
    let marks = slugs().filter_map(mark).chain([NEUTRAL_MARK]);
    for svg in marks {
        let lower = svg.to_ascii_lowercase();
        assert!(lower.starts_with("<svg") && lower.trim_end().ends_with("</svg>"), "{svg}");
        assert!(lower.contains("viewbox=\"0 0 24 24\""), "{svg}");
        for danger in
            ["<script", "<image", "<foreignobject", "href", "javascript:", "onload", "<style", "url("]
        {
            assert!(!lower.contains(danger), "{danger} in {svg}");
        }
        assert!(svg.len() < 8 * 1024, "{} bytes: {svg}", svg.len());
    }
}

#[test]
fn every_mark_belongs_to_a_provider_of_the_catalogue() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("marks");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "svg") {
            let slug = path.file_stem().unwrap().to_str().unwrap();
            assert!(get(slug).is_some(), "marks/{slug}.svg has no providers/{slug}.toml");
        }
    }
}

#[test]
fn a_provider_without_a_mark_has_none() {
    assert!(mark("oauth2").is_none());
    assert!(mark("github").is_some());
}
