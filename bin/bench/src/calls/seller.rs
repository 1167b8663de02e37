//! A seller that costs as little as one can: it reads a request and answers the same JSON to each.

use std::net::Ipv4Addr;

use anyhow::Context;
use bytes::Bytes;
use crochet::commands::say;
use http::{HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

/// What every answer is.
const ANSWER: &[u8] = br#"{"signal":"buy","pair":"SOL/USDC","confidence":0.82,"horizon_minutes":60}"#;

/// Serves until the process ends, and says where on its first line.
pub(crate) async fn serve() -> anyhow::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("the seller finds no free port")?;
    say(&listener.local_addr()?.to_string());
    loop {
        let (stream, _) = listener.accept().await.context("the seller cannot accept")?;
        stream.set_nodelay(true)?;
        let connection =
            http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service_fn(answer));
        // A connection that breaks is the other side's affair.
        tokio::spawn(async move { connection.await.is_ok() });
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    request.into_body().collect().await?;
    let mut response = Response::new(Full::new(Bytes::from_static(ANSWER)));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}
