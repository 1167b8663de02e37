//! API keys: who holds one, and until when.

use futures::future::{join, join_all};

use super::World;
use super::given::{in_hours, key, registered};
use crate::api_key::{MAX_API_KEYS, Scope, Scopes, StoredApiKey};
use crate::ports::Issuing;

async fn issue(world: &impl World, key: &StoredApiKey, revoke_others: bool) {
    assert_eq!(world.identities().issue_key(key, revoke_others, None).await.unwrap(), Issuing::Done);
}

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
    issue(world, &narrow, false).await;
    let (read, _) = world.identities().authenticate(&raw.hash()).await.unwrap().unwrap();
    assert_eq!((read.scopes, read.name, read.expires_at), (narrow.scopes, narrow.name, narrow.expires_at));
}

pub async fn an_expired_key_is_refused(world: &impl World) {
    let registered = registered(world).await;
    let (raw, mut expired) = key(registered.profile.id);
    expired.expires_at = Some(in_hours(world, -1));
    issue(world, &expired, false).await;
    assert!(world.identities().authenticate(&raw.hash()).await.unwrap().is_none());
}

pub async fn a_revoked_key_is_refused_and_no_longer_listed(world: &impl World) {
    let registered = registered(world).await;
    let (raw, second) = key(registered.profile.id);
    issue(world, &second, false).await;
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
        issue(world, &another, false).await;
        ids.push(another.id);
    }
    ids.reverse();
    let listed = world.identities().keys(registered.profile.id).await.unwrap();
    assert_eq!(listed.iter().map(|key| key.id).collect::<Vec<_>>(), ids);
}

pub async fn a_fresh_key_can_revoke_all_others_of_its_profile(world: &impl World) {
    let (one, other) = (registered(world).await, registered(world).await);
    let (raw, fresh) = key(one.profile.id);
    issue(world, &fresh, true).await;
    assert!(world.identities().authenticate(&one.raw.hash()).await.unwrap().is_none());
    assert!(world.identities().authenticate(&raw.hash()).await.unwrap().is_some());
    assert!(world.identities().authenticate(&other.raw.hash()).await.unwrap().is_some());
}

pub async fn a_profile_has_no_more_valid_keys_than_it_may(world: &impl World) {
    let one = registered(world).await;
    let (_, mut expired) = key(one.profile.id);
    expired.expires_at = Some(in_hours(world, -1));
    issue(world, &expired, false).await;
    // One is there, and twice as many as fit come at once.
    let keys: Vec<_> = (0..2 * MAX_API_KEYS).map(|_| key(one.profile.id).1).collect();
    let issued = join_all(keys.iter().map(|key| world.identities().issue_key(key, false, None))).await;
    assert_eq!(issued.iter().filter(|issued| *issued.as_ref().unwrap() == Issuing::Done).count(), MAX_API_KEYS - 1);
    assert_eq!(issued.iter().filter(|issued| *issued.as_ref().unwrap() == Issuing::TooMany).count(), MAX_API_KEYS + 1);

    let (raw, further) = key(one.profile.id);
    assert_eq!(world.identities().issue_key(&further, false, None).await.unwrap(), Issuing::TooMany);
    assert!(world.identities().authenticate(&raw.hash()).await.unwrap().is_none());
    assert!(world.identities().revoke_key(one.profile.id, one.key.id).await.unwrap());
    issue(world, &further, false).await;
    // Whoever revokes the others has room, and other profiles have theirs.
    issue(world, &key(one.profile.id).1, true).await;
    assert_eq!(world.identities().keys(one.profile.id).await.unwrap().len(), 1);
    let other = registered(world).await;
    issue(world, &key(other.profile.id).1, false).await;
}

pub async fn only_a_valid_key_of_the_same_profile_mints_another(world: &impl World) {
    let (one, other) = (registered(world).await, registered(world).await);
    let (_, mut expired) = key(one.profile.id);
    expired.expires_at = Some(in_hours(world, -1));
    issue(world, &expired, false).await;
    let (_, revoked) = key(one.profile.id);
    issue(world, &revoked, false).await;
    assert!(world.identities().revoke_key(one.profile.id, revoked.id).await.unwrap());
    let unknown = key(one.profile.id).1;
    for minter in [expired.id, revoked.id, other.key.id, unknown.id] {
        let (raw, minted) = key(one.profile.id);
        let issued = world.identities().issue_key(&minted, false, Some(minter)).await.unwrap();
        assert_eq!(issued, Issuing::MinterInvalid);
        assert!(world.identities().authenticate(&raw.hash()).await.unwrap().is_none());
    }
    let (raw, minted) = key(one.profile.id);
    let issued = world.identities().issue_key(&minted, false, Some(one.key.id)).await.unwrap();
    assert_eq!(issued, Issuing::Done);
    assert!(world.identities().authenticate(&raw.hash()).await.unwrap().is_some());
}

pub async fn no_key_that_a_revoked_one_mints_survives_a_fresh_key_that_revokes_all(world: &impl World) {
    for _ in 0..10 {
        let one = registered(world).await;
        let ((_, minted), (_, fresh)) = (key(one.profile.id), key(one.profile.id));
        let minting = world.identities().issue_key(&minted, false, Some(one.key.id));
        let (_, revoking) = join(minting, world.identities().issue_key(&fresh, true, None)).await;
        assert_eq!(revoking.unwrap(), Issuing::Done);
        let left = world.identities().keys(one.profile.id).await.unwrap();
        assert_eq!(left.iter().map(|key| key.id).collect::<Vec<_>>(), [fresh.id]);
    }
}
