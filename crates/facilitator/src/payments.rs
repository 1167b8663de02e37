//! The relay's port for payments in headers, over facilitators and chains.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use crochet_pricing::MicroUsd;
use crochet_primitives::{Clock, Computing, InPlace, TooMuchToCompute};
use crochet_relay::ports::{HeaderPayments, PayoutWallets};
use crochet_relay::{HeaderOffer, HeaderPayment, Observation, Payment, Terms, Verification};
use crochet_wallet::{Chain as Family, WalletAddress};
use crochet_x402::facilitator::{SettleAnswer, request};
use crochet_x402::{Asset, Authorization, EXACT, Offer, Resource, SignedBy};
use serde_json::Value;
use tokio::time::Instant;

use crate::budget::Budget;
use crate::chain::{Chain, Look};
use crate::config::{FacilitatorConfig, FacilitatorConfigError, FacilitatorTimes};
use crate::evidence::{self, Evidence};
use crate::health::Health;
use crate::http::Http;
use crate::node::Unreadable;
use crate::rpc::{Block, Rpc};
use crate::service::Service;
use crate::solana;
use crate::verdict::Verified;

/// An authorization has to be good for so long when it is verified: a submission takes a while.
pub const SHORTEST_WINDOW: Duration = Duration::from_secs(6);
/// It may be good for so long: while it is, nobody can say that a payment has failed.
pub const LONGEST_WINDOW: Duration = Duration::from_secs(3600);

/// As many signatures are being checked as may be: shortly there will be room again.
pub(crate) const BUSY: Verification = Verification::Unavailable { retry_after_seconds: Some(1) };

/// What facilitators are told of how long a payment may take.
pub(crate) const MAX_TIMEOUT_SECONDS: u32 = 300;

/// Takes payments by x402's scheme `exact` on EVM chains and on Solana.
pub struct Facilitators {
    pub(crate) services: Vec<Service>,
    /// The EVM chains, by asset.
    chains: Vec<Chain>,
    /// The same on Solana.
    pub(crate) solana: Vec<solana::Chain>,
    /// Everything that is taken, the preferred one first.
    assets: Vec<Asset>,
    pub(crate) resource: Resource,
    pub(crate) times: FacilitatorTimes,
    pub(crate) verifications: Budget,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) computing: Arc<dyn Computing>,
}

impl Facilitators {
    /// As configured. Signatures are checked [`InPlace`]; see [`Self::computing`].
    ///
    /// # Errors
    /// The first of [`FacilitatorConfig::problems`].
    pub fn new(config: FacilitatorConfig, clock: Arc<dyn Clock>) -> Result<Self, FacilitatorConfigError> {
        if let Some(problem) = config.problems().first() {
            return Err(*problem);
        }
        let http = Http::new()?;
        let services = config.facilitators.iter().filter_map(|endpoint| {
            let authorization = endpoint.checked_authorization();
            Some(Service::new(http.clone(), endpoint.checked_url()?, authorization, Arc::clone(&clock)))
        });
        let services = services.collect();
        let (mut chains, mut solana, mut assets) = (Vec::new(), Vec::new(), Vec::new());
        for network in config.networks {
            let Some(url) = network.checked_rpc_url() else { continue };
            let (url, attempt, clock) = (url.to_string(), config.times.rpc_attempt, Arc::clone(&clock));
            assets.push(network.asset.clone());
            match network.asset.network().evm_chain_id() {
                Some(chain_id) => chains.push(Chain {
                    rpc: Rpc::new(http.clone(), url, chain_id, attempt, clock),
                    caip19: network.asset.caip19(),
                    asset: network.asset,
                    finality_seconds: network.finality_seconds.into(),
                }),
                None => solana.push(solana::Chain::new(network.asset, http.clone(), url, attempt, clock)),
            }
        }
        let resource = Resource::new(&config.resource_url, "");
        let verifications = Budget::new(config.verifications, Arc::clone(&clock));
        let (times, computing) = (config.times, Arc::new(InPlace));
        Ok(Self { services, chains, solana, assets, resource, times, verifications, clock, computing })
    }

    /// The same, with signatures checked there.
    #[must_use]
    pub fn computing(self, computing: Arc<dyn Computing>) -> Self {
        Self { computing, ..self }
    }

    /// What is taken, the preferred one first.
    pub fn assets(&self) -> impl Iterator<Item = &Asset> {
        self.assets.iter()
    }

    /// Who has answered lately. Asks nobody.
    #[must_use]
    pub fn health(&self) -> Health {
        Health {
            facilitators: self.services.iter().map(|one| (one.url.clone(), one.is_answering())).collect(),
            chains: (self.chains.iter().map(|chain| (chain.caip19.clone(), chain.rpc.is_answering())))
                .chain(self.solana.iter().map(|chain| (chain.caip19.clone(), chain.is_answering())))
                .collect(),
        }
    }

    fn chain(&self, caip19: &str) -> Option<&Chain> {
        self.chains.iter().find(|chain| chain.caip19 == caip19)
    }

    /// What is wrong with a payment, as far as nobody has to be asked.
    fn problem(&self, payment: &HeaderPayment, expected_base_units: u64) -> Option<&'static str> {
        let now = self.clock.now();
        let left = (payment.valid_before - now).to_std().unwrap_or_default();
        if payment.scheme != EXACT {
            Some("unsupported_scheme")
        } else if payment.base_units < expected_base_units {
            Some("invalid_exact_evm_payload_authorization_value")
        } else if payment.valid_after >= now {
            Some("invalid_exact_evm_payload_authorization_valid_after")
        } else if left < SHORTEST_WINDOW || left > LONGEST_WINDOW {
            Some("invalid_exact_evm_payload_authorization_valid_before")
        } else {
            None
        }
    }

    /// Asks the facilitator that verified a payment to submit it: what it says, where it says anything.
    pub(crate) async fn settle(
        &self,
        facilitator: &str,
        body: Option<&Value>,
        deadline: Instant,
    ) -> Option<SettleAnswer> {
        let (Some(service), Some(body)) = (self.services.iter().find(|service| service.url == facilitator), body)
        else {
            // It was verified by one that is not configured any more: only that one may be asked.
            tracing::warn!(facilitator, "a payment was not submitted");
            return None;
        };
        let answer = service.settle(body, deadline.min(Instant::now() + self.times.settle)).await;
        let said = answer.and_then(|answer| SettleAnswer::read(&answer.value?));
        if let Some(reason) = said.as_ref().filter(|said| !said.success).and_then(|said| said.reason.as_deref()) {
            tracing::info!(facilitator, reason, "a facilitator has not settled a payment");
        }
        said
    }

    /// Looks until it is seen what became of a payment that a facilitator was asked to submit; once where it says no, or
    /// nothing, since the sweeper looks again.
    pub(crate) async fn await_look<F: Future<Output = Result<Look, Unreadable>> + Send>(
        &self,
        said: Option<&SettleAnswer>,
        deadline: Instant,
        look_once: impl Fn() -> F + Sync,
    ) -> Result<Look, Unreadable> {
        // Nodes are a little behind.
        let is_expected = said.is_some_and(|said| said.success || said.is_pending());
        let looks = if is_expected { self.times.looks.saturating_add(1) } else { 1 };
        let mut look = Err(Unreadable);
        for turn in 0..looks {
            if turn > 0 {
                if Instant::now() + self.times.between_looks >= deadline {
                    break;
                }
                self.clock.sleep(self.times.between_looks).await;
            }
            look = look_once().await;
            if matches!(look, Ok(Look::Paid { .. } | Look::Lost(_))) {
                break;
            }
        }
        look
    }
}

#[async_trait]
impl HeaderPayments for Facilitators {
    async fn offers(&self, gross: MicroUsd, wallets: &PayoutWallets) -> Vec<HeaderOffer> {
        let recipient = wallets.evm.as_deref().and_then(|address| WalletAddress::parse(address).ok());
        let recipient = recipient.filter(|to| to.chain() == Family::Evm);
        let offer = |chain: &Chain| {
            let recipient = recipient?;
            Some(HeaderOffer {
                scheme: EXACT,
                network: chain.asset.network().to_string(),
                asset: chain.caip19.clone(),
                recipient: recipient.canonical(),
                pays_into: recipient.canonical(),
                fee_payer: None,
                base_units: chain.asset.base_units(gross)?,
            })
        };
        let mut offers: Vec<HeaderOffer> = self.chains.iter().filter_map(offer).collect();
        if let Some(wallet) = &wallets.solana {
            offers.extend(self.offers_on_solana(gross, wallet).await);
        }
        offers.sort_by_key(|offer| self.assets.iter().position(|asset| asset.caip19() == offer.asset));
        offers
    }

    async fn verify(&self, payment: &HeaderPayment, way: &HeaderOffer) -> Verification {
        if let Some(chain) = self.on_solana(&payment.asset) {
            return self.verify_on_solana(chain, payment, way).await;
        }
        let deadline = Instant::now() + self.times.verify;
        let invalid = |reason: &str| Verification::Invalid { reason: reason.to_owned() };
        let Some(chain) =
            self.chain(&payment.asset).filter(|chain| chain.asset.network().to_string() == payment.network)
        else {
            return invalid("invalid_network");
        };
        if let Some(reason) = self.problem(payment, way.base_units) {
            return invalid(reason);
        }
        let Some((authorization, offer)) = read(payment, &chain.asset) else {
            return invalid("invalid_payload");
        };
        let (signed, asset) = (authorization.clone(), chain.asset.clone());
        match self.computing.compute(move || signed.signed_by(&asset)).await {
            Ok(SignedBy::Payer | SignedBy::Contract) => {}
            Ok(SignedBy::Nobody) => return invalid("invalid_exact_evm_payload_signature"),
            Err(TooMuchToCompute) => return BUSY,
        }
        // From here on somebody is asked.
        let _place = match self.verifications.take() {
            Ok(place) => place,
            Err(seconds) => return Verification::Unavailable { retry_after_seconds: Some(seconds) },
        };
        let Ok((latest, is_used)) = before(chain, payment, deadline).await else {
            return Verification::Unavailable { retry_after_seconds: None };
        };
        if is_used {
            // Everybody can read it on the chain and send it here: it is no sign that somebody wanted to pay here.
            tracing::info!(
                claim = payment.reference(),
                "an authorization that is used already, and not for a call of ours"
            );
            return Verification::Used;
        }
        let services = self.services.iter().collect();
        match self.verdict(services, payment, &authorization.to_json(), &offer, deadline).await {
            Ok(Verified { by, version }) => {
                // It was unused up to the latest block: what is found later was made later.
                let from_block = latest.number.saturating_add(1);
                let evidence = Evidence { facilitator: by, version, from_block };
                Verification::Valid { evidence: evidence.to_json() }
            }
            Err(otherwise) => otherwise,
        }
    }

    async fn submit(&self, payment: &HeaderPayment, terms: &Terms) -> Observation {
        if let Some(chain) = self.on_solana(&terms.asset) {
            return self.submit_on_solana(chain, payment, terms).await;
        }
        let deadline = Instant::now() + self.times.submit;
        let evidence = Evidence::read(&terms.instructions);
        let (Some(chain), Some(wanted), Some(evidence)) = (self.chain(&terms.asset), evidence::wanted(terms), evidence)
        else {
            tracing::error!(
                claim = terms.provider_request_id,
                "a payment cannot be submitted: its asset is not configured"
            );
            return Observation::Unknown;
        };
        let body = read(payment, &chain.asset).and_then(|(authorization, offer)| {
            request(evidence.version, &authorization.to_json(), &offer, &self.resource, &payment.payload)
        });
        let said = self.settle(&evidence.facilitator, body.as_ref(), deadline).await;
        let hint = said.as_ref().and_then(|said| said.transaction.as_deref());
        match self.await_look(said.as_ref(), deadline, || chain.look(&wanted, hint, deadline)).await {
            Ok(Look::Unused) => Observation::InProgress,
            look => observation(look, terms),
        }
    }

    async fn check(&self, terms: &Terms) -> Observation {
        if let Some(chain) = self.on_solana(&terms.asset) {
            return self.check_on_solana(chain, terms).await;
        }
        let deadline = Instant::now() + self.times.check;
        let (Some(chain), Some(wanted)) = (self.chain(&terms.asset), evidence::wanted(terms)) else {
            tracing::error!(
                claim = terms.provider_request_id,
                "a payment cannot be checked: its asset is not configured"
            );
            return Observation::Unknown;
        };
        observation(chain.look(&wanted, None, deadline).await, terms)
    }
}

/// The latest block, and whether the authorization was used up in it. Asked of that very block: of several nodes behind
/// one URL, one that is behind cannot answer, and what it does not know yet is not taken for unused.
async fn before(chain: &Chain, payment: &HeaderPayment, deadline: Instant) -> Result<(Block, bool), Unreadable> {
    let latest = chain.rpc.latest(deadline).await?;
    let (asset, block) = (chain.asset.address(), Some(latest.number));
    let is_used = chain.rpc.is_used(asset, &payment.payer, &payment.nonce, block, deadline).await?;
    Ok((latest, is_used))
}

pub(crate) fn observation(look: Result<Look, Unreadable>, terms: &Terms) -> Observation {
    match look {
        Ok(Look::Paid { base_units, transaction }) => Observation::Arrived(vec![Payment {
            reference: terms.provider_request_id.clone(),
            provider_request_id: terms.provider_request_id.clone(),
            asset: terms.asset.clone(),
            recipient: terms.recipient.clone(),
            base_units,
            transaction: Some(transaction),
        }]),
        Ok(Look::Lost(reason)) => Observation::Failed { reason: reason.to_owned() },
        Ok(Look::Used) => Observation::InProgress,
        Ok(Look::Unused) => Observation::Waiting,
        Err(Unreadable) => Observation::Unknown,
    }
}

/// What a facilitator is told of a payment: what was decoded of it, and the signature. The requirements have the amount
/// of the authorization: facilitators want the two to be equal, and that it is enough has been seen.
fn read(payment: &HeaderPayment, asset: &Asset) -> Option<(Authorization, Offer)> {
    let signature = payment.payload.get("payload")?.get("signature")?.as_str()?.to_ascii_lowercase();
    let recipient = WalletAddress::parse(&payment.recipient).ok()?;
    let authorization = Authorization {
        from: payment.payer,
        to: recipient,
        value: payment.base_units,
        valid_after: payment.valid_after,
        valid_before: payment.valid_before,
        nonce: payment.nonce.clone(),
        signature,
    };
    let offer = Offer {
        asset: asset.clone(),
        pay_to: recipient,
        fee_payer: None,
        base_units: payment.base_units,
        max_timeout_seconds: MAX_TIMEOUT_SECONDS,
    };
    Some((authorization, offer))
}
