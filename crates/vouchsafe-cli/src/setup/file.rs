//! Files that the arguments name.
use std::fmt::Display;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::failure::Failure;

/// The content of a file, which an option or a few words name in errors.
pub(crate) fn read(what: &str, path: &Path) -> Result<Vec<u8>, Failure> {
    let refuse = |why: &dyn Display| {
        Failure::usage("invalid_argument", format!("{what} {} could not be read: {why}", path.display()))
    };
    let mut content = Vec::new();
    // A device such as /dev/zero has no end.
    let bounded = File::open(path).and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut content));
    match bounded {
        Err(e) => Err(refuse(&e)),
        Ok(_) if content.len() as u64 > MAX_FILE => Err(refuse(&"it is larger than 1 MiB")),
        Ok(_) => Ok(content),
    }
}

/// The same for text. If it is not UTF-8, the failure has that code.
pub(crate) fn read_text(what: &str, path: &Path, code: &'static str) -> Result<String, Failure> {
    let not_text = |_| Failure::usage(code, format!("{what} {} is not UTF-8 text", path.display()));
    String::from_utf8(read(what, path)?).map_err(not_text)
}

/// The largest file that is read: certificate authorities, a definition, a key or a secret.
const MAX_FILE: u64 = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_end_is_refused() {
        let path = std::env::temp_dir().join(format!("vouchsafe-large-{}", std::process::id()));
        std::fs::write(&path, vec![b'a'; 1024 * 1024]).unwrap();
        assert_eq!(read("--ca-file", &path).unwrap().len(), 1024 * 1024);
        std::fs::write(&path, vec![b'a'; 1024 * 1024 + 1]).unwrap();
        let failure = read("--ca-file", &path).unwrap_err();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(failure.code, "invalid_argument");
        assert!(
            failure.message.ends_with("could not be read: it is larger than 1 MiB."),
            "{}",
            failure.message
        );
    }
}
