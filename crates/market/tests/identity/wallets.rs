use crochet_market::identity::{ExistingWalletProof, LinkWalletBody, NewWalletProof, UpdateWalletBody};
use crochet_market::{Capabilities, Capability, LinkedWallet, MarketError, WalletStatus};
use crochet_primitives::ProfileId;

use crate::support::{Bench, Signer, assert_refused, evm, fields, solana};

/// A profile with `evm(1)` and `solana(1)`.
async fn two_wallets(bench: &Bench) -> (ProfileId, LinkedWallet, LinkedWallet) {
    let issued = bench.register(&evm(1)).await;
    let caller = issued.profile.id;
    let allowed = bench.linking(caller, &evm(1), None, None).await;
    let agreed = bench.linking(caller, &solana(1), None, None).await;
    let body = LinkWalletBody {
        wallet_address: solana(1).text(),
        existing_wallet: evm(1).proof(&allowed),
        new_wallet: NewWalletProof { signature: solana(1).sign(&agreed.message).into(), nonce: agreed.nonce },
        ..LinkWalletBody::default()
    };
    let second = bench.service.link_wallet(caller, &body).await.unwrap();
    (caller, issued.wallet, second)
}

async fn proof(bench: &Bench, caller: ProfileId, signer: &Signer, target: Option<&Signer>) -> ExistingWalletProof {
    signer.proof(&bench.linking(caller, signer, target, None).await)
}

fn off(wallet_proof: ExistingWalletProof) -> UpdateWalletBody {
    UpdateWalletBody { wallet_proof, status: Some(WalletStatus::Disabled), ..UpdateWalletBody::default() }
}

#[tokio::test]
async fn a_wallet_is_changed_as_one_of_the_profile_allows() {
    let bench = Bench::new();
    let (caller, first, second) = two_wallets(&bench).await;
    let body = off(proof(&bench, caller, &evm(1), Some(&solana(1))).await);
    let changed = bench.service.update_wallet(caller, second.id, &body).await.unwrap();
    assert_eq!(changed, LinkedWallet { status: WalletStatus::Disabled, ..second.clone() });
    // Without naming the wallet, and by the wallet itself.
    let body = UpdateWalletBody {
        wallet_proof: proof(&bench, caller, &evm(1), None).await,
        capabilities: Some(vec![Capability::Recovery, Capability::Auth]),
        ..UpdateWalletBody::default()
    };
    let changed = bench.service.update_wallet(caller, first.id, &body).await.unwrap();
    assert_eq!(changed.capabilities, Capabilities::from_iter([Capability::Auth, Capability::Recovery]));
}

#[tokio::test]
async fn the_last_recovery_wallet_stays() {
    let bench = Bench::new();
    let (caller, first, second) = two_wallets(&bench).await;
    let body = off(proof(&bench, caller, &evm(1), None).await);
    bench.service.update_wallet(caller, second.id, &body).await.unwrap();
    let body = off(proof(&bench, caller, &evm(1), None).await);
    assert_refused!(bench.service.update_wallet(caller, first.id, &body).await, MarketError::LastRecoveryWallet);
    let body = UpdateWalletBody {
        wallet_proof: proof(&bench, caller, &evm(1), None).await,
        capabilities: Some(vec![Capability::Auth]),
        ..UpdateWalletBody::default()
    };
    assert_refused!(bench.service.update_wallet(caller, first.id, &body).await, MarketError::LastRecoveryWallet);
}

#[tokio::test]
async fn a_disabled_wallet_allows_no_change_not_even_to_itself() {
    let bench = Bench::new();
    let (caller, _, second) = two_wallets(&bench).await;
    let body = off(proof(&bench, caller, &evm(1), None).await);
    bench.service.update_wallet(caller, second.id, &body).await.unwrap();
    let body = UpdateWalletBody {
        wallet_proof: proof(&bench, caller, &solana(1), None).await,
        status: Some(WalletStatus::Active),
        ..UpdateWalletBody::default()
    };
    assert_refused!(
        bench.service.update_wallet(caller, second.id, &body).await,
        MarketError::WalletDisabled | MarketError::WalletLacks { .. }
    );
}

#[tokio::test]
async fn a_proof_of_change_is_good_once_and_for_its_wallet_and_profile_only() {
    let bench = Bench::new();
    let (caller, first, second) = two_wallets(&bench).await;
    let stranger = bench.register(&evm(3)).await;
    let named = off(proof(&bench, caller, &evm(1), Some(&solana(1))).await);
    assert_refused!(bench.service.update_wallet(caller, first.id, &named).await, MarketError::ChallengeExpired);
    let strangers = off(proof(&bench, stranger.profile.id, &evm(1), None).await);
    assert_refused!(bench.service.update_wallet(caller, second.id, &strangers).await, MarketError::ChallengeExpired);
    let registration = bench.registration(&evm(1)).await;
    let registering = off(ExistingWalletProof {
        address: evm(1).text(),
        nonce: registration.nonce,
        signature: registration.signature,
    });
    assert_refused!(bench.service.update_wallet(caller, second.id, &registering).await, MarketError::ChallengeExpired);
    bench.service.update_wallet(caller, second.id, &named).await.unwrap();
    assert_refused!(bench.service.update_wallet(caller, second.id, &named).await, MarketError::ChallengeExpired);
}

#[tokio::test]
async fn a_forged_proof_of_change_uses_its_challenge_up() {
    let bench = Bench::new();
    let (caller, _, second) = two_wallets(&bench).await;
    let good = proof(&bench, caller, &evm(1), None).await;
    let forged = off(ExistingWalletProof { signature: evm(2).sign("x").into(), ..good.clone() });
    assert_refused!(
        bench.service.update_wallet(caller, second.id, &forged).await,
        MarketError::SignatureInvalid { .. }
    );
    assert_refused!(bench.service.update_wallet(caller, second.id, &off(good)).await, MarketError::ChallengeExpired);
}

#[tokio::test]
async fn the_wallet_of_another_profile_is_not_found() {
    let bench = Bench::new();
    let (caller, ..) = two_wallets(&bench).await;
    let stranger = bench.register(&evm(3)).await;
    assert_refused!(bench.service.wallet(caller, stranger.wallet.id).await, MarketError::NotFound { what: "wallet" });
    let body = off(proof(&bench, caller, &evm(1), None).await);
    let refused = bench.service.update_wallet(caller, stranger.wallet.id, &body).await;
    assert_refused!(refused, MarketError::NotFound { what: "wallet" });
}

#[tokio::test]
async fn a_change_that_changes_nothing_is_refused_before_its_proof_is_used_up() {
    let bench = Bench::new();
    let (caller, _, second) = two_wallets(&bench).await;
    let wallet_proof = proof(&bench, caller, &evm(1), None).await;
    let nothing = UpdateWalletBody { wallet_proof: wallet_proof.clone(), ..UpdateWalletBody::default() };
    assert_eq!(fields(bench.service.update_wallet(caller, second.id, &nothing).await), ["is_primary"]);
    let none = UpdateWalletBody { capabilities: Some(Vec::new()), ..nothing };
    assert_eq!(fields(bench.service.update_wallet(caller, second.id, &none).await), ["capabilities"]);
    bench.service.update_wallet(caller, second.id, &off(wallet_proof)).await.unwrap();
}
