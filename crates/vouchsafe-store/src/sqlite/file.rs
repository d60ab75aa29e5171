//! The file of a SQLite store: where it may be, and who may read it.
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf, absolute};
use std::sync::{Mutex, PoisonError};

use vouchsafe::error::{StoreError, StoreErrorKind};

/// Makes the file if it is missing, readable by its user alone, and refuses a file that others can read. Returns its absolute
/// path.
pub(super) fn prepare(path: &Path) -> Result<PathBuf, StoreError> {
    let failed = |what: &str, path: &Path, error: io::Error| {
        let kind = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreErrorKind::Full,
            io::ErrorKind::ReadOnlyFilesystem => StoreErrorKind::ReadOnly,
            _ => StoreErrorKind::Misconfigured,
        };
        StoreError::new(kind, format!("{what} {} failed: {error}", path.display())).with_source(error)
    };
    let path = absolute(path).map_err(|e| failed("finding", path, e))?;
    if let Some(folder) = path.parent().filter(|folder| !folder.exists()) {
        own::make_folder(folder).map_err(|e| failed("making the folder of", &path, e))?;
    }
    match create(&path) {
        Ok(()) => return Ok(path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(failed("making", &path, error)),
    }
    let found = fs::metadata(&path).map_err(|e| failed("opening", &path, e))?;
    if !found.is_file() {
        let detail = format!("{} is not a file: give the path of a file", path.display());
        return Err(StoreError::new(StoreErrorKind::Misconfigured, detail));
    }
    own::check(&path)?;
    // SQLite makes the others beside the file, and not beside a link to it.
    let path = own::target(path).map_err(|(path, e)| failed("opening", &path, e))?;
    for ending in ["-wal", "-shm"] {
        let mut beside = path.clone().into_os_string();
        beside.push(ending);
        own::check(Path::new(&beside))?;
    }
    Ok(path)
}

/// Makes a new file. It never opens one that is there: closing it would end the locks that SQLite holds on it in this process.
fn create(path: &Path) -> io::Result<()> {
    // While one thread closes the file that it made, no other can open it with SQLite.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    own::readable_by_its_user_alone(&mut options);
    options.open(path).map(drop)
}

#[cfg(unix)]
mod own {
    use std::fs::{self, DirBuilder, OpenOptions};
    use std::io;
    use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
    use std::path::{Path, PathBuf};

    use vouchsafe::error::{StoreError, StoreErrorKind};

    pub(super) fn make_folder(path: &Path) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)
    }

    pub(super) fn readable_by_its_user_alone(options: &mut OpenOptions) {
        options.mode(0o600);
    }

    pub(super) fn target(path: PathBuf) -> Result<PathBuf, (PathBuf, io::Error)> {
        fs::canonicalize(&path).map_err(|error| (path, error))
    }

    /// Refuses a file that others can read, and a link to a file of another user. A file that is missing is as it should be.
    pub(super) fn check(path: &Path) -> Result<(), StoreError> {
        let refused = |detail| Err(StoreError::new(StoreErrorKind::Misconfigured, detail));
        let (Ok(itself), Ok(target)) = (fs::symlink_metadata(path), fs::metadata(path)) else {
            return Ok(());
        };
        if itself.is_symlink() && target.uid() != rustix::process::geteuid().as_raw() {
            return refused(format!(
                "{} is a symbolic link to a file of another user, and such links are not followed: give the path of a file of your own",
                path.display()
            ));
        }
        if target.mode() & 0o077 != 0 {
            return refused(format!(
                "other users can read {0}, which holds tokens. This command mends it: chmod 600 {1}",
                path.display(),
                quoted(path)
            ));
        }
        Ok(())
    }

    /// The path for a shell.
    fn quoted(path: &Path) -> String {
        let path = path.display().to_string();
        let is_plain = |c: char| c.is_alphanumeric() || "/._-+@%".contains(c);
        if path.chars().all(is_plain) { path } else { format!("'{}'", path.replace('\'', r"'\''")) }
    }
}

// Windows gives a new file the rights of its folder. In the folders of a user's profile, these are the rights of this user alone.
#[cfg(not(unix))]
mod own {
    use std::fs::{self, OpenOptions};
    use std::io;
    use std::path::{Path, PathBuf};

    use vouchsafe::error::StoreError;

    pub(super) fn make_folder(path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    pub(super) fn readable_by_its_user_alone(_: &mut OpenOptions) {}

    pub(super) fn target(path: PathBuf) -> Result<PathBuf, (PathBuf, io::Error)> {
        Ok(path)
    }

    pub(super) fn check(_: &Path) -> Result<(), StoreError> {
        Ok(())
    }
}
