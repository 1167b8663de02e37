//! A facilitator that checks what it is asked, and moves money on a test's chain; or does something else, when told to.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use super::chain::TestChain;
use super::server::{self, Reply};
use super::solana::{SolanaTill, TestSolana};
use super::till::{EvmTill, Till};

/// What goes wrong with one `POST /verify`, or with one `GET /supported`.
#[derive(Debug, Clone)]
pub enum VerifyFault {
    /// This status, and no JSON.
    Status(u16),
    /// The right answer, after so long.
    Slow(Duration),
    /// Half an answer.
    BrokenJson,
    /// The connection is closed.
    HangUp,
    /// A yes, whatever is asked.
    Yes,
    /// A no with this reason, whatever is asked.
    No(&'static str),
}

/// What goes wrong with one `POST /settle`.
#[derive(Debug, Clone)]
pub enum SettleFault {
    /// It settles, and answers after so long.
    SettleThenSlow(Duration),
    /// It settles, and the connection is closed.
    SettleThenHangUp,
    /// It settles, and this status comes with no JSON: 502.
    SettleThenStatus(u16),
    /// It settles, and says no with this reason.
    SettleThenNo(&'static str),
    /// It says no with this reason, and does nothing.
    No(&'static str),
    /// It says `settlement_pending` with this status; it has settled, or not.
    Pending {
        /// 200, 202 or 500.
        status: u16,
        /// Whether the money has moved.
        settles: bool,
    },
    /// It says yes and names a transaction that is not there.
    YesWithoutSettling,
    /// It says yes, names the last transaction of the chain, whoever's it is, and does nothing.
    YesWithAnotherTransaction,
    /// It settles, and names the transaction of another try, which was reverted.
    YesWithARevertedTransaction,
    /// This status, no JSON, and nothing done.
    Status(u16),
    /// Half an answer, and nothing done.
    BrokenJson,
    /// The connection is closed, and nothing done.
    HangUp,
}

#[derive(Debug, Default)]
struct State {
    verify: VecDeque<VerifyFault>,
    settle: VecDeque<SettleFault>,
    supported: VecDeque<VerifyFault>,
    kinds: Vec<Value>,
    signers: Value,
    repeats_success: bool,
    /// Path, and body.
    seen: Vec<(String, Value)>,
}

/// A facilitator on loopback, for one chain. Clones are the same one. What it is told to do wrong it does first, in
/// that order.
#[derive(Debug, Clone)]
pub struct TestFacilitator {
    url: String,
    till: Arc<dyn Till>,
    state: Arc<Mutex<State>>,
}

impl TestFacilitator {
    /// A facilitator for the token of `chain`, in v2, and in v1 where that knows the chain.
    ///
    /// # Errors
    /// When no port of loopback is free.
    pub async fn start(chain: &TestChain) -> io::Result<Self> {
        Self::at(Arc::new(EvmTill(chain.clone()))).await
    }

    /// A facilitator for the token of a Solana, in v2 and v1; `seed` is of the key that it pays fees with.
    ///
    /// # Errors
    /// When no port of loopback is free.
    pub async fn start_on_solana(chain: &TestSolana, seed: u8) -> io::Result<Self> {
        Self::at(Arc::new(SolanaTill::new(chain.clone(), seed))).await
    }

    async fn at(till: Arc<dyn Till>) -> io::Result<Self> {
        let (kinds, signers) = till.supported();
        let state = Arc::new(Mutex::new(State { kinds, signers, ..State::default() }));
        let mut facilitator = Self { url: String::new(), till, state };
        let served = facilitator.clone();
        facilitator.url = server::serve(move |path, body| {
            let served = served.clone();
            async move { served.answer(&path, body).await }
        })
        .await?;
        Ok(facilitator)
    }

    /// Before `/verify`, `/settle` and `/supported`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What goes wrong with the next verifications.
    pub fn will_verify(&self, faults: impl IntoIterator<Item = VerifyFault>) {
        self.state().verify.extend(faults);
    }

    /// What goes wrong with the next submissions.
    pub fn will_settle(&self, faults: impl IntoIterator<Item = SettleFault>) {
        self.state().settle.extend(faults);
    }

    /// What goes wrong with the next questions what is supported.
    pub fn will_support(&self, faults: impl IntoIterator<Item = VerifyFault>) {
        self.state().supported.extend(faults);
    }

    /// From now on it supports these versions of the protocol only.
    pub fn support_only(&self, versions: &[u64]) {
        let is_kept = |kind: &Value| kind["x402Version"].as_u64().is_some_and(|version| versions.contains(&version));
        self.state().kinds.retain(is_kept);
    }

    /// From now on it answers the same success again when a payment is submitted that was made before.
    pub fn repeat_success(&self) {
        self.state().repeats_success = true;
    }

    /// How often it was asked for `/verify`, `/settle` or `/supported`.
    #[must_use]
    pub fn asked(&self, path: &str) -> usize {
        self.state().seen.iter().filter(|(seen, _)| seen == path).count()
    }

    /// The last body of `/verify` or `/settle`; null where there was none.
    #[must_use]
    pub fn last_body(&self, path: &str) -> Value {
        let state = self.state();
        state.seen.iter().rev().find(|(seen, _)| seen == path).map_or(Value::Null, |(_, body)| body.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, path: &str, body: Value) -> Reply {
        self.state().seen.push((path.to_owned(), body.clone()));
        match path {
            "/supported" => {
                let fault = self.state().supported.pop_front();
                let answer = {
                    let state = self.state();
                    json!({ "kinds": state.kinds, "extensions": [], "signers": state.signers })
                };
                asked(fault, &answer).await
            }
            "/verify" => {
                let fault = self.state().verify.pop_front();
                asked(fault, &self.verdict(&body)).await
            }
            "/settle" => self.settle(&body).await,
            _ => Reply::Text(404, "not found"),
        }
    }

    /// What it says of a payment that works.
    fn verdict(&self, body: &Value) -> Value {
        match self.till.verdict(body) {
            Ok(payer) => json!({ "isValid": true, "payer": payer }),
            Err(reason) => json!({ "isValid": false, "invalidReason": reason, "payer": null }),
        }
    }

    async fn settle(&self, body: &Value) -> Reply {
        let fault = self.state().settle.pop_front();
        let no = |reason: &str| json!({ "success": false, "errorReason": reason, "transaction": "", "network": "" });
        let yes = |transaction: &str| {
            let network = &body["paymentRequirements"]["network"];
            json!({ "success": true, "errorReason": null, "payer": null, "transaction": transaction, "network": network })
        };
        let nowhere = self.till.nowhere();
        match fault {
            None => Reply::Json(200, self.do_settle(body).map_or_else(no, |transaction| yes(&transaction))),
            Some(SettleFault::SettleThenSlow(length)) => {
                let settled = self.do_settle(body);
                tokio::time::sleep(length).await;
                Reply::Json(200, settled.map_or_else(no, |transaction| yes(&transaction)))
            }
            Some(SettleFault::SettleThenHangUp) => {
                let _ = self.do_settle(body);
                Reply::HangUp
            }
            Some(SettleFault::SettleThenStatus(status)) => {
                let _ = self.do_settle(body);
                Reply::Text(status, "<html>Bad Gateway</html>")
            }
            Some(SettleFault::SettleThenNo(reason)) => {
                let _ = self.do_settle(body);
                Reply::Json(200, no(reason))
            }
            Some(SettleFault::No(reason)) => Reply::Json(200, no(reason)),
            Some(SettleFault::Pending { status, settles }) => {
                if settles {
                    let _ = self.do_settle(body);
                }
                let answer = json!({ "success": false, "error_reason": "settlement_pending", "transaction": null });
                Reply::Json(status, answer)
            }
            Some(SettleFault::YesWithoutSettling) => Reply::Json(200, yes(&nowhere)),
            Some(SettleFault::YesWithAnotherTransaction) => {
                Reply::Json(200, yes(&self.till.last_transaction().unwrap_or(nowhere)))
            }
            Some(SettleFault::YesWithARevertedTransaction) => {
                let settled = self.till.settle_and_fail(body);
                Reply::Json(200, settled.map_or_else(no, |transaction| yes(&transaction)))
            }
            Some(SettleFault::Status(status)) => Reply::Text(status, "<html>Bad Gateway</html>"),
            Some(SettleFault::BrokenJson) => Reply::Text(200, r#"{"success":tr"#),
            Some(SettleFault::HangUp) => Reply::HangUp,
        }
    }

    fn do_settle(&self, body: &Value) -> Result<String, &'static str> {
        let repeats = self.state().repeats_success;
        self.till.settle(body, repeats)
    }
}

/// The answer to a question that changes nothing.
async fn asked(fault: Option<VerifyFault>, answer: &Value) -> Reply {
    match fault {
        None => Reply::Json(200, answer.clone()),
        Some(VerifyFault::Status(status)) => Reply::Text(status, "<html>Bad Gateway</html>"),
        Some(VerifyFault::Slow(length)) => {
            tokio::time::sleep(length).await;
            Reply::Json(200, answer.clone())
        }
        Some(VerifyFault::BrokenJson) => Reply::Text(200, r#"{"isValid":tr"#),
        Some(VerifyFault::HangUp) => Reply::HangUp,
        Some(VerifyFault::Yes) => Reply::Json(200, json!({ "isValid": true, "payer": null })),
        Some(VerifyFault::No(reason)) => Reply::Json(200, json!({ "isValid": false, "invalidReason": reason })),
    }
}
