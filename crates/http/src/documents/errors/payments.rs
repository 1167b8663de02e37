//! Terms of payment, and what became of them.

use super::{Example, Page};
use crate::code::Code;
use crate::recovery::{NextAction, Recovery};

/// The terms of a call that is to be paid, and of one that takes the place of another.
macro_rules! terms {
    ($supersedes:literal) => {
        concat!(
            r#"{"status":"payment_required","relay_request_id":"relay_0190a0b0-0000-7000-8000-000000000001","listing_id":"0190a0b0-0000-7000-8000-000000000002","amount":"0.010000","amount_micros":10000,"fee":{"rate":"0.049","amount":"0.000490"},"currency":"USD","expires_at":"2026-05-03T12:15:00.000Z","body_sha256":"5f6a4f4c1f8d3cb6bd0ad6c2fcbf4d4f7e5c52ea9b6e2b7b1d0b4f2d6b3c8a10","payment":{"provider":"mock","scheme":"mock","network":"eip155:8453","origin_currency":"USDC","origin_chain_id":8453,"instructions":{"pay_url":"PUBLIC_URL/api/v1/mock-provider/payments/relay_0190a0b0-0000-7000-8000-000000000001/pay","method":"POST"}},"payment_seen":false,"supersedes":"#,
            $supersedes,
            r#","retry_headers":{"X-Crochet-Relay-Request-Id":"relay_0190a0b0-0000-7000-8000-000000000001","X-Crochet-Payment-Scheme":"mock","X-Crochet-Payment-Network":"eip155:8453"}}"#
        )
    };
}

const NEW: &str = terms!("null");
const SUCCESSOR: &str = terms!(r#""relay_0190a0b0-0000-7000-8000-000000000000""#);
const REFUSED: &str = r#"{"status":"quote_refused","request_id":"gw_req_0190a0b0-0000-7000-8000-000000000001"}"#;

const TERMS: &[(&str, &str)] = &[
    ("data.relay_request_id", "the call: keep it, it is what the payment is for"),
    ("data.amount", "the price in US dollars, with six decimals; `data.amount_micros` in micro-dollars"),
    ("data.expires_at", "until when the terms are good"),
    ("data.payment.instructions", "how to pay, as `data.payment.provider` takes it"),
    ("data.payment_seen", "whether the provider has seen any payment for this call"),
    ("data.retry_headers", "the headers to send with the same body after paying"),
    ("data.supersedes", "the call whose place these terms take; null for a first quote"),
];

pub(super) fn payment_required() -> Page {
    Page {
        causes: &[
            "The first call of a `per_call` listing: `data` has the terms for this one call.",
            "The same call again, and the payment provider has seen no payment yet: the same terms, as often as asked.",
        ],
        steps: &[
            "Store `data.relay_request_id` and the exact bytes of the body before paying.",
            "Check `data.amount` against what you are willing to pay.",
            "Pay once, as `data.payment.instructions` says.",
            "Send the same body to the same listing again, with all of `data.retry_headers`.",
            "On 202 wait for `Retry-After` and send it again. On another 402 of the same id after you have paid, do not \
             pay again: send it again in a few seconds.",
        ],
        fields: TERMS,
        related: &[Code::QuoteExpired, Code::PaymentMismatch, Code::PaymentFailed, Code::TooManyOpenQuotes],
        example: Example::new("POST /api/v1/gateway/some-listing", "This call is to be paid before it is forwarded.")
            .data(NEW),
    }
}

pub(super) fn payment_mismatch() -> Page {
    Page {
        causes: &["What arrived is less than the price, of another asset, or for another recipient. Nothing was forwarded."],
        steps: &[
            "Do not repeat the old id: `data` has a successor with new terms.",
            "Pay those exactly: asset, recipient and amount.",
            "Send the same body with the new `data.retry_headers`.",
            "What arrived before is kept as an orphan payment: `GET /gateway-requests/:id` of the old call lists it under \
             `orphan_payments`, with the provider's reference, for the operator to give back.",
        ],
        fields: TERMS,
        related: &[Code::PaymentRequired, Code::PaymentFailed],
        example: Example::new(
            "POST /api/v1/gateway/some-listing",
            "What arrived is short, or of the wrong asset or recipient, for relay_0190a0b0-0000-7000-8000-000000000000. \
             New terms are in data.",
        )
        .data(SUCCESSOR)
        .recovery(
            Recovery::retry(
                NextAction::CompletePaymentThenRetry,
                "Nothing was forwarded. Pay the new terms in data.payment exactly; what was paid before is listed as an \
                 orphan payment by GET /gateway-requests/:id.",
            )
            .preserve(&["relay_request_id", "request_body"])
            .discard(&["previous_relay_request_id"]),
        ),
    }
}

pub(super) fn payment_failed() -> Page {
    Page {
        causes: &[
            "The payment provider says, finally, that the payment failed.",
            "The provider gave the payment back before the call was delivered.",
        ],
        steps: &[
            "Read `details.provider_reason`.",
            "Pay the new terms in `data`, with funds and a wallet that can pay.",
            "Send the same body with the new `data.retry_headers`.",
        ],
        fields: &[
            ("error.details.provider_reason", "why, in the provider's words"),
            ("data.relay_request_id", "the new call"),
            ("data.supersedes", "the call whose payment failed"),
            ("data.retry_headers", "the headers to send with the same body after paying"),
        ],
        related: &[Code::PaymentRequired, Code::PaymentMismatch, Code::QuoteExpired],
        example: Example::new(
            "POST /api/v1/gateway/some-listing",
            "The payment failed or was given back for relay_0190a0b0-0000-7000-8000-000000000000. New terms are in data.",
        )
        .details(r#"{"provider_reason":"the payment failed"}"#)
        .data(SUCCESSOR)
        .recovery(
            Recovery::retry(
                NextAction::CompletePaymentThenRetry,
                "Nothing was forwarded. Pay the new terms in data.payment, then send the same body with the new id.",
            )
            .preserve(&["relay_request_id", "request_body"])
            .discard(&["previous_relay_request_id"]),
        ),
    }
}

pub(super) fn quote_expired() -> Page {
    Page {
        causes: &["The terms and the time of grace after them ended, and no payment was seen. `data` has new terms."],
        steps: &[
            "If you paid the old terms, do not pay the new ones: send the old id again, with the same body. A payment \
             that arrives late still settles.",
            "If you did not, pay the new terms before `data.expires_at`, and send the same body with the new \
             `data.retry_headers`.",
        ],
        fields: TERMS,
        related: &[Code::PaymentRequired, Code::PaymentFailed],
        example: Example::new(
            "POST /api/v1/gateway/some-listing",
            "Nothing was paid in time for relay_0190a0b0-0000-7000-8000-000000000000. New terms are in data.",
        )
        .data(SUCCESSOR)
        .recovery(
            Recovery::retry(
                NextAction::CompletePaymentThenRetry,
                "If you paid the old terms, do not pay again: send the old id again, a late payment is honoured. If not, \
                 pay the new terms.",
            )
            .preserve(&["relay_request_id", "request_body"]),
        ),
    }
}

pub(super) fn payment_route_minimum_not_met() -> Page {
    Page {
        causes: &["The price is below what the payment route takes; EVM routes take about $0.10 and more."],
        steps: &[
            "Send the call again with `X-Crochet-Origin-Currency: SOL`, which takes any price, and a new \
             `Idempotency-Key`. The old key repeats this answer.",
            "If no Solana wallet is linked, link one with `POST /me/wallets` first.",
            "Nothing was charged, and nothing was forwarded.",
        ],
        fields: &[
            ("error.details.minimum", "the least price of the route, in US dollars"),
            ("error.details.minimum_micros", "the same in micro-dollars"),
        ],
        related: &[Code::OriginWalletInvalid, Code::PaymentRouteUnavailable],
        example: Example::new(
            "POST /api/v1/gateway/some-listing",
            "The price is below the 0.100000 USD that this payment route takes.",
        )
        .details(r#"{"minimum":"0.100000","minimum_micros":100000}"#)
        .data(REFUSED),
    }
}

pub(super) fn payment_route_unavailable() -> Page {
    Page {
        causes: &[
            "`X-Crochet-Origin-Currency` is none of USDC, ETH and SOL.",
            "`X-Crochet-Origin-Chain-Id` is no chain that payments come from, or the currency does not live on it.",
            "`X-Crochet-Payment-Scheme` or `X-Crochet-Payment-Network` is none that there is here.",
            "The payment provider has no route for this currency and chain.",
            "The seller has no wallet at which it can be paid.",
            "For sellers: a paid listing is to be active, and no active wallet of the profile with the capability `payout` is on a chain of `details.chains`: next_action `link_payout_wallet`.",
        ],
        steps: &[
            "Choose from `details.accepted` where it is there; else leave the header out and let the gateway choose.",
            "Use a new `Idempotency-Key`. Nothing was charged, and nothing was forwarded.",
            "For sellers: link a wallet with `POST /me/wallets`, or give one the capability `payout` with `PATCH /me/wallets/:id`, and send the listing again.",
        ],
        fields: &[
            ("error.details.accepted", "the values that the header can have"),
            ("error.details.chains", "the chains of which a payout wallet has to be one"),
        ],
        related: &[Code::PaymentRouteMinimumNotMet, Code::OriginWalletInvalid],
        example: Example::new(
            "POST /api/v1/gateway/some-listing",
            "X-Crochet-Origin-Currency is one of USDC, ETH and SOL.",
        )
        .details(r#"{"accepted":["USDC","ETH","SOL"]}"#),
    }
}

pub(super) fn origin_wallet_invalid() -> Page {
    Page {
        causes: &[
            "`X-Crochet-Origin-Wallet-Id` names no active wallet of this profile with the capability `payment`.",
            "The wallet is not on the chain that the currency lives on.",
            "SOL was asked for, and no Solana wallet that may pay is linked: next_action `link_solana_wallet`.",
        ],
        steps: &[
            "See which wallets there are with `GET /me/wallets`; one that pays is `active` and has `payment`.",
            "Link one with `POST /me/wallets`, or name another, or leave the header out.",
            "Send the call with a new `Idempotency-Key`. Nothing was charged, and nothing was forwarded.",
        ],
        fields: &[("data.request_id", "the call that was refused")],
        related: &[Code::PaymentRouteUnavailable, Code::PaymentRouteMinimumNotMet],
        example: Example::new(
            "POST /api/v1/gateway/some-listing",
            "That wallet cannot pay: the origin wallet is not an active wallet of this profile with the payment capability.",
        )
        .data(REFUSED),
    }
}

pub(super) fn payment_provider_unavailable() -> Page {
    Page {
        causes: &["The payment provider did not give terms in time, or not at all. There is nothing to be paid yet."],
        steps: &[
            "Wait for `Retry-After`, and send the same request again, with the same `Idempotency-Key`.",
            "Do not pay anything: no terms were issued.",
        ],
        fields: &[("data.relay_request_id", "the call; it may be sent again by this id")],
        related: &[Code::ServiceUnavailable, Code::PaymentRequired],
        example: Example::new(
            "POST /api/v1/gateway/some-listing",
            "The payment provider gave no terms. Nothing is to be paid yet.",
        )
        .data(
            r#"{"status":"quoting","request_id":"gw_req_0190a0b0-0000-7000-8000-000000000001","relay_request_id":"relay_0190a0b0-0000-7000-8000-000000000001"}"#,
        )
        .retry_after(2),
    }
}
