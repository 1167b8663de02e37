//! Sellers that did not handle a call. A paid one stays paid, and may be sent again free of charge.

use super::{Example, Page};
use crate::code::Code;
use crate::recovery::{NextAction, Recovery};

const STEPS: &[&str] = &[
    "Wait for `Retry-After`, and send the same request again: the same listing, id, key and bytes. It costs nothing, \
     and an earlier one gets the same answer without reaching the seller.",
    "Go on as long as you want the answer: free retries never end, and their waits double from 2 seconds to an hour.",
    "Never pay again for this call. If you give up, `GET /gateway-requests/:id` still has it, and it may be taken up \
     later.",
    "`data.may_have_run` tells whether the seller may have done the work all the same; sellers answer a repeated \
     request id with their first result.",
];
const FIELDS: &[(&str, &str)] = &[
    ("data.request_id", "the call as the seller knows it"),
    ("data.relay_request_id", "what to send as `X-Crochet-Relay-Request-Id`; null for a free call"),
    ("data.seller_status", "the status that the seller answered, where it answered"),
    ("data.may_have_run", "false where the seller surely did nothing"),
    ("data.attempt", "how often the seller was tried"),
    ("data.payment", "what was paid, and stays good; null where nothing was"),
];

/// What is answered for a failed call; `seller_status` is null where there was none.
macro_rules! failed {
    ($status:literal, $may_have_run:literal) => {
        concat!(
            r#"{"status":"seller_failed","request_id":"gw_req_0190a0b0-0000-7000-8000-000000000001","relay_request_id":"relay_0190a0b0-0000-7000-8000-000000000001","listing_id":"0190a0b0-0000-7000-8000-000000000002","seller_status":"#,
            $status,
            r#","may_have_run":"#,
            $may_have_run,
            r#","attempt":1,"latency_ms":87,"payment":{"amount":"0.010000","fee":"0.000490","seller_amount":"0.009510","currency":"USD","settled_at":"2026-05-03T12:00:00.000Z","provider_reference":"mock_0190a0b0"}}"#
        )
    };
}

fn failed(
    causes: &'static [&'static str],
    message: &'static str,
    data: &'static str,
    related: &'static [Code],
) -> Page {
    let recovery = Recovery::retry(
        NextAction::RetrySameRequest,
        "The call is paid and stays paid. Send the same request with the same id after the wait, at no charge.",
    )
    .preserve(&["relay_request_id", "idempotency_key", "request_body"]);
    let example =
        Example::new("POST /api/v1/gateway/some-listing", message).data(data).recovery(recovery).retry_after(2);
    Page { causes, steps: STEPS, fields: FIELDS, related, example }
}

pub(super) fn seller_error() -> Page {
    failed(
        &["The seller answered a status by which a server says that it did not do the work: 5xx, 3xx, 401, 407, 408, \
             425 or 429. Any other 4xx with JSON counts as handled, and is a 200 with `data.seller_status`."],
        "The seller answered that it did not handle the request.",
        failed!("500", "true"),
        &[Code::SellerInvalidResponse, Code::SellerTimeout],
    )
}

pub(super) fn seller_invalid_response() -> Page {
    failed(
        &["The seller's answer is empty, is not one JSON value, or is not said to be JSON."],
        "The seller's answer is not JSON.",
        failed!("200", "true"),
        &[Code::SellerError, Code::SellerResponseTooLarge],
    )
}

pub(super) fn seller_response_too_large() -> Page {
    failed(
        &[
            "The seller's answer is longer than `max_response_bytes` of its listing: 1,048,576 unless the seller chose otherwise.",
        ],
        "The seller's answer is too large.",
        failed!("200", "true"),
        &[Code::SellerInvalidResponse],
    )
}

pub(super) fn seller_unreachable() -> Page {
    failed(
        &[
            "The seller's name does not resolve, no connection was made, TLS failed, or its address is not one that the \
             gateway talks to.",
            "The connection broke off before the whole answer was there.",
            "The gateway stopped while the seller was at work: nobody knows how it ended.",
        ],
        "The seller could not be reached, or broke off.",
        failed!("null", "false"),
        &[Code::SellerTimeout, Code::EndpointNotAllowed],
    )
}

pub(super) fn seller_timeout() -> Page {
    failed(
        &[
            "The seller did not answer within `timeout_ms` of its listing: 30 seconds unless the seller chose otherwise.",
        ],
        "The seller did not answer in time.",
        failed!("null", "true"),
        &[Code::SellerUnreachable, Code::SellerError],
    )
}
