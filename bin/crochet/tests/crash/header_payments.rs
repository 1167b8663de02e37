//! What payments by x402 need besides gateways: a chain with a token, a facilitator that moves it, and payers.

use std::collections::HashSet;

use chrono::Utc;
use crochet_facilitator::testing::{TestChain, TestFacilitator, TestPayer};
use crochet_wallet::EvmSigner;
use crochet_x402::{Asset, Network};

/// What a payer begins with, in base units.
const FUNDS: u64 = 1_000_000_000;

#[derive(Debug, Clone)]
pub(crate) struct HeaderPayments {
    pub(crate) chain: TestChain,
    facilitator: TestFacilitator,
}

impl HeaderPayments {
    pub(crate) async fn start() -> Self {
        let asset = Asset::usdc(Network::BASE_SEPOLIA).unwrap();
        let chain = TestChain::start(asset, u64::try_from(Utc::now().timestamp()).unwrap()).await.unwrap();
        let facilitator = TestFacilitator::start(&chain).await.unwrap();
        Self { chain, facilitator }
    }

    /// A payer with money, and the same key as a wallet that signs messages.
    pub(crate) fn payer(&self, number: u8) -> (TestPayer, EvmSigner) {
        let payer = TestPayer::new(number).unwrap();
        self.chain.mint(&payer.address(), FUNDS);
        (payer, EvmSigner::from_bytes([number; 32]).unwrap())
    }

    /// What a gateway has to know of them.
    pub(crate) fn settings(&self) -> [(&'static str, String); 4] {
        [
            ("CROCHET_X402_FACILITATOR_URLS", self.facilitator.url().to_owned()),
            ("CROCHET_X402_NETWORKS", Network::BASE_SEPOLIA.to_string()),
            ("CROCHET_X402_RPC_URLS", self.chain.url().to_owned()),
            ("CROCHET_X402_VERIFICATIONS_PER_MINUTE", "100000".to_owned()),
        ]
    }

    /// How much moved in each payment; no two of them are one.
    pub(crate) fn moved(&self) -> Vec<u64> {
        let transfers = self.chain.transfers();
        let distinct: HashSet<_> = transfers.iter().map(|transfer| (transfer.from, &transfer.nonce)).collect();
        assert_eq!(distinct.len(), transfers.len(), "a payment was made twice");
        transfers.iter().map(|transfer| transfer.base_units).collect()
    }

    /// How often the facilitator was asked to submit a payment.
    pub(crate) fn submissions(&self) -> usize {
        self.facilitator.asked("/settle")
    }
}
