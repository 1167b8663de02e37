//! A provider, its clock, and a Relay of its own.

use std::sync::Arc;
use std::time::Duration;

use crochet_payments::testing::{KEY, NOW, Relay, route};
use crochet_payments::{RelayConfig, RelayProvider, RelayTimes};
use crochet_pricing::{MARKETPLACE_FEE, MicroUsd, split};
use crochet_primitives::testing::{ManualClock, SeededEntropy};
use crochet_primitives::{CallId, Clock, ListingId, WalletId};
use crochet_relay::ports::PaymentProvider;
use crochet_relay::{BASE, Observation, OriginCurrency, PayerWallet, QuoteAsk, QuoteOutcome, Route, SOLANA, Terms};
use crochet_wallet::Chain;
use secrecy::SecretString;
use serde_json::Value;

pub(crate) const BUYER: &str = "0xf0ae622e463fa757cf72243569e18be7df1996cd";
pub(crate) const SOLANA_BUYER: &str = "2xRiSnKRWfFwwtkBPewQ6E4QA2SK9kzypVukLh35hiS8";
pub(crate) const SELLER: &str = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
pub(crate) const FEES: &str = "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB";
pub(crate) const USDC_ON_BASE: &str = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913";

pub(crate) struct Bench {
    pub(crate) relay: Relay,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) provider: Arc<RelayProvider>,
    pub(crate) call: CallId,
}

pub(crate) fn config(url: &str) -> RelayConfig {
    RelayConfig::new(url.to_owned(), SecretString::from(KEY), FEES.to_owned())
}

pub(crate) async fn bench() -> Bench {
    bench_with(|_| {}).await
}

/// With bounds short enough to be waited for.
pub(crate) async fn impatient() -> Bench {
    bench_with(|config| {
        let (altogether, attempt) = (Duration::from_millis(1_500), Duration::from_secs(1));
        config.times =
            RelayTimes { quote: altogether, quote_attempt: attempt, check: altogether, check_attempt: attempt };
    })
    .await
}

pub(crate) async fn bench_with(change: impl FnOnce(&mut RelayConfig)) -> Bench {
    let relay = Relay::start().await;
    let clock = Arc::new(ManualClock::default());
    let mut config = config(&relay.url);
    change(&mut config);
    let provider = Arc::new(RelayProvider::new(config, clock.clone(), Arc::new(SeededEntropy::default())).unwrap());
    let call = CallId::new(clock.now(), [1; 10]);
    Bench { relay, clock, provider, call }
}

pub(crate) fn from_evm(currency: OriginCurrency, chain_id: u64) -> Route {
    from_wallet(currency, chain_id, Chain::Evm, BUYER)
}

pub(crate) fn from_solana() -> Route {
    from_wallet(OriginCurrency::Sol, SOLANA, Chain::Solana, SOLANA_BUYER)
}

fn from_wallet(currency: OriginCurrency, chain_id: u64, chain: Chain, address: &str) -> Route {
    let id = WalletId::new(ManualClock::default().now(), [3; 10]);
    let wallet = PayerWallet { id, chain, address: address.to_owned(), is_primary: true };
    let network = if chain == Chain::Solana { "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp" } else { "eip155:8453" };
    Route { currency, chain_id, network, wallet: Some(wallet), chosen_by_buyer: true }
}

impl Bench {
    /// One dollar, from USDC on Base.
    pub(crate) fn ask(&self) -> QuoteAsk {
        let split = split(MicroUsd::ONE_USD, MARKETPLACE_FEE);
        QuoteAsk {
            call: self.call,
            listing: ListingId::new(self.clock.now(), [2; 10]),
            gross: split.gross,
            fee: split.fee,
            seller_share: split.seller_share,
            route: from_evm(OriginCurrency::Usdc, BASE),
            recipient: SELLER.to_owned(),
            expires_at: self.clock.now() + Duration::from_secs(900),
        }
    }

    pub(crate) async fn quote(&self) -> QuoteOutcome {
        self.provider.quote(&self.ask()).await
    }

    pub(crate) async fn terms(&self) -> Terms {
        match self.quote().await {
            QuoteOutcome::Issued(terms) => *terms,
            other => panic!("no terms: {other:?}"),
        }
    }

    pub(crate) async fn look(&self, terms: &Terms) -> Observation {
        self.provider.check(self.call, terms).await
    }

    /// The only request's status, with a deposit and a fill where they belong to it.
    pub(crate) fn status_is(&self, status: &str) {
        self.relay.status_is(status, NOW);
    }

    /// So much USDC on Base has arrived.
    pub(crate) fn arrived(&self, amount: impl Into<Value>) {
        let actual = route(8453.into(), USDC_ON_BASE.into(), amount.into());
        self.relay.request(|request| request.actual = actual);
    }
}
