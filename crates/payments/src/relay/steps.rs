//! What a buyer is told to do: Relay's steps as Relay gave them, once they have been looked at. A buyer signs what is
//! in here, so what is not for the chain and the wallet of this payment is refused.

use serde_json::{Map, Value, json};

use super::chains;
use super::json as read;
use super::quote::Broken;

const MAX_STEPS: usize = 8;
const MAX_ITEMS: usize = 16;
const MAX_WORD_BYTES: usize = 64;
const MAX_PROSE_BYTES: usize = 512;

/// From where the payment has to come.
pub(super) struct Origin<'a> {
    pub(super) chain_id: u64,
    /// Canonical.
    pub(super) payer: &'a str,
}

/// Steps that can be shown.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Steps {
    pub(super) request_id: String,
    pub(super) steps: Value,
}

/// Reads the steps of a quote.
pub(super) fn read(answer: &Value, origin: &Origin<'_>) -> Result<Steps, Broken> {
    let mut request_id: Option<&str> = None;
    let mut shown = Vec::new();
    let steps = read::items(answer, "steps");
    if steps.len() > MAX_STEPS {
        return Err(Broken("it has too many steps"));
    }
    for step in steps {
        if let Some(id) = read::text(step, &["requestId"]) {
            if !read::is_request_id(id) {
                return Err(Broken("a request id is none"));
            }
            if request_id.is_some_and(|first| first != id) {
                return Err(Broken("its request ids differ"));
            }
            request_id = Some(id);
        }
        let items = read::items(step, "items");
        if items.len() > MAX_ITEMS {
            return Err(Broken("a step has too many items"));
        }
        if !items.is_empty() {
            shown.push(one_step(step, items, origin)?);
        }
    }
    let request_id = request_id.ok_or(Broken("it has no request id"))?.to_owned();
    if shown.is_empty() {
        return Err(Broken("it has no steps"));
    }
    let steps = Value::Array(shown);
    is_storable(&steps)?;
    Ok(Steps { request_id, steps })
}

fn one_step(step: &Value, items: &[Value], origin: &Origin<'_>) -> Result<Value, Broken> {
    let kind = read::text(step, &["kind"]).ok_or(Broken("a step is of no kind"))?;
    let id = read::text(step, &["id"]).filter(|id| id.len() <= MAX_WORD_BYTES).ok_or(Broken("a step has no name"))?;
    let mut shown = Map::new();
    shown.insert("id".to_owned(), id.into());
    shown.insert("kind".to_owned(), kind.into());
    for key in ["action", "description"] {
        if let Some(text) = read::text(step, &[key]).filter(|text| text.len() <= MAX_PROSE_BYTES) {
            shown.insert(key.to_owned(), text.into());
        }
    }
    if let Some(address) = read::text(step, &["depositAddress"]) {
        if chains::canonical(origin.chain_id, address).is_none() {
            return Err(Broken("its deposit address is not on the origin chain"));
        }
        shown.insert("depositAddress".to_owned(), address.into());
    }
    let mut shown_items = Vec::new();
    for item in items {
        let data = item.get("data").filter(|data| data.is_object()).ok_or(Broken("a step's item has no data"))?;
        match kind {
            "transaction" if chains::is_solana(origin.chain_id) => solana_transaction(data, origin)?,
            "transaction" => evm_transaction(data, origin)?,
            "signature" => {}
            _ => return Err(Broken("a step is of an unknown kind")),
        }
        let status = read::text(item, &["status"]).filter(|status| status.len() <= MAX_WORD_BYTES);
        shown_items.push(json!({ "status": status.unwrap_or("incomplete"), "data": data }));
    }
    shown.insert("items".to_owned(), shown_items.into());
    Ok(shown.into())
}

fn evm_transaction(data: &Value, origin: &Origin<'_>) -> Result<(), Broken> {
    if read::whole(data, &["chainId"]) != Some(origin.chain_id) {
        return Err(Broken("a transaction is for another chain"));
    }
    let from = read::text(data, &["from"]);
    if from.is_some_and(|from| chains::canonical(origin.chain_id, from).as_deref() != Some(origin.payer)) {
        return Err(Broken("a transaction is from another wallet"));
    }
    if read::text(data, &["to"]).is_none_or(|to| chains::canonical(origin.chain_id, to).is_none()) {
        return Err(Broken("a transaction is to no address"));
    }
    let value = read::at(data, &["value"]);
    if value.is_some_and(|value| read::units(value).is_none()) {
        return Err(Broken("a transaction's value is no amount"));
    }
    let call = read::text(data, &["data"]).unwrap_or("0x");
    if !call.strip_prefix("0x").is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        return Err(Broken("a transaction's data is not hexadecimal"));
    }
    Ok(())
}

fn solana_transaction(data: &Value, origin: &Origin<'_>) -> Result<(), Broken> {
    let instructions = read::items(data, "instructions");
    if instructions.is_empty() {
        return Err(Broken("a transaction has no instructions"));
    }
    for instruction in instructions {
        let is_address =
            |text: Option<&str>| text.is_some_and(|text| chains::canonical(origin.chain_id, text).is_some());
        if !is_address(read::text(instruction, &["programId"])) {
            return Err(Broken("an instruction has no program"));
        }
        let keys = read::items(instruction, "keys");
        if !keys.iter().all(|key| is_address(read::text(key, &["pubkey"]))) {
            return Err(Broken("an instruction names no account"));
        }
        // The buyer signs alone: another signer would make it a transaction that nobody can send.
        let others_sign = keys.iter().any(|key| {
            key.get("isSigner") == Some(&Value::Bool(true)) && read::text(key, &["pubkey"]) != Some(origin.payer)
        });
        if others_sign {
            return Err(Broken("a transaction needs another wallet's signature"));
        }
    }
    Ok(())
}

/// PostgreSQL keeps no NUL in a text, and a number that was cut to a float is not the number that was given.
fn is_storable(value: &Value) -> Result<(), Broken> {
    match value {
        Value::String(text) if text.contains('\0') => Err(Broken("a text has a NUL in it")),
        Value::Number(number) if number.is_f64() => Err(Broken("a number is too large to be read exactly")),
        Value::Array(values) => values.iter().try_for_each(is_storable),
        Value::Object(fields) => fields.iter().try_for_each(|(key, value)| {
            if key.contains('\0') { Err(Broken("a key has a NUL in it")) } else { is_storable(value) }
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}
