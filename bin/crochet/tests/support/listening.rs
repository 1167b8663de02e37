//! Servers that play somebody beside the gateway.

use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::dev::ServerHandle;
use actix_web::{App, FromRequest, Handler, HttpServer, Responder, web};

/// Answers every request by `answer`, on a free port, until the runtime ends or the handle stops it; `state` is among
/// what `answer` may take.
pub(crate) fn listen<T, F, Args>(state: &Arc<T>, answer: F) -> (ServerHandle, SocketAddr)
where
    T: Send + Sync + 'static,
    F: Handler<Args> + Send,
    F::Output: Responder + 'static,
    Args: FromRequest + 'static,
{
    let shared = web::Data::from(Arc::clone(state));
    let app = move || {
        App::new()
            .app_data(web::PayloadConfig::new(16 * 1024 * 1024))
            .app_data(shared.clone())
            .default_service(web::to(answer.clone()))
    };
    let server = HttpServer::new(app).workers(1).disable_signals().shutdown_timeout(1);
    let server = server.bind(("127.0.0.1", 0)).unwrap();
    let address = server.addrs()[0];
    let server = server.run();
    let handle = server.handle();
    tokio::spawn(server);
    (handle, address)
}
