//! The table of requirements in musts.md: every test that it names is there, and names the section.
use std::collections::BTreeSet;
use std::fs;

#[path = "tables/place.rs"]
mod place;

use place::{body, place};

/// The rows of the table: section, requirement, test.
fn rows() -> Vec<[&'static str; 3]> {
    let lines = include_str!("musts.md").lines().filter(|line| line.starts_with('|'));
    let cells = lines.map(|line| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>());
    let rows = cells.map(|cells| <[&str; 3]>::try_from(cells).expect("a row has three cells"));
    rows.filter(|[section, ..]| *section != "section" && !section.starts_with("---")).collect()
}

/// The standard of a section, in its shortest form: `9449`, `Core`.
fn standard(section: &str) -> &str {
    let standard = section.split(" §").next().unwrap();
    if standard.starts_with("FAPI") { "FAPI" } else { standard.trim_start_matches("RFC ") }
}

/// The number of a section, such as `3.1.3.7` of `Core §3.1.3.7 (2)`.
fn number(section: &str) -> &str {
    let (_, number) = section.split_once('§').unwrap_or_else(|| panic!("{section} names no section"));
    number.split(' ').next().unwrap()
}

/// Whether the text names the section, and not only one that begins with its number.
fn names(text: &str, number: &str) -> bool {
    ["§", "ection ", "ections "].iter().any(|sign| {
        text.match_indices(&format!("{sign}{number}")).any(|(at, found)| {
            let mut after = text[at + found.len()..].chars();
            match after.next() {
                Some('.') => !after.next().is_some_and(|c| c.is_ascii_digit()),
                next => !next.is_some_and(|c| c.is_ascii_digit()),
            }
        })
    })
}

#[test]
fn every_requirement_has_a_test_that_names_its_section() {
    let rows = rows();
    assert!(rows.len() > 200, "only {} requirements are told of", rows.len());
    for [section, requirement, test] in rows {
        assert!(requirement.len() > 10, "{section}: {requirement:?} is no requirement");
        let place = place(test, &["tests", "src"]).unwrap_or_else(|| panic!("{section}: there is no {test}"));
        let body = body(&place).unwrap_or_else(|| panic!("{section}: no such test, {test}"));
        let text = fs::read_to_string(&place.file).unwrap();
        // A file about one standard names it at its beginning.
        let knows =
            body.contains(standard(section)) || text.lines().next().unwrap().contains(standard(section));
        assert!(knows && names(&body, number(section)), "{section} is not named by {test}");
    }
}

#[test]
fn no_requirement_is_told_of_twice() {
    let rows = rows();
    let different: BTreeSet<_> =
        rows.iter().map(|[section, requirement, _]| (section, requirement)).collect();
    assert_eq!(different.len(), rows.len());
}

#[test]
fn every_standard_of_a_client_has_rows() {
    for standard in [
        "RFC 6749",
        "RFC 6750",
        "RFC 7009",
        "RFC 7521",
        "RFC 7523",
        "RFC 7523bis",
        "RFC 7591",
        "RFC 7592",
        "RFC 7636",
        "RFC 7662",
        "RFC 8414",
        "RFC 8628",
        "RFC 8693",
        "RFC 8705",
        "RFC 8707",
        "RFC 9068",
        "RFC 9101",
        "RFC 9126",
        "RFC 9207",
        "RFC 9396",
        "RFC 9449",
        "RFC 9470",
        "RFC 9700",
        "RFC 9701",
        "RFC 9728",
        "Core",
        "Discovery",
        "RP-Initiated Logout",
        "Back-Channel Logout",
        "Front-Channel Logout",
        "Session Management",
        "CIBA",
        "JARM",
        "FAPI 2.0",
        "FAPI 2.0 Message Signing",
        "RFC 7515",
        "RFC 7516",
        "RFC 7518",
    ] {
        assert!(
            rows().iter().any(|[section, ..]| section.starts_with(&format!("{standard} §"))),
            "{standard}"
        );
    }
}

#[test]
fn a_section_is_not_named_by_a_longer_number() {
    assert!(names("RFC 9126 §2.1.", "2.1") && names("Section 5: x", "5"));
    assert!(!names("§2.1.1", "2.1") && !names("§21", "2") && !names("2.1", "2.1"));
}
