//! A marketplace with a clock that stands still, and wallets that sign.

use std::ops::ControlFlow;
use std::sync::Arc;

use crochet_market::identity::{
    Caller, ChallengePurpose, ChallengeRequest, ExistingWalletProof, IdentityConfig, IdentityService, Issued,
    IssuedChallenge, RecoverBody, RegisterBody,
};
use crochet_market::memory::MemoryIdentities;
use crochet_market::{FieldProblem, MarketError};
use crochet_pow::{ChallengeSealer, Difficulty, solve};
use crochet_primitives::ProfileId;
use crochet_primitives::testing::{ManualClock, SeededEntropy};
use crochet_wallet::{EvmSigner, SolanaSigner, WalletAddress};

pub(crate) struct Bench {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Arc<MemoryIdentities>,
    pub(crate) service: Arc<IdentityService>,
}

pub(crate) enum Signer {
    Evm(EvmSigner),
    Solana(SolanaSigner),
}

pub(crate) fn evm(number: u8) -> Signer {
    Signer::Evm(EvmSigner::from_bytes([number; 32]).unwrap())
}

pub(crate) fn solana(number: u8) -> Signer {
    Signer::Solana(SolanaSigner::from_bytes([number; 32]))
}

impl Signer {
    pub(crate) fn address(&self) -> WalletAddress {
        match self {
            Self::Evm(signer) => signer.address(),
            Self::Solana(signer) => signer.address(),
        }
    }

    pub(crate) fn text(&self) -> String {
        self.address().to_string()
    }

    pub(crate) fn sign(&self, message: &str) -> String {
        match self {
            Self::Evm(signer) => signer.sign(message),
            Self::Solana(signer) => signer.sign(message),
        }
    }

    /// The proof of a wallet that the profile has.
    pub(crate) fn proof(&self, challenge: &IssuedChallenge) -> ExistingWalletProof {
        ExistingWalletProof {
            address: self.text(),
            nonce: challenge.nonce.clone(),
            signature: self.sign(&challenge.message).into(),
        }
    }
}

impl Bench {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        let store = Arc::new(MemoryIdentities::new(clock.clone()));
        let config = IdentityConfig {
            difficulty: Difficulty::new(1).unwrap(),
            ..IdentityConfig::new("crochet.example", "https://crochet.example")
        };
        let service = IdentityService::new(
            store.clone(),
            clock.clone(),
            Arc::new(SeededEntropy::new(1)),
            ChallengeSealer::new([7; 32]),
            config,
        );
        Self { clock, store, service: Arc::new(service) }
    }

    pub(crate) async fn challenge(&self, signer: &Signer, purpose: ChallengePurpose) -> IssuedChallenge {
        self.service.challenge(&request(signer, purpose), None).await.unwrap()
    }

    /// A challenge for linking, with or without the other wallet's address.
    pub(crate) async fn linking(
        &self,
        caller: ProfileId,
        signer: &Signer,
        new: Option<&Signer>,
        existing: Option<&Signer>,
    ) -> IssuedChallenge {
        let request = ChallengeRequest {
            new_wallet_address: new.map(Signer::text),
            existing_wallet_address: existing.map(Signer::text),
            ..request(signer, ChallengePurpose::LinkWallet)
        };
        self.service.challenge(&request, Some(caller)).await.unwrap()
    }

    /// What would register `signer`.
    pub(crate) async fn registration(&self, signer: &Signer) -> RegisterBody {
        let challenge = self.challenge(signer, ChallengePurpose::Register).await;
        RegisterBody {
            wallet_address: signer.text(),
            signature: signer.sign(&challenge.message).into(),
            pow_nonce: work(&challenge),
            nonce: challenge.nonce,
            display_name: "signal-bot".to_owned(),
            ..RegisterBody::default()
        }
    }

    pub(crate) async fn register(&self, signer: &Signer) -> Issued {
        let body = self.registration(signer).await;
        self.service.register(&body).await.unwrap()
    }

    /// What would recover the profile of `signer`.
    pub(crate) async fn recovery(&self, signer: &Signer) -> RecoverBody {
        let challenge = self.challenge(signer, ChallengePurpose::Recover).await;
        RecoverBody {
            wallet_address: signer.text(),
            signature: signer.sign(&challenge.message).into(),
            pow_nonce: work(&challenge),
            nonce: challenge.nonce,
            revoke_existing_keys: false,
        }
    }

    pub(crate) async fn caller(&self, issued: &Issued) -> Caller {
        self.service.authenticate(&issued.api_key).await.unwrap().unwrap()
    }
}

pub(crate) fn request(signer: &Signer, purpose: ChallengePurpose) -> ChallengeRequest {
    ChallengeRequest { wallet_address: signer.text(), purpose, ..ChallengeRequest::default() }
}

pub(crate) fn work(challenge: &IssuedChallenge) -> String {
    let difficulty = Difficulty::new(challenge.pow.difficulty).unwrap();
    solve(&challenge.pow.challenge, difficulty, |_| ControlFlow::Continue(())).unwrap().pow_nonce
}

/// A nonce that is no solution.
pub(crate) fn idleness(challenge: &str) -> String {
    let difficulty = Difficulty::new(1).unwrap();
    (0..).map(|n: u32| n.to_string()).find(|nonce| !crochet_pow::verify(challenge, nonce, difficulty)).unwrap()
}

/// The fields that were refused.
pub(crate) fn fields<T: std::fmt::Debug>(result: Result<T, MarketError>) -> Vec<String> {
    match result {
        Err(MarketError::Invalid(problems)) => problems.into_iter().map(|FieldProblem { field, .. }| field).collect(),
        other => panic!("not refused for its fields: {other:?}"),
    }
}

macro_rules! assert_refused {
    ($result:expr, $pattern:pat) => {
        match $result {
            Err($pattern) => {}
            other => panic!("not refused as {}: {other:?}", stringify!($pattern)),
        }
    };
}
pub(crate) use assert_refused;
