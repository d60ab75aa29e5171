//! The key that seals saved logins. It is in a file beside the store that only its user may read, or in a keyring that the file names.
use std::ffi::OsStr;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use vouchsafe::Secret;
use vouchsafe::seal::KeyRing;

use crate::failure::Failure;
use crate::system::{self, Keyring, Keyrings, Request};

/// Where a new key goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Choice {
    /// Into the keyring of the user, or, if it cannot be used, into the file.
    Usual,
    File,
    Keyring(Keyring),
}

impl Choice {
    /// The value of the variable VOUCHSAFE_KEYRING. The key of a store that machines share is copied to each of them, so it is usually
    /// in a file.
    pub(super) fn of(variable: Option<&OsStr>, is_shared: bool) -> Result<Self, Failure> {
        let Some(value) = variable.filter(|value| !value.is_empty()) else {
            return Ok(if is_shared { Self::File } else { Self::Usual });
        };
        if value == "file" {
            return Ok(Self::File);
        }
        let keyring = Keyring::ALL.into_iter().find(|keyring| value == keyring.name());
        keyring.map(Self::Keyring).ok_or_else(|| {
            let message = "VOUCHSAFE_KEYRING says where the key of new saved logins goes: expected system, kernel or file. Set it \
                           again, or leave it out";
            Failure::usage("invalid_argument", message)
        })
    }
}

/// The key of this file, and where it is, in a sentence. If there is no file, a new key is made.
pub(super) async fn key_ring(
    path: &Path,
    choice: Choice,
    keyrings: Keyrings,
) -> Result<(KeyRing, String), Failure> {
    let failed = |e: &dyn std::fmt::Display| {
        let message = format!("The key file {} of the saved logins cannot be used: {e}", path.display());
        Failure::local("store", message)
    };
    let mut where_not = None;
    if !path.exists() {
        where_not = make(path, choice, keyrings).await.map_err(|e| failed(&e))?;
    }
    system::check_private_file(path).map_err(|why| failed(&why))?;
    let text = Secret::new(fs::read_to_string(path).map_err(|e| failed(&e))?);
    let line = text.expose().trim_end();
    let named =
        Keyring::ALL.into_iter().find_map(|keyring| Some((keyring, line.strip_prefix(&marker(keyring))?)));
    let (key, place) = match named {
        Some((keyring, id)) => {
            let key = keyrings.ask(keyring, id, Request::Get).await.map_err(|why| {
                failed(&format!(
                    "the key is in {}, and {why}. Run the command where this keyring is unlocked. If the key is lost, delete the \
                     file, and sign in again",
                    keyring.title()
                ))
            })?;
            (key, format!("{}, as the file {} says", keyring.title(), path.display()))
        }
        None => (Secret::new(line), format!("the file {}", path.display())),
    };
    let place = where_not.into_iter().fold(place, |place, why| format!("{place}; {why}"));
    let key = URL_SAFE_NO_PAD.decode(key.expose()).unwrap_or_default();
    let keys = KeyRing::new(&key).map_err(|_| {
        failed(&format!("it does not hold a key of {LENGTH} bytes in base64url. It was left as it is: restore it from a backup"))
    })?;
    Ok((keys, place))
}

/// Makes a new key, and a file with it or with the keyring that has it. If several processes do this at once, the file of the first
/// one counts. Returns why the keyring of the user was not used.
async fn make(path: &Path, choice: Choice, keyrings: Keyrings) -> io::Result<Option<String>> {
    let (key, id) = (Secret::new(random::<LENGTH>()?), random::<16>()?);
    let keyring = match choice {
        Choice::File => None,
        Choice::Usual => Some(Keyring::System),
        Choice::Keyring(keyring) => Some(keyring),
    };
    if let Some(keyring) = keyring {
        let put = keyrings.ask(keyring, &id, Request::Put(key.clone())).await;
        let put =
            put.and_then(|read| if read == key { Ok(()) } else { Err("it changed the key".to_owned()) });
        match put {
            Ok(()) => {
                if !write_first(path, &(marker(keyring) + &id).into())? {
                    // Another process was faster, and its key counts.
                    let _ = keyrings.ask(keyring, &id, Request::Delete).await;
                }
                return Ok(None);
            }
            Err(why) if choice == Choice::Usual => {
                write_first(path, &key)?;
                return Ok(Some(format!("{} was not used, because {why}", keyring.title())));
            }
            Err(why) => {
                return Err(io::Error::other(format!(
                    "VOUCHSAFE_KEYRING asks for {}, and {why}. VOUCHSAFE_KEYRING=file keeps the key in the file",
                    keyring.title()
                )));
            }
        }
    }
    write_first(path, &key)?;
    Ok(None)
}

/// Writes this line to a new file. Returns false, and writes nothing, if there is a file.
fn write_first(path: &Path, line: &Secret) -> io::Result<bool> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists()) {
        system::make_private_folder(folder)?;
    }
    // The file has its whole content when it gets its name.
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(format!(".{}", random::<8>()?));
    let mut file = system::make_private_file(unfinished.as_ref())?;
    let written = file.write_all(line.expose().as_bytes()).and_then(|()| file.write_all(b"\n"));
    let named = written.and_then(|()| file.sync_all()).and_then(|()| fs::hard_link(&unfinished, path));
    fs::remove_file(&unfinished)?;
    match named {
        Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(false),
        named => named.map(|()| true),
    }
}

/// So many random bytes, in base64url.
fn random<const N: usize>() -> io::Result<String> {
    let mut bytes = [0; N];
    let filled = aws_lc_rs::rand::fill(&mut bytes);
    filled.map_err(|_| io::Error::other("this machine has no random numbers"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// The beginning of a key file whose key is in a keyring. No key begins like this.
fn marker(keyring: Keyring) -> String {
    format!("keyring {}: ", keyring.name())
}

/// The length of a key, in bytes.
const LENGTH: usize = 32;

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::path::PathBuf;
    use std::sync::Mutex;
    use std::thread;
    use std::time::Duration;

    use tokio::task::JoinSet;

    use super::*;
    use crate::system::keyring::Ask;

    /// A folder with a key file that is not there yet.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            Self(std::env::temp_dir().join(format!("vouchsafe-key-{name}-{}", std::process::id())))
        }

        fn file(&self) -> PathBuf {
            self.0.join("logins.db.key")
        }

        fn text(&self) -> String {
            fs::read_to_string(self.file()).unwrap()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    const HANGING: Keyrings = Keyrings {
        ask: |_, _, _| loop {
            thread::park();
        },
        limit: Duration::from_millis(50),
    };

    fn with(ask: Ask) -> Keyrings {
        Keyrings { ask, ..Keyrings::OWN }
    }

    /// A keyring that works.
    fn working(_: Keyring, id: &str, request: Request) -> Result<Secret, String> {
        static SECRETS: Mutex<Option<HashMap<String, Secret>>> = Mutex::new(None);
        let mut secrets = SECRETS.lock().unwrap();
        let secrets = secrets.get_or_insert_default();
        match request {
            Request::Put(secret) => drop(secrets.insert(id.to_owned(), secret)),
            Request::Get => {}
            Request::Delete => return secrets.remove(id).ok_or_else(|| "it has no such key".to_owned()),
        }
        secrets.get(id).cloned().ok_or_else(|| "it has no such key".to_owned())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn all_who_make_a_key_at_once_get_the_same_one() {
        for (name, choice) in [("file", Choice::File), ("keyring", Choice::Usual)] {
            let folder = Folder::new(name);
            let make = || {
                let path = folder.file();
                async move { key_ring(&path, choice, with(working)).await.unwrap().0.key_id().to_owned() }
            };
            let ids = (0..8).map(|_| make()).collect::<JoinSet<_>>().join_all().await;
            assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
            assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1, "nothing unfinished stays");
        }
    }

    #[tokio::test]
    async fn a_file_without_a_key_stays_as_it_is() {
        let folder = Folder::new("short");
        fs::create_dir_all(&folder.0).unwrap();
        system::make_private_file(&folder.file()).unwrap().write_all(b"short").unwrap();
        let failure = key_ring(&folder.file(), Choice::Usual, HANGING).await.unwrap_err();
        assert_eq!((failure.code.as_str(), folder.text().as_str()), ("store", "short"));
    }

    #[tokio::test]
    async fn a_keyring_that_works_has_the_key_and_the_file_names_it() {
        let folder = Folder::new("named");
        let (made, place) = key_ring(&folder.file(), Choice::Usual, with(working)).await.unwrap();
        assert!(place.starts_with("the keyring of this user, as the file"), "{place}");
        let text = folder.text();
        assert!(text.starts_with("keyring system: ") && text.len() < 50, "{text}");
        // The file decides, and not what is chosen now.
        let (found, _) = key_ring(&folder.file(), Choice::File, with(working)).await.unwrap();
        assert_eq!(found.key_id(), made.key_id());

        let failure = key_ring(&folder.file(), Choice::Usual, HANGING).await.unwrap_err();
        assert!(
            failure.message.contains("the keyring of this user, and it did not respond"),
            "{}",
            failure.message
        );
        assert_eq!(folder.text(), text, "a key that cannot be reached is not replaced");
    }

    #[tokio::test]
    async fn a_keyring_that_hangs_or_lies_is_not_used_for_a_new_key() {
        for (name, keyrings, why) in [
            ("hanging", HANGING, "was not used, because it did not respond"),
            ("lying", with(|_, _, _| Ok("other".into())), "was not used, because it changed the key"),
        ] {
            let folder = Folder::new(name);
            let (made, place) = key_ring(&folder.file(), Choice::Usual, keyrings).await.unwrap();
            assert!(place.starts_with("the file ") && place.contains(why), "{place}");
            // From now on, the key is that of the file, even if the keyring works.
            let (found, place) = key_ring(&folder.file(), Choice::Usual, with(working)).await.unwrap();
            assert_eq!(found.key_id(), made.key_id());
            assert!(!place.contains("keyring"), "{place}");
        }
    }

    #[tokio::test]
    async fn a_keyring_that_was_asked_for_is_used_or_the_command_fails() {
        let folder = Folder::new("asked");
        let choice = Choice::of(Some(OsStr::new("kernel")), false).unwrap();
        let failure = key_ring(&folder.file(), choice, HANGING).await.unwrap_err();
        assert!(
            failure.message.contains("VOUCHSAFE_KEYRING asks for the keyring of the kernel"),
            "{}",
            failure.message
        );
        assert!(!folder.file().exists());
        key_ring(&folder.file(), choice, with(working)).await.unwrap();
        assert!(folder.text().starts_with("keyring kernel: "));
    }

    #[test]
    fn the_key_of_a_store_that_machines_share_is_in_a_file_unless_a_keyring_is_asked_for() {
        let of = |value: Option<&str>, is_shared| Choice::of(value.map(OsStr::new), is_shared);
        assert_eq!(of(None, false).unwrap(), Choice::Usual);
        assert_eq!(of(Some(""), true).unwrap(), Choice::File);
        assert_eq!(of(Some("system"), true).unwrap(), Choice::Keyring(Keyring::System));
        assert_eq!(of(Some("file"), false).unwrap(), Choice::File);
        assert_eq!(of(Some("System"), false).unwrap_err().code, "invalid_argument");
    }
}
