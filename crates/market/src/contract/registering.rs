//! Challenges that are used once, and profiles that are registered once.

use crochet_wallet::Chain;
use futures::future::join_all;

use super::World;
use super::given::{address, in_hours, key, profile, registered, wallet};
use crate::ports::Registration;
use crate::profile::{ProfileChange, ProfileRole};

pub async fn a_challenge_is_consumed_once(world: &impl World) {
    let expires_at = in_hours(world, 1);
    assert!(world.identities().consume_challenge([1; 32], expires_at).await.unwrap());
    assert!(!world.identities().consume_challenge([1; 32], expires_at).await.unwrap());
    assert!(world.identities().consume_challenge([2; 32], expires_at).await.unwrap());
}

pub async fn of_fifty_attempts_that_race_for_a_challenge_one_consumes_it(world: &impl World) {
    let expires_at = in_hours(world, 1);
    let attempts = (0..50).map(|_| world.identities().consume_challenge([3; 32], expires_at));
    let consumed = join_all(attempts).await.into_iter().filter(|consumed| *consumed.as_ref().unwrap()).count();
    assert_eq!(consumed, 1);
}

pub async fn a_registration_is_read_back_as_it_was_recorded(world: &impl World) {
    let registered = registered(world).await;
    let id = registered.profile.id;
    assert_eq!(world.identities().profile(id).await.unwrap().as_ref(), Some(&registered.profile));
    assert_eq!(world.identities().wallets(id).await.unwrap(), std::slice::from_ref(&registered.wallet));
    let owner = world.identities().owner(&registered.wallet.address).await.unwrap();
    assert_eq!(owner, Some((registered.profile, registered.wallet)));
    let keys = world.identities().keys(id).await.unwrap();
    assert_eq!(keys.iter().map(|key| key.id).collect::<Vec<_>>(), [registered.key.id]);
}

pub async fn who_there_is_not_is_answered_with_nothing(world: &impl World) {
    let stranger = profile();
    assert_eq!(world.identities().profile(stranger.id).await.unwrap(), None);
    assert_eq!(world.identities().wallets(stranger.id).await.unwrap(), []);
    assert!(world.identities().keys(stranger.id).await.unwrap().is_empty());
    assert_eq!(world.identities().owner(&address(Chain::Evm)).await.unwrap(), None);
    let change = ProfileChange { role: Some(ProfileRole::Buyer), ..ProfileChange::default() };
    assert_eq!(world.identities().update_profile(stranger.id, &change).await.unwrap(), None);
    assert_eq!(world.identities().update_profile(stranger.id, &ProfileChange::default()).await.unwrap(), None);
    let (raw, _) = key(stranger.id);
    assert!(world.identities().authenticate(&raw.hash()).await.unwrap().is_none());
}

pub async fn a_wallet_registers_once_and_a_second_attempt_leaves_nothing_behind(world: &impl World) {
    let first = registered(world).await;
    let second = profile();
    let (raw, key) = key(second.id);
    let again = wallet(second.id, first.wallet.address, true);
    let done = world.identities().register(&second, &again, &key).await.unwrap();
    assert_eq!(done, Registration::WalletTaken);
    assert_eq!(world.identities().profile(second.id).await.unwrap(), None);
    assert!(world.identities().authenticate(&raw.hash()).await.unwrap().is_none());
}

pub async fn of_registrations_that_race_for_a_wallet_one_is_recorded(world: &impl World) {
    let address = address(Chain::Solana);
    let attempts: Vec<_> = (0..10)
        .map(|_| {
            let profile = profile();
            (wallet(profile.id, address, true), key(profile.id).1, profile)
        })
        .collect();
    let racing = attempts.iter().map(|(wallet, key, profile)| world.identities().register(profile, wallet, key));
    let done = join_all(racing).await;
    assert_eq!(done.iter().filter(|done| *done.as_ref().unwrap() == Registration::Done).count(), 1);
    let (owner, _) = world.identities().owner(&address).await.unwrap().unwrap();
    for (done, (_, _, profile)) in done.iter().zip(&attempts) {
        let is_winner = *done.as_ref().unwrap() == Registration::Done;
        assert_eq!(owner.id == profile.id, is_winner);
        assert_eq!(world.identities().profile(profile.id).await.unwrap().is_some(), is_winner);
    }
}

pub async fn what_a_profile_says_of_itself_is_changed_and_nothing_else(world: &impl World) {
    let registered = registered(world).await;
    let mut said = registered.profile.clone();
    said.display_name = "Ünïcode 信号".to_owned();
    said.bio = None;
    said.website = Some("https://new.example".to_owned());
    said.avatar_url = None;
    said.role = ProfileRole::Buyer;
    let change = ProfileChange {
        display_name: Some(said.display_name.clone()),
        bio: Some(None),
        website: Some(said.website.clone()),
        avatar_url: Some(None),
        role: Some(said.role),
    };
    assert_eq!(world.identities().update_profile(said.id, &change).await.unwrap().as_ref(), Some(&said));
    assert_eq!(world.identities().profile(said.id).await.unwrap().as_ref(), Some(&said));
    // Nothing named, nothing changed.
    let nothing = world.identities().update_profile(said.id, &ProfileChange::default()).await.unwrap();
    assert_eq!(nothing, Some(said));
}

pub async fn of_two_changes_at_once_to_a_profile_both_stay(world: &impl World) {
    let id = registered(world).await.profile.id;
    for round in 0..10 {
        let (bio, website) = (format!("bio {round}"), format!("https://{round}.example"));
        let first = ProfileChange { bio: Some(Some(bio.clone())), ..ProfileChange::default() };
        let second = ProfileChange { website: Some(Some(website.clone())), ..ProfileChange::default() };
        let racing = [&first, &second].map(|change| world.identities().update_profile(id, change));
        for done in join_all(racing).await {
            assert!(done.unwrap().is_some());
        }
        let profile = world.identities().profile(id).await.unwrap().unwrap();
        assert_eq!((profile.bio, profile.website), (Some(bio), Some(website)));
    }
}
