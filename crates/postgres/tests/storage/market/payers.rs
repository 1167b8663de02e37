//! Who pays by a header with no account, and at which price.

use std::sync::Arc;

use crochet_market::Listing;
use crochet_market::ports::{Catalogue, Saved};
use crochet_postgres::market::PgPayers;
use crochet_pricing::{MicroUsd, Price};
use crochet_primitives::testing::SeededEntropy;
use crochet_relay::ports::{Directory, Payers};
use crochet_wallet::WalletAddress;
use tokio::task::JoinSet;

use super::support::Market;

/// Payers as a replica knows them, which draws randomness of its own.
fn payers(market: &Market, replica: u64) -> PgPayers {
    PgPayers::new(market.database.db().clone(), Arc::new(SeededEntropy::new(replica)))
}

#[tokio::test(flavor = "multi_thread")]
async fn first_payments_of_one_wallet_at_once_make_one_profile() {
    let market = Market::new().await;
    let replicas: Vec<PgPayers> = (1..=4).map(|replica| payers(&market, replica)).collect();
    for round in 1..=5 {
        let payer = WalletAddress::from_evm_bytes([round; 20]);
        let mut tasks = JoinSet::new();
        for count in 0..12 {
            let payers = replicas[count % replicas.len()].clone();
            tasks.spawn(async move { payers.profile_of(&payer).await.unwrap() });
        }
        let profiles = tasks.join_all().await;
        assert!(profiles.iter().all(|profile| *profile == profiles[0]), "{profiles:?}");
        assert_eq!(market.count("profiles"), i64::from(round), "whoever was slower leaves nothing behind");
        assert_eq!(market.count("profile_wallets"), i64::from(round));
    }
}

#[tokio::test]
async fn a_payer_whose_wallet_has_a_profile_is_that_profile_and_another_wallet_is_not() {
    let market = Market::new().await;
    let (profile, wallet, _) = market.register().await;
    let payers = payers(&market, 1);
    assert_eq!(payers.profile_of(&wallet.address).await.unwrap(), profile.id);
    let other = payers.profile_of(&WalletAddress::from_evm_bytes([9; 20])).await.unwrap();
    assert_ne!(other, profile.id);
    assert_eq!(payers.profile_of(&WalletAddress::from_evm_bytes([9; 20])).await.unwrap(), other);
    assert_eq!(market.count("profiles"), 2);
}

#[tokio::test]
async fn the_price_before_a_change_holds_for_five_minutes_and_only_where_it_was_one() {
    let market = Market::new().await;
    let (seller, ..) = market.register().await;
    let (first, _) = market.publish(seller.id, "changed").await;
    let former = async || market.directory.offer("changed").await.unwrap().unwrap().former_price;
    assert_eq!(former().await, None);
    let save = async |revision, price| {
        let changed = Listing { revision, price, ..first.clone() };
        assert_eq!(market.catalogue.save(&changed, None).await.unwrap(), Saved::Done);
    };
    let cents = |cents: u64| Price::per_call(MicroUsd::from_micros(cents * 10_000)).unwrap();

    save(2, cents(2)).await;
    assert_eq!(former().await, Some(MicroUsd::from_micros(10_000)));
    // A change of anything else is none of the price.
    save(3, cents(2)).await;
    assert_eq!(former().await, Some(MicroUsd::from_micros(10_000)));
    market.execute("UPDATE listings SET price_changed_at = clock_timestamp() - interval '4 minutes 50 seconds'");
    assert_eq!(former().await, Some(MicroUsd::from_micros(10_000)));
    market.execute("UPDATE listings SET price_changed_at = clock_timestamp() - interval '5 minutes 1 second'");
    assert_eq!(former().await, None);

    // What cost nothing had no price that anybody could have paid.
    save(4, Price::Free).await;
    assert_eq!(former().await, Some(MicroUsd::from_micros(20_000)));
    save(5, cents(3)).await;
    assert_eq!(former().await, None);
}
