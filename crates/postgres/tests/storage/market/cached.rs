//! Keys and offers that are kept in memory: never asked for twice, and never believed for longer than they are true.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crochet_market::ports::{Catalogue, Identities};
use crochet_market::{
    EndpointStatus, ListingStatus, ProfileChange, StoredApiKey, SuspendedBy, WalletPatch, WalletStatus,
};
use crochet_postgres::cached::{CachedDirectory, CachedIdentities};
use crochet_postgres::market::PgCatalogue;
use crochet_postgres::{Db, DbConfig, Invalidations, PgDirectory, market::PgIdentities};
use crochet_pricing::{MicroUsd, Price};
use crochet_primitives::ApiKeyId;
use crochet_relay::ports::Directory;
use crochet_secrets::ApiKey;
use secrecy::SecretString;

use super::support::{Market, master_keys};
use crate::support::bridge::Bridge;

/// In which a change has to be seen everywhere.
const A_SECOND: Duration = Duration::from_secs(1);
/// What no test waits for.
const LONG: Duration = Duration::from_secs(20);

/// One gateway's part of it: a pool and caches of its own.
struct Replica {
    db: Db,
    invalidations: Arc<Invalidations>,
    identities: CachedIdentities,
    catalogue: PgCatalogue,
    directory: CachedDirectory,
}

impl Replica {
    async fn of(market: &Market) -> Self {
        Self::listening_on(market, &market.database.url()).await
    }

    async fn listening_on(market: &Market, url: &SecretString) -> Self {
        let db = Db::connect(&DbConfig { pool_size: 4, ..DbConfig::new(market.database.url()) });
        let keys = master_keys(&[("a", 1)]);
        let invalidations = Invalidations::listen(url);
        let replica = Self {
            identities: CachedIdentities::new(Arc::new(PgIdentities::new(db.clone())), &invalidations),
            catalogue: PgCatalogue::new(db.clone(), Arc::clone(&keys), market.entropy.clone()).telling(&invalidations),
            directory: CachedDirectory::new(PgDirectory::new(db.clone(), keys), &invalidations),
            invalidations,
            db,
        };
        replica.until_fresh(true).await;
        replica
    }

    async fn until_fresh(&self, is_fresh: bool) {
        within(LONG, "it listens, or no longer", async || self.invalidations.state().is_fresh == is_fresh).await;
    }

    async fn lets_in(&self, key: &ApiKey) -> bool {
        self.identities.authenticate(&key.hash()).await.unwrap().is_some()
    }

    /// Asks often enough for it to be kept.
    async fn warm(&self, key: &ApiKey, listing: &str) {
        let before = (self.identities.counts().hits, self.directory.counts().hits);
        within(LONG, "it is kept", async || {
            assert!(self.lets_in(key).await);
            assert!(self.directory.offer(listing).await.unwrap().is_some());
            self.identities.counts().hits > before.0 && self.directory.counts().hits > before.1
        })
        .await;
    }
}

/// Waits for what has to come true in that time.
async fn within(bound: Duration, what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < bound, "not within {bound:?}: {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn what_is_kept_is_answered_without_the_database() {
    let market = Market::new().await;
    let replica = Replica::of(&market).await;
    let (profile, _, key) = market.register().await;
    let (listing, _) = market.publish(profile.id, "kept").await;
    let id = listing.id.to_string();
    replica.warm(&key, "kept").await;
    let (finished, hits) = (replica.db.finished(), replica.directory.counts().hits);
    for _ in 0..100 {
        let (found, of) = replica.identities.authenticate(&key.hash()).await.unwrap().unwrap();
        assert_eq!((found.hash, of.id), (key.hash(), profile.id));
        for name in ["kept", &id, &id.to_uppercase()] {
            let offer = replica.directory.offer(name).await.unwrap().unwrap();
            assert_eq!((offer.listing, offer.seller), (listing.id, profile.id));
            assert!(offer.endpoint.as_ref().unwrap().signing_secrets.next.is_none());
        }
    }
    assert_eq!(replica.db.finished(), finished, "the database was asked");
    assert_eq!(replica.directory.counts().hits, hits + 300);
}

#[tokio::test]
async fn a_key_that_is_revoked_at_one_gateway_is_refused_there_at_once_and_elsewhere_within_a_second() {
    let market = Market::new().await;
    let (here, there) = (Replica::of(&market).await, Replica::of(&market).await);
    let (profile, _, key) = market.register().await;
    market.publish(profile.id, "called").await;
    let id = market.identities.keys(profile.id).await.unwrap()[0].id;
    here.warm(&key, "called").await;
    there.warm(&key, "called").await;
    assert!(here.identities.revoke_key(profile.id, id).await.unwrap());
    assert!(!here.lets_in(&key).await);
    within(A_SECOND, "the other one refuses it", async || !there.lets_in(&key).await).await;
    assert!(there.invalidations.state().is_fresh, "it was told, and did not merely lose its way");
}

#[tokio::test]
async fn keys_that_a_new_one_revokes_are_refused_and_the_new_one_works_at_once() {
    let market = Market::new().await;
    let (here, there) = (Replica::of(&market).await, Replica::of(&market).await);
    let (profile, _, old) = market.register().await;
    market.publish(profile.id, "called").await;
    here.warm(&old, "called").await;
    there.warm(&old, "called").await;
    let new = ApiKey::generate([9; 32]);
    assert!(!there.lets_in(&new).await, "nobody has it yet");
    let mut stored = market.stored(profile.id, &new);
    stored.id = ApiKeyId::new(market.now(), [9; 10]);
    here.identities.issue_key(&stored, true, None).await.unwrap();
    assert!(!here.lets_in(&old).await);
    assert!(here.lets_in(&new).await && there.lets_in(&new).await);
    within(A_SECOND, "the old one is refused", async || !there.lets_in(&old).await).await;
}

#[tokio::test]
async fn a_profile_that_says_something_new_of_itself_is_seen_everywhere() {
    let market = Market::new().await;
    let (here, there) = (Replica::of(&market).await, Replica::of(&market).await);
    let (profile, _, key) = market.register().await;
    market.publish(profile.id, "called").await;
    here.warm(&key, "called").await;
    there.warm(&key, "called").await;
    let change = ProfileChange { display_name: Some("Grace".into()), ..ProfileChange::default() };
    here.identities.update_profile(profile.id, &change).await.unwrap().unwrap();
    let name =
        async |replica: &Replica| replica.identities.authenticate(&key.hash()).await.unwrap().unwrap().1.display_name;
    assert_eq!(name(&here).await, "Grace");
    within(A_SECOND, "the new name", async || name(&there).await == "Grace").await;
}

#[tokio::test]
async fn a_change_of_price_endpoint_or_status_is_seen_here_at_once_and_elsewhere_within_a_second() {
    let market = Market::new().await;
    let (here, there) = (Replica::of(&market).await, Replica::of(&market).await);
    let (profile, _, key) = market.register().await;
    let (mut listing, mut endpoint) = market.publish(profile.id, "changing").await;
    let offer = async |replica: &Replica| replica.directory.offer("changing").await.unwrap().unwrap();

    here.warm(&key, "changing").await;
    there.warm(&key, "changing").await;
    let price = Price::per_call(MicroUsd::from_micros(77_000)).unwrap();
    (listing.price, listing.revision) = (price, listing.revision + 1);
    here.catalogue.save(&listing, None).await.unwrap();
    assert_eq!(offer(&here).await.price, price);
    within(A_SECOND, "the new price", async || offer(&there).await.price == price).await;

    there.warm(&key, "changing").await;
    (endpoint.timeout_ms, endpoint.revision) = (7_000, endpoint.revision + 1);
    here.catalogue.save_endpoint(&endpoint).await.unwrap();
    let timeout = async |replica: &Replica| offer(replica).await.endpoint.as_ref().unwrap().timeout;
    assert_eq!(timeout(&here).await, Duration::from_secs(7));
    within(A_SECOND, "the new endpoint", async || timeout(&there).await == Duration::from_secs(7)).await;

    there.warm(&key, "changing").await;
    (endpoint.status, endpoint.revision) = (EndpointStatus::Disabled, endpoint.revision + 1);
    here.catalogue.save_endpoint(&endpoint).await.unwrap();
    assert!(offer(&here).await.is_endpoint_disabled);
    within(A_SECOND, "the endpoint is disabled", async || offer(&there).await.is_endpoint_disabled).await;

    (listing.status, listing.suspended_by) = (ListingStatus::Suspended, Some(SuspendedBy::Operator));
    listing.revision += 1;
    here.catalogue.save(&listing, None).await.unwrap();
    within(A_SECOND, "it is suspended", async || !offer(&there).await.is_available).await;
}

#[tokio::test]
async fn what_takes_an_old_name_off_a_listing_takes_it_off_what_is_kept() {
    let market = Market::new().await;
    let (here, there) = (Replica::of(&market).await, Replica::of(&market).await);
    let (profile, _, key) = market.register().await;
    let (mut listing, _) = market.publish(profile.id, "former").await;
    here.warm(&key, "former").await;
    there.warm(&key, "former").await;
    (listing.slug, listing.revision) = ("latter".into(), listing.revision + 1);
    here.catalogue.save(&listing, None).await.unwrap();
    for replica in [&here, &there] {
        within(A_SECOND, "it is gone", async || replica.directory.offer("former").await.unwrap().is_none()).await;
        assert_eq!(replica.directory.offer("latter").await.unwrap().unwrap().listing, listing.id);
        assert_eq!(replica.directory.offer("latter").await.unwrap().unwrap().listing, listing.id);
    }
}

#[tokio::test]
async fn where_a_seller_is_paid_changes_with_its_wallets_in_all_of_its_offers() {
    let market = Market::new().await;
    let (here, there) = (Replica::of(&market).await, Replica::of(&market).await);
    let (seller, first, key) = market.register().await;
    market.publish(seller.id, "one").await;
    market.publish(seller.id, "two").await;
    let payout = async |replica: &Replica, slug: &str| {
        replica.directory.offer(slug).await.unwrap().unwrap().payout_address.clone()
    };
    for slug in ["one", "two"] {
        here.warm(&key, slug).await;
        there.warm(&key, slug).await;
        assert_eq!(payout(&there, slug).await, Some(first.address.canonical()));
    }
    let second = market.new_wallet(seller.id, false);
    here.identities.link_wallet(&second).await.unwrap();
    for slug in ["one", "two"] {
        assert_eq!(payout(&here, slug).await, Some(second.address.canonical()));
        within(A_SECOND, "the new wallet", async || payout(&there, slug).await == Some(second.address.canonical()))
            .await;
    }
    let disabled = WalletPatch { status: Some(WalletStatus::Disabled), ..WalletPatch::default() };
    here.identities.update_wallet(seller.id, second.id, disabled).await.unwrap();
    for slug in ["one", "two"] {
        assert_eq!(payout(&here, slug).await, Some(first.address.canonical()));
        within(A_SECOND, "the first one again", async || payout(&there, slug).await == Some(first.address.canonical()))
            .await;
    }
}

#[tokio::test]
async fn what_changes_behind_everybodys_back_is_told_of_and_what_no_caller_sees_is_not() {
    let market = Market::new().await;
    let replica = Replica::of(&market).await;
    let (profile, _, key) = market.register().await;
    market.publish(profile.id, "quiet").await;
    replica.warm(&key, "quiet").await;
    let changes = async || replica.invalidations.state().changes;
    let before = changes().await;
    market.execute("UPDATE api_keys SET last_used_at = now() - interval '30 seconds'");
    market.execute("UPDATE listings SET delivered_30d = 7, description = repeat('x', 20), updated_at = now()");
    market.execute("UPDATE profiles SET updated_at = now()");
    market.execute("UPDATE profile_wallets SET updated_at = now()");
    // What a payer by a header is given: it receives nothing.
    market.execute(
        "INSERT INTO profile_wallets (id, profile_id, chain, address, is_primary, capabilities, status, created_at) \
         SELECT gen_random_uuid(), id, 'solana', repeat('z', 40), false, '{payment}', 'active', now() FROM profiles",
    );
    // Notifications come in the order of their commits.
    market.execute("UPDATE listings SET name = 'Told'");
    within(A_SECOND, "it is told of", async || changes().await == before + 1).await;
    assert_eq!(replica.directory.offer("quiet").await.unwrap().unwrap().name, "Told");
    replica.warm(&key, "quiet").await;
    // Among what is emptied are keys: nothing that is kept is sure.
    market.execute("TRUNCATE api_keys");
    within(A_SECOND, "nobody has a key", async || !replica.lets_in(&key).await).await;
}

#[tokio::test]
async fn a_listener_whose_connection_is_ended_is_followed_by_another_and_no_change_in_between_is_missed() {
    let market = Market::new().await;
    let replica = Replica::of(&market).await;
    let (profile, _, key) = market.register().await;
    let (mut listing, _) = market.publish(profile.id, "called").await;
    let price = async || replica.directory.offer("called").await.unwrap().unwrap().price;
    for round in 1..=3 {
        replica.warm(&key, "called").await;
        let connections = replica.invalidations.state().connections;
        let ended = market.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND application_name = 'crochet-listener'",
        );
        assert_eq!(ended, 1);
        let new = Price::per_call(MicroUsd::from_micros(round * 1_000)).unwrap();
        (listing.price, listing.revision) = (new, listing.revision + 1);
        market.catalogue.save(&listing, None).await.unwrap();
        within(A_SECOND, "the new price", async || price().await == new).await;
        within(LONG, "somebody listens again", async || {
            assert_eq!(price().await, new);
            let state = replica.invalidations.state();
            state.is_fresh && state.connections == connections + 1
        })
        .await;
        assert_eq!(price().await, new);
    }
}

#[tokio::test]
async fn while_the_listener_hangs_every_look_up_asks_the_database() {
    let market = Market::new().await;
    let bridge = Bridge::to(&market.database);
    let replica = Replica::listening_on(&market, &bridge.url(&market.database).into()).await;
    let (profile, _, key) = market.register().await;
    market.publish(profile.id, "called").await;
    replica.warm(&key, "called").await;
    // Whatever the database says, the listener hears nothing any more, and its connection stands.
    bridge.swallow();
    market.execute("UPDATE api_keys SET revoked_at = now()");
    within(A_SECOND, "the revoked key is refused", async || !replica.lets_in(&key).await).await;
    replica.until_fresh(false).await;
    let (asked, bypasses) = (replica.db.finished(), replica.directory.counts().bypasses);
    for _ in 0..3 {
        assert!(replica.directory.offer("called").await.unwrap().is_some());
    }
    assert_eq!((replica.db.finished(), replica.directory.counts().bypasses), (asked + 3, bypasses + 3));
    // What hangs ends before the database goes.
    bridge.cut();
}

#[tokio::test]
async fn a_listener_that_hangs_is_left_for_another() {
    let market = Market::new().await;
    let bridge = Bridge::to(&market.database);
    let url = bridge.url(&market.database).into();
    let invalidations = Invalidations::listen_impatiently(&url, Duration::from_secs(1));
    let is_on = async |connections| {
        let state = invalidations.state();
        state.is_fresh && state.connections == connections
    };
    within(LONG, "it listens", async || is_on(1).await).await;
    bridge.swallow();
    within(LONG, "another one listens", async || is_on(2).await).await;
    bridge.cut();
}

#[tokio::test]
async fn a_gateway_that_nobody_tells_anything_asks_the_database_until_somebody_does() {
    let market = Market::new().await;
    let bridge = Bridge::to(&market.database);
    bridge.cut();
    let invalidations = Invalidations::listen(&bridge.url(&market.database).into());
    let inner = Arc::new(PgIdentities::new(market.database.db().clone()));
    let identities = CachedIdentities::new(inner, &invalidations);
    let (_, _, key) = market.register().await;
    for _ in 0..3 {
        assert!(identities.authenticate(&key.hash()).await.unwrap().is_some());
    }
    assert_eq!((identities.counts().bypasses, identities.counts().entries), (3, 0));
    bridge.mend();
    within(LONG, "it listens", async || invalidations.state().is_fresh).await;
    assert!(identities.authenticate(&key.hash()).await.unwrap().is_some());
    assert!(identities.authenticate(&key.hash()).await.unwrap().is_some());
    assert_eq!((identities.counts().misses, identities.counts().hits), (1, 1));
}

#[tokio::test]
async fn a_key_that_is_kept_ends_when_it_expires() {
    let market = Market::new().await;
    let replica = Replica::of(&market).await;
    let (profile, _, _) = market.register().await;
    let hits = || replica.identities.counts().hits;
    let mut seed = 100_u8;
    // On a busy machine a short life may be over before the key is kept: then the next one lives longer.
    let (key, expires_at) = loop {
        seed += 10;
        let expires_at = market.now() + chrono::TimeDelta::milliseconds(700 * i64::from(seed / 10 - 10));
        let key = ApiKey::generate([seed; 32]);
        let stored = StoredApiKey { expires_at: Some(expires_at), ..market.stored(profile.id, &key) };
        market.identities.issue_key(&stored, false, None).await.unwrap();
        let before = hits();
        while replica.lets_in(&key).await && hits() == before {}
        if hits() > before {
            break (key, expires_at);
        }
    };
    within(LONG, "it has expired", async || !replica.lets_in(&key).await).await;
    assert!(market.now() >= expires_at, "it was refused before its time");
}

#[tokio::test]
async fn what_time_alone_changes_of_an_offer_is_kept_only_until_then() {
    let market = Market::new().await;
    let replica = Replica::of(&market).await;
    let (profile, _, key) = market.register().await;
    market.publish(profile.id, "aging").await;
    market.execute(
        "UPDATE listings SET former_price_micros = 5, price_changed_at = clock_timestamp() - interval '299.4 seconds'",
    );
    let former = async || replica.directory.offer("aging").await.unwrap().unwrap().former_price;
    within(A_SECOND, "the former price", async || former().await.is_some()).await;
    replica.warm(&key, "aging").await;
    within(LONG, "it can be paid no longer", async || former().await.is_none()).await;
}

#[tokio::test]
async fn the_use_of_a_key_that_is_kept_is_noted_once_a_minute_and_beside_the_call() {
    let market = Market::new().await;
    let replica = Replica::of(&market).await;
    let (profile, _, key) = market.register().await;
    let last_used = async || market.identities.keys(profile.id).await.unwrap()[0].last_used_at;
    // In a moment a minute will have passed.
    market.execute("UPDATE api_keys SET last_used_at = clock_timestamp() - interval '59.6 seconds'");
    let before = last_used().await;
    assert!(replica.lets_in(&key).await);
    assert_eq!(last_used().await, before);
    let asked = replica.db.finished();
    within(LONG, "it is noted", async || {
        assert!(replica.lets_in(&key).await);
        last_used().await > before
    })
    .await;
    let noted = last_used().await;
    for _ in 0..100 {
        assert!(replica.lets_in(&key).await);
    }
    assert_eq!(last_used().await, noted);
    within(LONG, "one look at the database", async || replica.db.finished() == asked + 1).await;
}
