use crochet_market::identity::{ChallengePurpose, RecoverBody};
use crochet_market::ports::Identities;
use crochet_market::{Capabilities, Capability, MarketError, WalletPatch, WalletStatus};

use crate::support::{Bench, assert_refused, evm, idleness, solana};

#[tokio::test]
async fn a_recovered_profile_gets_a_fresh_key_beside_its_old_ones() {
    let bench = Bench::new();
    let first = bench.register(&evm(1)).await;
    let body = bench.recovery(&evm(1)).await;
    let recovered = bench.service.recover(&body).await.unwrap();
    assert_eq!(recovered.profile, first.profile);
    for issued in [&first, &recovered] {
        assert_eq!(bench.caller(issued).await.profile, first.profile);
    }
    assert_refused!(bench.service.recover(&body).await, MarketError::ChallengeExpired);
}

#[tokio::test]
async fn a_recovery_can_revoke_all_other_keys() {
    let bench = Bench::new();
    let first = bench.register(&evm(1)).await;
    let body = RecoverBody { revoke_existing_keys: true, ..bench.recovery(&evm(1)).await };
    let recovered = bench.service.recover(&body).await.unwrap();
    assert!(bench.service.authenticate(&first.api_key).await.unwrap().is_none());
    assert!(bench.service.authenticate(&recovered.api_key).await.unwrap().is_some());
}

#[tokio::test]
async fn whether_a_wallet_is_known_is_said_last() {
    let bench = Bench::new();
    let challenge = bench.challenge(&evm(1), ChallengePurpose::Recover).await;
    let idle = RecoverBody {
        nonce: challenge.nonce.clone(),
        pow_nonce: idleness(&challenge.pow.challenge),
        ..bench.recovery(&evm(1)).await
    };
    assert_refused!(bench.service.recover(&idle).await, MarketError::ProofOfWorkFailed);
    let forged = RecoverBody { signature: evm(2).sign("x").into(), ..bench.recovery(&evm(1)).await };
    assert_refused!(bench.service.recover(&forged).await, MarketError::SignatureInvalid { .. });
    let proven = bench.recovery(&evm(1)).await;
    assert_refused!(bench.service.recover(&proven).await, MarketError::NotFound { what: "profile" });
}

#[tokio::test]
async fn a_registration_challenge_recovers_nothing() {
    let bench = Bench::new();
    bench.register(&evm(1)).await;
    let registration = bench.registration(&evm(1)).await;
    let body = RecoverBody {
        wallet_address: registration.wallet_address,
        signature: registration.signature,
        nonce: registration.nonce,
        pow_nonce: registration.pow_nonce,
        revoke_existing_keys: false,
    };
    assert_refused!(bench.service.recover(&body).await, MarketError::ChallengeExpired);
}

#[tokio::test]
async fn a_wallet_that_is_disabled_or_lacks_recovery_recovers_nothing() {
    let bench = Bench::new();
    let issued = bench.register(&evm(1)).await;
    let profile = issued.profile.id;
    let mut spare = issued.wallet.clone();
    spare.id = crochet_primitives::WalletId::new(issued.wallet.created_at, [1; 10]);
    spare.address = solana(1).address();
    bench.store.link_wallet(&spare).await.unwrap();
    let patches = [
        WalletPatch { status: Some(WalletStatus::Disabled), ..WalletPatch::default() },
        WalletPatch {
            status: Some(WalletStatus::Active),
            capabilities: Some(Capabilities::from_iter([Capability::Auth])),
            ..WalletPatch::default()
        },
    ];
    for patch in patches {
        bench.store.update_wallet(profile, issued.wallet.id, patch).await.unwrap();
        let body = bench.recovery(&evm(1)).await;
        assert_refused!(
            bench.service.recover(&body).await,
            MarketError::WalletDisabled | MarketError::WalletLacks { .. }
        );
    }
    let body = bench.recovery(&solana(1)).await;
    assert_eq!(bench.service.recover(&body).await.unwrap().profile.id, profile);
}
