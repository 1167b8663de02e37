//! One gateway call as it is kept: the row that every step moves on.

use std::fmt;
use std::time::Duration;

use crochet_pricing::Split;
use crochet_primitives::names;
use crochet_primitives::{CallId, ListingId, ProfileId, SettlementId, Timestamp, rfc3339_millis};
use crochet_signing::BodyHash;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::terms::{Origin, QuoteRefusal, Terms};

names! {
    /// Where a call stands. `docs/architecture.md` has the table of what each means to the buyer.
    pub enum State {
        /// Inserted under a lease; the provider is being asked for terms.
        Quoting => "quoting",
        /// The provider refused to quote: nothing was issued, and nothing can be paid.
        QuoteRefused => "quote_refused",
        /// Terms issued, and nothing has arrived.
        Quoted => "quoted",
        /// A payment was seen and is not final, or the provider cannot be asked.
        Pending => "pending",
        /// Paid: the settlement is recorded and the request is not under way.
        Settled => "settled",
        /// One worker holds a lease and talks to the seller.
        Forwarding => "forwarding",
        /// The seller handled it.
        Delivered => "delivered",
        /// The seller did not handle it, or nobody knows. May be retried free of charge.
        SellerFailed => "seller_failed",
        /// What arrived is short, or of the wrong asset or recipient.
        Mispaid => "mispaid",
        /// The quote's window and its grace ended with nothing seen.
        Expired => "expired",
        /// The provider says failed or refunded, finally.
        PaymentFailed => "payment_failed",
    }
}

impl State {
    /// Dead: its retry is answered with a successor's terms. A payment that still arrives is honoured all the same.
    #[must_use]
    pub const fn is_dead(self) -> bool {
        matches!(self, Self::Mispaid | Self::Expired | Self::PaymentFailed)
    }

    /// Open and unpaid: counted against the buyer's limit.
    #[must_use]
    pub const fn is_open_quote(self) -> bool {
        matches!(self, Self::Quoting | Self::Quoted | Self::Pending)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A buyer's `Idempotency-Key`: 1 to 255 printable ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

/// Text that is no idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("an Idempotency-Key is 1 to 255 printable ASCII characters")]
pub struct InvalidIdempotencyKey;

impl IdempotencyKey {
    /// Reads a header's value.
    ///
    /// # Errors
    /// When it is empty, longer than 255 characters, or not printable ASCII.
    pub fn parse(text: &str) -> Result<Self, InvalidIdempotencyKey> {
        let fits = (1..=255).contains(&text.len()) && text.bytes().all(|byte| (0x20..=0x7e).contains(&byte));
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidIdempotencyKey) }
    }

    /// The key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a new call brings with it. Bound at the start: none of this ever changes.
#[derive(Debug, Clone)]
pub struct NewCall {
    /// Its id, made for it.
    pub id: CallId,
    /// Who calls.
    pub buyer: ProfileId,
    /// Who is called.
    pub seller: ProfileId,
    /// What is called.
    pub listing: ListingId,
    /// SHA-256 of the raw body.
    pub body_sha256: BodyHash,
    /// The buyer's key, where it sent one.
    pub idempotency_key: Option<IdempotencyKey>,
    /// What the buyer wants to pay with.
    pub origin: Origin,
    /// The price and its parts; `None` for a free call.
    pub price: Option<Split>,
    /// How long a forward may take in all: the lease of a free call begins at once.
    pub forward_lease: Duration,
    /// The terms that its payment makes, where that came with it: no others are asked for.
    pub terms: Option<Box<Terms>>,
}

impl NewCall {
    /// What an idempotency key stands for: the body and the origin headers.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        fingerprint(self.body_sha256, &self.origin)
    }
}

/// SHA-256 over the body's hash and the origin headers, unambiguously joined.
#[must_use]
pub fn fingerprint(body_sha256: BodyHash, origin: &Origin) -> [u8; 32] {
    use sha2::{Digest, Sha256};
    let mut hash = Sha256::new();
    hash.update(b"crochet idempotency fingerprint v1");
    hash.update(body_sha256.as_bytes());
    hash.update(origin.wallet_id.map(|id| id.uuid().into_bytes()).unwrap_or_default());
    hash.update([origin.currency.map_or(0, |currency| match currency {
        crate::terms::OriginCurrency::Usdc => 1,
        crate::terms::OriginCurrency::Eth => 2,
        crate::terms::OriginCurrency::Sol => 3,
    })]);
    hash.update([u8::from(origin.chain_id.is_some())]);
    hash.update(origin.chain_id.unwrap_or_default().to_be_bytes());
    hash.finalize().into()
}

/// A verified settlement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    /// Shared with its ledger entries.
    pub id: SettlementId,
    /// The provider's reference of the payment.
    pub reference: String,
    /// The transaction that it arrived by, where the provider names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction: Option<String>,
    /// What arrived, in the asset's base units. What is more than was asked for is recorded here and nowhere else.
    pub received_base_units: u64,
    /// When it was recorded.
    #[serde(with = "rfc3339_millis")]
    pub settled_at: Timestamp,
    /// Whether the provider gave it back afterwards, and the books were adjusted.
    pub refunded: bool,
}

/// Why the seller did not handle the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind of failure.
    pub kind: FailureKind,
    /// The status that the seller answered with, where it answered.
    pub seller_status: Option<u16>,
    /// Whether the request may have reached the seller.
    pub may_have_run: bool,
    /// How long it took.
    pub latency_ms: u32,
}

/// Kinds of seller failure, one for each error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// It answered a status that says it did not do the work: 5xx, 3xx, 401, 407, 408, 425, 429.
    Error,
    /// It answered something that is not JSON, or nothing.
    InvalidResponse,
    /// It answered more than its limit.
    ResponseTooLarge,
    /// No connection, or it broke before an answer.
    Unreachable,
    /// No answer in time.
    Timeout,
    /// The gateway stopped while the request was under way: nobody knows.
    Interrupted,
}

/// What is kept of a delivered response. The response itself is at most in the replay vault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The seller's status: 2xx or 4xx.
    pub seller_status: u16,
    /// SHA-256 of the response, lower-case hexadecimal.
    pub response_sha256: String,
    /// Its length in bytes.
    pub response_bytes: u64,
    /// From sending the request to having its answer.
    pub latency_ms: u32,
    /// The attempt that delivered.
    pub attempt: u32,
    /// The prefix of the API key that can open the replay vault; `None` where nothing was put there.
    pub vault_key_prefix: Option<String>,
    /// When it was recorded.
    #[serde(with = "rfc3339_millis")]
    pub delivered_at: Timestamp,
}

/// One gateway call. Changed only by the functions in [`crate::transition`], under the row's lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// UUIDv7.
    pub id: CallId,
    /// Who calls.
    pub buyer: ProfileId,
    /// Who is called.
    pub seller: ProfileId,
    /// What is called.
    pub listing: ListingId,
    /// SHA-256 of the raw body.
    pub body_sha256: BodyHash,
    /// The buyer's key, where it sent one.
    pub idempotency_key: Option<IdempotencyKey>,
    /// What the buyer wants to pay with.
    pub origin: Origin,
    /// The price and its parts; `None` for a free call.
    pub price: Option<Split>,
    /// Where it stands.
    pub state: State,
    /// Counts the leases on asking for terms; fences them.
    pub quote_fence: u32,
    /// Counts the forwards; fences them, and goes to the seller as `X-Crochet-Attempt`.
    pub attempt: u32,
    /// The end of the lease of `quoting` or `forwarding`.
    pub lease_until: Option<Timestamp>,
    /// The terms, once issued.
    pub terms: Option<Terms>,
    /// Why there are none.
    pub refusal: Option<QuoteRefusal>,
    /// Whether the provider has ever reported a payment for it.
    pub payment_seen: bool,
    /// Why the payment failed.
    pub payment_failure: Option<String>,
    /// When the provider was last asked about it.
    pub last_checked_at: Option<Timestamp>,
    /// The settlement, once verified.
    pub settlement: Option<Settlement>,
    /// Consecutive seller failures.
    pub failures: u32,
    /// Before this moment a retry repeats the last failure.
    pub retry_not_before: Option<Timestamp>,
    /// The last seller failure.
    pub last_failure: Option<Failure>,
    /// The delivery, once recorded.
    pub delivery: Option<Delivery>,
    /// The call whose terms replace these, once one was made.
    pub superseded_by: Option<CallId>,
    /// When the sweeper looks at it again; `None` when it never has to.
    pub next_check_at: Option<Timestamp>,
    /// How often the sweeper has looked.
    pub checks: u32,
    /// When it came in.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Record {
    /// Open and unpaid: counted against the buyer's limit. One whose asking for terms was given up is not.
    #[must_use]
    pub fn is_open_quote(&self, now: Timestamp) -> bool {
        match self.state {
            State::Quoting => self.lease_until.is_some_and(|until| until > now),
            state => state.is_open_quote(),
        }
    }
}

/// One forward, as history shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Its number, from 1.
    pub attempt: u32,
    /// When its lease was taken.
    pub started_at: Timestamp,
    /// How it ended; `None` while it is under way.
    pub outcome: Option<AttemptOutcome>,
    /// The seller's status, where it answered.
    pub seller_status: Option<u16>,
    /// How long it took, where that is known.
    pub latency_ms: Option<u32>,
}

names! {
    /// How a forward ended.
    pub enum AttemptOutcome {
        /// The seller handled it.
        Delivered => "delivered",
        /// The seller answered, and did not handle it.
        Failed => "failed",
        /// Nothing was sent.
        NotSent => "not_sent",
        /// It may have run: the connection broke, the time ran out, or the gateway stopped.
        Unknown => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_read_back_from_its_name() {
        for state in State::ALL {
            assert_eq!(State::parse(state.as_str()), Some(state));
        }
        assert_eq!(State::parse("paid"), None);
    }

    #[test]
    fn an_idempotency_key_is_printable_and_not_too_long() {
        assert!(IdempotencyKey::parse("order 42/a~").is_ok());
        for text in ["", "a\tb", "a\u{7f}", "ä", &"x".repeat(256)] {
            assert_eq!(IdempotencyKey::parse(text), Err(InvalidIdempotencyKey));
        }
    }

    #[test]
    fn a_fingerprint_tells_origins_apart() {
        let body = BodyHash::of(b"{}");
        let plain = Origin::default();
        let zero_chain = Origin { chain_id: Some(0), ..plain };
        let sol = Origin { currency: Some(crate::terms::OriginCurrency::Sol), ..plain };
        let all = [
            fingerprint(body, &plain),
            fingerprint(body, &zero_chain),
            fingerprint(body, &sol),
            fingerprint(BodyHash::of(b"[]"), &plain),
        ];
        for (i, a) in all.iter().enumerate() {
            for b in &all[i + 1..] {
                assert_ne!(a, b);
            }
        }
    }
}
