//! A full pool, and a database that stops and comes back, under a gateway that goes on running.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Account, Market, OwnDatabase, RawAnswer, RawRequest, Stop, TestGateway};

/// How long anybody waits for an answer, on a machine that does much else.
const BOUND: Duration = Duration::from_secs(15);
/// The pool's deadline, for a database that is reached and says nothing, and some.
const SILENT_BOUND: Duration = Duration::from_secs(30);

/// A session of somebody else that holds a lock until it is dropped.
struct Blocker(Child);

impl Blocker {
    fn lock(gateway: &TestGateway, table: &str) -> Self {
        let mut psql = Command::new(gateway.database.cluster().bin_dir().join("psql"))
            .args(["-XAtq", &gateway.database_url()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = psql.stdin.as_mut().unwrap();
        writeln!(input, "BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE; SELECT 'locked';").unwrap();
        let mut said = [0; 7];
        psql.stdout.as_mut().unwrap().read_exact(&mut said).unwrap();
        assert_eq!(&said[..6], b"locked");
        Self(psql)
    }
}

impl Drop for Blocker {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// Asserts a 503 that says when to come back, within a bound.
fn is_unavailable(answer: &RawAnswer, began: Instant, bound: Duration) {
    let took = began.elapsed();
    let error = answer.refuses(503, "SERVICE_UNAVAILABLE");
    assert!(took < bound, "{took:?}");
    assert!((1..=60).contains(&answer.seconds("retry-after")));
    assert_eq!(
        (&error["recovery"]["retryable"], &error["recovery"]["next_action"]),
        (&json!(true), &json!("retry_same_request"))
    );
    for word in ["postgres", "pool", "connection", "socket", "crochet_", "lock", "timeout"] {
        assert!(!answer.text().to_lowercase().contains(word), "{word}: {}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_pool_answers_503_at_once_and_works_again_when_it_is_free() {
    let gateway = TestGateway::with(|settings| settings.database_pool_size = Some(1)).await;
    let agent = Account::register(&gateway.api, "agent").await;
    let blocker = Blocker::lock(&gateway, "listings");
    // The one connection waits for the lock; whoever comes now finds none.
    let waiting = tokio::spawn(RawRequest::new(&gateway.api, "GET", "/listings").send());
    while gateway.sql("SELECT count(*) FROM pg_locks WHERE NOT granted") == "0" {
        tokio::task::yield_now().await;
    }
    let began = Instant::now();
    let answers = [agent.get("/me").await, agent.get("/categories").await];
    let mut refused = 0;
    for answer in &answers {
        if answer.status == 503 {
            is_unavailable(answer, began, BOUND);
            refused += 1;
        }
    }
    assert!(refused > 0, "the pool was not full");
    RawRequest::new(&gateway.api, "GET", "/health").send().await.data(200);
    let waited = waiting.await.unwrap();
    is_unavailable(&waited, began, BOUND);
    drop(blocker);
    RawRequest::new(&gateway.api, "GET", "/listings").send().await.data(200);
    agent.get("/me").await.data(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_call_that_meets_a_locked_table_is_not_lost_and_not_charged_again() {
    let market = Market::open().await;
    let call = market.paid("locked").await;
    let blocker = Blocker::lock(&market.gateway, "ledger_entries");
    let began = Instant::now();
    let answer = market.call(Some(&call.relay_id), &call.body).await;
    assert!(began.elapsed() < BOUND, "{:?}", began.elapsed());
    assert!([202, 503].contains(&answer.status.as_u16()), "{}", answer.status);
    assert_eq!(market.seller.runs(), 0, "nothing is forwarded before the settlement is recorded");
    drop(blocker);
    let answer = market.settle(&call).await;
    let answer = if answer.status == 503 { market.settle(&call).await } else { answer };
    assert_eq!(answer.status, 200, "{}", answer.json);
    assert_eq!((market.seller.runs(), market.ledger().await.len()), (1, 3));
    assert!(market.gateway.audit().await.balances());
}

pub(crate) async fn until_ready(gateway: &TestGateway) {
    let began = Instant::now();
    while RawRequest::new(&gateway.api, "GET", "/ready").send().await.status != 200 {
        assert!(began.elapsed() < SILENT_BOUND, "it did not recover");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_stops_is_a_503_and_once_it_is_back_the_same_gateway_goes_on() {
    let mut database = tokio::task::block_in_place(OwnDatabase::start);
    let url = database.url();
    let gateway = TestGateway::with(|settings| settings.database_url = Some(url)).await;
    let market = Market::with(gateway, json!({ "pricing_model": "per_call", "pricing_amount": 0.01 })).await;
    let agent = Account::register(&market.gateway.api, "agent").await;
    let call = market.paid("before").await;
    let ready = RawRequest::new(&market.gateway.api, "GET", "/ready").send().await.data(200);
    assert_eq!((&ready["status"], &ready["database"]), (&json!("ready"), &json!("ok")));

    tokio::task::block_in_place(|| database.down(Stop::Fast));
    for path in ["/me", "/listings", "/ledger"] {
        let began = Instant::now();
        is_unavailable(&agent.get(path).await, began, BOUND);
    }
    let began = Instant::now();
    let path = format!("/gateway/{}", market.listing_id());
    is_unavailable(&agent.post(&path, &json!({ "task": "meanwhile" })).await, began, BOUND);
    let paid = market.call(Some(&call.relay_id), &call.body).await;
    assert_eq!(paid.status, 503);
    assert_eq!(market.seller.runs(), 0);
    assert_eq!(RawRequest::new(&market.gateway.api, "GET", "/health").send().await.data(200)["status"], "ok");
    let not_ready = RawRequest::new(&market.gateway.api, "GET", "/ready").send().await;
    not_ready.refuses(503, "SERVICE_UNAVAILABLE");
    assert_eq!(not_ready.json()["data"]["database"], "failing");

    tokio::task::block_in_place(|| database.up());
    until_ready(&market.gateway).await;
    agent.get("/me").await.data(200);
    let delivered = market.settle(&call).await;
    assert_eq!(delivered.status, 200, "{}", delivered.json);
    assert_eq!((market.seller.runs(), market.ledger().await.len()), (1, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_hangs_is_a_503_by_the_deadline_and_health_is_not_concerned() {
    let database = tokio::task::block_in_place(OwnDatabase::start);
    let url = database.url();
    let gateway = TestGateway::with(|settings| settings.database_url = Some(url)).await;
    let agent = Account::register(&gateway.api, "agent").await;
    database.signal("STOP");
    let began = Instant::now();
    let hanging = tokio::spawn(agent.request("GET", "/me").send());
    RawRequest::new(&gateway.api, "GET", "/health").send().await.data(200);
    assert!(began.elapsed() < BOUND, "{:?}", began.elapsed());
    is_unavailable(&hanging.await.unwrap(), began, SILENT_BOUND);
    database.signal("CONT");
    until_ready(&gateway).await;
    agent.get("/me").await.data(200);
}
