//! The table of threats in SECURITY.md: every line of defence and every test that it names is there.
use std::fs;
use std::path::Path;

#[path = "tables/place.rs"]
mod place;

use place::{body, place};

/// The rows of the table: threat, what it is known from, what stops it, line, test.
fn rows() -> Vec<[String; 5]> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let text = fs::read_to_string(root.join("SECURITY.md")).unwrap();
    let lines = text.lines().filter(|line| line.starts_with('|'));
    let cells = lines.map(|line| line.trim_matches('|').split('|').map(|c| c.trim().to_owned()).collect());
    let rows = cells.map(|cells: Vec<String>| <[String; 5]>::try_from(cells).expect("a row has five cells"));
    rows.filter(|[threat, ..]| threat != "threat" && !threat.starts_with("---")).collect()
}

#[test]
fn every_threat_has_its_line_of_defence() {
    let rows = rows();
    assert!(rows.len() > 50, "only {} threats are told of", rows.len());
    for [threat, _, _, line, _] in rows {
        let place = place(&line, &["src"]).unwrap_or_else(|| panic!("{threat}: there is no {line}"));
        let text = fs::read_to_string(&place.file).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        let words: Vec<_> = code.split(|c: char| !(c.is_alphanumeric() || c == '_')).collect();
        assert!(words.contains(&&*place.name), "{threat}: nothing in {line}");
    }
}

#[test]
fn every_threat_has_its_test() {
    for [threat, _, _, _, test] in rows() {
        let place = place(&test, &["tests", "src"]).unwrap_or_else(|| panic!("{threat}: there is no {test}"));
        assert!(body(&place).is_some(), "{threat}: no such test, {test}");
    }
}

#[test]
fn no_threat_is_told_of_twice() {
    let mut threats: Vec<_> = rows().into_iter().map(|[threat, known, ..]| threat + &known).collect();
    let all = threats.len();
    threats.sort();
    threats.dedup();
    assert_eq!(threats.len(), all);
}
