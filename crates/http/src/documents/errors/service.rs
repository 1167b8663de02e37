//! The server's own limits and faults.

use super::{Example, Page};
use crate::code::Code;

pub(super) fn rate_limited() -> Page {
    Page {
        causes: &[
            "More requests of one class than its window takes: read, write, auth or gateway. The header \
             `RateLimit-Policy` names the class, its quota and its window.",
            "Too many wrong API keys came from this address.",
            "As many gateway calls of this buyer are under way as may be.",
            "As many listing challenges of this profile are open as may be.",
        ],
        steps: &[
            "Wait for the seconds in `Retry-After`, then send the same request. Nothing was changed or charged.",
            "Watch `RateLimit-Remaining`, and slow down before it is 0.",
            "All keys of a profile share its quota; another key does not help.",
        ],
        fields: &[
            ("Retry-After", "the header with the seconds to wait; `error.recovery.retry_after_seconds` repeats it"),
            ("error.details.limit", "how many calls may be under way, or challenges open, where that is the cause"),
        ],
        related: &[Code::TooManyOpenQuotes, Code::ServiceUnavailable],
        example: Example::new("GET /api/v1/listings", "Too many requests. Try again in 1 s.").retry_after(1),
    }
}

pub(super) fn internal_error() -> Page {
    Page {
        causes: &["A fault of the server. It was written to its log, under the `X-Request-Id` of the answer."],
        steps: &[
            "Keep the header `X-Request-Id`: the operator finds the fault by it.",
            "A gateway call may be sent again as it was, with its id or `Idempotency-Key`: a payment is never lost by \
             this, and counts once.",
            "After `POST /register`, `POST /auth/recover` or `POST /listings`, ask for a new challenge first.",
            "If it happens again, tell the operator.",
        ],
        fields: &[("X-Request-Id", "the header by which the operator finds the fault")],
        related: &[Code::ServiceUnavailable],
        example: Example::new("GET /api/v1/ledger", "An unexpected error occurred."),
    }
}

pub(super) fn service_unavailable() -> Page {
    Page {
        causes: &[
            "The database is busy or away for a moment.",
            "As many gateway calls are under way altogether as may be.",
            "As many signatures of wallets are being checked as may be: the challenge is used up, and nothing was changed.",
            "The seller answered, and that could not be recorded: the response is not shown, and the same request may be \
             sent again at no charge.",
            "`GET /ready`: the server is starting, or its database or schema is not in order.",
        ],
        steps: &[
            "Wait for `Retry-After`, and send the same request again, with its ids, keys and bytes. Nothing is lost.",
            "Where a wallet signed a challenge, and `next_action` says so, ask for a new one and sign that.",
            "Never pay again because of it.",
        ],
        fields: &[("data.relay_request_id", "the call, where one was under way")],
        related: &[Code::PaymentProviderUnavailable, Code::InternalError, Code::RateLimited],
        example: Example::new("GET /api/v1/ledger", "The service is busy. Try again shortly.").retry_after(1),
    }
}
