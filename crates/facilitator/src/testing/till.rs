//! What a facilitator does on its chain.

use std::fmt;

use serde_json::{Value, json};

use super::chain::TestChain;
use crochet_x402::Authorization;

/// A chain that a facilitator submits to.
pub(super) trait Till: fmt::Debug + Send + Sync {
    /// What it says that it supports.
    fn supported(&self) -> (Vec<Value>, Value);

    /// Who pays by a body that is good.
    fn verdict(&self, body: &Value) -> Result<String, &'static str>;

    /// Checks and submits, and waits for the block. With `repeats`, a payment that was made before is a success again.
    fn settle(&self, body: &Value, repeats: bool) -> Result<String, &'static str>;

    /// Settles, and answers the transaction of a second try, which has failed.
    fn settle_and_fail(&self, body: &Value) -> Result<String, &'static str>;

    /// The last transaction that moved money, whoever's it is.
    fn last_transaction(&self) -> Option<String>;

    /// A transaction that is not there.
    fn nowhere(&self) -> String;
}

#[derive(Debug)]
pub(super) struct EvmTill(pub(super) TestChain);

impl Till for EvmTill {
    fn supported(&self) -> (Vec<Value>, Value) {
        let network = self.0.asset().network();
        let mut kinds = vec![json!({ "x402Version": 2, "scheme": "exact", "network": network.to_string() })];
        kinds.extend(network.v1_name().map(|name| json!({ "x402Version": 1, "scheme": "exact", "network": name })));
        (kinds, json!({}))
    }

    fn verdict(&self, body: &Value) -> Result<String, &'static str> {
        let authorization = self.checked(body)?;
        self.0.refusal(&authorization).map_or_else(|| Ok(authorization.from.to_string()), Err)
    }

    fn settle(&self, body: &Value, repeats: bool) -> Result<String, &'static str> {
        let authorization = self.checked(body)?;
        let refusal = self.0.refusal(&authorization);
        let transfers = self.0.transfers();
        let made = transfers
            .iter()
            .find(|transfer| (transfer.from, &transfer.nonce) == (authorization.from, &authorization.nonce));
        match (refusal, made) {
            (Some(_), Some(made)) if repeats => Ok(made.transaction.clone()),
            (Some(reason), _) => Err(reason),
            (None, _) => {
                let (transaction, outcome) = self.0.submit(&authorization);
                outcome.map(|()| transaction)
            }
        }
    }

    fn settle_and_fail(&self, body: &Value) -> Result<String, &'static str> {
        let authorization = self.checked(body)?;
        let _ = self.0.submit(&authorization);
        Ok(self.0.submit(&authorization).0)
    }

    fn last_transaction(&self) -> Option<String> {
        self.0.transfers().last().map(|transfer| transfer.transaction.clone())
    }

    fn nowhere(&self) -> String {
        format!("0x{}", "99".repeat(32))
    }
}

impl EvmTill {
    /// The authorization of a body, held against its requirements.
    fn checked(&self, body: &Value) -> Result<Authorization, &'static str> {
        let asset = self.0.asset();
        let amount = chosen(body, &asset.network().to_string(), asset.network().v1_name())?.clone();
        let (payload, wanted) = (&body["paymentPayload"], &body["paymentRequirements"]);
        let extra = json!({ "name": asset.eip712_name(), "version": asset.eip712_version() });
        let is_asset =
            |value: &Value| value.as_str().is_some_and(|text| text.eq_ignore_ascii_case(&asset.address().canonical()));
        if wanted["extra"] != extra || !is_asset(&wanted["asset"]) {
            return Err("invalid_payment_requirements");
        }
        let authorization = Authorization::read(&payload["payload"]).map_err(|_| "invalid_payload")?;
        if wanted["payTo"].as_str() != Some(authorization.to.to_string().as_str()) {
            return Err("invalid_exact_evm_payload_recipient_mismatch");
        }
        if amount.as_str() != Some(authorization.value.to_string().as_str()) {
            return Err("invalid_exact_evm_payload_authorization_value_mismatch");
        }
        Ok(authorization)
    }
}

/// What every scheme asks of a body: the amount that is asked for.
pub(super) fn chosen<'a>(body: &'a Value, caip2: &'a str, v1_name: Option<&'a str>) -> Result<&'a Value, &'static str> {
    let (payload, wanted) = (&body["paymentPayload"], &body["paymentRequirements"]);
    let version = body["x402Version"].as_u64();
    if payload["x402Version"].as_u64() != version {
        return Err("invalid_x402_version");
    }
    let (network, chosen, amount) = match version {
        Some(2) if payload["accepted"] != *wanted => return Err("invalid_payment_requirements"),
        Some(2) => (Some(caip2), &payload["accepted"], &wanted["amount"]),
        Some(1) => (v1_name, payload, &wanted["maxAmountRequired"]),
        _ => return Err("invalid_x402_version"),
    };
    if chosen["scheme"] != "exact" || wanted["scheme"] != "exact" {
        return Err("unsupported_scheme");
    }
    if network.is_none() || chosen["network"].as_str() != network || wanted["network"].as_str() != network {
        return Err("invalid_network");
    }
    if version == Some(1) && ["resource", "description", "mimeType"].iter().any(|key| !wanted[*key].is_string()) {
        return Err("invalid_payment_requirements");
    }
    Ok(amount)
}
