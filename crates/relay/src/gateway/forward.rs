//! From the right to forward to the reply, and the replay of what was delivered.

use std::time::Duration;

use bytes::Bytes;
use crochet_primitives::{CallId, EntropyExt, StorageError};
use crochet_secrets::{open_response, seal_response};

use crate::forwarding::{Arrival, Cause, Closing, Ending, Forwarding, SealedResponse};
use crate::ports::Seen;
use crate::record::{NewCall, State};
use crate::reply::{GatewayError, Progress, Reply};
use crate::transition::{self, Closed};

use super::{Gateway, POLL_SECONDS, Turn, accepted, seller_failed};

/// The pause between two tries to record how a forward ended.
const CLOSE_RETRY: Duration = Duration::from_millis(200);

impl Gateway {
    /// Seals, sends, concludes, records, replies. `started` is the monotonic clock from before the lease was asked
    /// for, so the deadline is inside the lease whatever the database took.
    pub(super) async fn forward(
        &self,
        turn: &Turn<'_>,
        forwarding: Forwarding,
        started: Duration,
    ) -> Result<Reply, GatewayError> {
        let Some(lease) = self.lease(turn) else {
            return Err(GatewayError::Inconsistent { call: forwarding.call(), what: "forwarded without an endpoint" });
        };
        let arrival = self.send(turn, &forwarding, started, lease).await;
        let record = Box::new(forwarding.record().clone());
        let is_paid = record.price.is_some();
        let mut closing = forwarding.conclude(arrival);
        if is_paid {
            closing.sealed = self.seal_for_vault(turn, &closing);
        }
        let give_up = started.saturating_add(lease);
        let Some((closed, seen)) = self.record_closing(&closing, give_up).await else {
            return Ok(Reply::Unrecorded { record, retry_after_seconds: POLL_SECONDS });
        };
        match (closing.ending, closed, seen.record.delivery.clone()) {
            (Ending::Delivered(response), Closed::Recorded, Some(delivery)) => Ok(Reply::Delivered {
                record: Box::new(seen.record),
                delivery,
                body: Some(response.body),
                replayed: false,
            }),
            // The payment was given back while the request was at the seller: a retry is told what that means.
            (Ending::Failed(..), Closed::Recorded, _) if seen.record.state == State::PaymentFailed => {
                Ok(accepted(seen, Progress::Unknown))
            }
            (Ending::Failed(failure, _), Closed::Recorded, _) => Ok(seller_failed(seen, failure)),
            // Too late: what another attempt recorded is the answer.
            (_, _, Some(_)) => Box::pin(self.replay(turn, seen)).await,
            (_, _, None) => Ok(accepted(seen, Progress::Forwarding)),
        }
    }

    /// The same for a free call that nobody can name: it is recorded once it is over, and answered only then.
    pub(super) async fn forward_and_record(&self, turn: &Turn<'_>, call: NewCall) -> Result<Reply, GatewayError> {
        let began = self.clock.monotonic();
        let opened = transition::open(&call, self.clock.now(), &self.policy).record;
        let (Some(lease), Some(forwarding)) = (self.lease(turn), Forwarding::of_new_free_call(&opened)) else {
            return Err(GatewayError::Inconsistent { call: call.id, what: "forwarded without an endpoint" });
        };
        let arrival = self.send(turn, &forwarding, began, lease).await;
        let closing = forwarding.conclude(arrival);
        let give_up = began.saturating_add(lease);
        let recorded = loop {
            let took = self.clock.monotonic().saturating_sub(began);
            match self.journal.record_ended(&call, &closing, took).await {
                Ok(seen) => break Some(seen),
                Err(error) if self.is_tried_again(call.id, &error, give_up).await => {}
                Err(_) => break None,
            }
        };
        let Some(seen) = recorded else {
            return Ok(Reply::Unrecorded { record: Box::new(opened), retry_after_seconds: POLL_SECONDS });
        };
        match (closing.ending, seen.record.delivery.clone()) {
            (Ending::Delivered(response), Some(delivery)) => Ok(Reply::Delivered {
                record: Box::new(seen.record),
                delivery,
                body: Some(response.body),
                replayed: false,
            }),
            (Ending::Failed(failure, _), None) => Ok(seller_failed(seen, failure)),
            _ => Err(GatewayError::Inconsistent { call: call.id, what: "recorded otherwise than it ended" }),
        }
    }

    pub(super) async fn send(
        &self,
        turn: &Turn<'_>,
        forwarding: &Forwarding,
        started: Duration,
        lease: Duration,
    ) -> Arrival {
        let elapsed = self.clock.monotonic().saturating_sub(started);
        let left = lease.saturating_sub(self.policy.close_margin).saturating_sub(elapsed);
        let Some(endpoint) = turn.offer.endpoint.clone() else {
            return Arrival::NeverSent { cause: Cause::Connection, latency_ms: 0 };
        };
        if left.is_zero() {
            return Arrival::NeverSent { cause: Cause::Timeout, latency_ms: 0 };
        }
        let budget = left.min(endpoint.timeout);
        let dispatch = forwarding.dispatch(endpoint, turn.request.body.clone(), budget, self.clock.now());
        self.upstream.forward(dispatch).await
    }

    /// Tries until the lease ends: a delivered answer that is not recorded is not given out.
    pub(super) async fn record_closing(&self, closing: &Closing, give_up: Duration) -> Option<(Closed, Seen)> {
        loop {
            match self.journal.close(closing).await {
                Ok(closed) => return closed,
                Err(error) if self.is_tried_again(closing.call, &error, give_up).await => {}
                Err(_) => return None,
            }
        }
    }

    /// Whether the end of a forward is tried to be recorded again, after a pause: until `give_up`, where that can help.
    async fn is_tried_again(&self, call: CallId, error: &StorageError, give_up: Duration) -> bool {
        let call = call.request_id();
        if let StorageError::Corrupt(what) = error {
            tracing::error!(%call, what, "the end of a forward cannot be recorded");
            return false;
        }
        if self.clock.monotonic().saturating_add(CLOSE_RETRY) >= give_up {
            tracing::error!(%call, %error, "the end of a forward was not recorded");
            return false;
        }
        tracing::warn!(%call, %error, "recording the end of a forward again");
        self.clock.sleep(CLOSE_RETRY).await;
        true
    }

    /// Paid responses up to the vault's limit are sealed for the key that called, or what else the payer chose.
    pub(super) fn seal_for_vault(&self, turn: &Turn<'_>, closing: &Closing) -> Option<SealedResponse> {
        let Ending::Delivered(response) = &closing.ending else {
            return None;
        };
        let length = u64::try_from(response.body.len()).unwrap_or(u64::MAX);
        if length > self.policy.vault_max_response {
            return None;
        }
        let secret = turn.request.buyer.vault.as_ref()?;
        let bytes = seal_response(secret, closing.call, &response.body, self.entropy.bytes()).ok()?;
        Some(SealedResponse { bytes, key_prefix: secret.hint().to_owned() })
    }

    /// A delivered call again: from the vault, for the key that paid. Of a free call only status and hash are kept.
    pub(super) async fn replay(&self, turn: &Turn<'_>, seen: Seen) -> Result<Reply, GatewayError> {
        let record = Box::new(seen.record);
        let Some(delivery) = record.delivery.clone() else {
            return Err(GatewayError::Inconsistent { call: record.id, what: "delivered without a delivery" });
        };
        if record.price.is_none() {
            return Ok(Reply::Delivered { record, delivery, body: None, replayed: true });
        }
        let sealed = self.journal.sealed_response(record.id).await?;
        let secret = turn.request.buyer.vault.as_ref();
        let body = sealed.zip(secret).and_then(|(sealed, secret)| open_response(secret, record.id, &sealed.bytes).ok());
        Ok(match body {
            Some(body) => Reply::Delivered { record, delivery, body: Some(Bytes::from(body)), replayed: true },
            None => Reply::ResponseNoLongerAvailable { record, delivery },
        })
    }
}
