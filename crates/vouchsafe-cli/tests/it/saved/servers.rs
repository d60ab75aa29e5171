//! Saved logins on database servers, which the tests start where their programs are installed.
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::Home;
use crate::saved::once::sixteen_shells;

/// A server that ends with its test.
struct Server {
    child: Child,
    folder: PathBuf,
}

impl Server {
    async fn start(mut command: Command, folder: PathBuf, socket: &str) -> Self {
        let child = command.current_dir(&folder).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let server = Self { child, folder };
        for _ in 0..3000 {
            if server.folder.join(socket).exists() {
                return server;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the server did not start");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // SIGQUIT ends the processes of PostgreSQL too.
        let _ = Command::new("kill").args(["-QUIT", &self.child.id().to_string()]).status();
        // A process that was started in the background of a shell may ignore that signal.
        for _ in 0..250 {
            if self.child.try_wait().is_ok_and(|ended| ended.is_some()) {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("vouchsafe-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[expect(clippy::print_stdout, reason = "the test has to say what it left out")]
fn is_left_out(program: &Path) -> bool {
    let is_missing = Command::new(program).arg("--version").stdout(Stdio::null()).status().is_err();
    assert!(
        !is_missing || std::env::var_os("VOUCHSAFE_TEST_ALL").is_none(),
        "{} is missing",
        program.display()
    );
    if is_missing {
        println!("left out: {} is not installed", program.display());
    }
    is_missing
}

#[tokio::test]
async fn sixteen_shells_share_a_login_in_redis() {
    if is_left_out("redis-server".as_ref()) {
        return;
    }
    let folder = folder("redis");
    let mut command = Command::new("redis-server");
    command.args(["--port", "0", "--save", "", "--requirepass", "hunter2", "--unixsocket"]);
    command.arg(folder.join("socket"));
    let server = Server::start(command, folder, "socket").await;
    let url = format!("redis+unix://{}?pass=hunter2", server.folder.join("socket").display());
    sixteen_shells(Home::at(url).await).await;
}

#[tokio::test]
async fn sixteen_shells_share_a_login_in_postgresql() {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let debian = versions.map(|version| version.path().join("bin")).find(|bin| bin.join("initdb").exists());
    let bin = debian.unwrap_or_default();
    if is_left_out(&bin.join("initdb")) {
        return;
    }
    let folder = folder("postgres");
    let is_root = folder.metadata().unwrap().uid() == 0;
    // PostgreSQL does not run as root.
    let program = |name: &str| {
        if !is_root {
            return Command::new(bin.join(name));
        }
        let mut command = Command::new("setpriv");
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(bin.join(name));
        command
    };
    if is_root {
        chown(&folder, Some(65534), Some(65534)).unwrap();
    }
    let data = folder.join("data");
    let mut made = program("initdb");
    made.args(["--no-sync", "--auth=trust", "--username=jane", "--encoding=UTF8", "--locale=C", "--pgdata"]);
    let made = made.arg(&data).current_dir(&folder).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let mut command = program("postgres");
    command.arg("-D").arg(&data).arg("-k").arg(&folder).args(["-c", "listen_addresses="]);
    let server = Server::start(command, folder, ".s.PGSQL.5432").await;
    let url = format!("postgres://jane@localhost/postgres?host={}", server.folder.display());
    sixteen_shells(Home::at(url).await).await;
}
