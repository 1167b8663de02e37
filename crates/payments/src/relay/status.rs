//! What has become of a payment.

use std::time::Duration;

use crochet_primitives::{CallId, Timestamp, timestamp_from_millis};
use crochet_relay::{Observation, Terms};
use serde_json::Value;
use tokio::time::Instant;

use super::arrived::{self, Record};
use super::client::{CallError, Kind};
use super::json as read;
use super::{NAME, RelayProvider};

/// How long a failure has to stand before it counts, where no deposit was seen: a refund may follow it.
const FAILURE_STANDS: Duration = Duration::from_secs(60);
/// The same, where a deposit was seen, which has to come back first.
const FAILURE_WITH_DEPOSIT_STANDS: Duration = Duration::from_secs(600);
/// How long Relay's record of a success is waited for before its own quote speaks in place of it.
const RECORD_IS_COMPLETE: Duration = Duration::from_secs(60);

/// Relay's word on a request at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Status {
    Waiting,
    /// Also every status that is not known: a new one is no reason to ask for another payment.
    UnderWay,
    Success,
    Refund,
    Failure,
    /// Relay says itself that it does not know.
    Unknown,
}

impl Status {
    fn parse(text: &str) -> Self {
        match text {
            "waiting" => Self::Waiting,
            "success" => Self::Success,
            "refund" | "refunded" => Self::Refund,
            "failure" => Self::Failure,
            "unknown" => Self::Unknown,
            // depositing, pending, submitted, delayed, and what comes after them.
            _ => Self::UnderWay,
        }
    }
}

/// An answer of `/intents/status/v3`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StatusAnswer {
    pub(super) status: Status,
    /// Whether a transaction of the buyer's was seen.
    pub(super) has_deposit: bool,
    /// Whether a transaction of Relay's was seen.
    pub(super) has_fill: bool,
    pub(super) updated_at: Option<Timestamp>,
    pub(super) fail_reason: Option<String>,
    pub(super) refund_fail_reason: Option<String>,
}

impl StatusAnswer {
    /// `None` where it says no status.
    pub(super) fn read(answer: &Value) -> Option<Self> {
        Some(Self {
            status: Status::parse(read::text(answer, &["status"])?),
            has_deposit: !read::items(answer, "inTxHashes").is_empty(),
            has_fill: !read::items(answer, "txHashes").is_empty(),
            updated_at: read::whole(answer, &["updatedAt"])
                .and_then(|millis| timestamp_from_millis(i64::try_from(millis).ok()?)),
            fail_reason: read::reason(answer, "failReason"),
            refund_fail_reason: read::reason(answer, "refundFailReason"),
        })
    }

    /// Whether it has stood for so long. What does not say since when is young for ever: it may be of this moment.
    fn has_stood(&self, length: Duration, now: Timestamp) -> bool {
        self.updated_at.and_then(|at| (now - at).to_std().ok()).is_some_and(|age| age >= length)
    }

    fn failure(&self, now: Timestamp) -> Observation {
        let stands = if self.has_deposit { FAILURE_WITH_DEPOSIT_STANDS } else { FAILURE_STANDS };
        if !self.has_stood(stands, now) {
            return Observation::InProgress;
        }
        Observation::Failed { reason: self.why("Relay could not make the payment") }
    }

    fn refund(&self, reference: &str) -> Observation {
        // What could not be given back is neither paid nor returned: somebody at Relay has to look at it.
        if self.refund_fail_reason.is_some() {
            return Observation::InProgress;
        }
        Observation::Refunded {
            references: vec![reference.to_owned()],
            reason: self.why("Relay gave the payment back"),
        }
    }

    fn why(&self, what: &str) -> String {
        match &self.fail_reason {
            Some(code) => format!("{what} ({code})"),
            None => what.to_owned(),
        }
    }
}

impl RelayProvider {
    pub(super) async fn look(&self, call: CallId, terms: &Terms, kind: Kind) -> Observation {
        let id = &terms.provider_request_id;
        if terms.provider != NAME || !read::is_request_id(id) {
            tracing::error!(call = %call.request_id(), provider = terms.provider, "these terms are not Relay's");
            return Observation::Unknown;
        }
        let deadline = self.client.deadline(kind);
        let answer = match self.client.get(kind, &format!("/intents/status/v3?requestId={id}"), deadline).await {
            Ok(answer) => answer,
            Err(error) => {
                log(call, "status", error);
                return Observation::Unknown;
            }
        };
        let Some(answer) = StatusAnswer::read(&answer) else {
            log(call, "status", CallError::NoAnswer);
            return Observation::Unknown;
        };
        let now = self.clock.now();
        match answer.status {
            Status::Waiting if answer.has_deposit => Observation::InProgress,
            Status::Waiting => Observation::Waiting,
            Status::UnderWay => Observation::InProgress,
            Status::Unknown => Observation::Unknown,
            Status::Failure => answer.failure(now),
            Status::Refund => answer.refund(id),
            Status::Success => self.success(call, terms, kind, &answer, deadline).await,
        }
    }

    /// A success counts once Relay's record says what arrived.
    async fn success(
        &self,
        call: CallId,
        terms: &Terms,
        kind: Kind,
        answer: &StatusAnswer,
        deadline: Instant,
    ) -> Observation {
        let id = &terms.provider_request_id;
        let record = match self.client.get(kind, &format!("/requests/v3?id={id}"), deadline).await {
            Ok(record) => record,
            Err(error) => {
                log(call, "record", error);
                return Observation::InProgress;
            }
        };
        let may_be_quoted = answer.has_fill && answer.has_stood(RECORD_IS_COMPLETE, self.clock.now());
        match arrived::read(&record, terms, may_be_quoted) {
            Record::Arrived(payment) => Observation::Arrived(vec![payment]),
            Record::Incomplete(what) => {
                tracing::warn!(call = %call.request_id(), what, "Relay reports a success that is not proved yet");
                Observation::InProgress
            }
        }
    }
}

/// Ids and kinds only: what Relay wrote is not repeated.
fn log(call: CallId, asked_for: &'static str, error: CallError) {
    let call = call.request_id();
    match error {
        CallError::NotNow { retry_after } => {
            tracing::debug!(%call, asked_for, seconds = retry_after.as_secs(), "Relay is not asked now");
        }
        CallError::NoAnswer => tracing::warn!(%call, asked_for, "Relay gave no answer that can be read"),
        CallError::Refused { status: status @ (401 | 403), .. } => {
            tracing::error!(%call, asked_for, status, "Relay refuses our API key: check CROCHET_RELAY_API_KEY");
        }
        CallError::Refused { status, code } => tracing::warn!(%call, asked_for, status, ?code, "Relay refused"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn every_status_is_one_of_the_documented_ones_or_under_way() {
        for (text, status) in [
            ("waiting", Status::Waiting),
            ("depositing", Status::UnderWay),
            ("pending", Status::UnderWay),
            ("submitted", Status::UnderWay),
            ("delayed", Status::UnderWay),
            ("success", Status::Success),
            ("refund", Status::Refund),
            ("refunded", Status::Refund),
            ("failure", Status::Failure),
            ("unknown", Status::Unknown),
            ("something-new", Status::UnderWay),
            ("SUCCESS", Status::UnderWay),
        ] {
            assert_eq!(StatusAnswer::read(&json!({ "status": text })).unwrap().status, status, "{text}");
        }
        assert_eq!(StatusAnswer::read(&json!({ "status": 1 })), None);
    }

    #[test]
    fn a_failure_counts_once_it_has_stood() {
        let at = timestamp_from_millis(1_774_993_296_121).unwrap();
        let after = |seconds| at + Duration::from_secs(seconds);
        let without = json!({"status": "failure", "updatedAt": 1_774_993_296_121_u64, "failReason": "DOUBLE_SPEND"});
        let mut with = without.clone();
        with["inTxHashes"] = json!(["0xabc1"]);
        let (without, with) = (StatusAnswer::read(&without).unwrap(), StatusAnswer::read(&with).unwrap());
        assert_eq!(without.failure(after(59)), Observation::InProgress);
        assert!(
            matches!(without.failure(after(60)), Observation::Failed { reason } if reason.ends_with("(DOUBLE_SPEND)"))
        );
        assert_eq!(with.failure(after(599)), Observation::InProgress);
        assert!(matches!(with.failure(after(600)), Observation::Failed { .. }));
        let undated = StatusAnswer::read(&json!({"status": "failure"})).unwrap();
        assert_eq!(undated.failure(after(1_000_000)), Observation::InProgress);
        assert_eq!(without.failure(at - Duration::from_secs(3_600)), Observation::InProgress);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_of_a_status_panic(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            if let Ok(value) = serde_json::from_slice::<Value>(&bytes) {
                let _ = StatusAnswer::read(&value);
            }
        }

        #[test]
        fn no_type_of_a_field_makes_it_panic(
            status in "[a-z]{0,12}",
            updated_at in prop_oneof![any::<u64>().prop_map(Value::from), any::<i64>().prop_map(Value::from),
                ".*".prop_map(Value::from), Just(Value::Null)],
            hashes in prop_oneof![Just(json!([])), Just(json!(["0x1"])), Just(json!(7)), Just(json!({}))],
        ) {
            let answer = json!({"status": status, "updatedAt": updated_at, "inTxHashes": hashes, "txHashes": hashes});
            if let Some(answer) = StatusAnswer::read(&answer) {
                let now = timestamp_from_millis(1_774_993_296_121).unwrap();
                let _ = (answer.failure(now), answer.refund("0x01"));
            }
        }
    }
}
