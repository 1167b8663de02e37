//! The JSON-RPC of a test's Solana: what a node says of the slots that it knows.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::server::Reply;
use super::ledger::{Landed, Ledger};
use super::wire::{Key, Parsed, key, token};

/// How many slots it takes until nothing is undone.
const FINALITY: u64 = 32;
/// What a node says that has not got to a slot.
const NOT_YET: i64 = -32_016;

/// Answers one call.
pub(super) fn answer(ledger: &mut Ledger, body: &Value) -> Reply {
    let method = body.get("method").and_then(Value::as_str).unwrap_or_default().to_owned();
    ledger.calls.push(method.clone());
    if ledger.is_down {
        return Reply::HangUp;
    }
    if ledger.is_broken {
        return Reply::Text(200, r#"{"jsonrpc":"2.0","id":1,"result":"#);
    }
    let mut known = ledger.slot();
    if ledger.behind.1 > 0 {
        ledger.behind.1 -= 1;
        known = known.saturating_sub(ledger.behind.0);
    }
    if let Some((split, slots)) = &ledger.split
        && *split == method
    {
        known = known.saturating_sub(*slots);
    }
    let params = body.get("params").cloned().unwrap_or_default();
    let id = body.get("id").cloned().unwrap_or_default();
    Reply::Json(
        200,
        match result(ledger, known, &method, &params) {
            Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
            Err(code) => json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": "no" } }),
        },
    )
}

fn result(ledger: &Ledger, known: u64, method: &str, params: &Value) -> Result<Value, i64> {
    let options = params.as_array().and_then(|params| params.iter().find(|one| one.is_object())).cloned();
    let options = options.unwrap_or_default();
    let is_final = matches!(options["commitment"].as_str(), None | Some("finalized"));
    let slot = if is_final { known.saturating_sub(FINALITY) } else { known };
    if options["minContextSlot"].as_u64().is_some_and(|least| slot < least) {
        return Err(NOT_YET);
    }
    let context = json!({ "slot": slot });
    match method {
        "getGenesisHash" => Ok(ledger.genesis.as_str().into()),
        "getEpochInfo" => Ok(json!({ "absoluteSlot": slot, "blockHeight": ledger.height(slot), "epoch": 0 })),
        "getLatestBlockhash" => {
            let height = ledger.height(slot);
            let blockhash = bs58::encode(Ledger::blockhash(height)).into_string();
            Ok(json!({ "context": context, "value": { "blockhash": blockhash, "lastValidBlockHeight": height + 150 } }))
        }
        "simulateTransaction" => {
            let parsed = read(&params[0]).ok_or(-32_602)?;
            let failure = json!({ "InstructionError": [2, { "Custom": 1 }] });
            let error = match ledger.refusal(&parsed, slot) {
                Some(refusal) => refusal.into(),
                None if ledger.is_funded(&parsed) => Value::Null,
                None => failure,
            };
            Ok(json!({ "context": context, "value": { "err": error, "logs": [], "unitsConsumed": 6_000 } }))
        }
        "getSignaturesForAddress" => Ok(entries(ledger, slot, &params[0], &options)),
        "getTransaction" => {
            let is_wanted = |landed: &&Landed| Some(landed.signature.as_str()) == params[0].as_str();
            let landed = ledger.landed.iter().find(is_wanted).filter(|landed| landed.slot <= slot);
            Ok(landed.map_or(Value::Null, |landed| transaction(ledger, landed)))
        }
        "getRecentPrioritizationFees" => Ok(json!([])),
        "getVersion" => Ok(json!({ "solana-core": "3.0.0", "feature-set": 1 })),
        "getAccountInfo" => Ok(json!({ "context": context, "value": mint(ledger, &params[0], &options) })),
        _ => Err(-32_601),
    }
}

fn read(transaction: &Value) -> Option<Parsed> {
    Parsed::read(&STANDARD.decode(transaction.as_str()?).ok()?)
}

fn entries(ledger: &Ledger, slot: u64, account: &Value, options: &Value) -> Value {
    let account = key(account.as_str().unwrap_or_default());
    let touches = |landed: &&Landed| landed.slot <= slot && landed.parsed.accounts.contains(&account);
    let limit = options["limit"].as_u64().and_then(|limit| usize::try_from(limit).ok()).unwrap_or(1000);
    let before = options["before"].as_str();
    let later = ledger
        .landed
        .iter()
        .rev()
        .filter(touches)
        .skip_while(|landed| before.is_some_and(|before| landed.signature != before));
    let entries = later.skip(usize::from(before.is_some())).take(limit).map(|landed| {
        let error = if landed.is_failed { failure() } else { Value::Null };
        json!({
            "signature": landed.signature,
            "slot": landed.slot,
            "err": error,
            "memo": landed.parsed.memos(),
            "blockTime": null,
            "confirmationStatus": "confirmed",
        })
    });
    entries.collect()
}

fn failure() -> Value {
    json!({ "InstructionError": [2, { "Custom": 1 }] })
}

fn transaction(ledger: &Ledger, landed: &Landed) -> Value {
    let mint = ledger.asset.address().canonical();
    let balances = |held: &HashMap<Key, u64>| -> Value {
        let accounts = landed.parsed.accounts.iter().enumerate();
        let held = accounts.filter_map(|(place, account)| {
            let amount = held.get(account)?.to_string();
            Some(json!({ "accountIndex": place, "mint": mint, "uiTokenAmount": { "amount": amount, "decimals": 6 } }))
        });
        held.collect()
    };
    json!({
        "slot": landed.slot,
        "blockTime": null,
        "version": 0,
        "transaction": [STANDARD.encode(landed.parsed.to_bytes()), "base64"],
        "meta": {
            "err": if landed.is_failed { failure() } else { Value::Null },
            "fee": 10_000,
            "preTokenBalances": balances(&landed.before),
            "postTokenBalances": balances(&landed.after),
        },
    })
}

/// The token's mint, which clients read: 82 bytes, of which the decimals matter.
fn mint(ledger: &Ledger, account: &Value, options: &Value) -> Value {
    if account.as_str() != Some(&ledger.asset.address().canonical()) {
        return Value::Null;
    }
    let mut data = vec![0_u8; 82];
    // Anybody may mint, so many there are, so many decimals, and it is in use.
    data[36..44].copy_from_slice(&1_000_000_000_000_u64.to_le_bytes());
    data[44] = ledger.asset.decimals();
    data[45] = 1;
    let encoding = options["encoding"].as_str().unwrap_or("base64");
    json!({
        "data": [STANDARD.encode(data), if encoding == "jsonParsed" { "base64" } else { encoding }],
        "executable": false,
        "lamports": 1_461_600,
        "owner": bs58::encode(token()).into_string(),
        "rentEpoch": 0,
        "space": 82,
    })
}
