//! The relay's port for payments on Solana, over facilitators and a node.

use crochet_pricing::MicroUsd;
use crochet_primitives::TooMuchToCompute;
use crochet_relay::{HeaderOffer, HeaderPayment, Observation, Terms, Verification};
use crochet_wallet::{Chain as Family, WalletAddress};
use crochet_x402::facilitator::request;
use crochet_x402::solana::{SolanaPayment, token_account};
use crochet_x402::{EXACT, Offer};
use serde_json::Value;
use tokio::time::Instant;

use super::Chain;
use super::chain::Beforehand;
use super::evidence::{Evidence, wanted};
use crate::chain::Look;
use crate::node::Unreadable;
use crate::payments::{BUSY, Facilitators, MAX_TIMEOUT_SECONDS, observation};
use crate::service::Service;
use crate::verdict::Verified;

/// How often it is asked whether a node knows the block that a payment names: clients ask other nodes, and these may be
/// a moment ahead.
const TRIES: u32 = 3;

impl Facilitators {
    /// The asset with this CAIP-19 name, where it is on Solana.
    pub(crate) fn on_solana(&self, caip19: &str) -> Option<&Chain> {
        self.solana.iter().find(|chain| chain.caip19 == caip19)
    }

    /// The ways to pay a wallet on Solana. None on a network for which no facilitator says who pays the fees.
    pub(crate) async fn offers_on_solana(&self, gross: MicroUsd, wallet: &str) -> Vec<HeaderOffer> {
        let deadline = Instant::now() + self.times.supported;
        let Some(owner) = WalletAddress::parse(wallet).ok().filter(|owner| owner.chain() == Family::Solana) else {
            return Vec::new();
        };
        let mut offers = Vec::new();
        for chain in &self.solana {
            let (Some(base_units), Some(pays_into)) =
                (chain.asset.base_units(gross), token_account(&chain.asset, &owner))
            else {
                continue;
            };
            let Some(fee_payer) = self.fee_payer(chain, deadline).await else { continue };
            offers.push(HeaderOffer {
                scheme: EXACT,
                network: chain.asset.network().to_string(),
                asset: chain.caip19.clone(),
                recipient: owner.canonical(),
                pays_into: pays_into.canonical(),
                fee_payer: Some(fee_payer.canonical()),
                base_units,
            });
        }
        offers
    }

    async fn fee_payer(&self, chain: &Chain, deadline: Instant) -> Option<WalletAddress> {
        for service in &self.services {
            let fee_payer = service.fee_payer(chain.asset.network(), deadline).await;
            if fee_payer.is_some() {
                return fee_payer;
            }
        }
        None
    }

    /// Whether the payment is good: by what is in it, then by the node, then by a facilitator.
    pub(crate) async fn verify_on_solana(
        &self,
        chain: &Chain,
        payment: &HeaderPayment,
        way: &HeaderOffer,
    ) -> Verification {
        let deadline = Instant::now() + self.times.verify;
        let invalid = |reason: &str| Verification::Invalid { reason: reason.to_owned() };
        let unavailable = Verification::Unavailable { retry_after_seconds: None };
        if payment.scheme != EXACT {
            return invalid("unsupported_scheme");
        }
        if chain.asset.network().to_string() != payment.network {
            return invalid("invalid_network");
        }
        let (Some(signed), Ok(recipient)) = (read(payment), WalletAddress::parse(&way.recipient)) else {
            return invalid("invalid_payload");
        };
        let (asset, base_units) = (chain.asset.clone(), way.base_units);
        let checked = self.computing.compute(move || (signed.problem(&asset, &recipient, base_units), signed)).await;
        let signed = match checked {
            Ok((None, signed)) => signed,
            Ok((Some(reason), _)) => return invalid(reason),
            Err(TooMuchToCompute) => return BUSY,
        };
        let Some(fee_payer) = signed.fee_payer() else { return invalid("invalid_payload") };
        let offered = match self.with_fee_payer(chain, &fee_payer, deadline).await {
            Some(services) if services.is_empty() => return invalid("invalid_exact_svm_fee_payer_mismatch"),
            Some(services) => services,
            None => return unavailable,
        };
        // From here on somebody is asked.
        let _place = match self.verifications.take() {
            Ok(place) => place,
            Err(seconds) => return Verification::Unavailable { retry_after_seconds: Some(seconds) },
        };
        let body = signed.to_json();
        let transaction = body.get("transaction").and_then(Value::as_str).unwrap_or_default();
        let (after_slot, last_height) = match self.await_block(chain, transaction, deadline).await {
            Ok(Beforehand::New { after_slot, last_height }) => (after_slot, last_height),
            Ok(Beforehand::Made) => return Verification::Used,
            Ok(Beforehand::TooLate) => return invalid("invalid_exact_svm_payload_transaction_blockhash_expired"),
            Err(Unreadable) => return unavailable,
        };
        let offer = offer(chain, recipient, fee_payer, payment.base_units);
        match self.verdict(offered, payment, &body, &offer, deadline).await {
            Ok(Verified { by, version }) => {
                let evidence = Evidence::of(&signed, (by, version), after_slot, last_height);
                Verification::Valid { evidence: evidence.to_json() }
            }
            Err(otherwise) => otherwise,
        }
    }

    /// Whose fee payer this is; `None` where it is nobody's, and somebody has not said who is its own.
    async fn with_fee_payer(&self, chain: &Chain, fee_payer: &WalletAddress, until: Instant) -> Option<Vec<&Service>> {
        let (mut services, mut is_unsaid) = (Vec::new(), false);
        for service in &self.services {
            match service.has_fee_payer(chain.asset.network(), fee_payer, until).await {
                Some(true) => services.push(service),
                Some(false) => {}
                None => is_unsaid = true,
            }
        }
        (!services.is_empty() || !is_unsaid).then_some(services)
    }

    async fn await_block(&self, chain: &Chain, transaction: &str, deadline: Instant) -> Result<Beforehand, Unreadable> {
        let mut found = chain.beforehand(transaction, deadline).await?;
        for _ in 1..TRIES {
            if found != Beforehand::TooLate || Instant::now() + self.times.between_looks >= deadline {
                break;
            }
            self.clock.sleep(self.times.between_looks).await;
            found = chain.beforehand(transaction, deadline).await?;
        }
        Ok(found)
    }

    /// Submits through the facilitator that verified it, and looks at the chain.
    pub(crate) async fn submit_on_solana(&self, chain: &Chain, payment: &HeaderPayment, terms: &Terms) -> Observation {
        let deadline = Instant::now() + self.times.submit;
        let (Some(wanted), Some(evidence)) = (wanted(terms), Evidence::read(&terms.instructions)) else {
            return unknown(terms);
        };
        let body = read(payment).and_then(|signed| {
            let recipient = WalletAddress::parse(&terms.recipient).ok()?;
            let offer = offer(chain, recipient, signed.fee_payer()?, payment.base_units);
            request(evidence.version, &signed.to_json(), &offer, &self.resource, &payment.payload)
        });
        let said = self.settle(&evidence.facilitator, body.as_ref(), deadline).await;
        let hint = said.as_ref().and_then(|said| said.transaction.as_deref());
        match self.await_look(said.as_ref(), deadline, || chain.look(&wanted, hint, deadline)).await {
            Ok(Look::Unused) => Observation::InProgress,
            look => observation(look, terms),
        }
    }

    /// What the chain says.
    pub(crate) async fn check_on_solana(&self, chain: &Chain, terms: &Terms) -> Observation {
        let deadline = Instant::now() + self.times.check;
        let Some(wanted) = wanted(terms) else { return unknown(terms) };
        observation(chain.look(&wanted, None, deadline).await, terms)
    }
}

fn read(payment: &HeaderPayment) -> Option<SolanaPayment> {
    let signed = SolanaPayment::read(payment.payload.get("payload")?).ok()?;
    (signed.message_hash() == payment.nonce && signed.payer() == payment.payer).then_some(signed)
}

/// What a facilitator is told of a payment: what was decoded of it.
fn offer(chain: &Chain, pay_to: WalletAddress, fee_payer: WalletAddress, base_units: u64) -> Offer {
    Offer {
        asset: chain.asset.clone(),
        pay_to,
        fee_payer: Some(fee_payer),
        base_units,
        max_timeout_seconds: MAX_TIMEOUT_SECONDS,
    }
}

fn unknown(terms: &Terms) -> Observation {
    tracing::error!(
        claim = terms.provider_request_id,
        "a payment on Solana cannot be looked for: its terms are no such"
    );
    Observation::Unknown
}
