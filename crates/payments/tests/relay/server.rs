//! A local Relay: quotes, statuses and records as documented. What is told to go wrong goes wrong first.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What the gateway's key is in these tests.
pub(crate) const KEY: &str = "a-relay-key-nobody-may-see";
/// When requests were last updated, unless a test says otherwise: where the manual clock begins.
pub(crate) const NOW: u64 = 1_777_809_600_000;

/// One answer that is not the one of a Relay that works.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
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
pub(crate) struct Held {
    pub(crate) quoted: Value,
    pub(crate) status: Value,
    /// What `/requests/v3` has as `data.route.actual`; null while it has nothing.
    pub(crate) actual: Value,
    pub(crate) recipient: Value,
}

#[derive(Debug, Default)]
struct State {
    faults: VecDeque<Fault>,
    held: HashMap<String, Held>,
    /// Path, and body.
    seen: Vec<(String, Value)>,
    change_quote: Option<fn(&mut Value)>,
}

#[derive(Debug, Clone)]
pub(crate) struct Relay {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
}

impl Relay {
    pub(crate) async fn start() -> Self {
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
    pub(crate) fn will(&self, faults: impl IntoIterator<Item = Fault>) {
        self.state.lock().unwrap().faults.extend(faults);
    }

    /// Every quote from now on, with something changed in it.
    pub(crate) fn quotes_with(&self, change: fn(&mut Value)) {
        self.state.lock().unwrap().change_quote = Some(change);
    }

    /// The only request there is, to be changed.
    pub(crate) fn request(&self, change: impl FnOnce(&mut Held)) {
        let mut state = self.state.lock().unwrap();
        change(state.held.values_mut().next().unwrap());
    }

    pub(crate) fn forgets(&self) {
        self.state.lock().unwrap().held.clear();
    }

    /// The paths that were asked for, without queries.
    pub(crate) fn asked(&self) -> Vec<String> {
        let state = self.state.lock().unwrap();
        state.seen.iter().map(|(path, _)| path.split('?').next().unwrap().to_owned()).collect()
    }

    pub(crate) fn last_body(&self) -> Value {
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
                let id = format!("0x{:064x}", 0xcb42 + state.held.len());
                let mut quote = quote(body, &id);
                if let Some(change) = state.change_quote {
                    change(&mut quote);
                }
                let held = Held {
                    status: json!({ "status": "waiting", "inTxHashes": [], "txHashes": [], "updatedAt": NOW }),
                    actual: Value::Null,
                    recipient: body["recipient"].clone(),
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
pub(crate) struct Fatal;

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
pub(crate) fn route(chain_id: Value, address: Value, amount: Value) -> Value {
    let currency = json!({ "chainId": chain_id, "address": address, "symbol": "USDC", "decimals": 6 });
    json!({ "destination": { "outputCurrency": { "currency": currency, "amount": amount } } })
}

fn record(id: &str, held: &Held) -> Value {
    let route = json!({ "quoted": held.quoted, "actual": held.actual });
    json!({
        "id": id, "status": held.status["status"], "recipient": held.recipient,
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
