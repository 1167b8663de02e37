//! What an agent does, again and again.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::Full;
use serde_json::Value;

use super::connection::Connection;
use super::market::Market;
use super::stage::Stage;

/// Something that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Workload {
    /// The seller, without anybody in between.
    Direct,
    /// The seller behind nginx.
    Nginx,
    /// A free listing, through the gateway.
    Free,
    /// 402, payment, 200.
    Paid,
    /// Pages of the catalogue, and searches.
    Catalogue,
    /// Pages of history and ledger.
    History,
    /// Everything, by many agents.
    Mixed,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// As it should.
    Done,
    /// The gateway had too much to do, and said so.
    Refused,
}

/// How often a paid call is retried until its payment has settled.
const RETRIES: usize = 200;

impl Workload {
    pub(crate) const ALL: [Self; 7] =
        [Self::Direct, Self::Nginx, Self::Free, Self::Paid, Self::Catalogue, Self::History, Self::Mixed];

    /// What it is called.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Nginx => "nginx",
            Self::Free => "free call",
            Self::Paid => "paid cycle",
            Self::Catalogue => "catalogue",
            Self::History => "history",
            Self::Mixed => "mixed",
        }
    }

    /// Where it goes; `None` where nobody is there.
    pub(crate) const fn address(self, stage: &Stage) -> Option<SocketAddr> {
        match self {
            Self::Direct => Some(stage.seller_address),
            Self::Nginx => stage.nginx_address,
            _ => Some(stage.gateway_address),
        }
    }

    /// Does it once. `number` is another one each time, and decides who does what.
    pub(crate) async fn once(self, market: &Market, connection: &mut Connection, number: u64) -> anyhow::Result<Ended> {
        match self {
            Self::Direct | Self::Nginx => {
                let answer = connection.send(request(Method::POST, "/", None, None, body(number))?).await?;
                ended(answer.0, &answer.1, StatusCode::OK)
            }
            Self::Free => call(market.free(number), market.buyer(0), connection, number).await,
            Self::Paid => paid(market, market.buyer(0), connection, number).await,
            Self::Catalogue => read(market.catalogue(number), None, connection).await,
            Self::History => read(market.history(number), Some(market.buyer(0)), connection).await,
            Self::Mixed => {
                // Another order than that of the requests, and the same in each run.
                let drawn = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
                let buyer = market.buyer(drawn);
                match drawn % 20 {
                    0..12 => call(market.free(drawn), buyer, connection, number).await,
                    12..15 => paid(market, buyer, connection, number).await,
                    15..18 => read(market.catalogue(drawn), None, connection).await,
                    _ => read(market.history(drawn), Some(buyer), connection).await,
                }
            }
        }
    }
}

async fn call(path: &str, key: &str, connection: &mut Connection, number: u64) -> anyhow::Result<Ended> {
    let (status, answer) = connection.send(request(Method::POST, path, Some(key), None, body(number))?).await?;
    ended(status, &answer, StatusCode::OK)
}

async fn paid(market: &Market, key: &str, connection: &mut Connection, number: u64) -> anyhow::Result<Ended> {
    let path = market.paid(number);
    let (status, terms) = connection.send(request(Method::POST, path, Some(key), None, body(number))?).await?;
    if ended(status, &terms, StatusCode::PAYMENT_REQUIRED)? == Ended::Refused {
        return Ok(Ended::Refused);
    }
    let terms: Value = serde_json::from_slice(&terms)?;
    let id = terms.pointer("/data/relay_request_id").and_then(Value::as_str).context("terms without an id")?;
    let pay = format!("/api/v1/mock-provider/payments/{id}/pay");
    let at_once = Bytes::from_static(b"{\"settle_after_ms\":0}");
    // From here on a payment is on its way: a gateway that has too much to do is asked again.
    for _ in 0..RETRIES {
        let (status, answer) = connection.send(request(Method::POST, &pay, None, None, at_once.clone())?).await?;
        if ended(status, &answer, StatusCode::OK)? == Ended::Done {
            break;
        }
    }
    for _ in 0..RETRIES {
        let retry = request(Method::POST, path, Some(key), Some(id), body(number))?;
        let (status, answer) = connection.send(retry).await?;
        if status != StatusCode::ACCEPTED && ended(status, &answer, StatusCode::OK)? == Ended::Done {
            return Ok(Ended::Done);
        }
    }
    bail!("{id} is paid and not delivered after {RETRIES} retries")
}

async fn read(path: &str, key: Option<&str>, connection: &mut Connection) -> anyhow::Result<Ended> {
    let (status, answer) = connection.send(request(Method::GET, path, key, None, Bytes::new())?).await?;
    ended(status, &answer, StatusCode::OK)
}

fn ended(status: StatusCode, answer: &Bytes, expected: StatusCode) -> anyhow::Result<Ended> {
    match status {
        status if status == expected => Ok(Ended::Done),
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => Ok(Ended::Refused),
        _ => bail!("{status} instead of {expected}: {}", String::from_utf8_lossy(answer)),
    }
}

/// What agents ask sellers: 120 bytes or so, another one for each call.
fn body(number: u64) -> Bytes {
    Bytes::from(format!(
        "{{\"task\":\"signal\",\"pair\":\"SOL/USDC\",\"horizon_minutes\":60,\"indicators\":[\"rsi\",\"macd\"],\"n\":{number}}}"
    ))
}

fn request(
    method: Method,
    path: &str,
    key: Option<&str>,
    relay_id: Option<&str>,
    body: Bytes,
) -> anyhow::Result<Request<Full<Bytes>>> {
    let mut request = Request::builder().method(method).uri(path).header(header::HOST, "127.0.0.1");
    if !body.is_empty() {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    if let Some(key) = key {
        request = request.header(header::AUTHORIZATION, key);
    }
    if let Some(id) = relay_id {
        request = request.header("x-crochet-relay-request-id", id);
    }
    request.body(Full::new(body)).context("the request is not valid")
}
