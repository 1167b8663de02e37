//! A PostgreSQL of a test's own, which can be stopped and started, at one address.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crochet::wiring::books;
use crochet_local_postgres::{Host, LocalPostgres, Options};
use crochet_postgres::{Db, DbConfig};
use crochet_relay::AuditReport;
use crochet_relay::ports::Books;
use tempfile::TempDir;

use super::wire::{Wire, socket_of};

/// How a server is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// `pg_ctl stop -m fast`: sessions are ended, everything is written down.
    Fast,
    /// `pg_ctl stop -m immediate`: as in a crash; the next start recovers.
    Immediate,
}

/// Its first start makes a cluster, which takes a second.
pub(crate) struct OwnDatabase {
    _folder: TempDir,
    options: Options,
    server: Option<LocalPostgres>,
    pub(crate) wire: Wire,
}

impl OwnDatabase {
    /// Of a server that needs not survive a crash.
    pub(crate) fn start() -> Self {
        Self::with(false, &[])
    }

    /// Of a server with these settings; `durable` where it is going to be stopped at once.
    pub(crate) fn with(durable: bool, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let host = Host::from_variables(std::env::vars_os());
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let options = Options { durable, settings, ..Options::new(folder.path(), host) };
        let mut database = Self { _folder: folder, options, server: None, wire: Wire::open() };
        database.up();
        database
    }

    pub(crate) fn up(&mut self) {
        let server = LocalPostgres::start(&self.options, &mut |_| {}).unwrap();
        self.wire.lead_to(Some(&socket_of(&server.url())));
        self.server = Some(server);
    }

    /// The way to it stays, as the address of a server would: only its sessions end, as that server ends them.
    pub(crate) fn down(&mut self, how: Stop) {
        let server = self.server.take().unwrap();
        if how == Stop::Immediate {
            kill("QUIT", &[server.server_pid().to_string()]);
        }
        server.stop().unwrap();
    }

    pub(crate) fn signal(&self, signal: &str) {
        // The server and its sessions are one process group.
        let pid = self.server.as_ref().unwrap().server_pid().to_string();
        let children = Command::new("pgrep").args(["-P", &pid]).output().unwrap();
        let children = String::from_utf8(children.stdout).unwrap();
        let all: Vec<_> = children.lines().map(str::to_owned).chain([pid]).collect();
        kill(signal, &all);
    }

    /// By way of the wire.
    pub(crate) fn url(&self) -> String {
        format!("postgresql://app@{}/crochet", self.wire.address())
    }

    /// Past the wire, as the owner.
    pub(crate) fn direct_url(&self) -> String {
        self.server.as_ref().unwrap().url()
    }

    /// Re-adds the books.
    pub(crate) async fn audit(&self) -> AuditReport {
        audit(&self.direct_url()).await
    }
}

/// Re-adds the books of any database.
pub(crate) async fn audit(url: &str) -> AuditReport {
    books(&Db::connect(&DbConfig::new(url.into()))).audit().await.unwrap()
}

fn kill(signal: &str, pids: &[String]) {
    assert!(Command::new("kill").args(["-s", signal]).args(pids).status().unwrap().success());
}
