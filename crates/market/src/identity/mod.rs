//! Who is who: registration, recovery, wallets and API keys.

mod challenge;
mod challenge_schema;
mod intent;
mod keys;
mod profile;
mod register;
mod signature;
mod wallets;

use std::sync::Arc;
use std::time::Duration;

use crochet_pow::{ChallengeSealer, Difficulty};
use crochet_primitives::{Clock, Computing, Entropy, InPlace};
use crochet_secrets::ApiKey;

pub use challenge::{ChallengePurpose, ChallengeRequest, IssuedChallenge, PowTerms};
pub use keys::{CreatedKey, NewApiKeyBody};
pub use profile::ProfilePatch;
pub use register::{Issued, RecoverBody, RegisterBody};
pub use signature::SignatureText;
pub use wallets::{ExistingWalletProof, LinkWalletBody, NewWalletProof, UpdateWalletBody};

use crate::api_key::{Scope, StoredApiKey};
use crate::error::MarketError;
use crate::ports::Identities;
use crate::profile::Profile;

/// What identities need to know of their surroundings.
#[derive(Debug, Clone)]
pub struct IdentityConfig {
    /// The host that asks for signatures, as in `getcrochet.ai`.
    pub domain: String,
    /// The URL that is signed in to, as in `https://getcrochet.ai`.
    pub uri: String,
    /// The marketplace's name in the texts to sign; ASCII.
    pub service: String,
    /// How much work a challenge asks for.
    pub difficulty: Difficulty,
    /// How long a challenge is good.
    pub challenge_ttl: Duration,
}

impl IdentityConfig {
    /// The defaults: difficulty 4, 300 seconds.
    #[must_use]
    pub fn new(domain: impl Into<String>, uri: impl Into<String>) -> Self {
        Self {
            domain: domain.into(),
            uri: uri.into(),
            service: "Crochet".to_owned(),
            difficulty: Difficulty::AUTH,
            challenge_ttl: Duration::from_secs(300),
        }
    }
}

/// Who calls, and with which key.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The profile.
    pub profile: Profile,
    /// The key, as it is kept.
    pub key: StoredApiKey,
}

impl Caller {
    /// Checks that the key may do this.
    ///
    /// # Errors
    /// [`MarketError::Forbidden`] when it lacks the scope.
    pub fn require(&self, scope: Scope) -> Result<(), MarketError> {
        if self.key.scopes.has(scope) {
            Ok(())
        } else {
            Err(MarketError::Forbidden { detail: format!("the API key lacks the scope {}", scope.as_str()) })
        }
    }
}

/// Registers, recovers and authenticates, and keeps wallets and API keys.
pub struct IdentityService {
    store: Arc<dyn Identities>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    computing: Arc<dyn Computing>,
    sealer: ChallengeSealer,
    config: IdentityConfig,
}

impl IdentityService {
    /// The service over its ports. Signatures are checked [`InPlace`]; see [`Self::computing`].
    #[must_use]
    pub fn new(
        store: Arc<dyn Identities>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        sealer: ChallengeSealer,
        config: IdentityConfig,
    ) -> Self {
        Self { store, clock, entropy, computing: Arc::new(InPlace), sealer, config }
    }

    /// The same, with signatures checked there.
    #[must_use]
    pub fn computing(self, computing: Arc<dyn Computing>) -> Self {
        Self { computing, ..self }
    }

    /// What it was told of its surroundings.
    #[must_use]
    pub const fn config(&self) -> &IdentityConfig {
        &self.config
    }

    /// Who holds this key; `None` when nobody does, or it is revoked or has expired.
    ///
    /// # Errors
    /// [`MarketError::Storage`].
    pub async fn authenticate(&self, raw: &ApiKey) -> Result<Option<Caller>, MarketError> {
        let found = self.store.authenticate(&raw.hash()).await?;
        Ok(found.map(|(key, profile)| Caller { profile, key }))
    }
}
