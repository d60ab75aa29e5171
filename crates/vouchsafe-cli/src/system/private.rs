//! Files and folders that only their user may read, and the place for them.
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// Makes a folder that only this user may read, with the folders above it. A folder that is there stays as it is.
pub(crate) fn make_private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    own::folder(&mut builder);
    builder.recursive(true).create(path)
}

/// Makes a file that only this user may read. It is an error if there is one.
pub(crate) fn make_private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    own::file(&mut options);
    options.write(true).create_new(true).open(path)
}

/// Says why a file that is there must not be used, and what mends it.
pub(crate) fn check_private_file(path: &Path) -> Result<(), String> {
    own::check(path)
}

/// The folder for the data of this user's programs.
pub(crate) fn data_folder() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    own::data_folder(set)
}

#[cfg(unix)]
mod own {
    use std::fs::{self, DirBuilder, OpenOptions};
    use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
    use std::path::{Path, PathBuf};

    pub(super) fn folder(builder: &mut DirBuilder) {
        builder.mode(0o700);
    }

    pub(super) fn file(options: &mut OpenOptions) {
        options.mode(0o600);
    }

    pub(super) fn check(path: &Path) -> Result<(), String> {
        let (Ok(itself), Ok(target)) = (fs::symlink_metadata(path), fs::metadata(path)) else {
            return Ok(());
        };
        let shown = path.display();
        if itself.is_symlink() && target.uid() != rustix::process::geteuid().as_raw() {
            return Err(format!("{shown} is a symbolic link to a file of another user"));
        }
        if target.mode() & 0o077 != 0 {
            return Err(format!("other users can read {shown}. This command mends it: chmod 600 '{shown}'"));
        }
        Ok(())
    }

    pub(super) fn data_folder(set: impl Fn(&'static str) -> Option<PathBuf>) -> Option<PathBuf> {
        let usual = if cfg!(target_os = "macos") { "Library/Application Support" } else { ".local/share" };
        set("XDG_DATA_HOME").or_else(|| Some(set("HOME")?.join(usual)))
    }
}

// Windows gives a new file the rights of its folder. In the folders of a user's profile, these are the rights of this user alone.
#[cfg(windows)]
mod own {
    use std::fs::{DirBuilder, OpenOptions};
    use std::path::{Path, PathBuf};

    pub(super) fn folder(_: &mut DirBuilder) {}

    pub(super) fn file(_: &mut OpenOptions) {}

    pub(super) fn check(_: &Path) -> Result<(), String> {
        Ok(())
    }

    pub(super) fn data_folder(set: impl Fn(&'static str) -> Option<PathBuf>) -> Option<PathBuf> {
        set("LOCALAPPDATA")
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn the_data_folder_is_that_of_the_desktop_standard_or_else_in_the_home_folder() {
        let only = |known: &'static str| move |name| (name == known).then(|| PathBuf::from("/home/jane"));
        assert_eq!(own::data_folder(only("XDG_DATA_HOME")), Some(PathBuf::from("/home/jane")));
        let in_home = own::data_folder(only("HOME")).unwrap();
        assert!(in_home.starts_with("/home/jane") && in_home != Path::new("/home/jane"), "{in_home:?}");
        assert_eq!(own::data_folder(only("PATH")), None);
    }
}
