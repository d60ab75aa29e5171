//! Database servers that the tests start, where their programs are installed. The tests of the command use this file too.
#![allow(dead_code, clippy::print_stdout, reason = "each program uses a part, and says what it leaves out")]
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::folder::Folder;

/// A server that ends with its test.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) folder: Folder,
}

/// The password of the servers.
pub(crate) const PASSWORD: &str = "hunter2";

impl Server {
    /// PostgreSQL, or nothing where it is not installed.
    pub(crate) fn postgres(options: &[&str]) -> Option<Self> {
        let Some(programs) = postgres_programs() else {
            return left_out("PostgreSQL is not installed (postgres and initdb)");
        };
        let folder = Folder::new();
        let (data, password) = (folder.join("data"), folder.join("password"));
        std::fs::write(&password, PASSWORD).unwrap();
        let is_root = std::fs::metadata(folder.path())
            .is_ok_and(|found| std::os::unix::fs::MetadataExt::uid(&found) == 0);
        // PostgreSQL does not run as root.
        let program = |name: &str| {
            let path = programs.join(name);
            if !is_root {
                return Command::new(path);
            }
            let mut command = Command::new("setpriv");
            command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(path);
            command
        };
        if is_root {
            for path in [folder.path(), &password] {
                std::os::unix::fs::chown(path, Some(65534), Some(65534)).unwrap();
            }
        }
        let mut make = program("initdb");
        make.args(["--no-sync", "--auth=scram-sha-256", "--username=admin", "--encoding=UTF8", "--locale=C"]);
        make.arg("--pwfile").arg(&password).arg("--pgdata").arg(&data);
        let made = make.current_dir(folder.path()).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut run = program("postgres");
        run.arg("-D").arg(&data).arg("-k").arg(folder.path());
        run.args(["-c", "listen_addresses="]).args(options);
        let child = run.current_dir(folder.path()).stderr(Stdio::null()).spawn().unwrap();
        let server = Self { child, folder };
        server.wait_for(POSTGRES_SOCKET);
        Some(server)
    }

    pub(crate) fn url(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}:{PASSWORD}@localhost/{database}?host={}", self.folder.path().display())
    }
}

fn postgres_programs() -> Option<PathBuf> {
    let told = Command::new("pg_config").arg("--bindir").output().ok().map(|output| output.stdout);
    let told = told.and_then(|path| String::from_utf8(path).ok()).map(|path| PathBuf::from(path.trim()));
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders = told.into_iter().chain(debian.map(|version| version.path().join("bin")));
    folders.find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
}

impl Server {
    /// Redis, or nothing where it is not installed.
    pub(crate) fn redis(options: &[&str]) -> Option<Self> {
        let folder = Folder::new();
        let mut run = Command::new("redis-server");
        run.args(["--port", "0", "--save", "", "--requirepass", PASSWORD, "--unixsocket"])
            .arg(folder.join("socket"));
        let Ok(child) = run.args(options).current_dir(folder.path()).stdout(Stdio::null()).spawn() else {
            return left_out("Redis is not installed (redis-server)");
        };
        let server = Self { child, folder };
        server.wait_for("socket");
        Some(server)
    }

    pub(crate) fn redis_url(&self) -> String {
        format!("redis+unix://{}?pass={PASSWORD}", self.folder.join("socket").display())
    }
}

impl Server {
    fn wait_for(&self, name: &str) {
        let begin = Instant::now();
        while !self.folder.join(name).exists() {
            assert!(begin.elapsed() < PATIENCE, "the server did not start");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends the server as a crash would, or lets it end.
    pub(crate) fn stop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_some()) {
            return;
        }
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
        let _ = std::fs::remove_file(self.folder.join(POSTGRES_SOCKET));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

fn left_out(missing: &str) -> Option<Server> {
    assert!(std::env::var_os("VOUCHSAFE_TEST_ALL").is_none(), "{missing}");
    println!("left out: {missing}");
    None
}

/// PostgreSQL gives it this name.
const POSTGRES_SOCKET: &str = ".s.PGSQL.5432";
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
