//! API keys: who holds one, and until when.

use super::World;
use super::given::{in_hours, key, registered};
use crate::api_key::{Scope, Scopes};

pub async fn a_key_authenticates_its_profile(world: &impl World) {
    let registered = registered(world).await;
    let (key, profile) = world.identities().authenticate(&registered.raw.hash()).await.unwrap().unwrap();
    assert_eq!((key.id, key.scopes, key.prefix), (registered.key.id, Scopes::all(), registered.raw.prefix()));
    assert_eq!(profile, registered.profile);
}

pub async fn a_key_keeps_its_scopes_its_name_and_its_end(world: &impl World) {
    let registered = registered(world).await;
    let (raw, mut narrow) = key(registered.profile.id);
    narrow.scopes = Scopes::from_iter([Scope::Gateway, Scope::Read]);
    narrow.name = "Nächtlich 🔑".to_owned();
    narrow.expires_at = Some(in_hours(world, 1));
    world.identities().issue_key(&narrow, false).await.unwrap();
    let (read, _) = world.identities().authenticate(&raw.hash()).await.unwrap().unwrap();
    assert_eq!((read.scopes, read.name, read.expires_at), (narrow.scopes, narrow.name, narrow.expires_at));
}

pub async fn an_expired_key_is_refused(world: &impl World) {
    let registered = registered(world).await;
    let (raw, mut expired) = key(registered.profile.id);
    expired.expires_at = Some(in_hours(world, -1));
    world.identities().issue_key(&expired, false).await.unwrap();
    assert!(world.identities().authenticate(&raw.hash()).await.unwrap().is_none());
}

pub async fn a_revoked_key_is_refused_and_no_longer_listed(world: &impl World) {
    let registered = registered(world).await;
    let (raw, second) = key(registered.profile.id);
    world.identities().issue_key(&second, false).await.unwrap();
    assert!(world.identities().revoke_key(registered.profile.id, second.id).await.unwrap());
    assert!(world.identities().authenticate(&raw.hash()).await.unwrap().is_none());
    assert!(world.identities().authenticate(&registered.raw.hash()).await.unwrap().is_some());
    let listed = world.identities().keys(registered.profile.id).await.unwrap();
    assert_eq!(listed.iter().map(|key| key.id).collect::<Vec<_>>(), [registered.key.id]);
    assert!(!world.identities().revoke_key(registered.profile.id, second.id).await.unwrap());
}

pub async fn nobody_revokes_the_key_of_another_profile(world: &impl World) {
    let (one, other) = (registered(world).await, registered(world).await);
    assert!(!world.identities().revoke_key(one.profile.id, other.key.id).await.unwrap());
    assert!(world.identities().authenticate(&other.raw.hash()).await.unwrap().is_some());
}

pub async fn keys_are_listed_newest_first(world: &impl World) {
    let registered = registered(world).await;
    let mut ids = vec![registered.key.id];
    for _ in 0..3 {
        let (_, another) = key(registered.profile.id);
        world.identities().issue_key(&another, false).await.unwrap();
        ids.push(another.id);
    }
    ids.reverse();
    let listed = world.identities().keys(registered.profile.id).await.unwrap();
    assert_eq!(listed.iter().map(|key| key.id).collect::<Vec<_>>(), ids);
}

pub async fn a_fresh_key_can_revoke_all_others_of_its_profile(world: &impl World) {
    let (one, other) = (registered(world).await, registered(world).await);
    let (raw, fresh) = key(one.profile.id);
    world.identities().issue_key(&fresh, true).await.unwrap();
    assert!(world.identities().authenticate(&one.raw.hash()).await.unwrap().is_none());
    assert!(world.identities().authenticate(&raw.hash()).await.unwrap().is_some());
    assert!(world.identities().authenticate(&other.raw.hash()).await.unwrap().is_some());
}
