//! The key that seals saved logins: a file beside the store that only its user may read.
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use vouchsafe::Secret;
use vouchsafe::seal::KeyRing;

use crate::failure::Failure;
use crate::system;

/// The key in that file. If there is no file, a new key is written to it.
pub(super) fn key_ring(path: &Path) -> Result<KeyRing, Failure> {
    let failed = |e: &dyn std::fmt::Display| {
        let message = format!("The key file {} of the saved logins cannot be used: {e}", path.display());
        Failure::local("store", message)
    };
    if !path.exists() {
        make(path).map_err(|e| failed(&e))?;
    }
    system::check_private_file(path).map_err(|why| failed(&why))?;
    let text = Secret::new(fs::read_to_string(path).map_err(|e| failed(&e))?);
    let key = URL_SAFE_NO_PAD.decode(text.expose().trim_end()).unwrap_or_default();
    KeyRing::new(&key).map_err(|_| {
        failed(&format!("it does not hold a key of {LENGTH} bytes in base64url. It was left as it is: restore it from a backup"))
    })
}

/// Writes a new key. If several processes do this at once, the key of the first one counts.
fn make(path: &Path) -> io::Result<()> {
    let mut key = [0; LENGTH];
    let mut name = [0; 8];
    let random = |bytes: &mut [u8]| {
        aws_lc_rs::rand::fill(bytes).map_err(|_| io::Error::other("this machine has no random numbers"))
    };
    random(&mut key)?;
    random(&mut name)?;
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists()) {
        system::make_private_folder(folder)?;
    }
    // The file has its whole content when it gets its name.
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(format!(".{}", URL_SAFE_NO_PAD.encode(name)));
    let line = Secret::new(URL_SAFE_NO_PAD.encode(key) + "\n");
    let mut file = system::make_private_file(unfinished.as_ref())?;
    let written = file.write_all(line.expose().as_bytes()).and_then(|()| file.sync_all());
    let named = written.and_then(|()| fs::hard_link(&unfinished, path));
    fs::remove_file(&unfinished)?;
    match named {
        Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(()),
        named => named,
    }
}

/// The length of a key, in bytes.
const LENGTH: usize = 32;

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn all_who_make_a_key_at_once_get_the_same_one() {
        let folder = std::env::temp_dir().join(format!("vouchsafe-key-{}", std::process::id()));
        let path = folder.join("logins.db.key");
        let ids: Vec<_> = thread::scope(|scope| {
            let make = || key_ring(&path).unwrap().key_id().to_owned();
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing unfinished stays");
        fs::write(&path, "short").unwrap();
        let failure = key_ring(&path).unwrap_err();
        assert_eq!((failure.code.as_str(), fs::read_to_string(&path).unwrap().as_str()), ("store", "short"));
        fs::remove_dir_all(folder).unwrap();
    }
}
