//! From the right to forward to what came of it. Each step consumes the one before, so a call cannot be concluded
//! twice.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use crochet_primitives::{CallId, ProfileId, Timestamp};
use crochet_signing::{BodyHash, Seal, SigningSecrets, seal};
use secrecy::SecretString;

use crate::record::{AttemptOutcome, Failure, FailureKind, Record};

/// The right to forward one call once: a lease, fenced by the attempt's number. Only [`crate::transition::advance`]
/// and [`crate::transition::open`] grant it, and only for a call that is free or settled.
#[derive(Debug)]
pub struct Forwarding {
    record: Box<Record>,
}

/// A seller's endpoint, decrypted.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The private URL.
    pub url: SecretString,
    /// A header to authenticate with at the seller, where one is set.
    pub upstream_auth: Option<UpstreamAuth>,
    /// What signs the request.
    pub signing_secrets: SigningSecrets,
    /// How long the seller may take.
    pub timeout: Duration,
    /// The longest request body, in bytes.
    pub max_request_bytes: u64,
    /// The longest response body, in bytes.
    pub max_response_bytes: u64,
}

/// The header with which the gateway authenticates at a seller.
#[derive(Debug, Clone)]
pub struct UpstreamAuth {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: SecretString,
}

/// One signed request, ready to be sent.
#[derive(Debug)]
pub struct Dispatch {
    /// Where to.
    pub endpoint: Arc<Endpoint>,
    /// What proves that it comes from here: the `X-Crochet-…` headers.
    pub seal: Seal,
    /// Who calls: `X-Crochet-Buyer-Id`.
    pub buyer: ProfileId,
    /// Which try this is: `X-Crochet-Attempt`.
    pub attempt: u32,
    /// The buyer's raw body, unchanged.
    pub body: Bytes,
    /// All the time there is, from now to the last byte of the answer.
    pub budget: Duration,
}

/// What came back from a seller, and what is known of what never came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrival {
    /// A whole answer within its limits.
    Answered {
        /// Its status.
        status: u16,
        /// Its body, as it came.
        body: Bytes,
        /// From sending to the last byte.
        latency_ms: u32,
    },
    /// An answer over its limit, cut off.
    TooLarge {
        /// Its status.
        status: u16,
        /// Until it was cut off.
        latency_ms: u32,
    },
    /// Nothing of the request was sent.
    NeverSent {
        /// Why.
        cause: Cause,
        /// Until it was given up.
        latency_ms: u32,
    },
    /// The request was sent, at least in part, and no whole answer came.
    MayHaveRun {
        /// Why.
        cause: Cause,
        /// Until it was given up.
        latency_ms: u32,
    },
}

/// Why no answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The time was over.
    Timeout,
    /// No connection, or it broke.
    Connection,
    /// The address is not one that the gateway may talk to.
    NotAllowed,
    /// The answer broke the protocol.
    Protocol,
}

/// A handled answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The seller's status: 2xx or 4xx.
    pub seller_status: u16,
    /// The seller's JSON, byte for byte.
    pub body: Bytes,
    /// Its hash.
    pub sha256: BodyHash,
    /// From sending to the last byte.
    pub latency_ms: u32,
}

/// How a forward ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The seller handled it.
    Delivered(Response),
    /// It did not, or nobody knows.
    Failed(Failure, AttemptOutcome),
}

/// A response, sealed for the key that paid for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedResponse {
    /// Nonce and ciphertext.
    pub bytes: Vec<u8>,
    /// The prefix of the key that opens it.
    pub key_prefix: String,
}

/// A concluded forward, to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    /// The call.
    pub call: CallId,
    /// Its buyer.
    pub buyer: ProfileId,
    /// The attempt that ended.
    pub attempt: u32,
    /// How.
    pub ending: Ending,
    /// What goes to the replay vault.
    pub sealed: Option<SealedResponse>,
}

impl Closing {
    /// Whether it is a delivery whose response is to be kept, sealed.
    #[must_use]
    pub const fn seals_a_delivery(&self) -> bool {
        self.sealed.is_some() && matches!(self.ending, Ending::Delivered(_))
    }
}

impl Forwarding {
    /// For the transitions alone: `record` MUST be in `forwarding`.
    pub(crate) fn granted(record: Record) -> Self {
        Self { record: Box::new(record) }
    }

    /// The right that a new free call begins with; `None` for a record in any other state.
    ///
    /// Storage adapters call it after they have committed [`crate::transition::open`].
    #[must_use]
    pub fn of_new_free_call(record: &Record) -> Option<Self> {
        let is_new = record.price.is_none() && record.attempt == 1 && record.state == crate::State::Forwarding;
        is_new.then(|| Self::granted(record.clone()))
    }

    /// The call as it was when the lease was taken.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The call's id.
    #[must_use]
    pub fn call(&self) -> CallId {
        self.record.id
    }

    /// The number of this attempt.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.record.attempt
    }

    /// Seals the request for the seller.
    #[must_use]
    pub fn dispatch(&self, endpoint: Arc<Endpoint>, body: Bytes, budget: Duration, now: Timestamp) -> Dispatch {
        let seal = seal(
            &endpoint.signing_secrets,
            now,
            &self.record.id.request_id(),
            &self.record.listing.to_string(),
            self.record.body_sha256,
        );
        Dispatch { endpoint, seal, buyer: self.record.buyer, attempt: self.record.attempt, body, budget }
    }

    /// Decides what the arrival means. Consumes the right: a call is concluded once.
    #[must_use]
    pub fn conclude(self, arrival: Arrival) -> Closing {
        Closing {
            call: self.record.id,
            buyer: self.record.buyer,
            attempt: self.record.attempt,
            ending: judge(arrival),
            sealed: None,
        }
    }
}

/// Handled is 2xx or 4xx with JSON, save the statuses by which a server says that it did not do the work.
#[must_use]
pub fn judge(arrival: Arrival) -> Ending {
    let failed = |kind, seller_status, latency_ms, outcome| {
        let may_have_run = outcome != AttemptOutcome::NotSent;
        Ending::Failed(Failure { kind, seller_status, may_have_run, latency_ms }, outcome)
    };
    match arrival {
        Arrival::Answered { status, body, latency_ms } => {
            if !is_handled(status) {
                return failed(FailureKind::Error, Some(status), latency_ms, AttemptOutcome::Failed);
            }
            if !is_json(&body) {
                return failed(FailureKind::InvalidResponse, Some(status), latency_ms, AttemptOutcome::Failed);
            }
            let sha256 = BodyHash::of(&body);
            Ending::Delivered(Response { seller_status: status, body, sha256, latency_ms })
        }
        Arrival::TooLarge { status, latency_ms } => {
            failed(FailureKind::ResponseTooLarge, Some(status), latency_ms, AttemptOutcome::Failed)
        }
        Arrival::NeverSent { cause, latency_ms } => failed(kind_of(cause), None, latency_ms, AttemptOutcome::NotSent),
        Arrival::MayHaveRun { cause, latency_ms } => failed(kind_of(cause), None, latency_ms, AttemptOutcome::Unknown),
    }
}

const fn kind_of(cause: Cause) -> FailureKind {
    match cause {
        Cause::Timeout => FailureKind::Timeout,
        Cause::Connection | Cause::NotAllowed => FailureKind::Unreachable,
        Cause::Protocol => FailureKind::InvalidResponse,
    }
}

const fn is_handled(status: u16) -> bool {
    matches!(status, 200..=299 | 400..=499) && !matches!(status, 401 | 407 | 408 | 425 | 429)
}

/// One JSON value and nothing else. Checked without building it: the bytes are relayed as they are.
fn is_json(body: &[u8]) -> bool {
    std::str::from_utf8(body).is_ok_and(|text| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, body: &'static str) -> Ending {
        judge(Arrival::Answered { status, body: Bytes::from_static(body.as_bytes()), latency_ms: 7 })
    }

    #[test]
    fn two_hundreds_and_four_hundreds_with_json_are_handled() {
        for status in [200, 201, 299, 400, 404, 409, 422, 499] {
            assert!(matches!(answered(status, "{}"), Ending::Delivered(r) if r.seller_status == status), "{status}");
        }
    }

    #[test]
    fn a_status_that_says_the_work_was_not_done_is_a_failure() {
        for status in [100, 301, 302, 304, 401, 407, 408, 425, 429, 500, 502, 503, 599, 999] {
            let Ending::Failed(failure, outcome) = answered(status, "{}") else { panic!("{status} was handled") };
            assert_eq!(
                (failure.kind, failure.seller_status, outcome),
                (FailureKind::Error, Some(status), AttemptOutcome::Failed)
            );
        }
    }

    #[test]
    fn what_is_not_one_json_value_is_a_failure() {
        for body in ["", "<html></html>", "{", "{} {}", "{\"a\":}", "nul", "\u{feff}{}"] {
            assert!(
                matches!(answered(200, body), Ending::Failed(f, _) if f.kind == FailureKind::InvalidResponse),
                "{body:?}"
            );
        }
        let invalid_utf8 = Arrival::Answered { status: 200, body: Bytes::from_static(b"\"\xff\""), latency_ms: 1 };
        assert!(matches!(judge(invalid_utf8), Ending::Failed(..)));
    }

    #[test]
    fn any_json_value_is_relayed_as_it_came() {
        for body in [" {\"b\":1,\"a\":1.0e5}\n", "[]", "null", "\"x\"", "12345678901234567890.123456789"] {
            assert!(matches!(answered(200, body), Ending::Delivered(r) if r.body == body.as_bytes()), "{body:?}");
        }
    }

    #[test]
    fn only_what_was_never_sent_cannot_have_run() {
        let never = judge(Arrival::NeverSent { cause: Cause::Connection, latency_ms: 1 });
        assert!(matches!(never, Ending::Failed(f, AttemptOutcome::NotSent) if !f.may_have_run));
        let maybe = judge(Arrival::MayHaveRun { cause: Cause::Timeout, latency_ms: 1 });
        assert!(
            matches!(maybe, Ending::Failed(f, AttemptOutcome::Unknown) if f.may_have_run && f.kind == FailureKind::Timeout)
        );
    }
}
