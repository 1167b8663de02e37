//! What a wallet is asked to sign, and for what alone it is good.

use chrono::TimeDelta;
use crochet_pow::{SealedChallenge, hint, verify};
use crochet_primitives::{EntropyExt, ProfileId, Timestamp, names, rfc3339_millis, schema, truncate_to_millis};
use crochet_wallet::{Chain, EVM_MAINNET, SOLANA_MAINNET, SignInMessage, WalletAddress, verify_ownership};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::intent::Intent;
use super::{IdentityService, SignatureText};
use crate::error::MarketError;
use crate::fields::Problems;
use crate::schema::{CHALLENGE_NONCE, ChallengeNonce, POW_CHALLENGE, PowAlgorithm, PowChallenge, is_pow_nonce};

names! {
    /// What a challenge is for. It is good for nothing else.
    pub enum ChallengePurpose = Register {
        /// `POST /register`.
        Register => "register",
        /// `POST /auth/recover`.
        Recover => "recover",
        /// `POST /me/wallets` and `PATCH /me/wallets/:id`.
        LinkWallet => "link_wallet",
        /// Claiming an agent's profile for a person.
        ClaimAgent => "claim_agent",
    }
}

/// The body of `POST /auth/challenge`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChallengeRequest {
    /// Who is to sign.
    pub wallet_address: String,
    /// What for.
    #[serde(default)]
    pub purpose: ChallengePurpose,
    /// `claim_agent`: the agent's profile. `link_wallet`: may name the caller's own.
    pub profile_id: Option<ProfileId>,
    /// `link_wallet`: the wallet that is to be linked or changed, when `wallet_address` is one that allows it.
    pub new_wallet_address: Option<String>,
    /// `link_wallet`: the wallet that allows it, when `wallet_address` is the one that is to be linked.
    pub existing_wallet_address: Option<String>,
}

/// What `POST /auth/challenge` answers.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Challenge, examples(json!({
    "message": "crochet.example wants you to sign in with your Ethereum account:\n0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed\n\nRegister this wallet with Crochet. This costs nothing.\n\nURI: https://crochet.example\nVersion: 1\nChain ID: 1\nNonce: …",
    "nonce": CHALLENGE_NONCE,
    "expires_in": 300,
    "expires_at": "2026-05-03T12:05:00.000Z",
    "purpose": "register",
    "chain": "evm",
    "pow": {
        "challenge": POW_CHALLENGE,
        "difficulty": 4,
        "algorithm": "sha256",
        "hint": "Find a pow_nonce for which SHA-256(challenge + pow_nonce) starts with 4 hex zeros."
    }
})))]
pub struct IssuedChallenge {
    /// The text to sign, exactly as it is.
    pub message: String,
    /// What to send back with the signature.
    #[schema(value_type = ChallengeNonce)]
    pub nonce: String,
    /// How long it is good, in seconds.
    pub expires_in: u64,
    /// Until when it is good.
    #[serde(with = "rfc3339_millis")]
    #[schema(value_type = schema::Timestamp)]
    pub expires_at: Timestamp,
    /// What it is good for.
    pub purpose: ChallengePurpose,
    /// The chain that the wallet lives on.
    pub chain: Chain,
    /// The work to be done.
    pub pow: PowTerms,
}

/// Work to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ProofOfWork, examples(json!({
    "challenge": POW_CHALLENGE,
    "difficulty": 4,
    "algorithm": "sha256",
    "hint": "Find a pow_nonce for which SHA-256(challenge + pow_nonce) starts with 4 hex zeros."
})))]
pub struct PowTerms {
    /// What the nonce is appended to.
    #[schema(value_type = PowChallenge)]
    pub challenge: String,
    /// How many hex zeros the hash must start with.
    #[schema(minimum = 0, maximum = 64)]
    pub difficulty: u8,
    /// Always `sha256`.
    #[schema(value_type = PowAlgorithm)]
    pub algorithm: &'static str,
    /// What to do, in a sentence.
    pub hint: String,
}

/// A challenge that this attempt, and no other, has used up.
#[derive(Debug)]
pub(super) struct Consumed {
    challenge: SealedChallenge,
    wallet: WalletAddress,
    message: String,
}

impl Consumed {
    /// # Errors
    /// [`MarketError::ProofOfWorkFailed`] when `pow_nonce` is no solution.
    pub(super) fn worked_for(&self, pow_nonce: &str) -> Result<(), MarketError> {
        if is_pow_nonce(pow_nonce) && verify(&self.challenge.pow_challenge(), pow_nonce, self.challenge.difficulty) {
            Ok(())
        } else {
            Err(MarketError::ProofOfWorkFailed)
        }
    }
}

impl IdentityService {
    /// Issues a challenge. Writes nothing, and looks the same for a wallet that is known and one that is not.
    ///
    /// # Errors
    /// [`MarketError::Invalid`] for a malformed address or a field that the purpose has no use for;
    /// [`MarketError::KeyRequired`] for `link_wallet` without a caller; [`MarketError::Storage`].
    pub async fn challenge(
        &self,
        request: &ChallengeRequest,
        caller: Option<ProfileId>,
    ) -> Result<IssuedChallenge, MarketError> {
        let mut problems = Problems::default();
        let wallet = problems.wallet("wallet_address", &request.wallet_address);
        let new = request.new_wallet_address.as_deref();
        let new = new.and_then(|text| problems.wallet("new_wallet_address", text));
        let existing = request.existing_wallet_address.as_deref();
        let existing = existing.and_then(|text| problems.wallet("existing_wallet_address", text));
        check_use_of_fields(request, caller, &mut problems);
        problems.finish()?;
        let Some(wallet) = wallet else {
            return Err(Problems::one("wallet_address", "is required"));
        };
        let intent = match request.purpose {
            ChallengePurpose::Register => Intent::Register,
            ChallengePurpose::Recover => Intent::Recover,
            ChallengePurpose::ClaimAgent => match request.profile_id {
                Some(profile) => Intent::Claim(profile),
                None => return Err(Problems::one("profile_id", "is required to claim an agent")),
            },
            ChallengePurpose::LinkWallet => {
                let caller = caller.ok_or(MarketError::KeyRequired)?;
                self.linking_intent(caller, wallet, new, existing).await?
            }
        };
        Ok(self.issue(intent, wallet, request.purpose))
    }

    /// Who plays which part is told by the fields, and else by whose wallet it is. Only the caller's own wallets are
    /// looked at: a stranger's looks like a new one.
    async fn linking_intent(
        &self,
        caller: ProfileId,
        wallet: WalletAddress,
        new: Option<WalletAddress>,
        existing: Option<WalletAddress>,
    ) -> Result<Intent, MarketError> {
        let own = self.store.wallets(caller).await?;
        let is_own = |address| own.iter().any(|wallet| wallet.address == address);
        Ok(match (new, existing) {
            (Some(target), _) if is_own(target) => Intent::AllowChange(caller, target),
            (Some(new), _) => Intent::AllowLink(caller, new),
            (None, Some(existing)) => Intent::Link(caller, Some(existing)),
            (None, None) if is_own(wallet) => Intent::AllowAny(caller),
            (None, None) => Intent::Link(caller, None),
        })
    }

    fn issue(&self, intent: Intent, wallet: WalletAddress, purpose: ChallengePurpose) -> IssuedChallenge {
        let challenge = self.sealer.issue(
            &intent.context(&wallet),
            self.config.difficulty,
            self.clock.now(),
            self.config.challenge_ttl,
            self.entropy.bytes(),
        );
        let lasts: TimeDelta = challenge.expires_at - challenge.issued_at;
        IssuedChallenge {
            message: self.message(intent, wallet, &challenge),
            expires_in: u64::try_from(lasts.num_seconds()).unwrap_or_default(),
            expires_at: challenge.expires_at,
            purpose,
            chain: wallet.chain(),
            pow: PowTerms {
                challenge: challenge.pow_challenge(),
                difficulty: challenge.difficulty.get(),
                algorithm: "sha256",
                hint: hint(challenge.difficulty),
            },
            nonce: challenge.nonce,
        }
    }

    /// The same challenge always gives the same text.
    fn message(&self, intent: Intent, wallet: WalletAddress, challenge: &SealedChallenge) -> String {
        let chain_id = match wallet.chain() {
            Chain::Evm => EVM_MAINNET,
            Chain::Solana => SOLANA_MAINNET,
        };
        SignInMessage {
            domain: self.config.domain.clone(),
            uri: self.config.uri.clone(),
            address: wallet,
            statement: intent.statement(&wallet, &self.config.service),
            nonce: challenge.nonce.clone(),
            issued_at: challenge.issued_at,
            expires_at: challenge.expires_at,
            request_id: intent.profile().map(|profile| profile.to_string()),
            chain_id: chain_id.to_owned(),
        }
        .to_string()
    }

    /// # Errors
    /// [`MarketError::SignatureInvalid`] when the wallet did not sign exactly the message;
    /// [`MarketError::TooManySignatures`] when that could not be found out. Either way the challenge is gone.
    pub(super) async fn check_signature(
        &self,
        consumed: Consumed,
        signature: &SignatureText,
    ) -> Result<(), MarketError> {
        let Consumed { wallet, message, .. } = consumed;
        let signature = signature.clone();
        let proof = self.computing.compute(move || verify_ownership(&wallet, &message, signature.expose())).await;
        proof
            .map_err(|_| MarketError::TooManySignatures)?
            .map_err(|error| MarketError::SignatureInvalid { detail: error.to_string() })
    }

    /// Uses up the challenge that `nonce` names, when it was issued to `wallet` for one of `intents`. Whatever else is
    /// wrong with the attempt, the challenge is gone.
    pub(super) async fn consume(
        &self,
        wallet: WalletAddress,
        nonce: &str,
        intents: &[Intent],
    ) -> Result<Consumed, MarketError> {
        let now = truncate_to_millis(self.clock.now());
        let opened = intents.iter().find_map(|intent| {
            let challenge = self.sealer.open(nonce, &intent.context(&wallet), now).ok()?;
            Some((*intent, challenge))
        });
        let (intent, challenge) = opened.ok_or(MarketError::ChallengeExpired)?;
        if !self.store.consume_challenge(challenge.id(), challenge.expires_at).await? {
            return Err(MarketError::ChallengeExpired);
        }
        Ok(Consumed { message: self.message(intent, wallet, &challenge), challenge, wallet })
    }
}

fn check_use_of_fields(request: &ChallengeRequest, caller: Option<ProfileId>, problems: &mut Problems) {
    match request.purpose {
        ChallengePurpose::Register | ChallengePurpose::Recover if request.profile_id.is_some() => {
            problems.add("profile_id", "is for the purposes link_wallet and claim_agent only");
        }
        ChallengePurpose::LinkWallet
            if caller.is_some() && request.profile_id.is_some() && request.profile_id != caller =>
        {
            problems.add("profile_id", "must be the caller's own profile");
        }
        _ => {}
    }
    let others = [
        ("new_wallet_address", request.new_wallet_address.is_some()),
        ("existing_wallet_address", request.existing_wallet_address.is_some()),
    ];
    for (field, is_given) in others {
        if is_given && request.purpose != ChallengePurpose::LinkWallet {
            problems.add(field, "is for the purpose link_wallet only");
        }
    }
    if others.iter().all(|(_, is_given)| *is_given) {
        problems.add(
            "existing_wallet_address",
            "cannot be given together with new_wallet_address: wallet_address plays the other part",
        );
    }
}
