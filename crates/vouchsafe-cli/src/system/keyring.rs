//! The keyrings of the operating system. They may wait for a person, or for ever: each is asked on a thread of its own, with a time
//! limit.
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;
use vouchsafe::Secret;

/// A keyring. The names are those of the variable VOUCHSAFE_KEYRING and of key files.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Keyring {
    /// The keyring of the user: the Secret Service of a Linux desktop, the keychain of macOS, the credential manager of Windows.
    System,
    /// The keyring of the Linux kernel. It forgets everything when the machine starts again.
    Kernel,
}

impl Keyring {
    pub(crate) const ALL: [Self; 2] = [Self::System, Self::Kernel];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Kernel => "kernel",
        }
    }

    /// Its name in a sentence.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::System => "the keyring of this user",
            Self::Kernel => "the keyring of the kernel",
        }
    }
}

/// A request to a keyring, about the secret with an id.
#[cfg_attr(not(feature = "keyring"), allow(dead_code, reason = "no keyring reads it"))]
pub(crate) enum Request {
    /// Stores it, and reads it again.
    Put(Secret),
    Get,
    Delete,
}

/// How keyrings are asked. It returns the secret, or why there is none. It may block for ever.
pub(crate) type Ask = fn(Keyring, &str, Request) -> Result<Secret, String>;

/// The keyrings of this machine, or those of a test.
#[derive(Clone, Copy)]
pub(crate) struct Keyrings {
    pub(crate) ask: Ask,
    pub(crate) limit: Duration,
}

impl Keyrings {
    pub(crate) const OWN: Self = Self { ask: own::ask, limit: Duration::from_secs(10) };

    pub(crate) async fn ask(self, keyring: Keyring, id: &str, request: Request) -> Result<Secret, String> {
        let (sender, answer) = oneshot::channel();
        let (ask, id) = (self.ask, id.to_owned());
        // The program does not wait for this thread when it ends.
        thread::Builder::new()
            .name("keyring".to_owned())
            .spawn(move || sender.send(ask(keyring, &id, request)))
            .map_err(|e| e.to_string())?;
        match timeout(self.limit, answer).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err("it failed with a panic".to_owned()),
            Err(_) => Err(format!("it did not respond within {} seconds", self.limit.as_secs())),
        }
    }
}

#[cfg(feature = "keyring")]
mod own {
    use std::sync::Arc;

    use keyring_core::{CredentialStore, Entry, Error};
    use vouchsafe::Secret;

    use super::{Keyring, Request};

    pub(super) fn ask(keyring: Keyring, id: &str, request: Request) -> Result<Secret, String> {
        #[cfg(target_os = "linux")]
        if keyring == Keyring::System {
            return super::desktop::ask(id, request);
        }
        let entry = Entry::new_in_store(&store(keyring)?, super::SERVICE, id).map_err(|e| e.to_string())?;
        let outcome = match request {
            Request::Put(secret) => entry.set_password(secret.expose()).and_then(|()| entry.get_password()),
            Request::Get => entry.get_password(),
            Request::Delete => entry.delete_credential().map(|()| String::new()),
        };
        outcome.map(Secret::new).map_err(|e| match e {
            Error::NoEntry => super::NONE.to_owned(),
            // This error contains the secret.
            Error::BadEncoding(_) => "its key is not text".to_owned(),
            e => e.to_string(),
        })
    }

    #[cfg(target_os = "linux")]
    fn store(_: Keyring) -> Result<Arc<CredentialStore>, String> {
        linux_keyutils_keyring_store::Store::new().map(|store| store as _).map_err(|e| e.to_string())
    }

    #[cfg(any(target_os = "macos", windows))]
    fn store(keyring: Keyring) -> Result<Arc<CredentialStore>, String> {
        #[cfg(target_os = "macos")]
        use apple_native_keyring_store::keychain::Store;
        #[cfg(windows)]
        use windows_native_keyring_store::Store;
        match keyring {
            Keyring::Kernel => Err("only Linux has one".to_owned()),
            Keyring::System => Store::new().map(|store| store as _).map_err(|e| e.to_string()),
        }
    }

    #[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
    fn store(_: Keyring) -> Result<Arc<CredentialStore>, String> {
        Err("this system has none that this program knows".to_owned())
    }
}

/// The Secret Service of Linux desktops (https://specifications.freedesktop.org/secret-service). The secret crosses the message bus of
/// this user in plain text: whoever can read there can ask the service too.
#[cfg(all(feature = "keyring", target_os = "linux"))]
mod desktop {
    use std::collections::HashMap;

    use dbus_secret_service::{EncryptionType, Error, SecretService};
    use vouchsafe::Secret;

    use super::{Request, SERVICE};

    pub(super) fn ask(id: &str, request: Request) -> Result<Secret, String> {
        // Without a session, libdbus would start a message bus.
        if std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_none_or(|address| address.is_empty()) {
            return Err(
                "there is no session of a desktop (the variable DBUS_SESSION_BUS_ADDRESS is not set)"
                    .to_owned(),
            );
        }
        asked(id, request).map_err(|e| e.to_string())?.ok_or_else(|| super::NONE.to_owned())
    }

    fn asked(id: &str, request: Request) -> Result<Option<Secret>, Error> {
        let service = SecretService::connect_with_max_prompt_timeout(EncryptionType::Plain, PROMPT)?;
        let attributes = HashMap::from([("service", SERVICE), ("username", id)]);
        if let Request::Put(secret) = &request {
            let collection = service.get_default_collection()?;
            collection.unlock()?;
            let label = "The key of the saved logins of vouchsafe";
            collection.create_item(
                label,
                attributes.clone(),
                secret.expose().as_bytes(),
                true,
                "text/plain",
            )?;
        }
        let found = service.search_items(attributes)?;
        let Some(item) = found.unlocked.first().or(found.locked.first()) else { return Ok(None) };
        item.unlock()?;
        if matches!(request, Request::Delete) {
            return item.delete().map(|()| Some("".into()));
        }
        Ok(String::from_utf8(item.get_secret()?).ok().map(Secret::new))
    }

    /// How many seconds a person has to unlock the keyring: less than the time limit.
    const PROMPT: u64 = 8;
}

#[cfg(not(feature = "keyring"))]
mod own {
    use vouchsafe::Secret;

    use super::{Keyring, Request};

    pub(super) fn ask(_: Keyring, _: &str, _: Request) -> Result<Secret, String> {
        Err("this program was built without the feature `keyring`".to_owned())
    }
}

/// The name of this program in a keyring.
#[cfg(feature = "keyring")]
const SERVICE: &str = "vouchsafe";
#[cfg(feature = "keyring")]
const NONE: &str = "it has no such key";

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_keyring_that_hangs_is_left_after_the_time_limit() {
        let ask: Ask = |_, _, _| {
            loop {
                thread::park();
            }
        };
        let keyrings = Keyrings { ask, limit: Duration::from_millis(50) };
        let why = keyrings.ask(Keyring::System, "id", Request::Get).await.unwrap_err();
        assert!(why.starts_with("it did not respond within"), "{why}");
        let keyrings = Keyrings { ask: |_, _, _| panic!("a test"), ..Keyrings::OWN };
        let why = keyrings.ask(Keyring::System, "id", Request::Get).await.unwrap_err();
        assert_eq!(why, "it failed with a panic");
    }

    #[cfg(all(feature = "keyring", target_os = "linux"))]
    #[expect(clippy::print_stderr, reason = "a test says what it leaves out")]
    #[tokio::test]
    async fn the_keyring_of_the_kernel_keeps_a_secret() {
        let id = format!("test-{}", std::process::id());
        let ask = |request| Keyrings::OWN.ask(Keyring::Kernel, &id, request);
        match ask(Request::Put("a secret".into())).await {
            Ok(read) => assert_eq!(read.expose(), "a secret"),
            Err(why) => {
                eprintln!("left out: the keyring of the kernel cannot be used here: {why}");
                return;
            }
        }
        assert_eq!(ask(Request::Get).await.unwrap().expose(), "a secret");
        ask(Request::Delete).await.unwrap();
        assert_eq!(ask(Request::Get).await.unwrap_err(), "it has no such key");
    }
}
