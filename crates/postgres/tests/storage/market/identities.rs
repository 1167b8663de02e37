//! Profiles, wallets and keys, where PostgreSQL has to be PostgreSQL: races, rights, clocks.

use std::sync::Arc;

use crochet_market::ports::{Identities, Linking, Registration, WalletChange};
use crochet_market::{Capabilities, Capability, WalletPatch, WalletStatus};
use crochet_postgres::PgSweeps;
use crochet_primitives::EntropyExt;
use crochet_relay::Policy;
use crochet_relay::ports::Sweeps;
use crochet_secrets::ApiKey;

use super::support::Market;

#[tokio::test]
async fn a_registration_with_a_wallet_that_is_taken_leaves_no_trace() {
    let market = Market::new().await;
    let (_, taken, _) = market.register().await;
    let before = market.everything();
    let profile = market.new_profile();
    let wallet = crochet_market::LinkedWallet { address: taken.address, ..market.new_wallet(profile.id, false) };
    let key = market.stored(profile.id, &ApiKey::generate([3; 32]));
    let outcome = market.identities.register(&profile, &wallet, &key).await.unwrap();
    assert_eq!(outcome, Registration::WalletTaken);
    assert_eq!(market.everything(), before);
}

#[tokio::test]
async fn of_many_registrations_of_one_wallet_at_once_one_is_recorded() {
    let market = Market::new().await;
    let address = market.new_wallet(market.new_profile().id, false).address;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..12 {
        let profile = market.new_profile();
        let wallet = crochet_market::LinkedWallet { address, ..market.new_wallet(profile.id, false) };
        let key = market.stored(profile.id, &ApiKey::generate(market.entropy.bytes()));
        let identities = market.identities.clone();
        tasks.spawn(async move { identities.register(&profile, &wallet, &key).await.unwrap() });
    }
    let outcomes = tasks.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Registration::Done).count(), 1);
    assert_eq!(market.number("SELECT count(*) FROM profiles"), 1);
    assert_eq!(market.number("SELECT count(*) FROM api_keys"), 1);
}

#[tokio::test]
async fn of_many_uses_of_one_challenge_at_once_one_counts() {
    let market = Market::new().await;
    let expires_at = market.now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..12 {
        let identities = market.identities.clone();
        tasks.spawn(async move { identities.consume_challenge([5; 32], expires_at).await.unwrap() });
    }
    assert_eq!(tasks.join_all().await.into_iter().filter(|first| *first).count(), 1);
}

#[tokio::test]
async fn expired_challenges_are_purged_and_others_kept() {
    let market = Market::new().await;
    let (profile, ..) = market.register().await;
    let (past, future) = (market.now(), market.now() + chrono::TimeDelta::minutes(5));
    // Marks outlast their challenges by an hour: the program's clock may be behind the database's.
    let [long_past, recently] = [61, 59].map(|minutes| market.now() - chrono::TimeDelta::minutes(minutes));
    assert!(market.identities.consume_challenge([1; 32], long_past).await.unwrap());
    assert!(market.identities.consume_challenge([3; 32], recently).await.unwrap());
    assert!(market.identities.consume_challenge([2; 32], future).await.unwrap());
    for (text, expires_at) in [("old", past), ("new", future)] {
        market.execute(&format!(
            "INSERT INTO listing_challenges VALUES ('{}', '{text}', 5, '{}')",
            profile.id,
            expires_at.to_rfc3339()
        ));
    }
    assert_eq!(PgSweeps::new(market.database.db().clone(), Policy::default()).purge().await.unwrap(), 2);
    assert!(!market.identities.consume_challenge([2; 32], future).await.unwrap());
    assert!(!market.identities.consume_challenge([3; 32], recently).await.unwrap());
    assert!(market.identities.consume_challenge([1; 32], long_past).await.unwrap());
    assert_eq!(market.number("SELECT count(*) FROM listing_challenges WHERE challenge = 'new'"), 1);
}

#[tokio::test]
async fn a_key_expires_by_the_databases_clock() {
    let market = Market::new().await;
    let (profile, ..) = market.register().await;
    let expiring = |minutes| {
        let key = ApiKey::generate(market.entropy.bytes());
        let mut stored = market.stored(profile.id, &key);
        stored.expires_at = Some(market.now() + chrono::TimeDelta::minutes(minutes));
        (key, stored)
    };
    for (minutes, is_valid) in [(5, true), (-1, false), (0, false)] {
        let (key, stored) = expiring(minutes);
        market.identities.issue_key(&stored, false, None).await.unwrap();
        let found = market.identities.authenticate(&key.hash()).await.unwrap();
        assert_eq!(found.is_some(), is_valid, "{minutes} minutes");
    }
}

#[tokio::test]
async fn the_use_of_a_key_is_noted_once_a_minute() {
    let market = Market::new().await;
    let (profile, _, key) = market.register().await;
    let last_used = async || market.identities.keys(profile.id).await.unwrap()[0].last_used_at;
    assert_eq!(last_used().await, None);
    market.identities.authenticate(&key.hash()).await.unwrap().unwrap();
    let first = last_used().await.unwrap();
    market.identities.authenticate(&key.hash()).await.unwrap().unwrap();
    assert_eq!(last_used().await, Some(first));
    market.execute("UPDATE api_keys SET last_used_at = last_used_at - interval '61 seconds'");
    market.identities.authenticate(&key.hash()).await.unwrap().unwrap();
    assert!(last_used().await.unwrap() > first);
}

#[tokio::test]
async fn a_key_lets_in_while_its_row_is_locked_and_when_its_use_cannot_be_noted() {
    use diesel::prelude::*;
    let market = Market::new().await;
    let (profile, _, key) = market.register().await;
    let mut other = market.connection();
    diesel::sql_query("BEGIN").execute(&mut other).unwrap();
    diesel::sql_query("SELECT 1 FROM api_keys FOR UPDATE").execute(&mut other).unwrap();
    assert!(market.identities.authenticate(&key.hash()).await.unwrap().is_some());
    diesel::sql_query("ROLLBACK").execute(&mut other).unwrap();

    market.execute("REVOKE UPDATE ON api_keys FROM crochet_app");
    assert!(market.identities.authenticate(&key.hash()).await.unwrap().is_some());
    assert_eq!(market.identities.keys(profile.id).await.unwrap()[0].last_used_at, None);
}

#[tokio::test]
async fn two_changes_at_once_leave_a_wallet_that_recovers() {
    let market = Arc::new(Market::new().await);
    let (profile, first, _) = market.register().await;
    let second = market.new_wallet(profile.id, true);
    assert_eq!(market.identities.link_wallet(&second).await.unwrap(), Linking::Done);
    for round in 0..5 {
        let patches = [
            (first.id, WalletPatch { status: Some(WalletStatus::Disabled), ..WalletPatch::default() }),
            (
                second.id,
                WalletPatch {
                    capabilities: Some([Capability::Auth, Capability::Payment].into_iter().collect()),
                    ..WalletPatch::default()
                },
            ),
        ];
        let mut tasks = tokio::task::JoinSet::new();
        for (id, patch) in patches {
            let identities = market.identities.clone();
            tasks.spawn(async move { identities.update_wallet(profile.id, id, patch).await.unwrap() });
        }
        let outcomes = tasks.join_all().await;
        let refused = outcomes.iter().filter(|outcome| **outcome == WalletChange::LastRecoveryWallet).count();
        assert_eq!(refused, 1, "round {round}: {outcomes:?}");
        let restored = WalletPatch {
            status: Some(WalletStatus::Active),
            capabilities: Some(Capabilities::all()),
            ..WalletPatch::default()
        };
        for id in [first.id, second.id] {
            market.identities.update_wallet(profile.id, id, restored).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_wallet_that_becomes_primary_takes_that_from_the_other_of_its_chain() {
    let market = Market::new().await;
    let (profile, first, _) = market.register().await;
    let (second, solana) = (market.new_wallet(profile.id, false), market.new_wallet(profile.id, true));
    for wallet in [&second, &solana] {
        assert_eq!(market.identities.link_wallet(wallet).await.unwrap(), Linking::Done);
    }
    let primaries = async || {
        let wallets = market.identities.wallets(profile.id).await.unwrap();
        wallets.into_iter().filter(|wallet| wallet.is_primary).map(|wallet| wallet.id).collect::<Vec<_>>()
    };
    let holds = async |expected: [crochet_primitives::WalletId; 2]| {
        let primaries = primaries().await;
        primaries.len() == 2 && expected.iter().all(|id| primaries.contains(id))
    };
    assert!(holds([second.id, solana.id]).await);
    let patch = WalletPatch { is_primary: Some(true), ..WalletPatch::default() };
    market.identities.update_wallet(profile.id, first.id, patch).await.unwrap();
    assert!(holds([first.id, solana.id]).await);
    // A wallet that is taken takes nothing away.
    let again = crochet_market::LinkedWallet { address: solana.address, ..market.new_wallet(profile.id, true) };
    assert_eq!(market.identities.link_wallet(&again).await.unwrap(), Linking::WalletTaken);
    assert!(holds([first.id, solana.id]).await);
}
