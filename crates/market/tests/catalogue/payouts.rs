//! Where nobody could be paid, nothing is offered for money.

use crochet_market::ports::Identities;
use crochet_market::{Capability, MarketError, Payouts, Profile, WalletPatch, WalletStatus};
use crochet_wallet::Chain;

use crate::support::{Bench, body, id, listing, paid_json};

async fn patch_wallet(bench: &Bench, seller: &Profile, patch: WalletPatch) {
    let wallet = bench.identities.wallets(seller.id).await.unwrap().remove(0);
    bench.identities.update_wallet(seller.id, wallet.id, patch).await.unwrap();
}

fn without_payout() -> WalletPatch {
    let capabilities = [Capability::Auth, Capability::Recovery, Capability::Payment].into_iter().collect();
    WalletPatch { capabilities: Some(capabilities), ..WalletPatch::default() }
}

fn with_payout() -> WalletPatch {
    let capabilities = [Capability::Recovery, Capability::Payout].into_iter().collect();
    WalletPatch { capabilities: Some(capabilities), ..WalletPatch::default() }
}

#[track_caller]
fn assert_no_payout<T>(result: Result<T, MarketError>, expected: &[Chain]) {
    match result {
        Err(MarketError::NoPayoutWallet { chains }) => assert_eq!(chains, expected),
        Err(other) => panic!("refused for another reason: {other}"),
        Ok(_) => panic!("it was taken"),
    }
}

#[tokio::test]
async fn a_paid_listing_takes_a_payout_wallet_on_a_chain_that_payouts_reach() {
    for (payouts, is_taken) in [
        (Payouts::Anywhere, true),
        (Payouts::On(vec![Chain::Evm]), true),
        (Payouts::On(vec![Chain::Solana, Chain::Evm]), true),
        (Payouts::On(vec![Chain::Solana]), false),
    ] {
        let bench = Bench::paying(payouts);
        let seller = bench.seller().await;
        let body = bench.worked(&seller, listing(&paid_json())).await;
        let created = bench.service.create(&seller, &body).await;
        if is_taken { assert!(created.is_ok()) } else { assert_no_payout(created, &[Chain::Solana]) }
    }
}

#[tokio::test]
async fn a_refused_listing_keeps_its_challenge() {
    let bench = Bench::paying(Payouts::On(vec![Chain::Evm]));
    let seller = bench.seller().await;
    patch_wallet(&bench, &seller, without_payout()).await;
    let body = bench.worked(&seller, listing(&paid_json())).await;
    assert_no_payout(bench.service.create(&seller, &body).await, &[Chain::Evm]);
    patch_wallet(&bench, &seller, with_payout()).await;
    assert!(bench.service.create(&seller, &body).await.is_ok());
}

#[tokio::test]
async fn a_disabled_wallet_is_paid_nothing() {
    let bench = Bench::paying(Payouts::On(vec![Chain::Evm]));
    let seller = bench.seller().await;
    let published = bench.paid(&seller).await;
    // A profile keeps one wallet that recovers it: this one would do, were it not for its status.
    let mut wallet = bench.identities.wallets(seller.id).await.unwrap().remove(0);
    wallet.status = WalletStatus::Disabled;
    assert!(!Payouts::On(vec![Chain::Evm]).reach(&[wallet]));
    assert!(Payouts::Anywhere.reach(&[]));
    assert_eq!(published.view.listing.provider, seller.id);
}

#[tokio::test]
async fn drafts_and_free_listings_need_none_until_they_are_offered_for_money() {
    let bench = Bench::paying(Payouts::On(vec![Chain::Evm]));
    let seller = bench.seller().await;
    patch_wallet(&bench, &seller, without_payout()).await;
    let mut draft = listing(&paid_json());
    draft.status = Some(crochet_market::ListingStatus::Draft);
    let draft = bench.worked(&seller, draft).await;
    let draft = id(&bench.service.create(&seller, &draft).await.unwrap());
    let free = id(&bench.free(&seller).await);
    let update = async |id: &str, json: &str| bench.service.update(seller.id, id, &body(json)).await;

    assert!(update(&draft, r#"{"tags":["a"]}"#).await.is_ok());
    assert_no_payout(update(&draft, r#"{"status":"active"}"#).await, &[Chain::Evm]);
    let priced =
        r#"{"pricing_model":"per_call","pricing_amount":0.5,"private_endpoint_url":"https://seller.example/a"}"#;
    assert_no_payout(update(&free, priced).await, &[Chain::Evm]);
    assert!(update(&free, r#"{"tags":["a"]}"#).await.is_ok());

    patch_wallet(&bench, &seller, with_payout()).await;
    assert!(update(&draft, r#"{"status":"active"}"#).await.is_ok());
    assert!(update(&free, priced).await.is_ok());

    // What is offered already goes on being changed, and is not offered anew.
    patch_wallet(&bench, &seller, without_payout()).await;
    assert!(update(&draft, r#"{"tags":["b"],"pricing_amount":0.7,"pricing_model":"per_call"}"#).await.is_ok());
    bench.service.remove(seller.id, &draft).await.unwrap();
    assert_no_payout(update(&draft, r#"{"status":"active"}"#).await, &[Chain::Evm]);
}
