//! A local Relay: quotes, statuses and records as documented. What is told to go wrong goes wrong first.
#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "this is test code, which tests of other crates call"
)]

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::net::TcpListener;

/// What the gateway's key is in these tests.
pub const KEY: &str = "a-relay-key-nobody-may-see";
/// When requests were last updated, unless a test says otherwise: where the manual clock begins.
pub const NOW: u64 = 1_777_809_600_000;

/// How many requests a list has at once.
const LISTED: usize = 2;

/// One answer that is not the one of a Relay that works.
#[derive(Debug, Clone)]
pub enum Fault {
    /// This status and body.
    Says(u16, Value),
    /// This status, with `Retry-After` in seconds.
    TooMany(u64),
    /// 200 and these bytes.
    Bytes(&'static [u8]),
    /// The connection is closed without an answer.
    HangsUp,
    /// The answer comes after so long.
    Slow(Duration),
}

/// One request at Relay.
#[derive(Debug, Clone)]
pub struct Held {
    /// What `/requests/v3` has as `data.route.quoted`.
    pub quoted: Value,
    /// What `/intents/status/v3` answers.
    pub status: Value,
    /// What `/requests/v3` has as `data.route.actual`; null while it has nothing.
    pub actual: Value,
    /// Who is to receive it.
    pub recipient: Value,
    /// What the one who asked for the quote calls itself.
    pub referrer: Value,
    /// When it was quoted.
    pub created_at: Value,
}

/// A webhook as Relay sends it.
#[derive(Debug, Clone)]
pub struct SignedWebhook {
    /// `X-Signature-Timestamp`.
    pub timestamp: String,
    /// `X-Signature-SHA256`.
    pub signature: String,
    /// The body.
    pub body: Vec<u8>,
}

/// The webhook about this request and status, signed with [`KEY`] at that moment in milliseconds.
pub fn webhook(request_id: &str, status: &str, at_millis: i64) -> SignedWebhook {
    let data = json!({ "status": status, "requestId": request_id });
    let body =
        json!({ "event": "request.status.updated", "timestamp": at_millis, "data": data }).to_string().into_bytes();
    signed(KEY, &at_millis.to_string(), body)
}

/// These bytes, signed with that key.
pub fn signed(key: &str, timestamp: &str, body: Vec<u8>) -> SignedWebhook {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(&[timestamp.as_bytes(), b".", &body].concat());
    let signature = hex::encode(mac.finalize().into_bytes());
    SignedWebhook { timestamp: timestamp.to_owned(), signature, body }
}

#[derive(Debug, Default)]
struct State {
    faults: VecDeque<Fault>,
    held: HashMap<String, Held>,
    /// Path, and body.
    seen: Vec<(String, Value)>,
    change_quote: Option<fn(&mut Value)>,
    refuses_lists: bool,
    /// How many quotes there were.
    quotes: u64,
}

/// A Relay that listens on loopback until its runtime ends. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Relay {
    /// Where it is.
    pub url: String,
    state: Arc<Mutex<State>>,
}

impl Relay {
    /// Starts one.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let relay = Self { url: format!("http://{}", listener.local_addr().unwrap()), state: Arc::default() };
        let served = relay.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let relay = served.clone();
                let service = service_fn(move |request| {
                    let relay = relay.clone();
                    async move { relay.serve(request).await }
                });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        relay
    }

    /// The next answers, in this order; after them everything works again.
    pub fn will(&self, faults: impl IntoIterator<Item = Fault>) {
        self.state.lock().unwrap().faults.extend(faults);
    }

    /// Everything works again at once.
    pub fn works_again(&self) {
        self.state.lock().unwrap().faults.clear();
    }

    /// Every quote from now on, with something changed in it.
    pub fn quotes_with(&self, change: fn(&mut Value)) {
        self.state.lock().unwrap().change_quote = Some(change);
    }

    /// The only request there is, to be changed.
    pub fn request(&self, change: impl FnOnce(&mut Held)) {
        let mut state = self.state.lock().unwrap();
        assert_eq!(state.held.len(), 1, "of several requests none is the only one");
        change(state.held.values_mut().next().unwrap());
    }

    /// Holds a request that was quoted elsewhere.
    pub fn holds(&self, id: &str, held: Held) {
        self.state.lock().unwrap().held.insert(id.to_owned(), held);
    }

    /// A request, as it is held.
    pub fn held(&self, id: &str) -> Held {
        self.state.lock().unwrap().held[id].clone()
    }

    /// The only request's status, with a deposit and a fill where they belong to it, as of that moment in milliseconds.
    pub fn status_is(&self, status: &str, updated_at: u64) {
        let has_fill = matches!(status, "success" | "refund");
        self.request(|request| {
            request.status = json!({
                "status": status,
                "inTxHashes": if status == "waiting" { json!([]) } else { json!(["0xe530aad7"]) },
                "txHashes": if has_fill { json!(["0x9da75f254"]) } else { json!([]) },
                "updatedAt": updated_at, "originChainId": 8453, "destinationChainId": 8453, "failReason": "N/A",
                "refundFailReason": "N/A",
            });
        });
    }

    /// So much has arrived for the only request, where and in what it was asked for.
    pub fn arrived(&self, amount: &str) {
        self.request(|request| {
            request.actual = request.quoted.clone();
            request.actual["destination"]["outputCurrency"]["amount"] = amount.into();
        });
    }

    /// The ids of all requests, in no order.
    pub fn ids(&self) -> Vec<String> {
        self.state.lock().unwrap().held.keys().cloned().collect()
    }

    /// Forgets all requests.
    pub fn forgets(&self) {
        self.state.lock().unwrap().held.clear();
    }

    /// From now on it refuses to list requests, or no longer.
    pub fn refuses_lists(&self, refuses: bool) {
        self.state.lock().unwrap().refuses_lists = refuses;
    }

    /// The paths that were asked for, without queries.
    pub fn asked(&self) -> Vec<String> {
        let state = self.state.lock().unwrap();
        state.seen.iter().map(|(path, _)| path.split('?').next().unwrap().to_owned()).collect()
    }

    /// What was asked last.
    pub fn last_body(&self) -> Value {
        self.state.lock().unwrap().seen.last().unwrap().1.clone()
    }

    async fn serve(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Fatal> {
        let target = request.uri().path_and_query().unwrap().as_str().to_owned();
        let has_key = request.headers().get("x-api-key").is_some_and(|key| key == KEY);
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let fault = {
            let mut state = self.state.lock().unwrap();
            state.seen.push((target.clone(), body.clone()));
            state.faults.pop_front()
        };
        let answer = || self.answer(&target, &body, has_key);
        Ok(match fault {
            None => answer(),
            Some(Fault::Says(status, body)) => respond(status, &body),
            Some(Fault::TooMany(seconds)) => {
                let mut response = respond(429, &json!({ "message": "Too many requests" }));
                response.headers_mut().insert("retry-after", seconds.into());
                response
            }
            Some(Fault::Bytes(bytes)) => Response::new(Full::new(Bytes::from_static(bytes))),
            Some(Fault::HangsUp) => return Err(Fatal),
            Some(Fault::Slow(length)) => {
                tokio::time::sleep(length).await;
                answer()
            }
        })
    }

    fn answer(&self, target: &str, body: &Value, has_key: bool) -> Response<Full<Bytes>> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let id = query.split_once('=').map(|(_, id)| id.to_owned()).unwrap_or_default();
        let mut state = self.state.lock().unwrap();
        match path {
            "/quote/v2" => {
                let id = format!("0x{:064x}", 0xcb42 + state.quotes);
                state.quotes += 1;
                let mut quote = quote(body, &id);
                if let Some(change) = state.change_quote {
                    change(&mut quote);
                }
                let held = Held {
                    status: json!({ "status": "waiting", "inTxHashes": [], "txHashes": [], "updatedAt": NOW }),
                    actual: Value::Null,
                    recipient: body["recipient"].clone(),
                    referrer: body["referrer"].clone(),
                    created_at: json!("2026-05-03T12:00:00.000Z"),
                    quoted: route(
                        body["destinationChainId"].clone(),
                        body["destinationCurrency"].clone(),
                        body["amount"].clone(),
                    ),
                };
                state.held.insert(id, held);
                respond(200, &quote)
            }
            "/intents/status/v3" => match state.held.get(&id) {
                Some(held) => respond(200, &held.status),
                None => respond(404, &json!({ "message": "Request not found" })),
            },
            "/requests/v3" if !has_key => respond(401, &json!({ "message": "no key", "errorCode": "UNAUTHORIZED" })),
            "/requests/v3" if state.refuses_lists && query.contains("referrer=") => {
                respond(400, &json!({ "message": "no such parameter" }))
            }
            "/requests/v3" if query.contains("referrer=") => {
                let part = |name: &str| query.split('&').find_map(|part| part.strip_prefix(&format!("{name}=")));
                let begin = part("continuation").and_then(|text| text.parse().ok()).unwrap_or(0_usize);
                let mut held: Vec<(&String, &Held)> = state.held.iter().collect();
                held.sort_by_key(|(id, _)| *id);
                let end = (begin + LISTED).min(held.len());
                let requests: Vec<Value> = held[begin..end].iter().map(|(id, held)| record(id, held)).collect();
                let next = (end < held.len()).then(|| end.to_string());
                respond(200, &json!({ "requests": requests, "continuation": next }))
            }
            "/requests/v3" => {
                let requests: Vec<Value> = state.held.get(&id).map(|held| record(&id, held)).into_iter().collect();
                respond(200, &json!({ "requests": requests, "continuation": null }))
            }
            _ => respond(404, &json!({ "message": "no such route" })),
        }
    }
}

/// Ends the connection without an answer.
#[derive(Debug)]
struct Fatal;

impl std::fmt::Display for Fatal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection is closed on purpose")
    }
}

impl std::error::Error for Fatal {}

impl From<Infallible> for Fatal {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// What arrived, or was to arrive, as a record has it.
pub fn route(chain_id: Value, address: Value, amount: Value) -> Value {
    let currency = json!({ "chainId": chain_id, "address": address, "symbol": "USDC", "decimals": 6 });
    json!({ "destination": { "outputCurrency": { "currency": currency, "amount": amount } } })
}

fn record(id: &str, held: &Held) -> Value {
    let route = json!({ "quoted": held.quoted, "actual": held.actual });
    json!({
        "id": id, "status": held.status["status"], "recipient": held.recipient, "referrer": held.referrer,
        "createdAt": held.created_at,
        "data": { "route": route, "metadata": { "recipient": held.recipient } },
    })
}

fn quote(ask: &Value, id: &str) -> Value {
    let origin = ask["originChainId"].clone();
    let data = if origin == 792_703_809 {
        let keys = json!([{ "pubkey": ask["user"], "isSigner": true, "isWritable": true }]);
        let instruction = json!({ "keys": keys, "programId": "11111111111111111111111111111111", "data": "02000000" });
        json!({ "instructions": [instruction], "addressLookupTableAddresses": [] })
    } else {
        json!({ "from": ask["user"], "to": "0xEa04F61d00AFD8649B39b873306949aa11630067", "data": "0x", "value": "0",
            "chainId": origin, "gas": "27300" })
    };
    let step = json!({
        "id": "deposit", "kind": "transaction", "action": "Confirm", "requestId": id, "depositAddress": "",
        "items": [{ "status": "incomplete", "data": data,
            "check": { "endpoint": format!("/intents/status/v3?requestId={id}"), "method": "GET" } }],
    });
    let amount = |chain: &Value, address: &Value, amount: &str| {
        let currency = json!({ "chainId": chain, "address": address, "symbol": "USDC", "decimals": 6 });
        json!({ "currency": currency, "amount": amount, "amountUsd": "1.02", "minimumAmount": amount })
    };
    let out = ask["amount"].as_str().unwrap();
    json!({
        "steps": [{ "id": "approve", "kind": "transaction", "items": [] }, step],
        "fees": { "app": amount(&origin, &ask["originCurrency"], "49980"), "relayerService": amount(&origin, &ask["originCurrency"], "-12") },
        "details": {
            "currencyIn": amount(&origin, &ask["originCurrency"], "1020000"),
            "currencyOut": amount(&ask["destinationChainId"], &ask["destinationCurrency"], out),
            "timeEstimate": 2, "recipient": ask["recipient"], "sender": ask["user"],
        },
        "something": { "new": true },
    })
}

fn respond(status: u16, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}
