//! Listings and their endpoints.

use super::{Example, Page};
use crate::code::Code;
use crate::recovery::{NextAction, Recovery};

pub(super) fn pricing_model_unavailable() -> Page {
    Page {
        causes: &[
            "A listing was to be created or changed with the pricing model `monthly`, `yearly` or `usage_tiered`. They \
             are known as filters of `GET /listings`, and can no longer be published.",
        ],
        steps: &[
            "Choose `per_call` with a `pricing_amount`, or `free`.",
            "Send the listing again: its challenge was not used up.",
        ],
        fields: &[
            ("error.details.pricing_model", "what was asked for"),
            ("error.details.available", "what can be published"),
        ],
        related: &[Code::BadRequest, Code::Gone],
        example: Example::new(
            "POST /api/v1/listings",
            "Listings of the pricing model monthly can no longer be published; use free or per_call.",
        )
        .details(r#"{"pricing_model":"monthly","available":["free","per_call"]}"#),
    }
}

pub(super) fn endpoint_not_allowed() -> Page {
    Page {
        causes: &[
            "`private_endpoint_url` is not HTTPS, has a user name, a password or a fragment, or is on a port other than \
             those that are allowed (443 and 8443 unless the operator chose otherwise).",
            "Its host is a name of a local network (`localhost`, `.local`, `.internal`), no full domain name, or an \
             address that is not on the public Internet.",
            "It is this gateway itself.",
        ],
        steps: &[
            "Read `error.message`: it says which rule is broken.",
            "Use a public HTTPS URL of your own service. For credentials, set `upstream_auth_header` with \
             `PUT /listings/:id/endpoint`.",
            "Send the request again: a listing challenge was not used up.",
        ],
        fields: &[],
        related: &[Code::BadRequest, Code::SellerUnreachable],
        example: Example::new(
            "PUT /api/v1/listings/some-listing/endpoint",
            "The private endpoint is not allowed: the endpoint URL must begin with https://.",
        ),
    }
}

pub(super) fn listing_unavailable() -> Page {
    Page {
        causes: &[
            "The listing is suspended or a draft, or its endpoint is disabled: no new call is quoted.",
            "The call is paid, and its listing has no endpoint now. `data` then names the call and its payment, and \
             next_action is `retry_later`.",
        ],
        steps: &[
            "If `data.payment` is there, the call is paid and stays paid: send the same request, with the same relay \
             request id and body, after the wait, as often as it takes. Do not pay again.",
            "Without it nothing was charged: choose another listing with `GET /listings`.",
        ],
        fields: &[
            ("data.relay_request_id", "the call that may be sent again"),
            ("data.payment", "what was paid; null where nothing was"),
        ],
        related: &[Code::ListingHasNoEndpoint, Code::NotFound],
        example: Example::new("POST /api/v1/gateway/some-listing", "This listing takes no calls now.")
            .data(
                r#"{"status":"settled","request_id":"gw_req_0190a0b0-0000-7000-8000-000000000001","relay_request_id":"relay_0190a0b0-0000-7000-8000-000000000001","listing_id":"0190a0b0-0000-7000-8000-000000000002","payment":{"amount":"0.010000","fee":"0.000490","seller_amount":"0.009510","currency":"USD","settled_at":"2026-05-03T12:00:00.000Z","provider_reference":"mock_0190a0b0"}}"#,
            )
            .recovery(
                Recovery::retry(
                    NextAction::RetryLater,
                    "The call stays as it is. Send the same request later: it is forwarded once the seller is back.",
                )
                .preserve(&["relay_request_id", "request_body"]),
            )
            .retry_after(60),
    }
}

pub(super) fn listing_has_no_endpoint() -> Page {
    Page {
        causes: &[
            "A free listing without a private endpoint was called through the gateway.",
            "`POST /listings/:id/endpoint/test` or `POST /listings/:id/endpoint/rotate-secret` on a listing without one: \
             next_action `fix_request`.",
        ],
        steps: &[
            "As a buyer, read `connection_instructions` with `GET /listings/:id`: such a listing is used directly, and \
             has no `gateway_url`. Or choose another one.",
            "As its seller, set `private_endpoint_url` with `PUT /listings/:id/endpoint`.",
        ],
        fields: &[],
        related: &[Code::ListingUnavailable],
        example: Example::new("POST /api/v1/gateway/some-listing", "This free listing has no gateway endpoint."),
    }
}
