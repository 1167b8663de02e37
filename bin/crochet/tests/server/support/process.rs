//! The real program in a process of its own, to be killed.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crochet::demo::client::ApiClient;

use super::{TestGateway, contract};

/// How long the program may take until it is ready.
const START_LIMIT: Duration = Duration::from_secs(60);

/// `crochet serve` on the database and the keys of a test. Dropping it kills it.
pub(crate) struct GatewayProcess {
    child: Child,
    pub(crate) api: ApiClient,
}

impl GatewayProcess {
    /// Starts the program and waits until it says where it is.
    pub(crate) async fn start(gateway: &TestGateway) -> Self {
        let (url, data_dir) = (gateway.database_url(), gateway.config.data_dir.clone());
        tokio::task::spawn_blocking(move || start(&url, &data_dir)).await.unwrap()
    }

    /// SIGKILL: nothing is ended, nothing is cleaned up.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for GatewayProcess {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.end();
        }
    }
}

fn start(database_url: &str, data_dir: &Path) -> GatewayProcess {
    let mut child = Command::new(env!("CARGO_BIN_EXE_crochet"))
        .arg("serve")
        .env_clear()
        .env("DATABASE_URL", database_url)
        .env("CROCHET_DATA_DIR", data_dir)
        .env("CROCHET_BIND", "127.0.0.1:0")
        .env("CROCHET_RATE_LIMITS", "off")
        .env("CROCHET_WORKERS", "1")
        .env("CROCHET_DATABASE_POOL_SIZE", "8")
        .env("CROCHET_LOG", "warn")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let stdout = child.stdout.take().unwrap();
    let (found, waiting) = mpsc::channel();
    // Reads on to the end, so that the program can always write.
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if let Some(url) = line.trim().strip_prefix("URL") {
                let _ = found.send(url.trim().to_owned());
            }
        }
    });
    match waiting.recv_timeout(START_LIMIT) {
        Ok(url) => GatewayProcess { api: contract::client(&url), child },
        Err(_) => {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("the program did not say within {} s where it is", START_LIMIT.as_secs())
        }
    }
}
