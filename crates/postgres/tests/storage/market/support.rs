//! A database with somebody and something in it.

use std::sync::Arc;

use crochet_market::ports::{Catalogue, Identities, Saved};
use crochet_market::{
    AccountType, AuthMethod, Capabilities, DeliveryType, EndpointStatus, ExampleOutput, GatewayEndpoint, LinkedWallet,
    Listing, ListingStatus, PayoutCurrency, Profile, ProfileRole, Scopes, StoredApiKey, UpstreamAuthHeader,
    WalletStatus,
};
use crochet_postgres::PgDirectory;
use crochet_postgres::market::{PgCatalogue, PgIdentities};
use crochet_postgres::testing::TestDatabase;
use crochet_pricing::{MicroUsd, Price};
use crochet_primitives::testing::SeededEntropy;
use crochet_primitives::{
    ApiKeyId, CallId, EntropyExt, ListingId, ProfileId, Timestamp, WalletId, timestamp_from_millis,
};
use crochet_secrets::{ApiKey, MasterKeys};
use crochet_signing::SigningSecret;
use crochet_wallet::WalletAddress;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text, Uuid as SqlUuid};
use secrecy::ExposeSecret;

pub(crate) struct Market {
    pub(crate) database: TestDatabase,
    pub(crate) identities: PgIdentities,
    pub(crate) catalogue: PgCatalogue,
    pub(crate) directory: PgDirectory,
    pub(crate) entropy: Arc<SeededEntropy>,
}

pub(crate) fn master_keys(ids: &[(&str, u8)]) -> Arc<MasterKeys> {
    let entries: Vec<String> = ids.iter().map(|(id, byte)| MasterKeys::entry(id, [*byte; 32]).to_string()).collect();
    Arc::new(MasterKeys::parse(&entries.join(",")).unwrap())
}

/// A moment without what is finer than a millisecond.
pub(crate) fn at(second: i64) -> Timestamp {
    timestamp_from_millis(1_777_809_600_000 + second * 1000).unwrap()
}

impl Market {
    pub(crate) async fn new() -> Self {
        let database = TestDatabase::new().await;
        let keys = master_keys(&[("a", 1)]);
        let entropy = Arc::new(SeededEntropy::new(1));
        Self {
            identities: PgIdentities::new(database.db().clone()),
            catalogue: PgCatalogue::new(database.db().clone(), Arc::clone(&keys), entropy.clone()),
            directory: PgDirectory::new(database.db().clone(), keys),
            entropy,
            database,
        }
    }

    /// With other master keys, on the same rows.
    pub(crate) fn under(&self, ids: &[(&str, u8)]) -> (PgCatalogue, PgDirectory) {
        let db = self.database.db();
        (
            PgCatalogue::new(db.clone(), master_keys(ids), self.entropy.clone()),
            PgDirectory::new(db.clone(), master_keys(ids)),
        )
    }

    /// A connection as the owner of everything.
    pub(crate) fn connection(&self) -> PgConnection {
        PgConnection::establish(self.database.url().expose_secret()).unwrap()
    }

    /// A registered profile with an EVM wallet and a key.
    pub(crate) async fn register(&self) -> (Profile, LinkedWallet, ApiKey) {
        let profile = self.new_profile();
        let wallet = self.new_wallet(profile.id, false);
        let key = ApiKey::generate(self.entropy.bytes());
        self.identities.register(&profile, &wallet, &self.stored(profile.id, &key)).await.unwrap();
        (profile, wallet, key)
    }

    pub(crate) fn new_profile(&self) -> Profile {
        Profile {
            id: ProfileId::new(at(0), self.entropy.bytes()),
            display_name: "Ada".into(),
            account_type: AccountType::Agent,
            role: ProfileRole::Both,
            bio: Some("Counts".into()),
            website: None,
            avatar_url: None,
            is_verified: false,
            score: Some(7),
            created_at: at(0),
        }
    }

    pub(crate) fn new_wallet(&self, profile: ProfileId, on_solana: bool) -> LinkedWallet {
        let address = if on_solana {
            WalletAddress::from_solana_bytes(self.entropy.bytes())
        } else {
            WalletAddress::from_evm_bytes(self.entropy.bytes())
        };
        LinkedWallet {
            id: WalletId::new(at(0), self.entropy.bytes()),
            profile,
            address,
            is_primary: true,
            capabilities: Capabilities::all(),
            status: WalletStatus::Active,
            created_at: at(0),
        }
    }

    pub(crate) fn stored(&self, profile: ProfileId, key: &ApiKey) -> StoredApiKey {
        StoredApiKey {
            id: ApiKeyId::new(at(0), self.entropy.bytes()),
            profile,
            name: "first".into(),
            prefix: key.prefix(),
            hash: key.hash(),
            scopes: Scopes::all(),
            created_at: at(0),
            expires_at: None,
            revoked_at: None,
            last_used_at: None,
        }
    }

    /// An active listing of `provider`.
    pub(crate) fn new_listing(&self, provider: ProfileId, slug: &str) -> Listing {
        Listing {
            id: ListingId::new(at(0), self.entropy.bytes()),
            slug: slug.to_owned(),
            provider,
            name: format!("Listing {slug}"),
            description: "Answers what is asked.".into(),
            category: None,
            price: Price::per_call(MicroUsd::from_micros(10_000)).unwrap(),
            preferred_currency: PayoutCurrency::Usdc,
            delivery_type: DeliveryType::Api,
            auth_method: AuthMethod::None,
            formats: vec!["json".into()],
            docs: None,
            connection_instructions: None,
            example_outputs: vec![ExampleOutput { label: "one".into(), content: "{\"answer\":42}".into() }],
            demo_endpoint: None,
            github_url: None,
            logo_url: None,
            expected_delivery: None,
            input_schema: None,
            example_input: None,
            risk_disclaimers: None,
            sla: None,
            tags: vec!["demo".into()],
            status: ListingStatus::Active,
            suspended_by: None,
            revision: 1,
            created_at: at(0),
            updated_at: at(0),
        }
    }

    pub(crate) fn new_endpoint(&self, listing: ListingId) -> GatewayEndpoint {
        GatewayEndpoint {
            listing,
            url: "https://private.seller.example/v1/answer?token=very-private".into(),
            host_hint: "p•••.example".into(),
            upstream_auth_header: Some(UpstreamAuthHeader {
                name: "X-Seller-Key".into(),
                value: "upstream-\"value\"-äöü".into(),
            }),
            signing_secret: SigningSecret::generate(self.entropy.bytes()),
            previous_secret: None,
            timeout_ms: 30_000,
            max_request_bytes: 1_048_576,
            max_response_bytes: 8_388_608,
            status: EndpointStatus::Active,
            revision: 1,
            created_at: at(0),
            updated_at: at(0),
        }
    }

    /// A stored, active listing with an endpoint.
    pub(crate) async fn publish(&self, provider: ProfileId, slug: &str) -> (Listing, GatewayEndpoint) {
        let listing = self.new_listing(provider, slug);
        let endpoint = self.new_endpoint(listing.id);
        assert_eq!(self.catalogue.insert(&listing, Some(&endpoint)).await.unwrap(), Saved::Done);
        (listing, endpoint)
    }

    /// A delivered free call that was made at `made_at`.
    pub(crate) fn deliver(&self, buyer: ProfileId, listing: &Listing, made_at: Timestamp) {
        diesel::sql_query(
            "INSERT INTO gateway_requests (id, buyer_id, seller_id, listing_id, body_sha256, origin, state, quote_fence, \
             attempt, payment_seen, failures, delivery, checks, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, sha256(''), '{}', 'delivered', 0, 1, false, 0, '{}', 0, now(), now())",
        )
        .bind::<SqlUuid, _>(CallId::new(made_at, self.entropy.bytes()).uuid())
        .bind::<SqlUuid, _>(buyer.uuid())
        .bind::<SqlUuid, _>(listing.provider.uuid())
        .bind::<SqlUuid, _>(listing.id.uuid())
        .execute(&mut self.connection())
        .unwrap();
    }

    /// The database's clock.
    pub(crate) fn now(&self) -> Timestamp {
        #[derive(QueryableByName)]
        struct Now {
            #[diesel(sql_type = diesel::sql_types::Timestamptz)]
            now: Timestamp,
        }
        let now: Now = diesel::sql_query("SELECT now()").get_result(&mut self.connection()).unwrap();
        crochet_primitives::truncate_to_millis(now.now)
    }

    /// The one number that a query answers.
    pub(crate) fn number(&self, query: &str) -> i64 {
        #[derive(QueryableByName)]
        struct Number {
            #[diesel(sql_type = BigInt)]
            number: i64,
        }
        let row: Number = diesel::sql_query(format!("SELECT ({query})::bigint AS number"))
            .get_result(&mut self.connection())
            .unwrap();
        row.number
    }

    pub(crate) fn execute(&self, statement: &str) -> usize {
        diesel::sql_query(statement).execute(&mut self.connection()).unwrap()
    }

    /// How many rows a table has.
    pub(crate) fn count(&self, table: &str) -> i64 {
        #[derive(QueryableByName)]
        struct Count {
            #[diesel(sql_type = BigInt)]
            count: i64,
        }
        let query = diesel::sql_query(format!("SELECT count(*) FROM {table}"));
        query.get_result::<Count>(&mut self.connection()).unwrap().count
    }

    /// Every row of every table, as text.
    pub(crate) fn everything(&self) -> String {
        #[derive(QueryableByName)]
        struct Line {
            #[diesel(sql_type = Text)]
            line: String,
        }
        let mut conn = self.connection();
        let tables: Vec<Line> =
            diesel::sql_query("SELECT tablename::text AS line FROM pg_tables WHERE schemaname = 'public'")
                .load(&mut conn)
                .unwrap();
        tables
            .iter()
            .flat_map(|table| {
                diesel::sql_query(format!("SELECT t::text AS line FROM {} AS t", table.line))
                    .load::<Line>(&mut conn)
                    .unwrap()
            })
            .map(|row| row.line + "\n")
            .collect()
    }
}
