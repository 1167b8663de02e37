//! `POST /webhooks/relay`: Relay says that something is new about a payment. There is no such path where buyers do not
//! pay through Relay.

use actix_web::{HttpRequest, HttpResponse, web};
use crochet_relay::{WebhookError, WebhookIntake};
use serde::Serialize;
use utoipa::ToSchema;

use super::resource;
use crate::code::Code;
use crate::envelope::{self, Success};
use crate::error::ApiError;
use crate::extract::RawBytes;
use crate::openapi::{rules, vocabulary};
use crate::query::Params;
use crate::recovery::{NextAction, Recovery};

/// A webhook of Relay's. Nothing of it is believed but whose it is, and which payment it is about.
#[derive(ToSchema)]
#[schema(as = RelayWebhook)]
#[expect(dead_code, reason = "it is described here, and read where its signature is verified")]
pub(crate) struct Event {
    /// What happened; not read.
    event: Option<String>,
    /// When, in milliseconds since 1970; not read: the signed header counts.
    timestamp: Option<u64>,
    /// What the webhook is about.
    data: EventData,
}

/// What a webhook of Relay's is about.
#[derive(ToSchema)]
#[schema(as = RelayWebhookData)]
#[expect(dead_code, reason = "it is described here, and read where its signature is verified")]
pub(crate) struct EventData {
    /// How the payment stands; not believed.
    status: Option<String>,
    /// Relay's id of the payment.
    #[schema(rename = "requestId", min_length = 1, max_length = 66)]
    request_id: String,
}

/// A webhook was taken.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookTaken)]
pub(crate) struct Taken {
    /// Always received: whether there is such a payment is not said.
    #[schema(schema_with = received)]
    status: &'static str,
}

fn received() -> utoipa::openapi::Object {
    vocabulary::constant("received")
}

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config.service(resource("/webhooks/relay", "POST, OPTIONS").route(web::post().to(take)));
}

/// Take a webhook of Relay's.
///
/// For Relay alone, and only where buyers pay through it. Signed over the raw body with Relay's API key, within five
/// minutes: `X-Signature-Timestamp`, and `X-Signature-SHA256` in hexadecimal. It settles nothing: Relay is asked soon
/// what has become of the payment. So webhooks can come twice, late and in any order; one about an unknown payment is
/// answered like any other.
#[utoipa::path(
    post,
    path = "/webhooks/relay",
    tag = "Webhooks",
    operation_id = "takeRelayWebhook",
    params(
        ("X-Signature-Timestamp" = String, Header, description = "When it was signed, in seconds or milliseconds since 1970."),
        ("X-Signature-SHA256" = String, Header, description = "HMAC-SHA256 of the timestamp, a full stop, and the body."),
    ),
    request_body = Event,
    responses((status = 200, description = "It was taken, and there will be a look.", body = Success<Taken>)),
    extensions(("x-rules" = json!(rules::open(&[Code::Unauthorized, Code::NotFound, Code::ServiceUnavailable])))),
)]
pub(crate) async fn take(
    intake: web::Data<WebhookIntake>,
    req: HttpRequest,
    RawBytes(body): RawBytes,
) -> Result<HttpResponse, ApiError> {
    Params::read(&req, &[])?;
    let header = |name: &str| {
        let mut values = req.headers().get_all(name);
        let value = values.next()?.to_str().ok()?.to_owned();
        values.next().is_none().then_some(value)
    };
    intake.take(&header, &body).await?;
    envelope::ok(Taken { status: "received" })
}

impl From<WebhookError> for ApiError {
    fn from(error: WebhookError) -> Self {
        match error {
            WebhookError::Unsigned => {
                let message = "This is not a webhook that the payment provider signed within the last five minutes.";
                Self::new(Code::Unauthorized, message).recovery(Recovery::change(
                    NextAction::FixRequest,
                    "Only the payment provider calls this. To see what became of a payment, send the call again.",
                ))
            }
            WebhookError::NotAboutAQuote => Self::bad_request("The webhook does not name a payment request."),
            WebhookError::Storage(error) => error.into(),
        }
    }
}
