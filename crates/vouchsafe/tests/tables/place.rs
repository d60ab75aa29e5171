//! Places that tables name: a file, and a test or another item in it.
use std::fs;
use std::path::{Path, PathBuf};

/// One cell that names a place: `` `file.rs`: `name` ``.
pub(crate) struct Place {
    pub(crate) file: PathBuf,
    pub(crate) name: String,
}

/// A place as it is written in the table, relative to where such places are.
pub(crate) fn place(cell: &str, own: &[&str]) -> Option<Place> {
    let mut quoted = cell.split('`').skip(1).step_by(2);
    let (path, name) = (quoted.next()?, quoted.next()?);
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let files = own.iter().map(|folder| crates.join("vouchsafe").join(folder).join(path));
    let file = files.chain([crates.join(path)]).find(|file| file.is_file())?;
    Some(Place { file, name: name.to_owned() })
}

/// The body of the test at this place. `None` if there is no such test.
pub(crate) fn body(place: &Place) -> Option<String> {
    let text = fs::read_to_string(&place.file).ok()?;
    let head = format!("fn {}()", place.name);
    let is_test = |line: &str| line.starts_with("#[test]") || line.starts_with("#[tokio::test");
    let (before, after) = text.split_once(&head)?;
    let mut lines = before.rsplit('\n');
    let indent = lines.next()?.chars().take_while(|c| *c == ' ').count();
    is_test(lines.next()?.trim()).then_some(())?;
    let end = format!("\n{}}}\n", " ".repeat(indent));
    Some(after.split(&end).next()?.to_owned())
}
