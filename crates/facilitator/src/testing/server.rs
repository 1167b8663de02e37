//! A server on loopback that answers JSON to JSON.

use std::fmt;
use std::future::Future;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;

/// What is answered.
pub(super) enum Reply {
    /// This status and body.
    Json(u16, Value),
    /// This status and these bytes.
    Text(u16, &'static str),
    /// The connection is closed.
    HangUp,
}

/// Ends a connection without an answer.
#[derive(Debug)]
struct HangUp;

impl fmt::Display for HangUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hung up, as told")
    }
}

impl std::error::Error for HangUp {}

/// Serves until the runtime ends; answers the URL. `handle` gets the path and the body, null where it is no JSON.
pub(super) async fn serve<H, F>(handle: H) -> io::Result<String>
where
    H: Fn(String, Value) -> F + Send + Sync + 'static,
    F: Future<Output = Reply> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let handle = Arc::new(handle);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let handle = Arc::clone(&handle);
            let service = service_fn(move |request: Request<Incoming>| {
                let handle = Arc::clone(&handle);
                async move {
                    let path = request.uri().path().to_owned();
                    let body = request.into_body().collect().await.map_err(|_| HangUp)?.to_bytes();
                    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
                    let (status, bytes) = match handle(path, body).await {
                        Reply::Json(status, value) => (status, Bytes::from(value.to_string())),
                        Reply::Text(status, text) => (status, Bytes::from_static(text.as_bytes())),
                        Reply::HangUp => return Err(HangUp),
                    };
                    let mut response = Response::new(Full::new(bytes));
                    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::IM_A_TEAPOT);
                    Ok::<_, HangUp>(response)
                }
            });
            let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    });
    Ok(url)
}
