//! The store in a SQLite file.
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::Executor;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions};
use vouchsafe::error::StoreErrorKind;
use vouchsafe::vault::{Expected, Save, TokenStore};
use vouchsafe_store::SqliteStore;

use crate::folder::Folder;
use crate::support::{all_succeed, count_up, eight_threads_race, keeps_the_contract, process, text, version};

pub(crate) async fn pool(
    file: &Path,
    change: impl Fn(SqliteConnectOptions) -> SqliteConnectOptions,
) -> SqlitePool {
    let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
    let options = change(options.journal_mode(SqliteJournalMode::Wal));
    SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap()
}

async fn kind(path: &Path) -> (StoreErrorKind, String) {
    let error = SqliteStore::open(path).await.unwrap_err();
    (error.kind(), error.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_keeps_the_contract() {
    let folder = Folder::new();
    keeps_the_contract(Arc::new(SqliteStore::open(folder.join("tokens.db")).await.unwrap())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_of_the_application_keeps_the_contract_and_its_own_tables() {
    let folder = Folder::new();
    let pool = pool(&folder.join("app.db"), |options| options).await;
    pool.execute("CREATE TABLE customers (name TEXT); PRAGMA user_version = 7").await.unwrap();
    let store = Arc::new(SqliteStore::from_pool(pool.clone()).await.unwrap());
    keeps_the_contract(store).await;
    SqliteStore::from_pool(pool.clone()).await.unwrap();
    let number: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&pool).await.unwrap();
    assert_eq!(number, 7, "the number is the application's");
}

#[tokio::test]
async fn a_pool_without_wal_is_refused() {
    let folder = Folder::new();
    let pool = pool(&folder.join("app.db"), |options| options.journal_mode(SqliteJournalMode::Delete)).await;
    let error = SqliteStore::from_pool(pool).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Misconfigured, "{error}");
}

#[tokio::test]
async fn records_are_there_after_the_end_of_the_program_and_waits_for_the_disk_are_on() {
    let folder = Folder::new();
    let file = folder.join("tokens.db");
    let store = SqliteStore::open(&file).await.unwrap();
    version(&store, Save::new("a", "b", Expected::Absent)).await;
    // As after a crash: the files are copied while the store is open.
    for ending in ["", "-wal"] {
        let name = format!("tokens.db{ending}");
        fs::copy(folder.join(&name), folder.join(&format!("copy-{name}"))).unwrap();
    }
    let copy = SqliteStore::open(folder.join("copy-tokens.db")).await.unwrap();
    assert_eq!(copy.load("a").await.unwrap().unwrap().data.expose(), "b");
}

#[test]
fn eight_threads_that_race_for_one_lease_have_it_one_after_the_other() {
    let folder = Folder::new();
    let file = folder.join("tokens.db");
    eight_threads_race(async || SqliteStore::open(&file).await);
}

#[test]
fn sixteen_processes_open_a_new_file_at_once_and_lose_nothing() {
    let folder = Folder::new();
    let file = folder.join("new/folders/tokens.db");
    let spawn = |_| process("sqlite::counts_up_in_a_process", file.to_str().unwrap()).spawn().unwrap();
    all_succeed((0..16).map(spawn).collect());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let record = runtime.block_on(async { SqliteStore::open(&file).await.unwrap().load("count").await });
    assert_eq!(record.unwrap().unwrap().data.expose(), "80");
}

#[tokio::test]
#[ignore = "run in processes of its own"]
async fn counts_up_in_a_process() {
    let store = SqliteStore::open(text()).await.unwrap();
    let _ = store.save(Save::new("count", "0", Expected::Absent)).await.unwrap();
    count_up(&store, "count", 5).await;
}

#[cfg(unix)]
#[tokio::test]
async fn files_and_new_folders_are_for_their_user_alone() {
    use std::os::unix::fs::PermissionsExt;

    let folder = Folder::new();
    let mode = |name: &str| fs::metadata(folder.join(name)).unwrap().permissions().mode() & 0o777;
    let store = SqliteStore::open(folder.join("a/b/tokens.db")).await.unwrap();
    version(&store, Save::new("a", "b", Expected::Absent)).await;
    assert_eq!((mode("a"), mode("a/b")), (0o700, 0o700));
    for name in ["a/b/tokens.db", "a/b/tokens.db-wal", "a/b/tokens.db-shm"] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_others_can_read_is_refused_with_the_command_that_mends_it() {
    use std::os::unix::fs::PermissionsExt;

    let folder = Folder::new();
    let file = folder.join("it's mine.db");
    drop(SqliteStore::open(&file).await.unwrap());
    let change = |mode| fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    for mode in [0o640, 0o604, 0o620] {
        change(mode);
        let (kind, message) = kind(&file).await;
        assert_eq!(kind, StoreErrorKind::Misconfigured);
        let (_, command) = message.split_once(": ").unwrap();
        let done = std::process::Command::new("sh").args(["-c", command]).status().unwrap();
        assert!(done.success(), "{message}");
        SqliteStore::open(&file).await.unwrap();
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_is_followed_to_a_file_of_the_same_user_only() {
    use std::os::unix::fs::{chown, symlink};

    let folder = Folder::new();
    let (file, link) = (folder.join("tokens.db"), folder.join("link.db"));
    drop(SqliteStore::open(&file).await.unwrap());
    symlink(&file, &link).unwrap();
    drop(SqliteStore::open(&link).await.unwrap());
    let dangling = folder.join("dangling.db");
    symlink(folder.join("nowhere"), &dangling).unwrap();
    assert_eq!(kind(&dangling).await.0, StoreErrorKind::Misconfigured);
    let log = folder.join("other.db-wal");
    fs::write(&log, b"").unwrap();
    fs::set_permissions(&log, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    drop(SqliteStore::open(folder.join("new.db")).await.unwrap());
    fs::rename(folder.join("new.db"), folder.join("other.db")).unwrap();
    fs::remove_file(&link).unwrap();
    symlink(folder.join("other.db"), &link).unwrap();
    let (refused, message) = kind(&link).await;
    assert_eq!(refused, StoreErrorKind::Misconfigured);
    assert!(message.contains("other.db-wal"), "{message}");
    fs::remove_file(&link).unwrap();
    symlink(&file, &link).unwrap();
    if chown(&file, Some(12345), None).is_err() {
        println!("left out: this user cannot give a file away");
        return;
    }
    let (kind, message) = kind(&link).await;
    assert_eq!(kind, StoreErrorKind::Misconfigured);
    assert!(message.contains("symbolic link"), "{message}");
}

#[tokio::test]
async fn a_newer_file_is_refused_and_left_as_it_is() {
    let folder = Folder::new();
    let file = folder.join("tokens.db");
    drop(SqliteStore::open(&file).await.unwrap());
    let raw = pool(&file, |options| options).await;
    raw.execute("PRAGMA user_version = 2").await.unwrap();
    raw.close().await;
    let before = fs::read(&file).unwrap();
    let (kind, message) = kind(&file).await;
    assert_eq!(kind, StoreErrorKind::Newer, "{message}");
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[tokio::test]
async fn a_corrupted_file_is_refused_and_left_as_it_is() {
    let folder = Folder::new();
    let file = folder.join("tokens.db");
    let store = SqliteStore::open(&file).await.unwrap();
    version(&store, Save::new("a", "b", Expected::Absent)).await;
    drop(store);
    let raw = pool(&file, |options| options).await;
    raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").await.unwrap();
    raw.close().await;
    let whole = fs::read(&file).unwrap();
    let mut garbled = whole.clone();
    garbled[4096..].fill(0xA5);
    for (name, bytes) in [
        ("no.db", b"this is a text, and not a database of SQLite. ".repeat(50)),
        ("cut.db", whole[..5000].to_vec()),
        ("garbled.db", garbled),
    ] {
        let file = folder.join(name);
        fs::copy(folder.join("tokens.db"), &file).unwrap();
        fs::write(&file, &bytes).unwrap();
        let error = match SqliteStore::open(&file).await {
            Ok(store) => store.save(Save::new("a", "c", Expected::Any)).await.unwrap_err(),
            Err(error) => error,
        };
        assert_eq!(error.kind(), StoreErrorKind::Corrupted, "{name}: {error}");
        assert_eq!(fs::read(&file).unwrap(), bytes, "{name}");
    }
}

#[tokio::test]
async fn the_file_of_another_application_is_refused() {
    let folder = Folder::new();
    let file = folder.join("app.db");
    let raw = pool(&file, |options| options).await;
    raw.execute("CREATE TABLE customers (name TEXT)").await.unwrap();
    raw.close().await;
    #[cfg(unix)]
    fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let (kind, message) = kind(&file).await;
    assert_eq!(kind, StoreErrorKind::Misconfigured);
    assert!(message.contains("another application"), "{message}");
}

#[tokio::test]
async fn a_folder_and_a_path_through_a_file_are_refused() {
    let folder = Folder::new();
    fs::write(folder.join("file"), b"").unwrap();
    for path in [folder.path().to_owned(), folder.join("file").join("tokens.db")] {
        let (kind, message) = kind(&path).await;
        assert_eq!(kind, StoreErrorKind::Misconfigured, "{message}");
        assert!(message.contains(path.to_str().unwrap()), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_file_is_an_error_after_the_time_to_wait_and_can_be_read_meanwhile() {
    let folder = Folder::new();
    let file = folder.join("tokens.db");
    let store = SqliteStore::open(&file).await.unwrap();
    version(&store, Save::new("a", "b", Expected::Absent)).await;
    let other = pool(&file, |options| options).await;
    let lock = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let hurried = pool(&file, |options| options.busy_timeout(Duration::from_millis(200))).await;
    let hurried = SqliteStore::from_pool(hurried).await.unwrap();
    let begin = Instant::now();
    let error = hurried.save(Save::new("a", "c", Expected::Any)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Locked, "{error}");
    assert!(begin.elapsed() >= Duration::from_millis(200));
    assert_eq!(store.load("a").await.unwrap().unwrap().data.expose(), "b");
    // The patient one waits until the lock is gone, and a caller that gives up does no harm.
    let save =
        tokio::time::timeout(Duration::from_millis(50), store.save(Save::new("a", "c", Expected::Any)));
    assert!(save.await.is_err());
    lock.rollback().await.unwrap();
    version(&store, Save::new("a", "d", Expected::Any)).await;
    assert_eq!(store.load("a").await.unwrap().unwrap().data.expose(), "d");
}
