//! PostgreSQL keeps the contract of the relay's storage ports.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use crochet_postgres::testing::TestDatabase;
use crochet_postgres::{PgBooks, PgJournal, PgMockPayments, PgSweeps};
use crochet_primitives::testing::SeededEntropy;
use crochet_primitives::{EntropyExt, ListingId, ProfileId, Timestamp};
use crochet_relay::contract::{World, policy};
use crochet_relay::ports::{Books, Journal, MockPayments, Sweeps};

struct PgWorld {
    database: TestDatabase,
    entropy: Arc<SeededEntropy>,
    journal: PgJournal,
    sweeps: PgSweeps,
    books: PgBooks,
    mock_payments: PgMockPayments,
}

impl PgWorld {
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        let entropy = Arc::new(SeededEntropy::default());
        let db = database.db();
        Self {
            journal: PgJournal::new(db.clone(), policy(), entropy.clone()),
            sweeps: PgSweeps::new(db.clone(), policy()),
            books: PgBooks::new(db.clone()),
            mock_payments: PgMockPayments::new(db.clone()),
            database,
            entropy,
        }
    }
}

#[async_trait]
impl World for PgWorld {
    fn journal(&self) -> &dyn Journal {
        &self.journal
    }

    fn sweeps(&self) -> &dyn Sweeps {
        &self.sweeps
    }

    fn books(&self) -> &dyn Books {
        &self.books
    }

    fn mock_payments(&self) -> &dyn MockPayments {
        &self.mock_payments
    }

    async fn advance_clock(&self, by: Duration) {
        self.database.db().skew_clock(by);
    }

    async fn new_profile(&self) -> ProfileId {
        ProfileId::new(Timestamp::UNIX_EPOCH, self.entropy.bytes())
    }

    async fn new_listing(&self, _seller: ProfileId) -> ListingId {
        ListingId::new(Timestamp::UNIX_EPOCH, self.entropy.bytes())
    }
}

crochet_relay::journal_contract!(PgWorld::new().await);
