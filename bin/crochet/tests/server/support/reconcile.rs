//! `crochet reconcile`, as an operator runs it beside a gateway.

use std::process::{Command, Stdio};

use crochet_payments::testing::KEY;
use serde_json::Value;

use super::TestGateway;

/// What a run said, and how it ended.
#[derive(Debug)]
pub(crate) struct Reconciled {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Reconciled {
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stdout, self.stderr);
        self
    }

    /// The lines of `--json`.
    pub(crate) fn lines(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The last of them.
    pub(crate) fn summary(&self) -> Value {
        let last = self.lines().pop().unwrap();
        assert_eq!(last["type"], "summary");
        last
    }
}

/// Runs it for everything since May, with the settings of the gateway's providers.
pub(crate) async fn reconcile(gateway: &TestGateway, more: &[&str]) -> Reconciled {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crochet"));
    command
        .args(["reconcile", "--from", "2026-05-01", "--per-minute", "60000"])
        .args(more)
        .env_clear()
        .env("DATABASE_URL", gateway.database_url())
        .env("CROCHET_DATA_DIR", &gateway.config.data_dir)
        .stdin(Stdio::null());
    if let Some(relay) = &gateway.config.relay {
        command
            .env("CROCHET_PAYMENT_PROVIDER", "relay")
            .env("CROCHET_RELAY_URL", &relay.url)
            .env("CROCHET_RELAY_API_KEY", KEY)
            .env("CROCHET_RELAY_FEE_RECIPIENT", &relay.fee_recipient);
    }
    if let Some(x402) = &gateway.config.x402 {
        use secrecy::ExposeSecret;
        let (facilitator, network) = (&x402.facilitator.facilitators[0], &x402.facilitator.networks[0]);
        command
            .env("CROCHET_X402_FACILITATOR_URLS", &facilitator.url)
            .env("CROCHET_X402_NETWORKS", network.asset.network().to_string())
            .env("CROCHET_X402_RPC_URLS", network.rpc_url.expose_secret());
    }
    // The servers that it asks run in this process, and go on meanwhile.
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Reconciled { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}
