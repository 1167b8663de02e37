//! A database that may only be read: reads go on, writes are refused, and once it can be written again they are not.

use std::process::Command;
use std::time::{Duration, Instant};

use http::Method;
use serde_json::json;

use crate::support::faults::{Story, is_unavailable, say};
use crate::support::{Market, OwnDatabase, TestGateway};

/// How long the gateway may refuse writes once they are possible.
const RECOVERY: Duration = Duration::from_secs(5);

async fn market(url: Option<String>) -> Market {
    let gateway = TestGateway::with(|settings| {
        settings.database_url = url.or_else(|| settings.database_url.take());
        settings.sweep_interval_millis = Some(3_600_000);
        settings.check_interval_millis = Some(0);
    })
    .await;
    Market::with(gateway, json!({ "pricing_model": "per_call", "pricing_amount": 0.01 })).await
}

/// Calls at four steps.
struct Steps {
    new: Story,
    quoted: Story,
    paid: Story,
    delivered: Story,
}

impl Steps {
    async fn of(market: &Market) -> Self {
        let [new, mut quoted, mut paid, mut delivered] =
            ["new", "quoted", "paid", "delivered"].map(|step| Story::new(step, step == "new"));
        for story in [&mut quoted, &mut paid] {
            story.ask(market).await.expect(402).unwrap();
        }
        paid.pay(market).await.expect(200).unwrap();
        delivered.go_on(market).await;
        // From now on it knows that the schema is current.
        market.buyer.send(Method::GET, "/ready", &[], None).await.unwrap().expect(200).unwrap();
        Self { new, quoted, paid, delivered }
    }

    /// While nothing can be written.
    async fn meet_a_read_only_database(&mut self, market: &Market) {
        // More than once: each connection of the pool is of the same kind.
        for _ in 0..3 {
            for story in [&mut self.new, &mut self.quoted, &mut self.paid] {
                is_unavailable(&story.ask(market).await);
            }
            is_unavailable(&self.quoted.pay(market).await);
            let replayed = self.delivered.ask(market).await.expect(200).unwrap();
            assert_eq!(replayed.at("/data/replayed"), true);
            for path in ["/me", "/listings", "/ledger", "/gateway-requests", "/ready"] {
                market.buyer.send(Method::GET, path, &[], None).await.unwrap().expect(200).unwrap();
            }
        }
        assert_eq!(market.seller.runs(), 1, "nothing is forwarded that is not recorded");
    }

    /// From when it can be written again. Nothing is restarted, and no connection is ended from outside.
    async fn recover(&mut self, market: &Market) {
        let began = Instant::now();
        while self.paid.ask(market).await.status == 503 {
            assert!(began.elapsed() < RECOVERY, "it does not recover");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let longest = [&self.new, &self.quoted, &self.paid].map(|story| story.longest).into_iter().max();
        say(&format!("read only: writes again after {:?}; longest answer {longest:?}", began.elapsed()));
        for story in [&mut self.new, &mut self.quoted, &mut self.paid] {
            let refused = story.refused;
            let delivered = story.go_on(market).await;
            story.ended_well(market, &delivered).await;
            assert_eq!(story.refused, refused, "a connection that may only read is still used");
        }
    }
}

/// Runs SQL on the cluster of all tests, past a database's own settings.
fn administer(market: &Market, sql: &str) {
    let cluster = market.gateway.database.cluster();
    let psql = cluster.bin_dir().join("psql");
    let status = Command::new(psql).args(["-XAtq", "-c", sql, &cluster.admin_url()]).status().unwrap();
    assert!(status.success(), "{sql}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_begin_read_only_serve_reads_and_are_replaced_once_writes_are_possible() {
    let market = market(None).await;
    let name = market.gateway.sql("SELECT current_database()");
    let mut steps = Steps::of(&market).await;
    administer(&market, &format!("ALTER DATABASE {name} SET default_transaction_read_only = on"));
    // As where a proxy leads new connections to a standby: those that there were have ended.
    let of_gateway = format!("datname = '{name}' AND application_name = 'crochet'");
    administer(&market, &format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {of_gateway}"));
    steps.meet_a_read_only_database(&market).await;
    administer(&market, &format!("ALTER DATABASE {name} RESET default_transaction_read_only"));
    steps.recover(&market).await;
    market.assert_balanced().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_become_read_only_serve_reads_until_writes_are_possible() {
    let database = tokio::task::block_in_place(OwnDatabase::start);
    let market = market(Some(database.url())).await;
    let mut steps = Steps::of(&market).await;
    let psql = market.gateway.database.cluster().bin_dir().join("psql");
    let administer = |sql: &str| {
        let arguments = ["-XAtq", "-c", sql, "-c", "SELECT pg_reload_conf()"];
        let output = Command::new(&psql).args(arguments).arg(database.direct_url()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    administer("ALTER SYSTEM SET default_transaction_read_only = on");
    // Sessions read the configuration when they are next used.
    let began = Instant::now();
    while steps.new.ask(&market).await.status != 503 {
        assert!(began.elapsed() < RECOVERY, "it is never read only");
        steps.new = Story::new(&format!("new, {:?}", began.elapsed()), true);
    }
    steps.meet_a_read_only_database(&market).await;
    administer("ALTER SYSTEM RESET default_transaction_read_only");
    steps.recover(&market).await;
    let report = database.audit().await;
    assert!(report.balances(), "{report:?}");
}
