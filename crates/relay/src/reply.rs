//! What a buyer is told. Expected outcomes are values: an error is only what nobody expects.

use bytes::Bytes;
use crochet_primitives::{CallId, StorageError, Timestamp};
use thiserror::Error;

use crate::record::{Delivery, Failure, Record};
use crate::terms::QuoteRefusal;

/// The answer to one gateway call. `http` turns it into a status and a body, in one match.
#[derive(Debug)]
pub enum Reply {
    /// Terms of payment: 402.
    PaymentRequired {
        /// The call to pay; its `terms` are present.
        record: Box<Record>,
        /// Why there is something to pay.
        why: Unpaid,
    },
    /// Something is under way: 202.
    Accepted {
        /// The call.
        record: Box<Record>,
        /// What is under way.
        progress: Progress,
        /// When to ask again, at least 1.
        retry_after_seconds: u32,
    },
    /// The seller handled it: 200.
    Delivered {
        /// The call.
        record: Box<Record>,
        /// What is recorded of the response.
        delivery: Delivery,
        /// The seller's JSON, byte for byte; `None` for the replay of a free call, of which only the hash is kept.
        body: Option<Bytes>,
        /// Whether this is a repetition.
        replayed: bool,
    },
    /// The seller did not handle it: 502 or 504. May be retried free of charge.
    SellerFailed {
        /// The call.
        record: Box<Record>,
        /// What happened.
        failure: Failure,
        /// When a retry is going to be forwarded, at least 1.
        retry_after_seconds: u32,
    },
    /// It was handled before, and its response is not, or not any more, to be had with this key: 409.
    ResponseNoLongerAvailable {
        /// The call.
        record: Box<Record>,
        /// What is recorded of the response.
        delivery: Delivery,
    },
    /// It cannot be forwarded now. Where `record` is paid, it can be retried once the seller is back: 409.
    ListingUnavailable {
        /// The call, where there is one.
        record: Option<Box<Record>>,
    },
    /// A free listing without an endpoint: 409.
    ListingHasNoEndpoint,
    /// There is no such listing: 404.
    ListingNotFound,
    /// The buyer has no such call: 404.
    CallNotFound,
    /// The payment that came with the request was taken for a call that is over, and that is not kept any more: 404.
    CallExported,
    /// The id was made for another listing or body: 409.
    Mismatch {
        /// The id.
        call: CallId,
        /// Which of the two differs.
        what: Mismatch,
    },
    /// The idempotency key was used for another body, other origin headers, or another call: 409.
    IdempotencyKeyReused,
    /// No terms can be had on this route: 422.
    QuoteRefused {
        /// The call.
        record: Box<Record>,
        /// Why.
        refusal: QuoteRefusal,
    },
    /// Too many unpaid calls are open: 429.
    TooManyOpenQuotes {
        /// The limit.
        limit: u32,
    },
    /// The body is longer than the listing takes: 413.
    BodyTooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The payment that came with the request was not taken, or can never happen any more: 402, with terms for another.
    NotPaid {
        /// The call, where the payment was claimed for one.
        record: Option<Box<Record>>,
        /// Why, as one word of the protocol where that has one.
        reason: String,
    },
    /// This listing is not paid by a header: the payment was not touched.
    PaymentNotTaken,
    /// The payment could not be verified, and was not submitted: 503.
    PaymentUnverified {
        /// When to ask again, at least 1.
        retry_after_seconds: u32,
    },
    /// No terms could be had: 503.
    ProviderUnavailable {
        /// The call. Named again, it is quoted then.
        record: Box<Record>,
        /// When to ask again, at least 1.
        retry_after_seconds: u32,
    },
    /// The seller answered, and the answer could not be recorded, so it is not given out either: 503.
    Unrecorded {
        /// The call, as it was when it was forwarded.
        record: Box<Record>,
        /// When to ask again, at least 1.
        retry_after_seconds: u32,
    },
}

/// Why a call is to be paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unpaid {
    /// It is new.
    New,
    /// It was asked for before, and the provider says that nothing has arrived.
    NothingArrived,
    /// What was paid for its predecessor is short, or of the wrong asset or recipient.
    Mispaid {
        /// The call that was mispaid.
        predecessor: CallId,
    },
    /// Its predecessor's window ended with nothing seen.
    Expired {
        /// The call that expired.
        predecessor: CallId,
    },
    /// Its predecessor's payment failed or was refunded.
    Failed {
        /// The call whose payment failed.
        predecessor: CallId,
        /// Why, in the provider's words.
        reason: String,
    },
}

/// What is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Somebody else is asking for the terms of this call.
    Quoting,
    /// A payment was seen and is not final.
    NotFinal,
    /// The provider cannot be asked just now.
    Unknown,
    /// The quote has ended, and a late payment is waited for.
    LatePayment,
    /// The request is at the seller.
    Forwarding,
}

/// Which of the bound values differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mismatch {
    /// Another listing.
    Listing,
    /// Another body.
    Body,
    /// Another payer: whoever sends it does not know what the payer knows.
    Payer,
    /// The listing costs nothing any more, so a dead call has no terms to be replaced: call it anew, without the id.
    NowFree,
    /// A dead call's terms have been replaced as often as they can be: call it anew, without the id.
    TooManyTerms,
}

/// The gateway could not do its work.
#[derive(Debug, Error)]
pub enum GatewayError {
    /// The storage could not be used. Nothing is lost: the same request may be sent again.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The storage answered what cannot be.
    #[error("the call {call} is in a state that it cannot be in: {what}")]
    Inconsistent {
        /// The call.
        call: CallId,
        /// What is wrong.
        what: &'static str,
    },
}

/// Whole seconds from `now` until `then`, rounded up, at least 1.
pub(crate) fn seconds_until(then: Timestamp, now: Timestamp) -> u32 {
    let millis = (then - now).num_milliseconds().max(0);
    u32::try_from(millis / 1000 + i64::from(millis % 1000 != 0)).unwrap_or(u32::MAX).max(1)
}
