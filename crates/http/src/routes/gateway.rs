//! `POST /gateway/{listing}`: the product.

use std::sync::Arc;

use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, web};
use crochet_relay::{Buyer, CallRequest, Gateway, GatewayError, Reply};
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use super::gateway_answer::answer;
use super::{gateway_headers, part, resource};
use crate::admit;
use crate::error::ApiError;
use crate::extract::{GatewayCaller, RawJson};
use crate::in_flight::InFlight;
use crate::observer::Observer;

/// Runs gateway calls in tasks of their own, so that a client that hangs up cannot cut one in half.
pub(crate) struct CallRunner {
    pub(crate) gateway: Arc<Gateway>,
    /// How many may run at once.
    pub(crate) in_flight: InFlight,
    /// Where the calls run: not on the thread that serves the connection.
    pub(crate) runtime: Handle,
    /// What is waited for when the server stops.
    pub(crate) tasks: TaskTracker,
    /// Who is told how calls end.
    pub(crate) observer: Arc<dyn Observer>,
}

impl CallRunner {
    /// Runs one call to its end, whether or not anybody waits for it.
    async fn run(&self, request: CallRequest) -> Result<Reply, ApiError> {
        // Before anything is asked of the storage, and held to the end, whoever still waits for it.
        let place = self.in_flight.take(request.buyer.profile)?;
        let gateway = Arc::clone(&self.gateway);
        let observer = Arc::clone(&self.observer);
        let call = async move {
            let _place = place;
            let reply = gateway.call(&request).await;
            observer.replied(reply.as_ref().ok());
            reply
        };
        let call = call.instrument(tracing::Span::current());
        match self.tasks.spawn_on(call, &self.runtime).await {
            Ok(reply) => reply.map_err(ApiError::from),
            Err(error) => Err(ApiError::internal("a gateway call did not come to its end", error)),
        }
    }
}

impl From<GatewayError> for ApiError {
    fn from(error: GatewayError) -> Self {
        match error {
            GatewayError::Storage(error) => error.into(),
            GatewayError::Inconsistent { .. } => Self::internal("a gateway call is not as it can be", error),
        }
    }
}

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config.service(
        resource("/gateway/{listing}", "POST, OPTIONS").wrap(from_fn(admit::gateway)).route(web::post().to(call)),
    );
}

async fn call(
    GatewayCaller(caller): GatewayCaller,
    runner: web::Data<CallRunner>,
    req: HttpRequest,
    RawJson(body): RawJson,
) -> Result<HttpResponse, ApiError> {
    if req.uri().query().is_some() {
        return Err(ApiError::bad_request("A gateway call has no query string: everything goes into the body."));
    }
    let headers = gateway_headers::read(&req, runner.gateway.provider.name())?;
    let request = CallRequest {
        buyer: Buyer { profile: caller.profile_id(), key_id: caller.caller.key.id, key: caller.key.clone() },
        listing: part(&req, "listing").to_owned(),
        body,
        relay_request: headers.relay_request,
        idempotency_key: headers.idempotency_key,
        origin: headers.origin,
    };
    answer(runner.run(request).await?)
}
