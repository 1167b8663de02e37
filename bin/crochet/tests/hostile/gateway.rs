//! The real program with a database of its own, and what the system says of its process.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use crochet::demo::agent::{Agent, Wallet, bytes};
use crochet::demo::client::ApiClient;
use crochet::demo::screen::Screen;
use http::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

/// How long starting and stopping may take, on a machine that does much else.
const LIMIT: Duration = Duration::from_secs(90);

pub(crate) struct Gateway {
    child: Child,
    folder: TempDir,
    pub(crate) address: SocketAddr,
    pub(crate) api: ApiClient,
}

impl Gateway {
    pub(crate) async fn start(settings: &[(&str, &str)]) -> Self {
        Self::limited(None, settings).await
    }

    /// With no more descriptors than so many.
    pub(crate) async fn limited(descriptors: Option<u32>, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        // The private database may run under another user, who has to get through.
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let program = env!("CARGO_BIN_EXE_crochet");
        let mut command = match descriptors {
            None => Command::new(program),
            Some(number) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", &format!("ulimit -n {number}; exec {program} \"$@\""), "sh"]);
                shell
            }
        };
        let log = || File::options().create(true).append(true).open(folder.path().join("log")).unwrap();
        let child = configured(command.arg("serve"), folder.path())
            .env("CROCHET_BIND", address.to_string())
            .envs(settings.iter().copied())
            .stdout(log())
            .stderr(log())
            .spawn()
            .unwrap();
        let api = ApiClient::new(&format!("http://{address}")).unwrap();
        let mut gateway = Self { child, folder, address, api };
        gateway.until_ready().await;
        gateway
    }

    async fn until_ready(&mut self) {
        let began = Instant::now();
        while began.elapsed() < LIMIT {
            assert!(self.child.try_wait().unwrap().is_none(), "it ended by itself: {}", self.log());
            match self.api.send(Method::GET, "/ready", &[], None).await {
                Ok(answer) if answer.status == 200 => return,
                _ => sleep(Duration::from_millis(20)).await,
            }
        }
        panic!("it is not ready after {} s: {}", LIMIT.as_secs(), self.log());
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    pub(crate) async fn agent(&self, name: &str, is_solana: bool) -> Agent {
        let wallet = if is_solana { Wallet::new_solana() } else { Wallet::new_evm().unwrap() };
        Agent::register(&self.api, &wallet, name, &Screen::default()).await.unwrap()
    }

    /// A listing at this endpoint, at $0.01 a call or free; answers its id.
    pub(crate) async fn listing(&self, provider: &Agent, endpoint: &str, is_paid: bool) -> String {
        let mut listing = json!({
            "name": "Besieged Capability",
            "description": "Is called by honest buyers, and by others.",
            "pricing_model": "free",
            "private_endpoint_url": endpoint,
        });
        if is_paid {
            listing["pricing_model"] = json!("per_call");
            listing["pricing_amount"] = json!(0.01);
        }
        let listing = provider.publish(listing, &Screen::default()).await.unwrap();
        listing.text("/data/id").unwrap().to_owned()
    }

    fn pid(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// What it has in memory now, and the most that it had, in MiB.
    pub(crate) fn memory(&self) -> (u64, u64) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let mib = |name: &str| -> u64 {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
        };
        (mib("VmRSS:"), mib("VmHWM:"))
    }

    /// How many descriptors it has open.
    pub(crate) fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.pid())).unwrap().count()
    }

    /// SIGTERM.
    pub(crate) fn terminate(&self) {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
    }

    /// Returns once it has ended.
    pub(crate) async fn until_ended(&mut self) -> ExitStatus {
        timeout(LIMIT, self.child.wait()).await.expect("it ends").unwrap()
    }

    /// What `crochet audit --json` says of the books it has left.
    pub(crate) async fn audit(&self) -> (i32, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_crochet"));
        let output = configured(command.arg("audit"), self.folder.path()).output();
        let output = timeout(LIMIT, output).await.expect("it ends").unwrap();
        (output.status.code().unwrap_or(-1), String::from_utf8(output.stdout).unwrap())
    }
}

fn configured<'a>(command: &'a mut Command, folder: &Path) -> &'a mut Command {
    #[expect(clippy::disallowed_methods, reason = "the program needs to find PostgreSQL, as the tests do")]
    let path = std::env::var_os("PATH");
    command
        .env_clear()
        .envs(path.map(|path| ("PATH", path)))
        .env("CROCHET_DATA_DIR", folder.join("data"))
        .env("CROCHET_POW_DIFFICULTY_AUTH", "1")
        .env("CROCHET_POW_DIFFICULTY_LISTING", "1")
        .env("CROCHET_RATE_LIMIT_AUTH", "100")
        .env("CROCHET_RATE_LIMIT_WRITE", "100000")
        // An honest buyer's two a call, one after the other, have to fit.
        .env("CROCHET_RATE_LIMIT_GATEWAY", "6000")
        .env("CROCHET_CHECK_INTERVAL_MILLIS", "1")
        .env("CROCHET_LOG", "warn,actix_http=off")
        .stdin(Stdio::null())
        .kill_on_drop(true)
}

/// A call that an honest buyer makes.
pub(crate) struct Call<'a> {
    pub(crate) buyer: &'a Agent,
    pub(crate) listing: &'a str,
    pub(crate) body: Value,
}

impl Call<'_> {
    /// Asks for terms and pays them; answers the call's id. Each request comes over a connection of its own.
    pub(crate) async fn paid(&self) -> String {
        let terms = self.send(None).await.unwrap().expect(402).unwrap();
        let id = terms.text("/data/relay_request_id").unwrap().to_owned();
        let path = format!("/mock-provider/payments/{id}/pay");
        let close = [("connection", "close")];
        let paid = self.buyer.send(Method::POST, &path, &close, Some(bytes(&json!({})))).await;
        paid.unwrap().expect(200).unwrap();
        id
    }

    /// Sends it, the call with this id or a new one.
    pub(crate) async fn send(&self, id: Option<&str>) -> anyhow::Result<crochet::demo::client::Answer> {
        let mut headers = vec![("connection", "close")];
        headers.extend(id.map(|id| ("x-crochet-relay-request-id", id)));
        let path = format!("/gateway/{}", self.listing);
        self.buyer.send(Method::POST, &path, &headers, Some(bytes(&self.body))).await
    }

    /// From the first request to the answer.
    pub(crate) async fn to_its_end(&self) -> Duration {
        let began = Instant::now();
        let id = self.paid().await;
        loop {
            let answer = self.send(Some(&id)).await.unwrap();
            if answer.status != 202 {
                assert_eq!(answer.expect(200).unwrap().at("/data/seller_response"), &self.body);
                return began.elapsed();
            }
        }
    }
}
