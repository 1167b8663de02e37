//! Calls that were made before, and how many may be open.

use super::{Example, Page};
use crate::code::Code;

pub(super) fn relay_request_mismatch() -> Page {
    Page {
        causes: &[
            "The relay request id was made for another listing: `details.differs` is `listing`.",
            "It was made for another body: `body`. Every byte counts, spaces and the order of keys included.",
            "Its terms have ended, and the listing is free now: `price`.",
            "Its terms have ended, as those of eight calls before it have, each of which it replaced: `terms`.",
        ],
        steps: &[
            "Send the id with the bytes that the first call had, to the listing that it was for. Keep them as they were \
             sent, and do not write the JSON anew.",
            "For another body or listing, leave the id out: that is a call of its own, with its own terms.",
            "After `price` and `terms`, send the same body without the id, and with a new `Idempotency-Key` where you use \
             one.",
            "Nothing was charged. A payment for the id stays with that id.",
        ],
        fields: &[
            ("error.details.relay_request_id", "the id"),
            ("error.details.differs", "`listing`, `body`, `price` or `terms`"),
        ],
        related: &[Code::IdempotencyKeyReused],
        example: Example::new("POST /api/v1/gateway/some-listing", "This relay request was made for another body.")
            .details(r#"{"relay_request_id":"relay_0190a0b0-0000-7000-8000-000000000001","differs":"body"}"#),
    }
}

pub(super) fn idempotency_key_reused() -> Page {
    Page {
        causes: &[
            "The `Idempotency-Key` was used for another body or other `X-Crochet-Origin-…` headers on this listing.",
            "It stands beside an `X-Crochet-Relay-Request-Id` of another call.",
        ],
        steps: &[
            "For a new call, use a new key.",
            "To go on with the old call, send exactly what it was: the same body and origin headers. If it was paid, do \
             that, and do not pay for a new one.",
        ],
        fields: &[],
        related: &[Code::RelayRequestMismatch],
        example: Example::new(
            "POST /api/v1/gateway/some-listing",
            "This Idempotency-Key was used for another body, other origin headers, or another call.",
        ),
    }
}

pub(super) fn response_no_longer_available() -> Page {
    Page {
        causes: &[
            "The call was delivered, and another key of the same buyer asks for its response: only the key that paid \
             opens it.",
            "The call was delivered more than 24 hours ago.",
            "The response was longer than is kept (1 MiB), or the buyer had no room left: `details.api_key_prefix` is \
             null, and next_action `use_new_idempotency_key`.",
        ],
        steps: &[
            "If `details.api_key_prefix` is that of another key of yours, send the same request with that key.",
            "Else the response cannot be had again. `data.response_sha256` proves a copy that you kept.",
            "The call is final, and is not run again. For another answer make a new call, without the id and with a new \
             `Idempotency-Key`.",
        ],
        fields: &[
            ("error.details.api_key_prefix", "the first characters of the key that can open it"),
            ("data.response_sha256", "the hash of the response, in lower-case hexadecimal"),
            ("data.response_bytes", "its length"),
            ("data.seller_status", "the status that the seller answered with"),
        ],
        related: &[Code::IdempotencyKeyReused],
        example: Example::new(
            "POST /api/v1/gateway/some-listing",
            "The call was delivered. Its response is not, or no longer, to be had with this key.",
        )
        .details(r#"{"api_key_prefix":"am_k_Ab12"}"#)
        .data(
            r#"{"status":"delivered","request_id":"gw_req_0190a0b0-0000-7000-8000-000000000001","relay_request_id":"relay_0190a0b0-0000-7000-8000-000000000001","listing_id":"0190a0b0-0000-7000-8000-000000000002","seller_status":200,"response_sha256":"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","response_bytes":2,"latency_ms":42,"attempt":1,"replayed":true,"payment":{"amount":"0.010000","fee":"0.000490","seller_amount":"0.009510","currency":"USD","settled_at":"2026-05-03T12:00:00.000Z","provider_reference":"mock_0190a0b0"}}"#,
        ),
    }
}

pub(super) fn too_many_open_quotes() -> Page {
    Page {
        causes: &["So many calls of this buyer have terms and no payment that there can be no more."],
        steps: &[
            "List them with `GET /gateway-requests?status=quoted`, and pay those that you want.",
            "Or wait until some expire: quotes live 15 minutes, and a while of grace.",
            "Before a new call, look whether an open one is for the same body: its terms can be had again by its id or \
             `Idempotency-Key`.",
        ],
        fields: &[("error.details.limit", "how many may be open")],
        related: &[Code::RateLimited, Code::QuoteExpired],
        example: Example::new(
            "POST /api/v1/gateway/some-listing",
            "100 unpaid calls are open, and there can be no more.",
        )
        .details(r#"{"limit":100}"#)
        .retry_after(60),
    }
}
