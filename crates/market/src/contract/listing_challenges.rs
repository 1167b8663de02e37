//! Listing challenges: few open at once, each taken once.

use futures::future::join_all;

use super::World;
use super::given::{challenge, in_hours, registered};
use crate::ports::Taken;

pub async fn the_one_open_challenge_needs_no_name(world: &impl World) {
    let profile = registered(world).await.profile.id;
    assert_eq!(world.catalogue().take_challenge(profile, None).await.unwrap(), Taken::None);
    let open = challenge(profile, in_hours(world, 1));
    assert!(world.catalogue().open_challenge(&open, 5).await.unwrap());
    assert_eq!(world.catalogue().take_challenge(profile, None).await.unwrap(), Taken::Taken(open));
    assert_eq!(world.catalogue().take_challenge(profile, None).await.unwrap(), Taken::None);
}

pub async fn of_several_open_challenges_one_has_to_be_named(world: &impl World) {
    let profile = registered(world).await.profile.id;
    let (first, second) = (challenge(profile, in_hours(world, 1)), challenge(profile, in_hours(world, 1)));
    assert!(world.catalogue().open_challenge(&first, 5).await.unwrap());
    assert!(world.catalogue().open_challenge(&second, 5).await.unwrap());
    assert_eq!(world.catalogue().take_challenge(profile, None).await.unwrap(), Taken::Several);
    assert_eq!(world.catalogue().take_challenge(profile, Some("another")).await.unwrap(), Taken::None);
    let named = Some(first.challenge.as_str());
    assert_eq!(world.catalogue().take_challenge(profile, named).await.unwrap(), Taken::Taken(first.clone()));
    assert_eq!(world.catalogue().take_challenge(profile, named).await.unwrap(), Taken::None);
    assert_eq!(world.catalogue().take_challenge(profile, None).await.unwrap(), Taken::Taken(second));
}

pub async fn a_profile_has_only_so_many_challenges_open(world: &impl World) {
    let (one, other) = (registered(world).await.profile.id, registered(world).await.profile.id);
    for is_opened in [true, true, false] {
        let open = challenge(one, in_hours(world, 1));
        assert_eq!(world.catalogue().open_challenge(&open, 2).await.unwrap(), is_opened);
    }
    assert!(world.catalogue().open_challenge(&challenge(other, in_hours(world, 1)), 2).await.unwrap());
}

pub async fn challenges_that_race_to_be_opened_keep_the_limit(world: &impl World) {
    let profile = registered(world).await.profile.id;
    let challenges: Vec<_> = (0..12).map(|_| challenge(profile, in_hours(world, 1))).collect();
    let opened = join_all(challenges.iter().map(|open| world.catalogue().open_challenge(open, 5))).await;
    assert_eq!(opened.into_iter().filter(|opened| *opened.as_ref().unwrap()).count(), 5);
}

pub async fn an_expired_challenge_is_not_open(world: &impl World) {
    let profile = registered(world).await.profile.id;
    let expired = challenge(profile, in_hours(world, -1));
    assert!(world.catalogue().open_challenge(&expired, 1).await.unwrap());
    for named in [None, Some(expired.challenge.as_str())] {
        assert_eq!(world.catalogue().take_challenge(profile, named).await.unwrap(), Taken::None);
    }
    let open = challenge(profile, in_hours(world, 1));
    assert!(world.catalogue().open_challenge(&open, 1).await.unwrap());
    assert_eq!(world.catalogue().take_challenge(profile, None).await.unwrap(), Taken::Taken(open));
}

pub async fn nobody_takes_the_challenge_of_another_profile(world: &impl World) {
    let (one, other) = (registered(world).await.profile.id, registered(world).await.profile.id);
    let open = challenge(one, in_hours(world, 1));
    assert!(world.catalogue().open_challenge(&open, 5).await.unwrap());
    let named = Some(open.challenge.as_str());
    assert_eq!(world.catalogue().take_challenge(other, named).await.unwrap(), Taken::None);
    assert_eq!(world.catalogue().take_challenge(one, named).await.unwrap(), Taken::Taken(open));
}

pub async fn of_attempts_that_race_for_a_listing_challenge_one_takes_it(world: &impl World) {
    let profile = registered(world).await.profile.id;
    let open = challenge(profile, in_hours(world, 1));
    assert!(world.catalogue().open_challenge(&open, 5).await.unwrap());
    let taken = join_all((0..20).map(|_| world.catalogue().take_challenge(profile, None))).await;
    let winners = taken.into_iter().filter(|taken| *taken.as_ref().unwrap() == Taken::Taken(open.clone()));
    assert_eq!(winners.count(), 1);
}
