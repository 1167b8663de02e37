//! A payment provider that says what a test tells it to.

use std::collections::VecDeque;
use std::sync::Mutex;

use async_trait::async_trait;
use crochet_primitives::CallId;

use super::gate::Gate;
use super::lock;
use crate::ledger::FeeStatus;
use crate::ports::PaymentProvider;
use crate::terms::{Observation, Payment, QuoteAsk, QuoteOutcome, Terms};

/// [`PaymentProvider`] by a script. Without one it issues [`ScriptedProvider::terms_for`] what it is asked, and sees
/// nothing arrive.
#[derive(Debug)]
pub struct ScriptedProvider {
    name: &'static str,
    quote_gate: Gate,
    check_gate: Gate,
    script: Mutex<Script>,
}

#[derive(Debug)]
struct Script {
    quotes: VecDeque<QuoteOutcome>,
    observations: VecDeque<Observation>,
    standing: Observation,
    asks: Vec<QuoteAsk>,
    checks: Vec<CallId>,
}

impl Default for ScriptedProvider {
    fn default() -> Self {
        Self::new("scripted")
    }
}

impl ScriptedProvider {
    /// A provider of this name, without a script.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            quote_gate: Gate::new(),
            check_gate: Gate::new(),
            script: Mutex::new(Script {
                quotes: VecDeque::new(),
                observations: VecDeque::new(),
                standing: Observation::Waiting,
                asks: Vec::new(),
                checks: Vec::new(),
            }),
        }
    }

    /// What it answers to the next question for terms that has no answer yet.
    pub fn will_quote(&self, outcome: QuoteOutcome) {
        lock(&self.script).quotes.push_back(outcome);
    }

    /// What it says at the next check that has no answer yet.
    pub fn will_see(&self, observation: Observation) {
        lock(&self.script).observations.push_back(observation);
    }

    /// What it says at every check that the script has no answer for.
    pub fn sees_from_now_on(&self, observation: Observation) {
        lock(&self.script).standing = observation;
    }

    /// What it was asked to quote, in order.
    #[must_use]
    pub fn asks(&self) -> Vec<QuoteAsk> {
        lock(&self.script).asks.clone()
    }

    /// Which calls it was asked about, in order.
    #[must_use]
    pub fn checks(&self) -> Vec<CallId> {
        lock(&self.script).checks.clone()
    }

    /// Holds questions for terms while it is closed.
    #[must_use]
    pub const fn quote_gate(&self) -> &Gate {
        &self.quote_gate
    }

    /// Holds checks while it is closed.
    #[must_use]
    pub const fn check_gate(&self) -> &Gate {
        &self.check_gate
    }

    /// The terms that it issues where the script has none: one base unit a micro-dollar.
    #[must_use]
    pub fn terms_for(&self, ask: &QuoteAsk) -> Terms {
        Terms {
            provider: self.name.to_owned(),
            provider_request_id: ask.call.relay_request_id(),
            scheme: "mock".to_owned(),
            network: ask.route.network.to_owned(),
            origin_currency: ask.route.currency,
            origin_chain_id: ask.route.chain_id,
            instructions: serde_json::json!({ "pay_url": "https://pay.example", "method": "POST" }),
            asset: "usdc".to_owned(),
            recipient: ask.recipient.clone(),
            expected_base_units: ask.gross.micros(),
            fee_status: FeeStatus::Accrued,
            expires_at: ask.expires_at,
            claimed: None,
        }
    }

    /// A payment that covers `terms` exactly.
    #[must_use]
    pub fn payment_for(terms: &Terms, reference: &str) -> Payment {
        Payment {
            reference: reference.to_owned(),
            provider_request_id: terms.provider_request_id.clone(),
            asset: terms.asset.clone(),
            recipient: terms.recipient.clone(),
            base_units: terms.expected_base_units,
            transaction: None,
        }
    }
}

#[async_trait]
impl PaymentProvider for ScriptedProvider {
    fn name(&self) -> &'static str {
        self.name
    }

    async fn quote(&self, ask: &QuoteAsk) -> QuoteOutcome {
        let scripted = {
            let mut script = lock(&self.script);
            script.asks.push(ask.clone());
            script.quotes.pop_front()
        };
        self.quote_gate.pass().await;
        scripted.unwrap_or_else(|| QuoteOutcome::Issued(Box::new(self.terms_for(ask))))
    }

    async fn check(&self, call: CallId, _terms: &Terms) -> Observation {
        lock(&self.script).checks.push(call);
        self.check_gate.pass().await;
        let mut script = lock(&self.script);
        script.observations.pop_front().unwrap_or_else(|| script.standing.clone())
    }
}
