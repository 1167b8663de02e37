//! No connection is to be had, and connections that the server ends.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use http::Method;
use serde_json::json;

use crate::edge_outages::until_ready;
use crate::support::faults::{Story, is_unavailable, say};
use crate::support::{Market, OwnDatabase, TestGateway};

/// How long the gateway may take to work again once there are connections.
const RECOVERY: Duration = Duration::from_secs(8);

const ITS_SESSIONS: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                            WHERE datname = current_database() AND application_name = 'crochet'";

/// A session of somebody else.
struct Session(Child);

impl Session {
    /// `None` where no more are admitted.
    fn open(gateway: &TestGateway, url: &str) -> Option<Self> {
        let mut psql = Command::new(gateway.database.cluster().bin_dir().join("psql"))
            .args(["-XAtq", url])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // It has ended where it was refused.
        let _ = writeln!(psql.stdin.as_mut().unwrap(), "SELECT 'in';");
        let mut said = [0; 3];
        let is_in = psql.stdout.as_mut().unwrap().read_exact(&mut said).is_ok();
        let session = Self(psql);
        is_in.then_some(session)
    }
}

/// As many sessions as there may be. Those that are ended make room only after a while.
fn take(gateway: &TestGateway, url: &str, most: usize, mut others: Vec<Session>) -> Vec<Session> {
    let began = Instant::now();
    while others.len() < most {
        // Work that the gateway does by itself may have been quicker.
        if let Some(first) = others.first_mut() {
            writeln!(first.0.stdin.as_mut().unwrap(), "{ITS_SESSIONS};").unwrap();
        }
        others.extend(Session::open(gateway, url));
        assert!(began.elapsed() < RECOVERY, "{} of {most} connections", others.len());
    }
    others
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

async fn market(database_url: String, direct_url: Option<String>) -> Market {
    let gateway = TestGateway::with(|settings| {
        settings.database_url = Some(database_url);
        settings.direct_database_url = direct_url;
        settings.sweep_interval_millis = Some(3_600_000);
        settings.check_interval_millis = Some(0);
    })
    .await;
    Market::with(gateway, json!({ "pricing_model": "per_call", "pricing_amount": 0.01 })).await
}

/// Calls at three steps, while others have all connections and after they have gone.
async fn meets_no_connection(market: &Market, take_all: impl FnOnce() -> Vec<Session>) {
    let [mut new, mut quoted, mut paid] = ["new", "quoted", "paid"].map(|step| Story::new(step, step == "new"));
    for story in [&mut quoted, &mut paid] {
        story.ask(market).await.expect(402).unwrap();
    }
    paid.pay(market).await.expect(200).unwrap();
    let others = tokio::task::block_in_place(take_all);
    assert!(!others.is_empty());
    let refused = join_all([&mut new, &mut quoted, &mut paid].map(|story| story.ask(market))).await;
    refused.iter().for_each(is_unavailable);
    market.buyer.send(Method::GET, "/health", &[], None).await.unwrap().expect(200).unwrap();
    assert_eq!(market.seller.runs(), 0);
    drop(others);
    let began = Instant::now();
    until_ready(&market.gateway).await;
    for story in [&mut new, &mut quoted, &mut paid] {
        let delivered = story.go_on(market).await;
        story.ended_well(market, &delivered).await;
    }
    let longest = [&new, &quoted, &paid].map(|story| story.longest).into_iter().max();
    say(&format!("no connection: works again after {:?}; longest answer {longest:?}", began.elapsed()));
    assert!(began.elapsed() < RECOVERY, "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_full_is_a_503_until_others_leave() {
    // One of them is the listener's, which nobody ends here.
    let database = tokio::task::block_in_place(|| OwnDatabase::with(false, &[("max_connections", "9")]));
    let market = market(database.url(), None).await;
    let url = database.direct_url();
    let take_all = || {
        let others = vec![Session::open(&market.gateway, &url).unwrap()];
        take(&market.gateway, &url, 8, others)
    };
    meets_no_connection(&market, take_all).await;
    let report = database.audit().await;
    assert!(report.balances(), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_without_connections_left_is_a_503_until_it_has_some() {
    let gateway = TestGateway::start().await;
    let owner = gateway.database_url();
    let role = format!("limited_{}", gateway.sql("SELECT current_database()"));
    gateway.sql(&format!("CREATE ROLE {role} LOGIN IN ROLE crochet_app CONNECTION LIMIT 5"));
    let login = owner.replacen("//app@", &format!("//{role}@"), 1);
    let market = market(login.clone(), Some(owner)).await;
    let take_all = || {
        gateway.sql(&format!("ALTER ROLE {role} CONNECTION LIMIT 2"));
        gateway.sql(ITS_SESSIONS);
        take(&gateway, &login, 2, Vec::new())
    };
    meets_no_connection(&market, take_all).await;
    let report = gateway.audit().await;
    assert!(report.balances(), "{report:?}");
    drop(market);
    gateway.sql(&format!("DROP ROLE {role}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_the_server_ends_between_requests_cost_nobody_an_answer_and_during_them_no_call() {
    let gateway = TestGateway::with(|settings| {
        settings.sweep_interval_millis = Some(3_600_000);
        settings.check_interval_millis = Some(0);
        settings.max_open_quotes = Some(1_000);
    })
    .await;
    let market = Market::with(gateway, json!({ "pricing_model": "per_call", "pricing_amount": 0.01 })).await;
    for number in 0..3 {
        let mut story = Story::new(&format!("between {number}"), true);
        story.ask(&market).await.expect(402).unwrap();
        assert_ne!(market.gateway.sql(ITS_SESSIONS), "0");
        story.pay(&market).await.expect(200).unwrap();
        assert_ne!(market.gateway.sql(ITS_SESSIONS), "0");
        let delivered = story.go_on(&market).await;
        assert_eq!(story.refused, 0);
        story.ended_well(&market, &delivered).await;
    }
    let is_over = AtomicBool::new(false);
    let ending = async {
        while !is_over.load(Ordering::SeqCst) {
            market.gateway.database.execute(ITS_SESSIONS).await;
            tokio::time::sleep(Duration::from_millis(7)).await;
        }
    };
    let calls = async {
        let stories = join_all((0..4).map(async |buyer| {
            let mut stories: Vec<_> = (0..6).map(|call| Story::new(&format!("during {buyer} {call}"), true)).collect();
            for story in &mut stories {
                // As far as it comes by itself; the clock is everybody's.
                for _ in 0..10 {
                    match story.ask(&market).await.status.as_u16() {
                        200 | 202 => break,
                        402 => drop(story.pay(&market).await),
                        _ => {}
                    }
                }
            }
            stories
        }))
        .await;
        is_over.store(true, Ordering::SeqCst);
        stories
    };
    let ((), stories) = tokio::join!(ending, calls);
    let mut refused = 0;
    for mut story in stories.into_iter().flatten() {
        let delivered = story.go_on(&market).await;
        story.ended_well(&market, &delivered).await;
        refused += story.refused;
    }
    say(&format!("{refused} requests were refused"));
    assert!(refused > 0, "no session was ended while it was used");
    let report = market.gateway.audit().await;
    assert!(report.balances(), "{report:?}");
    assert_eq!(report.settlements, 27);
}
