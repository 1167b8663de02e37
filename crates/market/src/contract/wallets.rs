//! The wallets of a profile.

use crochet_primitives::WalletId;
use crochet_wallet::Chain;
use futures::future::{join, join_all};

use super::World;
use super::given::{address, registered, wallet};
use crate::linked_wallet::{Capabilities, Capability, LinkedWallet, WalletPatch, WalletStatus};
use crate::ports::{Linking, WalletChange};

async fn linked(world: &impl World, chain: Chain, is_primary: bool, to: &LinkedWallet) -> LinkedWallet {
    let wallet = wallet(to.profile, address(chain), is_primary);
    assert_eq!(world.identities().link_wallet(&wallet).await.unwrap(), Linking::Done);
    wallet
}

async fn changed(world: &impl World, wallet: &LinkedWallet, patch: WalletPatch) -> WalletChange {
    world.identities().update_wallet(wallet.profile, wallet.id, patch).await.unwrap()
}

async fn primaries(world: &impl World, of: &LinkedWallet) -> Vec<WalletId> {
    let wallets = world.identities().wallets(of.profile).await.unwrap();
    wallets.into_iter().filter(|wallet| wallet.is_primary).map(|wallet| wallet.id).collect()
}

fn off() -> WalletPatch {
    WalletPatch { status: Some(WalletStatus::Disabled), ..WalletPatch::default() }
}

pub async fn wallets_are_listed_oldest_first(world: &impl World) {
    let first = registered(world).await.wallet;
    let second = linked(world, Chain::Solana, true, &first).await;
    let third = linked(world, Chain::Evm, false, &first).await;
    assert_eq!(world.identities().wallets(first.profile).await.unwrap(), [first, second, third]);
}

pub async fn the_catalogue_sees_the_wallets_as_they_are(world: &impl World) {
    let first = registered(world).await.wallet;
    let second = linked(world, Chain::Solana, true, &first).await;
    assert!(matches!(changed(world, &second, off()).await, WalletChange::Done(_)));
    let known = world.identities().wallets(first.profile).await.unwrap();
    assert_eq!(known[1].status, WalletStatus::Disabled);
    assert_eq!(world.catalogue().wallets(first.profile).await.unwrap(), known);
}

pub async fn a_wallet_belongs_to_one_profile(world: &impl World) {
    let (one, other) = (registered(world).await.wallet, registered(world).await.wallet);
    for profile in [one.profile, other.profile] {
        let again = wallet(profile, one.address, false);
        assert_eq!(world.identities().link_wallet(&again).await.unwrap(), Linking::WalletTaken);
    }
    assert_eq!(world.identities().wallets(other.profile).await.unwrap().len(), 1);
}

pub async fn of_profiles_that_race_to_link_a_wallet_one_gets_it(world: &impl World) {
    let address = address(Chain::Solana);
    let mut wallets = Vec::new();
    for _ in 0..8 {
        wallets.push(wallet(registered(world).await.profile.id, address, true));
    }
    let linked = join_all(wallets.iter().map(|wallet| world.identities().link_wallet(wallet))).await;
    assert_eq!(linked.iter().filter(|linked| *linked.as_ref().unwrap() == Linking::Done).count(), 1);
}

pub async fn a_chain_has_one_primary_wallet(world: &impl World) {
    let first = registered(world).await.wallet;
    let solana = linked(world, Chain::Solana, true, &first).await;
    let second = linked(world, Chain::Evm, true, &first).await;
    assert_eq!(primaries(world, &first).await, [solana.id, second.id]);
    let primary = WalletPatch { is_primary: Some(true), ..WalletPatch::default() };
    let WalletChange::Done(now) = changed(world, &first, primary).await else { panic!("not changed") };
    assert_eq!(now, first);
    assert_eq!(primaries(world, &first).await, [first.id, solana.id]);
}

pub async fn of_wallets_that_race_to_be_primary_one_is(world: &impl World) {
    let first = registered(world).await.wallet;
    let mut others = Vec::new();
    for _ in 0..4 {
        others.push(linked(world, Chain::Evm, false, &first).await);
    }
    let primary = WalletPatch { is_primary: Some(true), ..WalletPatch::default() };
    let racing = others.iter().map(|wallet| changed(world, wallet, primary));
    assert!(join_all(racing).await.iter().all(|change| matches!(change, WalletChange::Done(_))));
    assert_eq!(primaries(world, &first).await.len(), 1);
}

pub async fn a_change_leaves_what_it_does_not_mention(world: &impl World) {
    let first = registered(world).await.wallet;
    let second = linked(world, Chain::Solana, true, &first).await;
    let payment = Capabilities::from_iter([Capability::Payment]);
    let patch = WalletPatch { capabilities: Some(payment), ..WalletPatch::default() };
    let expected = LinkedWallet { capabilities: payment, ..second.clone() };
    assert_eq!(changed(world, &second, patch).await, WalletChange::Done(expected.clone()));
    let expected = LinkedWallet { status: WalletStatus::Disabled, ..expected };
    assert_eq!(changed(world, &second, off()).await, WalletChange::Done(expected.clone()));
    assert_eq!(world.identities().wallets(first.profile).await.unwrap(), [first, expected]);
}

pub async fn nobody_changes_the_wallet_of_another_profile(world: &impl World) {
    let (one, other) = (registered(world).await.wallet, registered(world).await.wallet);
    let change = world.identities().update_wallet(one.profile, other.id, off()).await.unwrap();
    assert_eq!(change, WalletChange::NotFound);
    assert_eq!(world.identities().wallets(other.profile).await.unwrap(), [other]);
}

pub async fn the_last_recovery_wallet_stays(world: &impl World) {
    let only = registered(world).await.wallet;
    let no_recovery = WalletPatch {
        capabilities: Some(Capabilities::from_iter([Capability::Auth, Capability::Payment])),
        ..WalletPatch::default()
    };
    for patch in [off(), no_recovery] {
        assert_eq!(changed(world, &only, patch).await, WalletChange::LastRecoveryWallet);
    }
    assert_eq!(world.identities().wallets(only.profile).await.unwrap(), [only]);
}

pub async fn two_changes_that_race_never_remove_both_recovery_wallets(world: &impl World) {
    for _ in 0..10 {
        let first = registered(world).await.wallet;
        let second = linked(world, Chain::Solana, true, &first).await;
        let changes = join(changed(world, &first, off()), changed(world, &second, off())).await;
        let refused = [changes.0, changes.1].into_iter().filter(|change| *change == WalletChange::LastRecoveryWallet);
        assert_eq!(refused.count(), 1);
        let wallets = world.identities().wallets(first.profile).await.unwrap();
        assert_eq!(wallets.iter().filter(|wallet| wallet.can_recover()).count(), 1);
    }
}
