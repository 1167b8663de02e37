//! How many statements each step of a call costs, BEGIN and COMMIT among them: docs/performance.md has these numbers.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use crochet_postgres::testing::TestDatabase;
use crochet_postgres::{Db, PgJournal};
use crochet_pricing::{MARKETPLACE_FEE, MicroUsd, split};
use crochet_primitives::testing::SeededEntropy;
use crochet_primitives::{CallId, EntropyExt, ListingId, ProfileId, StorageError, Timestamp, timestamp_from_millis};
use crochet_relay::ports::{Admission, CheckClaim, Journal};
use crochet_relay::{
    Arrival, Closing, FeeStatus, Forwarding, IdempotencyKey, NewCall, Observation, Origin, OriginCurrency, Payment,
    Policy, QuoteOutcome, SealedResponse, Terms, transition,
};
use crochet_signing::BodyHash;
use futures::future::join_all;

const LEASE: Duration = Duration::from_secs(45);

struct World {
    database: TestDatabase,
    journal: PgJournal,
    entropy: Arc<SeededEntropy>,
}

impl World {
    /// On one connection that was used a moment ago.
    async fn new() -> Self {
        let database = TestDatabase::with(|config| config.pool_size = 1).await;
        let entropy = Arc::new(SeededEntropy::default());
        let journal = PgJournal::new(database.db().clone(), Policy::default(), entropy.clone());
        database.db().ping().await.unwrap();
        Self { database, journal, entropy }
    }

    fn db(&self) -> &Db {
        self.database.db()
    }

    /// What `step` answers, and how many statements it took.
    async fn counted<T>(&self, step: impl Future<Output = T>) -> (T, u64) {
        let before = self.db().statements();
        let answer = step.await;
        (answer, self.db().statements() - before)
    }

    fn free_call(&self) -> NewCall {
        let now = Timestamp::UNIX_EPOCH;
        NewCall {
            id: CallId::new(now, self.entropy.bytes()),
            buyer: ProfileId::new(now, self.entropy.bytes()),
            seller: ProfileId::new(now, self.entropy.bytes()),
            listing: ListingId::new(now, self.entropy.bytes()),
            body_sha256: BodyHash::of(b"{}"),
            idempotency_key: None,
            origin: Origin::default(),
            price: None,
            forward_lease: LEASE,
            terms: None,
        }
    }

    fn paid_call(&self) -> NewCall {
        NewCall { price: Some(split(MicroUsd::from_micros(10_000), MARKETPLACE_FEE)), ..self.free_call() }
    }

    fn ended(&self) -> (NewCall, Closing) {
        let call = self.free_call();
        let opened = transition::open(&call, Timestamp::UNIX_EPOCH, &Policy::default()).record;
        (call, delivery(Forwarding::of_new_free_call(&opened).unwrap()))
    }
}

fn delivery(forwarding: Forwarding) -> Closing {
    forwarding.conclude(Arrival::Answered { status: 200, body: Bytes::from_static(b"{}"), latency_ms: 1 })
}

fn terms(call: &NewCall) -> Terms {
    Terms {
        provider: "mock".into(),
        provider_request_id: call.id.to_string(),
        scheme: "mock".into(),
        network: "eip155:8453".into(),
        origin_currency: OriginCurrency::Usdc,
        origin_chain_id: 8453,
        instructions: serde_json::json!({}),
        asset: "mock-usd".into(),
        recipient: "seller".into(),
        expected_base_units: 10_000,
        fee_status: FeeStatus::Accrued,
        expires_at: timestamp_from_millis(4_000_000_000_000).unwrap(),
        claimed: None,
    }
}

fn paid(terms: &Terms) -> Observation {
    Observation::Arrived(vec![Payment {
        reference: format!("payment of {}", terms.provider_request_id),
        provider_request_id: terms.provider_request_id.clone(),
        asset: terms.asset.clone(),
        recipient: terms.recipient.clone(),
        base_units: terms.expected_base_units,
        transaction: None,
    }])
}

#[tokio::test]
async fn each_step_of_a_paid_call_costs_as_many_statements_as_are_written_down() {
    let world = World::new().await;
    let (journal, call) = (&world.journal, world.paid_call());
    let (admitted, admit) = world.counted(journal.admit(&call)).await;
    let Ok(Admission::Quote(_, lease)) = admitted else { panic!("{admitted:?}") };
    let terms = terms(&call);
    let (issued, issue) = world.counted(journal.issue(lease, &QuoteOutcome::Issued(Box::new(terms.clone())))).await;
    issued.unwrap();
    let (found, find) = world.counted(journal.find(call.id)).await;
    assert!(found.unwrap().is_some());
    let (claimed, claim) = world.counted(journal.claim_check(call.id, LEASE)).await;
    let Ok(Some(CheckClaim::Claimed(seen))) = claimed else { panic!("{claimed:?}") };
    let observation = paid(&terms);
    let advancing = journal.advance_after_check(call.id, seen.now, &observation, Some(LEASE));
    let (advanced, advance) = world.counted(advancing).await;
    let mut closing = delivery(advanced.unwrap().unwrap().forwarding.unwrap());
    closing.sealed = Some(SealedResponse { bytes: vec![7; 30], key_prefix: "am_k_Ab12".into() });
    let (closed, close) = world.counted(journal.close(&closing)).await;
    closed.unwrap().unwrap();
    assert_eq!(
        [("admit", admit), ("issue", issue), ("find", find), ("claim", claim), ("advance", advance), ("close", close)],
        [("admit", 6), ("issue", 5), ("find", 2), ("claim", 5), ("advance", 9), ("close", 8)]
    );
}

#[tokio::test]
async fn a_free_call_costs_one_statement_and_with_a_key_eleven() {
    let world = World::new().await;
    let journal = &world.journal;
    let (call, closing) = world.ended();
    // The first reads the database's clock, which is then known for some seconds.
    journal.record_ended(&call, &closing, LEASE).await.unwrap();
    let (call, closing) = world.ended();
    let (recorded, ended) = world.counted(journal.record_ended(&call, &closing, LEASE)).await;
    recorded.unwrap();
    let keyed = NewCall { idempotency_key: IdempotencyKey::parse("k").ok(), ..world.free_call() };
    let (admitted, admit) = world.counted(journal.admit(&keyed)).await;
    let Ok(Admission::Forward(_, forwarding)) = admitted else { panic!("{admitted:?}") };
    let (closed, close) = world.counted(journal.close(&delivery(forwarding))).await;
    closed.unwrap().unwrap();
    assert_eq!([("ended", ended), ("admit", admit), ("close", close)], [("ended", 1), ("admit", 7), ("close", 6)]);
}

#[tokio::test]
async fn calls_at_the_same_time_cost_no_more_statements_than_one() {
    let world = World::new().await;
    let journal = &world.journal;
    let (call, closing) = world.ended();
    journal.record_ended(&call, &closing, LEASE).await.unwrap();
    let ended: Vec<_> = (0..50).map(|_| world.ended()).collect();
    let recording = join_all(ended.iter().map(|(call, closing)| journal.record_ended(call, closing, LEASE)));
    let (recorded, statements) = world.counted(recording).await;
    assert!(recorded.iter().all(Result::is_ok));
    assert_eq!(statements, 1);
    let calls: Vec<_> = (0..50).map(|_| world.paid_call()).collect();
    let (admitted, statements) = world.counted(join_all(calls.iter().map(|call| journal.admit(call)))).await;
    assert!(admitted.iter().all(|admission| matches!(admission, Ok(Admission::Quote(..)))));
    assert_eq!(statements, 6);
}

#[tokio::test]
async fn a_call_that_cannot_be_read_is_no_reason_to_do_the_others_alone() {
    let world = World::new().await;
    let journal = &world.journal;
    let [good, bad] = [world.paid_call(), world.paid_call()];
    for call in [&good, &bad] {
        let Ok(Admission::Quote(_, lease)) = journal.admit(call).await else { panic!("not quoted") };
        journal.issue(lease, &QuoteOutcome::Issued(Box::new(terms(call)))).await.unwrap();
    }
    // As a newer program might write it.
    world.database.execute(&format!("UPDATE gateway_requests SET terms = '{{}}' WHERE id = '{}'", bad.id.uuid())).await;
    let claims = join_all([&good, &bad].map(|call| journal.claim_check(call.id, LEASE)));
    let (claims, statements) = world.counted(claims).await;
    assert!(matches!(claims[..], [Ok(Some(CheckClaim::Claimed(_))), Err(StorageError::Corrupt(_))]), "{claims:?}");
    // Five for the group, and BEGIN, lock and ROLLBACK for the one alone.
    assert_eq!(statements, 8);
}
