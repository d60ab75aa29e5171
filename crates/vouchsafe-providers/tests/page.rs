//! The page that lists all providers is made from the definitions, and is not stale.
#[path = "../examples/page.rs"]
mod page;

#[test]
fn the_page_of_all_providers_is_not_stale() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/providers.md");
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    let how = "cargo run -p vouchsafe-providers --example page > docs/providers.md";
    assert!(kept == page::page(), "docs/providers.md is stale; make it anew: {how}");
}
