//! A PostgreSQL of the campaign's own, that writes down what it acknowledges, and can be killed.

use std::path::Path;
use std::process::Command;

use crochet_local_postgres::{Host, LocalPostgres, Options};

pub(crate) struct Postgres {
    options: Options,
    server: Option<LocalPostgres>,
    url: String,
}

impl Postgres {
    pub(crate) async fn start(folder: &Path) -> Self {
        let host = Host::from_variables(std::env::vars_os());
        let settings = [("shared_buffers", "32MB"), ("max_connections", "100")];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let options = Options { settings, ..Options::new(folder.join("postgres"), host) };
        assert!(options.durable, "what is killed here has to have written its rows down");
        let server = start(options.clone()).await;
        Self { url: server.url(), options, server: Some(server) }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// What a query for one value answers, asked by the database's owner.
    pub(crate) fn value(&self, sql: &str) -> u64 {
        let psql = self.server.as_ref().expect("it runs").bin_dir().join("psql");
        let output = Command::new(psql).args(["-XAtqv", "ON_ERROR_STOP=1", "-c", sql, &self.url]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
    }

    /// SIGKILL, and a new server on what the old one left, at the same address.
    pub(crate) async fn kill_and_start_again(&mut self) {
        let server = self.server.take().expect("it runs");
        let pid = i32::try_from(server.server_pid()).ok().and_then(rustix::process::Pid::from_raw).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        tokio::task::spawn_blocking(move || drop(server)).await.unwrap();
        let server = start(self.options.clone()).await;
        assert_eq!(server.url(), self.url, "the gateways know the address");
        self.server = Some(server);
    }
}

async fn start(options: Options) -> LocalPostgres {
    tokio::task::spawn_blocking(move || LocalPostgres::start(&options, &mut |_| {})).await.unwrap().unwrap()
}
