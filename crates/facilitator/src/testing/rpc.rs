//! The JSON-RPC of a test's chain: what a node says of the blocks that it knows.

use crochet_wallet::WalletAddress;
use serde_json::{Value, json};

use super::ledger::{Ledger, Transaction};
use super::server::Reply;
use crate::abi::{AUTHORIZATION_STATE, quantity, to_quantity};

/// As many nodes, it looks through no more blocks at once.
const MOST_BLOCKS: u64 = 2000;

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
    let height = ledger.blocks.len() as u64 - 1;
    let known = match &mut ledger.behind {
        (_, 0) => height,
        (blocks, calls) => {
            *calls -= 1;
            height.saturating_sub(*blocks)
        }
    };
    let known = match &ledger.split {
        Some((split, blocks)) if *split == method => known.saturating_sub(*blocks),
        _ => known,
    };
    let params = body.get("params").cloned().unwrap_or_default();
    let id = body.get("id").cloned().unwrap_or_default();
    Reply::Json(
        200,
        match result(ledger, known, &method, &params) {
            Some(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
            None => json!({ "jsonrpc": "2.0", "id": id, "error": { "code": -32000, "message": "header not found" } }),
        },
    )
}

fn result(ledger: &Ledger, known: u64, method: &str, params: &Value) -> Option<Value> {
    let number =
        |tag: &Value| if tag == "latest" { Some(known) } else { quantity(tag).filter(|number| *number <= known) };
    match method {
        "eth_chainId" => Some(to_quantity(ledger.chain_id).into()),
        "eth_getBlockByNumber" => {
            let number = number(params.get(0)?)?;
            let timestamp = ledger.blocks.get(usize::try_from(number).ok()?)?;
            Some(json!({ "number": to_quantity(number), "timestamp": to_quantity(*timestamp) }))
        }
        "eth_call" => {
            let (call, at) = (params.get(0)?, number(params.get(1)?)?);
            if call.get("to")?.as_str()? != ledger.asset.address().canonical() {
                return None;
            }
            let data = call.get("data")?.as_str()?.strip_prefix("0x")?.strip_prefix(AUTHORIZATION_STATE)?;
            let (payer, nonce) = data.split_at_checked(64)?;
            let payer: WalletAddress = format!("0x{}", payer.get(24..)?).parse().ok()?;
            let used = ledger.used.get(&(payer, format!("0x{nonce}")));
            let is_used = used.is_some_and(|block| *block <= at);
            Some(format!("0x{:064x}", u8::from(is_used)).into())
        }
        "eth_getTransactionReceipt" => {
            let hash = params.get(0)?.as_str()?;
            let seen = |transaction: &&Transaction| transaction.hash == hash && transaction.block <= known;
            Some(ledger.transactions.iter().find(seen).map_or(Value::Null, |transaction| {
                json!({
                    "transactionHash": transaction.hash,
                    "blockNumber": to_quantity(transaction.block),
                    "status": to_quantity(transaction.is_successful.into()),
                    "logs": transaction.logs,
                })
            }))
        }
        "eth_getLogs" => {
            let filter = params.get(0)?;
            let (from, to) = (quantity(filter.get("fromBlock")?)?, quantity(filter.get("toBlock")?)?.min(known));
            if to.saturating_sub(from) >= MOST_BLOCKS {
                return None;
            }
            let within = ledger.transactions.iter().filter(|transaction| (from..=to).contains(&transaction.block));
            let logs = within.flat_map(|transaction| &transaction.logs).filter(|log| matches(log, filter));
            Some(logs.cloned().collect())
        }
        _ => None,
    }
}

/// Whether a log is of the filter's address and has its topics, each of which is one or several.
fn matches(log: &Value, filter: &Value) -> bool {
    let wanted = filter.get("topics").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let topics = log.get("topics").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    log.get("address") == filter.get("address")
        && wanted.len() <= topics.len()
        && wanted.iter().zip(topics).all(|(wanted, topic)| match wanted {
            Value::Array(several) => several.contains(topic),
            one => one == topic,
        })
}
