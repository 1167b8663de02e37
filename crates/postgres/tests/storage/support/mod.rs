//! A journal in a database of its own, and calls that have come so far.

pub(crate) mod bridge;
pub(crate) mod history;

use std::sync::Arc;
use std::time::Duration;

use crochet_postgres::testing::TestDatabase;
use crochet_postgres::{Db, PgBooks, PgJournal};
use crochet_pricing::{MARKETPLACE_FEE, MicroUsd, split};
use crochet_primitives::testing::SeededEntropy;
use crochet_primitives::{CallId, EntropyExt, ListingId, ProfileId, Timestamp};
use crochet_relay::ports::{Admission, Journal};
use crochet_relay::{
    FeeStatus, NewCall, Observation, Origin, OriginCurrency, Payment, Policy, QuoteOutcome, SOLANA, Terms,
};
use crochet_signing::BodyHash;
use diesel::prelude::*;
use secrecy::ExposeSecret;

/// How long a forward may take.
pub(crate) const LEASE: Duration = Duration::from_secs(45);

/// One store.
pub(crate) struct Store {
    pub(crate) database: TestDatabase,
    pub(crate) journal: PgJournal,
    pub(crate) books: PgBooks,
    pub(crate) entropy: Arc<SeededEntropy>,
}

impl Store {
    pub(crate) async fn new() -> Self {
        let database = TestDatabase::new().await;
        let entropy = Arc::new(SeededEntropy::new(7));
        Self {
            journal: journal(database.db(), &entropy),
            books: PgBooks::new(database.db().clone()),
            database,
            entropy,
        }
    }

    pub(crate) fn new_call(&self) -> NewCall {
        let at = Timestamp::UNIX_EPOCH;
        NewCall {
            id: CallId::new(at, self.entropy.bytes()),
            buyer: ProfileId::new(at, self.entropy.bytes()),
            seller: ProfileId::new(at, self.entropy.bytes()),
            listing: ListingId::new(at, self.entropy.bytes()),
            body_sha256: BodyHash::of(b"{}"),
            idempotency_key: None,
            origin: Origin::default(),
            price: Some(split(MicroUsd::from_micros(1_000_000), MARKETPLACE_FEE)),
            forward_lease: LEASE,
            terms: None,
        }
    }

    /// A call with terms.
    pub(crate) async fn quoted(&self) -> CallId {
        let call = self.new_call();
        let Admission::Quote(seen, lease) = self.journal.admit(&call).await.unwrap() else {
            panic!("the call is not new")
        };
        let terms = Terms {
            provider: "mock".into(),
            provider_request_id: format!("quote-{}", call.id),
            scheme: "mock".into(),
            network: "solana".into(),
            origin_currency: OriginCurrency::Sol,
            origin_chain_id: SOLANA,
            instructions: serde_json::json!({"note": "nul \u{0} is not stored"}),
            asset: "usdc".into(),
            recipient: "seller".into(),
            expected_base_units: u64::MAX,
            fee_status: FeeStatus::Accrued,
            expires_at: seen.now + Duration::from_secs(900),
            claimed: None,
        };
        let outcome = QuoteOutcome::Issued(Box::new(terms));
        self.journal.issue(lease, &outcome).await.unwrap();
        call.id
    }

    /// A call that is paid by the payment `reference`.
    pub(crate) async fn settled(&self, reference: &str) -> CallId {
        let call = self.quoted().await;
        self.journal.advance(call, Some(&paid(call, reference)), None).await.unwrap().unwrap();
        call
    }

    /// Runs statements as the owner, a superuser.
    pub(crate) fn as_owner(&self, statements: &str) -> QueryResult<()> {
        let mut conn = PgConnection::establish(self.database.url().expose_secret()).unwrap();
        diesel::connection::SimpleConnection::batch_execute(&mut conn, statements)
    }

    /// Runs statements as the application's role.
    pub(crate) fn as_application(&self, statements: &str) -> QueryResult<()> {
        self.as_owner(&format!("SET ROLE crochet_app; {statements}"))
    }
}

pub(crate) fn journal(db: &Db, entropy: &Arc<SeededEntropy>) -> PgJournal {
    PgJournal::new(db.clone(), Policy::default(), entropy.clone())
}

/// A payment that covers the terms of `call`.
pub(crate) fn paid(call: CallId, reference: &str) -> Observation {
    Observation::Arrived(vec![Payment {
        reference: reference.into(),
        provider_request_id: format!("quote-{call}"),
        asset: "usdc".into(),
        recipient: "seller".into(),
        base_units: u64::MAX,
        transaction: None,
    }])
}
