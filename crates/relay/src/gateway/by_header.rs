//! A call that its payment came with: claimed, submitted, and only then forwarded.

use std::sync::Arc;

use bytes::Bytes;
use crochet_pricing::{MicroUsd, Price, split};
use crochet_primitives::{CallId, ProfileId};
use crochet_secrets::VaultSecret;
use crochet_signing::BodyHash;

use crate::header_payment::{BY_HEADER, Claimed, HeaderOffer, HeaderPayment, Verification};
use crate::ledger::FeeStatus;
use crate::ports::{Admission, Claimant, HeaderPayments, Input, Offer, Seen};
use crate::record::{IdempotencyKey, NewCall, Record, fingerprint};
use crate::reply::{GatewayError, Mismatch, Progress, Reply};
use crate::route::{SOLANA, chain_number};
use crate::terms::{Observation, Origin, OriginCurrency, Terms};

use super::{Answer, Buyer, CallRequest, Gateway, Turn, accepted, refuse_new};

/// One request that brought its payment with it.
#[derive(Debug, Clone)]
pub struct PaidRequest {
    /// Who calls, where it came with a key of ours; else the payer is the buyer.
    pub buyer: Option<Buyer>,
    /// What opens the response later, for a payer without a key.
    pub vault: Option<VaultSecret>,
    /// What is called: a listing's UUID or slug.
    pub listing: String,
    /// The raw body: JSON, checked.
    pub body: Bytes,
    /// `X-Crochet-Relay-Request-Id`.
    pub relay_request: Option<CallId>,
    /// `Idempotency-Key`, or the payment's own identifier.
    pub idempotency_key: Option<IdempotencyKey>,
    /// The payment.
    pub payment: HeaderPayment,
}

/// How a listing can be paid by a header.
#[derive(Debug)]
pub enum HeaderTerms {
    /// There is no such listing.
    NotFound,
    /// It takes no new calls.
    Unavailable,
    /// It cannot be paid so: it is free, or its seller can receive none of what is taken.
    NotOffered,
    /// It can.
    Offered {
        /// The listing.
        offer: Arc<Offer>,
        /// What it costs.
        gross: MicroUsd,
        /// The ways, the preferred one first; at least one.
        ways: Vec<HeaderOffer>,
        /// What its seller says of the request that it takes.
        input: Input,
    },
}

impl Gateway {
    /// How a listing can be paid by a header. Asks the storage alone, and writes nothing.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn header_terms(&self, listing: &str) -> Result<HeaderTerms, GatewayError> {
        let Some(taken) = &self.header_payments else { return Ok(HeaderTerms::NotOffered) };
        let Some(offer) = self.directory.offer(listing).await?.filter(|offer| offer.is_public) else {
            return Ok(HeaderTerms::NotFound);
        };
        let Price::PerCall(gross) = offer.price else { return Ok(HeaderTerms::NotOffered) };
        if !offer.is_available || offer.endpoint.is_none() {
            return Ok(HeaderTerms::Unavailable);
        }
        let ways = ways(taken.as_ref(), &offer, gross).await;
        if ways.is_empty() {
            return Ok(HeaderTerms::NotOffered);
        }
        let input = self.directory.input(offer.listing).await?;
        Ok(HeaderTerms::Offered { offer, gross, ways, input })
    }

    /// Whether a key of this buyer's stands for a call of the listing: then that call is gone on with, and nobody is asked
    /// to pay for another.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn has_call(&self, buyer: ProfileId, listing: &str, key: &IdempotencyKey) -> Result<bool, GatewayError> {
        let Some(offer) = self.directory.offer(listing).await? else { return Ok(false) };
        Ok(self.journal.find_by_key(buyer, offer.listing, key).await?.is_some())
    }

    /// Handles one call that brought its payment. Run it in a task of its own, as [`call`](Self::call).
    ///
    /// The claim on the payment is committed before it is submitted, so that it pays for one call; the call is forwarded
    /// once the chain shows the payment; and 402 is answered only where it was not submitted, or can never happen any
    /// more.
    ///
    /// # Errors
    /// When the storage fails. The same request may be sent again: it is the same payment.
    pub async fn call_paid_by_header(&self, request: &PaidRequest) -> Result<Reply, GatewayError> {
        let Some(offer) = self.directory.offer(&request.listing).await? else {
            return Ok(Reply::ListingNotFound);
        };
        let reference = request.payment.reference();
        match self.journal.find_by_reference(BY_HEADER, &reference).await? {
            Claimant::Nobody => {}
            Claimant::Call(seen) => return self.claimed_before(request, &offer, *seen).await,
            Claimant::Exported => return Ok(Reply::CallExported),
        }
        let Some(taken) = &self.header_payments else { return Ok(Reply::PaymentNotTaken) };
        let Price::PerCall(current) = offer.price else { return Ok(Reply::PaymentNotTaken) };
        // A key that stands for a call already decides before any payment is looked at.
        if let (Some(buyer), Some(key)) = (&request.buyer, &request.idempotency_key)
            && let Some((seen, used_for)) = self.journal.find_by_key(buyer.profile, offer.listing, key).await?
        {
            if used_for != fingerprint(BodyHash::of(&request.body), &Origin::default()) {
                return Ok(Reply::IdempotencyKeyReused);
            }
            return self.claimed_before(request, &offer, seen).await;
        }
        if let Some(call) = request.relay_request {
            match self.journal.find(call).await?.filter(|seen| seen.record.price.is_some()) {
                None => return Ok(Reply::CallNotFound),
                // A new payment makes a new call of one that can never be paid any more.
                Some(seen) if seen.record.state.is_dead() => {
                    if let Some(reply) = self.late_payment(request, &offer, seen).await? {
                        return Ok(reply);
                    }
                }
                // The call is gone on with; a payment that is not its own is left alone.
                Some(seen) => return self.claimed_before(request, &offer, seen).await,
            }
        }
        // Nothing is charged for a call that cannot be made: the payment stays unused.
        if let Some(refusal) = refuse_new(&offer, &request.body) {
            return Ok(refusal);
        }
        let way = match self.priced(taken.as_ref(), &request.payment, &offer, current).await {
            Ok(way) => way,
            Err(reason) => return self.not_paid(request, &offer, reason).await,
        };
        let (gross, way) = way;
        let evidence = match taken.verify(&request.payment, &way).await {
            Verification::Valid { evidence } => evidence,
            Verification::Invalid { reason } => return self.not_paid(request, &offer, reason).await,
            Verification::Used => return self.not_paid(request, &offer, "invalid_transaction_state").await,
            Verification::Unavailable { retry_after_seconds } => {
                return Ok(Reply::PaymentUnverified { retry_after_seconds: retry_after_seconds.unwrap_or(5).max(1) });
            }
        };
        let call = self.as_call(request, self.buyer_of(request).await?);
        let turn = Turn::new(&call, &offer);
        let new_call = NewCall {
            price: Some(split(gross, self.fee_rate)),
            terms: Some(Box::new(terms(&request.payment, &way, evidence))),
            ..self.new_call(&turn)
        };
        match self.journal.admit(&new_call).await? {
            Admission::Submit(seen) => self.submit(&turn, seen).await,
            // Another request was faster with the same payment, or with the same key.
            Admission::Known(seen) => self.claimed_before(request, &offer, seen).await,
            Admission::KeyReused => Ok(Reply::IdempotencyKeyReused),
            Admission::TooManyOpenQuotes { limit } => Ok(Reply::TooManyOpenQuotes { limit }),
            Admission::Exported => Ok(Reply::CallExported),
            Admission::Quote(seen, _) | Admission::Forward(seen, _) => {
                Err(GatewayError::Inconsistent { call: seen.record.id, what: "it came paid, and was not admitted so" })
            }
        }
    }

    /// Whether a dead call of this buyer's, which the request names, was paid in the other way after all.
    async fn late_payment(
        &self,
        request: &PaidRequest,
        offer: &Offer,
        seen: Seen,
    ) -> Result<Option<Reply>, GatewayError> {
        let record = &seen.record;
        let is_for_this = record.listing == offer.listing && record.body_sha256 == BodyHash::of(&request.body);
        match &request.buyer {
            Some(buyer) if buyer.profile == record.buyer && is_for_this && !came_paid(record) => {
                let call = self.as_call(request, buyer.clone());
                self.paid_after_all(&Turn::new(&call, offer), seen).await
            }
            _ => Ok(None),
        }
    }

    /// The payment is refused, unless another request has claimed it meanwhile: then it was good, and is that call's.
    async fn not_paid(
        &self,
        request: &PaidRequest,
        offer: &Offer,
        reason: impl Into<String>,
    ) -> Result<Reply, GatewayError> {
        let reason = reason.into();
        match self.journal.find_by_reference(BY_HEADER, &request.payment.reference()).await? {
            Claimant::Call(seen) => self.claimed_before(request, offer, *seen).await,
            Claimant::Exported => Ok(Reply::CallExported),
            Claimant::Nobody => Ok(Reply::NotPaid { record: None, reason }),
        }
    }

    /// A payment, or an idempotency key, that stands for a call already: the same call is gone on with, another one is
    /// not paid for.
    async fn claimed_before(&self, request: &PaidRequest, offer: &Offer, seen: Seen) -> Result<Reply, GatewayError> {
        let record = &seen.record;
        let body_sha256 = BodyHash::of(&request.body);
        let id = record.id;
        if record.listing != offer.listing {
            return Ok(Reply::Mismatch { call: id, what: Mismatch::Listing });
        }
        if record.body_sha256 != body_sha256 {
            return Ok(Reply::Mismatch { call: id, what: Mismatch::Body });
        }
        // Who has read the payment on the chain has no key of whoever paid with one.
        let profile = match &request.buyer {
            Some(buyer) => buyer.profile,
            None => self.payers.profile_of(&request.payment.payer).await?,
        };
        if profile != record.buyer {
            return Ok(Reply::Mismatch { call: id, what: Mismatch::Payer });
        }
        let is_same_payment = is_paid_by(record, &request.payment);
        if is_same_payment && !knows_its_secret(record, &request.payment) {
            return Ok(Reply::Mismatch { call: id, what: Mismatch::Payer });
        }
        // The key's call can no longer be paid, and this payment is not its payment.
        if !is_same_payment && record.state.is_dead() {
            return Ok(Reply::IdempotencyKeyReused);
        }
        let buyer = Buyer { profile: record.buyer, vault: self.vault_of(request) };
        let call = self.as_call(request, buyer);
        let turn = Turn::new(&call, offer);
        self.go_on(&turn, seen).await
    }

    /// Submits a payment whose claim was just committed, and goes on with what the chain then shows.
    async fn submit(&self, turn: &Turn<'_>, seen: Seen) -> Result<Reply, GatewayError> {
        let (Some(taken), Some(payment), Some(terms)) =
            (&self.header_payments, &turn.request.payment, &seen.record.terms)
        else {
            return Err(GatewayError::Inconsistent { call: seen.record.id, what: "there is no payment to submit" });
        };
        let observation = taken.submit(payment, terms).await;
        let lease = if observation.payments().is_empty() { None } else { self.lease(turn) };
        let started = self.clock.monotonic();
        let call = seen.record.id;
        match self.journal.advance_after_check(call, seen.now, &observation, lease).await? {
            Some(advanced) => match advanced.forwarding {
                Some(forwarding) => self.forward(turn, forwarding, started).await,
                None => match self.answer(turn, advanced.seen).await? {
                    Answer::Reply(reply) => Ok(*reply),
                    Answer::Again(seen) => Ok(accepted(*seen, Progress::NotFinal)),
                },
            },
            None => Ok(Reply::CallNotFound),
        }
    }

    /// What became of a call's payment; one that came with this very request, and was never made, is submitted again.
    pub(super) async fn look(&self, turn: &Turn<'_>, call: CallId, terms: &Terms) -> Result<Observation, GatewayError> {
        let observation = self.provider.check(call, terms).await;
        let (Some(taken), Some(payment)) = (&self.header_payments, &turn.request.payment) else {
            return Ok(observation);
        };
        let is_its_payment = terms.claimed.is_some() && payment.reference() == terms.provider_request_id;
        if observation != Observation::Waiting || !is_its_payment {
            return Ok(observation);
        }
        Ok(match self.journal.retake_submission(call).await? {
            Some(_) => taken.submit(payment, terms).await,
            None => Observation::InProgress,
        })
    }

    /// The price that the payment pays, and how: what our own terms promised, else the price as it is or just was.
    async fn priced(
        &self,
        taken: &dyn HeaderPayments,
        payment: &HeaderPayment,
        offer: &Offer,
        current: MicroUsd,
    ) -> Result<(MicroUsd, HeaderOffer), &'static str> {
        let is_on_solana = payment.network.starts_with("solana:");
        let mut reason = "invalid_network";
        let mut best: Option<(MicroUsd, HeaderOffer)> = None;
        let promised =
            payment.promised.filter(|promised| promised.listing == offer.listing).map(|promised| promised.gross);
        for gross in [promised, Some(current), offer.former_price].into_iter().flatten() {
            let way = ways(taken, offer, gross).await.into_iter().find(|way| {
                way.scheme == payment.scheme && way.network == payment.network && way.asset == payment.asset
            });
            let Some(way) = way else { continue };
            if way.pays_into != payment.recipient {
                reason = if is_on_solana {
                    "invalid_exact_svm_payload_recipient_mismatch"
                } else {
                    "invalid_exact_evm_payload_recipient_mismatch"
                };
            } else if payment.base_units < way.base_units {
                reason = if is_on_solana {
                    "invalid_exact_svm_payload_amount_mismatch"
                } else {
                    "invalid_exact_evm_payload_authorization_value"
                };
            } else if best.as_ref().is_none_or(|(known, _)| *known < gross) {
                best = Some((gross, way));
            }
        }
        best.ok_or(reason)
    }

    async fn buyer_of(&self, request: &PaidRequest) -> Result<Buyer, GatewayError> {
        match &request.buyer {
            Some(buyer) => Ok(buyer.clone()),
            None => {
                let profile = self.payers.profile_of(&request.payment.payer).await?;
                Ok(Buyer { profile, vault: request.vault.clone() })
            }
        }
    }

    fn vault_of(&self, request: &PaidRequest) -> Option<VaultSecret> {
        match &request.buyer {
            Some(buyer) => buyer.vault.clone(),
            None => request.vault.clone(),
        }
    }

    fn as_call(&self, request: &PaidRequest, buyer: Buyer) -> CallRequest {
        CallRequest {
            buyer,
            listing: request.listing.clone(),
            body: request.body.clone(),
            relay_request: None,
            idempotency_key: request.idempotency_key.clone(),
            origin: Origin::default(),
            payment: Some(Box::new(request.payment.clone())),
        }
    }
}

/// Of several wallets of the seller's, the one that it would be paid at by the provider comes first.
async fn ways(taken: &dyn HeaderPayments, offer: &Offer, gross: MicroUsd) -> Vec<HeaderOffer> {
    let mut ways = taken.offers(gross, &offer.payout_wallets).await;
    ways.sort_by_key(|way| offer.payout_address.as_ref() != Some(&way.recipient));
    ways
}

fn terms(payment: &HeaderPayment, way: &HeaderOffer, evidence: serde_json::Value) -> Terms {
    let reference = payment.reference();
    Terms {
        provider: BY_HEADER.to_owned(),
        provider_request_id: reference,
        scheme: payment.scheme.clone(),
        network: payment.network.clone(),
        origin_currency: OriginCurrency::Usdc,
        origin_chain_id: chain_number(&payment.network).unwrap_or(SOLANA),
        instructions: evidence,
        asset: payment.asset.clone(),
        recipient: way.recipient.clone(),
        expected_base_units: way.base_units,
        // The payer pays the seller the whole price: what of it is the marketplace's, the seller owes.
        fee_status: FeeStatus::Accrued,
        expires_at: payment.valid_before,
        claimed: Some(Claimed {
            payer: payment.payer.canonical(),
            nonce: payment.nonce.clone(),
            valid_before: payment.valid_before,
            secret_sha256: payment.secret_sha256.map(|hash| BodyHash::from_bytes(hash).to_string()),
        }),
    }
}

fn is_paid_by(record: &Record, payment: &HeaderPayment) -> bool {
    record
        .terms
        .as_ref()
        .is_some_and(|terms| terms.claimed.is_some() && terms.provider_request_id == payment.reference())
}

/// Who has read the payment on the chain knows all of it but our signed terms. Hashes of secrets are compared: which
/// byte differs says nothing.
fn knows_its_secret(record: &Record, payment: &HeaderPayment) -> bool {
    let kept =
        record.terms.as_ref().and_then(|terms| terms.claimed.as_ref()).and_then(|claim| claim.secret_sha256.as_ref());
    kept.is_none_or(|kept| payment.secret_sha256.is_some_and(|hash| BodyHash::from_bytes(hash).to_string() == *kept))
}

/// A dead call whose payment came with it: nothing takes its place, since a new payment comes with a new call.
pub(super) fn can_never_be_paid(seen: Seen) -> Reply {
    let reason = seen.record.payment_failure.clone().unwrap_or_else(|| "the payment was not made".to_owned());
    Reply::NotPaid { record: Some(Box::new(seen.record)), reason }
}

/// Whether the payment came with the call.
pub(super) fn came_paid(record: &Record) -> bool {
    record.terms.as_ref().is_some_and(|terms| terms.claimed.is_some())
}
