//! A SQLite file that becomes full: a refresh that began can save its result.
use std::path::Path;
use std::time::Duration;

use sqlx::Executor;
use sqlx::sqlite::SqlitePool;
use vouchsafe::error::StoreErrorKind;
use vouchsafe::vault::{Expected, Lease, LeaseRequest, Save, Saved, TokenStore};
use vouchsafe_store::SqliteStore;

use crate::folder::Folder;
use crate::sqlite::pool;
#[cfg(unix)]
use crate::support::process;
use crate::support::{text, version};

/// The room that a refresh asks for, and the length of its result.
const ROOM: usize = 20_000;

/// What a refresh came to.
#[derive(Debug, Eq, PartialEq)]
enum Refreshed {
    /// It did not begin, so no refresh token was spent.
    NotBegun,
    Saved,
}

/// A refresh as the library does it. If the first save succeeds, the second one has to.
async fn refresh(store: &dyn TokenStore, key: &str) -> Refreshed {
    let fence = match store.lease(key, LeaseRequest::new(Duration::from_secs(15))).await {
        Ok(Lease::Granted { fence, .. }) => fence,
        Ok(other) => panic!("{key}: {other:?}"),
        Err(error) => return not_begun(error.kind()),
    };
    let begun = "b".repeat(3000);
    if let Err(error) = store.save(Save::new(key, &begun, Expected::Any).under_lease(fence, ROOM)).await {
        let _ = store.release(key, fence).await;
        return not_begun(error.kind());
    }
    // Another login fills the room that is left, as long as there is some.
    for n in 0.. {
        let other =
            store.save(Save::new(&format!("filler {key} {n}"), &"f".repeat(5000), Expected::Any)).await;
        if n == 20 || other.is_err() {
            break;
        }
    }
    let result = "r".repeat(ROOM);
    let saved = store.save(Save::new(key, &result, Expected::Any).under_lease(fence, 0)).await;
    assert!(matches!(saved, Ok(Saved::Version(_))), "a refresh that began could not be saved: {saved:?}");
    assert_eq!(store.load(key).await.unwrap().unwrap().data.expose(), result);
    Refreshed::Saved
}

fn not_begun(kind: StoreErrorKind) -> Refreshed {
    assert_eq!(kind, StoreErrorKind::Full);
    Refreshed::NotBegun
}

/// Refreshes one login after the other until the file is full, and then some more.
async fn until_full(store: &dyn TokenStore) -> (usize, usize) {
    let (mut saved, mut not_begun) = (0, 0);
    for n in 0..60 {
        let key = format!("login {n}");
        if store.save(Save::new(&key, &"t".repeat(2000), Expected::Any)).await.is_err() {
            // No new logins: the old ones go on.
            not_begun += 1;
        }
        for key in [format!("login {}", n / 2), key] {
            if store.load(&key).await.unwrap().is_none() {
                continue;
            }
            match refresh(store, &key).await {
                Refreshed::Saved => saved += 1,
                Refreshed::NotBegun => not_begun += 1,
            }
        }
        if not_begun > 15 {
            break;
        }
    }
    (saved, not_begun)
}

async fn limited(file: &Path, pages: usize) -> SqlitePool {
    let pool = pool(file, |options| options).await;
    pool.execute(&*format!("PRAGMA max_page_count = {pages}")).await.unwrap();
    pool
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_that_began_is_saved_whichever_size_the_file_may_have() {
    let mut fits = 0;
    for pages in (10..55).step_by(3) {
        let folder = Folder::new();
        let store = SqliteStore::from_pool(limited(&folder.join("tokens.db"), pages).await).await.unwrap();
        let (saved, not_begun) = until_full(&store).await;
        assert!(not_begun > 0, "{pages} pages were never full");
        fits += usize::from(saved > 0);
    }
    assert!(fits >= 8, "{fits} of 15 sizes had room for a refresh");
}

#[cfg(unix)]
#[test]
fn a_refresh_that_began_is_saved_whichever_limit_the_process_has_for_files() {
    // The limit counts for the log and the database one by one. 1,000 pages of the log are 4,000 KiB.
    for kibibytes in (60..=340).step_by(20) {
        let folder = Folder::new();
        let file = folder.join("tokens.db");
        drop(std::fs::File::create(&file).unwrap());
        let inner = process("room::refreshes_until_full_in_a_process", file.to_str().unwrap());
        // Without the signal, a write beyond the limit is an error.
        let mut limited = std::process::Command::new("bash");
        limited.args(["-c", &format!("trap '' XFSZ; ulimit -f {kibibytes}; exec \"$@\""), "sh"]);
        limited.arg(inner.get_program()).args(inner.get_args());
        limited.env("VOUCHSAFE_STORE_TEST", text_of(&inner));
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        // By a pipe: the limit would count for the file of a log too.
        let done = limited.output().unwrap();
        let said =
            String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "with {kibibytes} KiB: {said}");
    }
}

/// A disk of this size, if this user can make one.
#[cfg(target_os = "linux")]
struct Disk(std::path::PathBuf);

#[cfg(target_os = "linux")]
impl Disk {
    fn new(folder: &Folder, kibibytes: usize) -> Option<Self> {
        let path = folder.join(&format!("disk-{kibibytes}"));
        std::fs::create_dir(&path).unwrap();
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={kibibytes}k"), "none"]).arg(&path);
        if mount.output().is_ok_and(|output| output.status.success()) {
            return Some(Self(path));
        }
        println!("left out: this user cannot mount a small disk");
        None
    }
}

#[cfg(target_os = "linux")]
impl Drop for Disk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_refresh_that_began_is_saved_whichever_size_the_disk_has() {
    let folder = Folder::new();
    for kibibytes in (200..=1600).step_by(100) {
        let Some(disk) = Disk::new(&folder, kibibytes) else { return };
        let file = disk.0.join("tokens.db");
        let ended = process("room::refreshes_until_full_in_a_process", file.to_str().unwrap()).status();
        assert!(ended.unwrap().success(), "with {kibibytes} KiB");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn refreshes_that_began_are_saved_even_if_another_program_fills_the_disk() {
    let folder = Folder::new();
    let Some(disk) = Disk::new(&folder, 4000) else { return };
    let store = SqliteStore::open(disk.0.join("tokens.db")).await.unwrap();
    let mut fences = Vec::new();
    for key in ["a", "b", "c", "d", "e"] {
        version(&store, Save::new(key, &"t".repeat(2000), Expected::Any)).await;
        let ask = LeaseRequest::new(Duration::from_secs(15));
        let Lease::Granted { fence, .. } = store.lease(key, ask).await.unwrap() else { panic!() };
        version(&store, Save::new(key, &"b".repeat(3000), Expected::Any).under_lease(fence, ROOM)).await;
        fences.push((key, fence));
    }
    let other = std::fs::write(disk.0.join("other"), vec![b'x'; 4_096_000]).unwrap_err();
    assert_eq!(other.kind(), std::io::ErrorKind::StorageFull);
    for (key, fence) in fences {
        let result = "r".repeat(ROOM);
        version(&store, Save::new(key, &result, Expected::Any).under_lease(fence, 0)).await;
        assert_eq!(store.load(key).await.unwrap().unwrap().data.expose(), result);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run in a process of its own"]
async fn refreshes_until_full_in_a_process() {
    let store = match SqliteStore::open(text()).await {
        Ok(store) => store,
        Err(error) => return assert_eq!(error.kind(), StoreErrorKind::Full, "{error}"),
    };
    let (saved, not_begun) = until_full(&store).await;
    println!("{saved} saved, {not_begun} not begun");
    assert!(not_begun > 0, "the disk was never full");
}

#[tokio::test]
async fn a_lease_that_was_taken_over_gives_its_room_back() {
    let folder = Folder::new();
    let store = SqliteStore::open(folder.join("tokens.db")).await.unwrap();
    version(&store, Save::new("a", "b", Expected::Any)).await;
    let mut seen = None;
    let mut sizes = Vec::new();
    for _ in 0..10 {
        let ask = LeaseRequest::new(Duration::from_secs(15)).seen_out(seen);
        let Lease::Granted { fence, .. } = store.lease("a", ask).await.unwrap() else { panic!() };
        version(&store, Save::new("a", "c", Expected::Any).under_lease(fence, ROOM)).await;
        sizes.push(std::fs::metadata(folder.join("tokens.db")).unwrap().len());
        seen = Some(fence);
    }
    assert_eq!(sizes.first(), sizes.last());
}

#[cfg(unix)]
fn text_of(command: &std::process::Command) -> &std::ffi::OsStr {
    command.get_envs().find(|(name, _)| *name == "VOUCHSAFE_STORE_TEST").unwrap().1.unwrap()
}
