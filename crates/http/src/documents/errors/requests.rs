//! Requests that are not as they have to be, whatever they ask for.

use super::{Example, Page};
use crate::code::Code;

pub(super) fn bad_request() -> Page {
    Page {
        causes: &[
            "The body is not JSON: `details.line` and `details.column` say where it breaks.",
            "A field is unknown, missing, there twice, or of another type: `details.path` names it. Unknown fields are \
             refused by name, so that a misspelt one is noticed.",
            "A value breaks its bounds: `details.fields` lists every one, with what it must be.",
            "The body is empty, no object, nested deeper than 64 levels, not UTF-8, or holds the character U+0000 where \
             it would be stored.",
            "A query parameter of a list is unknown, there twice or out of its bounds: `details.parameter` names it.",
            "A header of a gateway call is malformed or there twice: `details.header` names it.",
            "A gateway call has a query string: everything goes into its body.",
            "A gateway call carries `X-Crochet-Signature`: it comes from a gateway, and forwarding it would make a loop.",
        ],
        steps: &[
            "Read `error.message`; it names the field and what it must be.",
            "Correct everything in `error.details`: all problems of a body are listed at once.",
            "Send the request again. Nothing was changed or charged, and no challenge was used up.",
        ],
        fields: &[
            ("error.details.fields", "values that break their bounds, each with `field` and `message`"),
            ("error.details.path", "the field that does not fit its type, as in `tags[3]`; `.` is the whole body"),
            ("error.details.line", "where in the body, from 1; `error.details.column` likewise"),
            ("error.details.parameter", "the query parameter; `error.details.known` lists those of this route"),
            ("error.details.header", "the request header"),
        ],
        related: &[Code::UnsupportedMediaType, Code::PayloadTooLarge, Code::UseCursor],
        example: Example::new(
            "GET /api/v1/ledger?limit=500",
            "The query parameter limit is not a whole number from 1 to 100.",
        )
        .details(r#"{"parameter":"limit"}"#),
    }
}

pub(super) fn use_cursor() -> Page {
    Page {
        causes: &[
            "In `GET /listings`, `GET /gateway-requests` or `GET /ledger`, `page` times `limit` is more than 10,000.",
        ],
        steps: &[
            "Ask for the first page without `page`, and read `pagination.next_cursor`.",
            "Send it as `cursor`, with the same filters and without `page`, until `next_cursor` is null.",
        ],
        fields: &[],
        related: &[Code::BadRequest],
        example: Example::new(
            "GET /api/v1/ledger?page=101&limit=100",
            "Pages go down to the 10,000th item. Follow pagination.next_cursor from there.",
        ),
    }
}

pub(super) fn not_found() -> Page {
    Page {
        causes: &[
            "There is nothing at this path.",
            "There is no listing, wallet, key or gateway request of this id; or there is one, and it is somebody else's. \
             Both look the same.",
            "The listing is a draft, or suspended, and not the caller's.",
            "`X-Crochet-Relay-Request-Id` names no call of this buyer: next_action `fix_request`.",
            "The listing that was called does not exist: next_action `choose_other_listing`.",
            "`POST /auth/recover` with a wallet that no profile has: next_action `register_wallet`.",
            "`GET /listings/:id/endpoint` of a listing without a private endpoint.",
        ],
        steps: &[
            "Check the path: the API is under `/api/v1`.",
            "Check the id, and that the API key is of the profile that owns the thing: `GET /me`.",
            "If a relay request id is not found, do not pay: its terms belong to another profile. Leave the header out \
             for a new call.",
        ],
        fields: &[],
        related: &[Code::ListingUnavailable, Code::Gone],
        example: Example::new("GET /api/v1/listings/no-such-listing", "Listing not found."),
    }
}

pub(super) fn method_not_allowed() -> Page {
    Page {
        causes: &["The path exists, and has other methods."],
        steps: &["Use one of the methods in the header `Allow`, which `details.allow` repeats."],
        fields: &[("error.details.allow", "the methods of this path")],
        related: &[Code::NotFound],
        example: Example::new("PUT /api/v1/ledger", "This path has other methods; see Allow.")
            .details(r#"{"allow":"GET, HEAD, OPTIONS"}"#),
    }
}

pub(super) fn not_acceptable() -> Page {
    Page {
        causes: &["The header `Accept` excludes `application/json`, and the API answers nothing else."],
        steps: &["Send `Accept: application/json`, or no such header, and repeat the request."],
        fields: &[],
        related: &[Code::UnsupportedMediaType],
        example: Example::new("GET /api/v1/listings", "Answers are application/json; Accept excludes that."),
    }
}

pub(super) fn request_timeout() -> Page {
    Page {
        causes: &["The body did not arrive in time: 30 seconds unless the operator chose otherwise."],
        steps: &["Send the same request again, its whole body at once. Nothing was changed or charged."],
        fields: &[],
        related: &[Code::PayloadTooLarge],
        example: Example::new("POST /api/v1/listings", "The body did not arrive in time."),
    }
}

pub(super) fn payload_too_large() -> Page {
    Page {
        causes: &[
            "The body is longer than the gateway takes of anybody.",
            "The body of a call is longer than its listing takes: 262,144 bytes unless its seller chose otherwise.",
            "The payload of an endpoint test is longer than the endpoint takes.",
        ],
        steps: &[
            "Send no more than `details.limit_bytes`: shorten the input, or split it over several calls.",
            "A call with another body is a new call: leave `X-Crochet-Relay-Request-Id` out.",
        ],
        fields: &[("error.details.limit_bytes", "the longest body, in bytes")],
        related: &[Code::BadRequest, Code::SellerResponseTooLarge],
        example: Example::new("POST /api/v1/gateway/some-listing", "This listing takes bodies of up to 262144 bytes.")
            .details(r#"{"limit_bytes":262144}"#),
    }
}

pub(super) fn unsupported_media_type() -> Page {
    Page {
        causes: &[
            "The `Content-Type` of a body is missing, there twice, or is not `application/json` in UTF-8.",
            "The request has a `Content-Encoding`: bodies are taken uncompressed.",
        ],
        steps: &["Send `Content-Type: application/json`, without `Content-Encoding`, and the JSON as it is."],
        fields: &[],
        related: &[Code::NotAcceptable, Code::BadRequest],
        example: Example::new("POST /api/v1/register", "The Content-Type of a body is application/json."),
    }
}

pub(super) fn gone() -> Page {
    Page {
        causes: &["The path was one of subscriptions, deposits, balances or payment set-up: `/payments/setup`, \
             `/payments/verify`, `/subscribe`, `/subscriptions`, `/balance`, `/deposits`, and all below them, whatever \
             the method, the key and the body. Buyers' funds are never held, so none of them comes back."],
        steps: &[
            "Find a listing with `GET /listings`, and call it with `POST /gateway/:listingId`.",
            "Pay for that one call with the terms of the 402, then send the same body again with the headers in \
             `data.retry_headers`.",
            "See what was paid with `GET /ledger`.",
        ],
        fields: &[],
        related: &[Code::PaymentRequired, Code::PricingModelUnavailable],
        example: Example::new(
            "POST /api/v1/subscriptions",
            "This is retired: calls are paid one by one through POST /gateway/:listingId.",
        ),
    }
}
