use std::time::Duration;

use crochet_market::identity::{LinkWalletBody, NewWalletProof};
use crochet_market::ports::Identities;
use crochet_market::{Capabilities, Capability, MarketError, WalletPatch, WalletStatus};
use crochet_primitives::ProfileId;
use crochet_wallet::Chain;

use crate::support::{Bench, Signer, assert_refused, evm, fields, solana};

/// A link of `new`, allowed by `existing`; with or without naming one another.
async fn link(bench: &Bench, caller: ProfileId, existing: &Signer, new: &Signer, is_named: bool) -> LinkWalletBody {
    let allowed = bench.linking(caller, existing, is_named.then_some(new), None).await;
    let agreed = bench.linking(caller, new, None, is_named.then_some(existing)).await;
    LinkWalletBody {
        wallet_address: new.text(),
        existing_wallet: existing.proof(&allowed),
        new_wallet: NewWalletProof { nonce: agreed.nonce.clone(), signature: new.sign(&agreed.message).into() },
        ..LinkWalletBody::default()
    }
}

#[tokio::test]
async fn a_wallet_is_linked_when_both_wallets_have_signed() {
    let bench = Bench::new();
    let caller = bench.register(&evm(1)).await.profile.id;
    for (new, is_named, is_primary) in [(solana(1), true, true), (solana(2), false, false), (evm(2), true, false)] {
        bench.clock.advance(Duration::from_millis(1));
        let body = link(&bench, caller, &evm(1), &new, is_named).await;
        let wallet = bench.service.link_wallet(caller, &body).await.unwrap();
        assert_eq!((wallet.address, wallet.is_primary), (new.address(), is_primary));
        assert_eq!(wallet.capabilities, Capabilities::all());
        assert_eq!(bench.service.wallet(caller, wallet.id).await.unwrap(), wallet);
    }
    let body = bench.recovery(&solana(2)).await;
    assert_eq!(bench.service.recover(&body).await.unwrap().profile.id, caller);
    assert_eq!(bench.service.wallets(caller).await.unwrap().len(), 4);
}

#[tokio::test]
async fn the_texts_name_the_profile_and_both_wallets() {
    let bench = Bench::new();
    let caller = bench.register(&evm(1)).await.profile.id;
    let (own, new) = (evm(1), solana(1));
    for challenge in
        [bench.linking(caller, &own, Some(&new), None).await, bench.linking(caller, &new, None, Some(&own)).await]
    {
        for named in [caller.to_string(), own.text(), new.text()] {
            assert!(challenge.message.contains(&named), "{named} is not in {}", challenge.message);
        }
        assert!(challenge.message.is_ascii());
    }
}

#[tokio::test]
async fn each_nonce_is_good_once_and_both_are_used_up_by_one_attempt() {
    let bench = Bench::new();
    let caller = bench.register(&evm(1)).await.profile.id;
    let good = link(&bench, caller, &evm(1), &solana(1), true).await;
    let mut forged = good.clone();
    forged.existing_wallet.signature = evm(2).sign("x").into();
    assert_refused!(bench.service.link_wallet(caller, &forged).await, MarketError::SignatureInvalid { .. });
    let fresh = link(&bench, caller, &evm(1), &solana(1), true).await;
    let reused = LinkWalletBody { existing_wallet: fresh.existing_wallet.clone(), ..good.clone() };
    assert_refused!(bench.service.link_wallet(caller, &reused).await, MarketError::ChallengeExpired);
    let reused = LinkWalletBody { new_wallet: fresh.new_wallet, ..good };
    assert_refused!(bench.service.link_wallet(caller, &reused).await, MarketError::ChallengeExpired);
}

#[tokio::test]
async fn a_proof_is_good_for_the_wallet_that_it_names_only() {
    let bench = Bench::new();
    let caller = bench.register(&evm(1)).await.profile.id;
    let body = LinkWalletBody {
        existing_wallet: link(&bench, caller, &evm(1), &solana(2), true).await.existing_wallet,
        ..link(&bench, caller, &evm(1), &solana(1), true).await
    };
    assert_refused!(bench.service.link_wallet(caller, &body).await, MarketError::ChallengeExpired);
}

#[tokio::test]
async fn a_proof_is_good_for_the_profile_that_asked_only() {
    let bench = Bench::new();
    let victim = bench.register(&evm(1)).await.profile.id;
    let thief = bench.register(&evm(2)).await.profile.id;
    for is_named in [true, false] {
        let body = link(&bench, victim, &evm(1), &solana(1), is_named).await;
        assert_refused!(bench.service.link_wallet(thief, &body).await, MarketError::ChallengeExpired);
    }
}

#[tokio::test]
async fn one_wallets_proof_does_not_stand_for_the_others() {
    let bench = Bench::new();
    let caller = bench.register(&evm(1)).await.profile.id;
    // The new wallet's agreement, given as if it were the allowance of an existing one.
    let agreed = bench.linking(caller, &solana(1), None, None).await;
    let body = LinkWalletBody {
        existing_wallet: solana(1).proof(&agreed),
        ..link(&bench, caller, &evm(1), &solana(2), false).await
    };
    assert_refused!(bench.service.link_wallet(caller, &body).await, MarketError::ChallengeExpired);
}

#[tokio::test]
async fn only_an_active_wallet_of_the_profile_with_auth_allows_a_link() {
    let bench = Bench::new();
    let issued = bench.register(&evm(1)).await;
    let caller = issued.profile.id;
    bench.register(&evm(2)).await;
    // A stranger's wallet, though it signs that it allows the link.
    let body = link(&bench, caller, &evm(2), &solana(1), true).await;
    assert_refused!(bench.service.link_wallet(caller, &body).await, MarketError::WalletNotOwn);

    let spare = link(&bench, caller, &evm(1), &solana(2), true).await;
    bench.service.link_wallet(caller, &spare).await.unwrap();
    for patch in [
        WalletPatch { status: Some(WalletStatus::Disabled), ..WalletPatch::default() },
        WalletPatch {
            status: Some(WalletStatus::Active),
            capabilities: Some(Capabilities::from_iter([Capability::Recovery])),
            ..WalletPatch::default()
        },
    ] {
        bench.store.update_wallet(caller, issued.wallet.id, patch).await.unwrap();
        let body = link(&bench, caller, &evm(1), &solana(1), true).await;
        assert_refused!(
            bench.service.link_wallet(caller, &body).await,
            MarketError::WalletDisabled | MarketError::WalletLacks { .. }
        );
    }
    assert_eq!(bench.service.wallets(caller).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_wallet_of_any_profile_is_taken() {
    let bench = Bench::new();
    let caller = bench.register(&evm(1)).await.profile.id;
    bench.register(&evm(2)).await;
    let body = link(&bench, caller, &evm(1), &evm(2), true).await;
    assert_refused!(bench.service.link_wallet(caller, &body).await, MarketError::WalletTaken);
}

#[tokio::test]
async fn a_wallet_that_the_profile_has_already_is_taken_too() {
    let bench = Bench::new();
    let caller = bench.register(&evm(1)).await.profile.id;
    for (is_named, is_linked) in [(true, true), (true, false), (false, false)] {
        let body = link(&bench, caller, &evm(1), &solana(1), is_named).await;
        match bench.service.link_wallet(caller, &body).await {
            Ok(_) => assert!(is_linked),
            refused => assert_refused!(refused, MarketError::WalletTaken),
        }
    }
}

#[tokio::test]
async fn the_fields_of_a_link_are_checked_before_anything_is_used_up() {
    let bench = Bench::new();
    let caller = bench.register(&evm(1)).await.profile.id;
    let good = link(&bench, caller, &evm(1), &solana(1), true).await;
    let refused = |change: fn(&mut LinkWalletBody)| {
        let (bench, mut body) = (&bench, good.clone());
        async move {
            change(&mut body);
            fields(bench.service.link_wallet(caller, &body).await)
        }
    };
    assert_eq!(refused(|body| body.chain = Some(Chain::Evm)).await, ["chain"]);
    assert_eq!(refused(|body| body.capabilities = Some(Vec::new())).await, ["capabilities"]);
    assert_eq!(refused(|body| body.wallet_address = "x".into()).await, ["wallet_address"]);
    assert_eq!(
        refused(|body| body.existing_wallet.address = body.wallet_address.clone()).await,
        ["existing_wallet.address"]
    );
    let body = LinkWalletBody { capabilities: Some(vec![Capability::Payment]), chain: Some(Chain::Solana), ..good };
    let wallet = bench.service.link_wallet(caller, &body).await.unwrap();
    assert_eq!(wallet.capabilities, Capabilities::from_iter([Capability::Payment]));
}
