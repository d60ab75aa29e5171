//! How saved logins are kept: names, files, keys, and stores in trouble.
use std::fs;

use super::Home;
use crate::support::Cli;

#[tokio::test]
async fn a_name_that_nobody_could_type_is_refused_before_the_browser_opens() {
    let home = Home::new().await;
    let long = "x".repeat(201);
    for name in ["", "a\nb", "a\u{7f}", &long] {
        let args = ["--client-id", home.sandbox.public_client_id(), "--save", name];
        let done = Cli::login(&home.sandbox, &args).env("VOUCHSAFE_STORE", home.url()).run().await;
        done.assert_failed(2, "usage", "invalid_param");
        assert_eq!(done.lines.len(), 1, "{done:?}");
    }
    assert!(!home.file().exists());
    for name in [&long[1..], "Träume & more/../ü"] {
        home.login(&["--client-id", home.sandbox.public_client_id(), "--save", name]).await;
        home.json(&["token", name]).await;
    }
    home.failing(&["token", "träume & more/../ü"], 2, "usage", "unknown_login").await;
}

#[cfg(unix)]
#[tokio::test]
async fn files_are_readable_by_their_user_alone() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let home = Home::with_login().await;
    let mode = |path: &std::path::PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let folder = home.file().parent().unwrap().to_owned();
    assert_eq!(mode(&folder), 0o700);
    let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 2 && files.iter().all(|path| mode(path) == 0o600), "{files:?}");
    let key = folder.join("logins.db.key");
    for path in [key.clone(), home.file()] {
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let message = home.failing(&["list"], 7, "local", "store").await;
        assert!(message.contains("chmod 600") && message.contains(path.to_str().unwrap()), "{message}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    // A link of the same user is followed.
    let elsewhere = home.folder.join("elsewhere.key");
    fs::rename(&key, &elsewhere).unwrap();
    symlink(&elsewhere, &key).unwrap();
    home.token().await;
}

#[tokio::test]
async fn a_login_does_not_open_without_its_key_and_stays_as_it_is() {
    let home = Home::with_login().await;
    let token = home.token().await;
    let (key, aside) = (home.folder.join("data").join("logins.db.key"), home.folder.join("aside"));
    fs::rename(&key, &aside).unwrap();
    for command in [&["list"][..], &["token", "work"]] {
        let message = home.failing(command, 4, "security", "sealed").await;
        assert!(message.contains("left as it is"), "{message}");
    }
    fs::rename(&aside, &key).unwrap();
    assert_eq!(home.token().await, token);
    let done = home.cli(&["list", "-v"]).run().await;
    assert!(done.stderr.contains(key.to_str().unwrap()), "it says which key it uses: {done:?}");
    let content = fs::read(home.file()).unwrap();
    assert!(!content.windows(token.len()).any(|part| part == token.as_bytes()), "tokens are sealed");
}

#[tokio::test]
async fn a_store_that_cannot_be_used_is_told_before_the_browser_opens_and_left_as_it_is() {
    let home = Home::new().await;
    fs::create_dir_all(&home.folder).unwrap();
    let garbage = home.folder.join("garbage.db");
    fs::write(
        &garbage,
        "this is not a database, and it is longer than a header of a hundred bytes. ".repeat(9),
    )
    .unwrap();
    let newer = home.folder.join("newer.db");
    fs::write(&newer, empty_database(99)).unwrap();
    #[cfg(unix)]
    for path in [&garbage, &newer] {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    for (path, words) in [(&garbage, "corrupted"), (&newer, "newer")] {
        let before = fs::read(path).unwrap();
        let url = format!("sqlite:{}", path.display());
        let args = ["--client-id", home.sandbox.public_client_id(), "--store", &url];
        let done = Cli::login(&home.sandbox, &args).run().await;
        let message = done.assert_failed(7, "local", "store");
        assert!(message.contains(words) && done.lines.len() == 1, "{done:?}");
        home.failing(&["token", "work", "--store", &url], 7, "local", "store").await;
        assert_eq!(fs::read(path).unwrap(), before);
    }
}

#[tokio::test]
async fn a_store_that_is_away_is_told() {
    for url in ["redis://127.0.0.1:9/0", "postgres://jane@127.0.0.1:9/logins"] {
        Cli::new(&["list", "--json", "--store", url]).run().await.assert_failed(7, "local", "store");
    }
}

#[tokio::test]
async fn a_password_comes_by_the_environment_and_is_never_shown() {
    let url = "redis://jane:marked-password@127.0.0.1:9/0";
    let done = Cli::new(&["list", "--json", "--store", url]).run().await;
    assert!(done.assert_failed(2, "usage", "invalid_argument").contains("VOUCHSAFE_STORE"));
    done.assert_silent_about("marked-password");
    let done = Cli::new(&["list", "--json", "-v"]).env("VOUCHSAFE_STORE", url).run().await;
    done.assert_failed(7, "local", "store");
    done.assert_silent_about("marked-password");
    for url in ["mysql://db", "logins.db"] {
        Cli::new(&["list", "--json", "--store", url]).run().await.assert_failed(
            2,
            "usage",
            "invalid_argument",
        );
    }
}

#[tokio::test]
async fn no_output_holds_a_secret_beside_the_lines_of_tokens() {
    let home = Home::with_login().await;
    let tokens = home.vault().await.stored_tokens("work", "login").await.unwrap().unwrap();
    let refresh_token = tokens.refresh_token().unwrap().expose().to_owned();
    let access_token = tokens.access_token().expose().to_owned();
    for command in [&["list"][..], &["whoami", "work"], &["profile", "work"], &["revoke", "work"]] {
        for more in [&["-v"][..], &["-v", "--json"]] {
            let done = home.cli(&[command, more].concat()).run().await;
            done.assert_silent_about(&refresh_token);
            done.assert_silent_about(&access_token);
        }
    }
}

/// A SQLite file without tables whose `user_version` is this: https://www.sqlite.org/fileformat2.html.
fn empty_database(user_version: u8) -> Vec<u8> {
    let mut page = vec![0; 4096];
    page[..24].copy_from_slice(b"SQLite format 3\0\x10\0\x01\x01\0\x40\x20\x20");
    page[27] = 1; // the change counter
    page[31] = 1; // the number of pages
    page[47] = 4; // the format of the schema
    page[59] = 1; // UTF-8
    page[63] = user_version;
    page[95] = 1; // the change counter again
    page[96..100].copy_from_slice(&3_040_000_u32.to_be_bytes());
    page[100] = 0x0d; // an empty leaf
    page[105] = 0x10; // its content begins at the end of the page
    page
}
