//! The contract suites of the market's ports, over PostgreSQL.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use crochet_market::contract::World;
use crochet_market::ports::{Catalogue, Identities};
use crochet_postgres::Invalidations;
use crochet_postgres::cached::CachedIdentities;
use crochet_postgres::market::{PgCatalogue, PgIdentities};
use crochet_postgres::testing::TestDatabase;
use crochet_primitives::testing::SeededEntropy;
use crochet_primitives::{CallId, EntropyExt, ListingId, ProfileId, Timestamp};
use crochet_secrets::{ExposeSecret, MasterKeys};
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text, Timestamptz, Uuid};

struct PgWorld {
    database: TestDatabase,
    identities: PgIdentities,
    catalogue: PgCatalogue,
    entropy: Arc<SeededEntropy>,
}

impl PgWorld {
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        let keys = MasterKeys::parse(&MasterKeys::entry("a", [1; 32])).unwrap();
        let entropy = Arc::new(SeededEntropy::new(1));
        Self {
            identities: PgIdentities::new(database.db().clone()),
            catalogue: PgCatalogue::new(database.db().clone(), Arc::new(keys), entropy.clone()),
            entropy,
            database,
        }
    }

    fn connection(&self) -> PgConnection {
        PgConnection::establish(self.database.url().expose_secret()).unwrap()
    }
}

/// The same, with keys kept in memory.
struct CachedWorld {
    world: PgWorld,
    identities: CachedIdentities,
    catalogue: PgCatalogue,
}

impl CachedWorld {
    async fn new() -> Self {
        let world = PgWorld::new().await;
        let invalidations = Invalidations::listen(&world.database.url());
        let identities = CachedIdentities::new(Arc::new(world.identities.clone()), &invalidations);
        let catalogue = world.catalogue.clone().telling(&invalidations);
        while !invalidations.state().is_fresh {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Self { world, identities, catalogue }
    }
}

#[async_trait]
impl World for CachedWorld {
    fn identities(&self) -> &dyn Identities {
        &self.identities
    }

    fn catalogue(&self) -> &dyn Catalogue {
        &self.catalogue
    }

    fn now(&self) -> Timestamp {
        self.world.now()
    }

    async fn record_call(&self, listing: ListingId, buyer: ProfileId, is_delivered: bool) {
        self.world.record_call(listing, buyer, is_delivered).await;
    }
}

#[derive(QueryableByName)]
struct Now {
    #[diesel(sql_type = Timestamptz)]
    now: Timestamp,
}

#[async_trait]
impl World for PgWorld {
    fn identities(&self) -> &dyn Identities {
        &self.identities
    }

    fn catalogue(&self) -> &dyn Catalogue {
        &self.catalogue
    }

    fn now(&self) -> Timestamp {
        let row: Now = diesel::sql_query("SELECT now()").get_result(&mut self.connection()).unwrap();
        row.now
    }

    async fn record_call(&self, listing: ListingId, buyer: ProfileId, is_delivered: bool) {
        let (state, delivery) = if is_delivered { ("delivered", Some("{}")) } else { ("seller_failed", None) };
        diesel::sql_query(
            "INSERT INTO gateway_requests (id, buyer_id, seller_id, listing_id, body_sha256, origin, state, \
             quote_fence, attempt, payment_seen, failures, delivery, checks, created_at, updated_at) \
             SELECT $1, $2, provider_id, $3, sha256(''), '{}', $4, 0, 1, false, 0, $5::jsonb, 0, now(), now() FROM listings WHERE id = $3",
        )
        .bind::<Uuid, _>(CallId::new(self.now(), self.entropy.bytes()).uuid())
        .bind::<Uuid, _>(buyer.uuid())
        .bind::<Uuid, _>(listing.uuid())
        .bind::<Text, _>(state)
        .bind::<Nullable<Text>, _>(delivery)
        .execute(&mut self.connection())
        .unwrap();
        self.catalogue.refresh_popularity().await.unwrap();
    }
}

#[cfg(test)]
mod identities {
    crochet_market::identities_contract!(super::PgWorld::new().await);
}

#[cfg(test)]
mod cached_identities {
    crochet_market::identities_contract!(super::CachedWorld::new().await);
}

#[cfg(test)]
mod catalogue {
    crochet_market::catalogue_contract!(super::PgWorld::new().await);
}
