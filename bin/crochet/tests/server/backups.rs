//! A dump that is taken under paid traffic, restored on another server, with the same master keys.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};

use crate::support::faults::{Story, say};
use crate::support::{Behaviour, Market, OwnDatabase, Paid, TestGateway, audit, seller_bytes};

/// A program of PostgreSQL's; those that connect are beside the server, unless that was downloaded through npm.
async fn postgres(gateway: &TestGateway, program: &str, arguments: &[&str]) {
    let path = gateway.database.cluster().bin_dir().join(program);
    assert!(path.is_file(), "there is no {}: install PostgreSQL with its client programs", path.display());
    succeeds(Command::new(path).args(arguments)).await;
}

async fn succeeds(command: &mut Command) {
    let output = output(command).await;
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The servers that are asked run in this process, and go on meanwhile.
async fn output(command: &mut Command) -> Output {
    tokio::task::block_in_place(|| command.stdin(Stdio::null()).output().unwrap())
}

/// What `crochet` prints about a database, and how it ends.
async fn crochet(arguments: &[&str], url: &str, data_dir: &Path) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crochet"));
    command.args(arguments).env_clear().env("DATABASE_URL", url).env("CROCHET_DATA_DIR", data_dir);
    let output = output(&mut command).await;
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout) + &text(output.stderr))
}

async fn reconcile(more: &[&str], url: &str, data_dir: &Path) -> (Option<i32>, Vec<Value>) {
    let arguments = [&["reconcile", "--from", "2026-05-01", "--per-minute", "60000", "--json"], more].concat();
    let (code, text) = crochet(&arguments, url, data_dir).await;
    (code, text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

/// Of which kinds the differences are that were found.
fn differences(lines: &[Value]) -> Vec<&str> {
    let found = lines.iter().filter(|line| line["type"] == "difference");
    found.map(|line| line["kind"].as_str().unwrap()).collect()
}

/// What the mock provider remembers. Another provider has its memory elsewhere, and a restore does not take it back.
async fn carry_over_the_providers_memory(from: &Market, to: &str, file: &Path) {
    let (file, source) = (file.to_str().unwrap(), from.gateway.database_url());
    for table in ["mock_quotes", "mock_payments"] {
        postgres(&from.gateway, "psql", &["-Xqc", &format!("\\copy {table} TO '{file}'"), &source]).await;
        let empty = format!("TRUNCATE {table}");
        let copy = format!("\\copy {table} FROM '{file}'");
        postgres(&from.gateway, "psql", &["-Xq", "-c", &empty, "-c", &copy, to]).await;
    }
}

async fn market() -> Market {
    let gateway = TestGateway::with(|settings| {
        settings.check_interval_millis = Some(0);
        settings.max_open_quotes = Some(1_000);
    })
    .await;
    Market::with(gateway, json!({ "pricing_model": "per_call", "pricing_amount": 0.01 })).await
}

/// Calls until it is over; answers how many were delivered.
async fn traffic(market: &Market, name: &str, is_over: &AtomicBool) -> u64 {
    for number in 0.. {
        if is_over.load(Ordering::SeqCst) {
            return number;
        }
        let mut story = Story::new(&format!("{name} {number}"), true);
        let delivered = story.go_on(market).await;
        story.ended_well(market, &delivered).await;
    }
    unreachable!("there are more numbers than calls")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_of_a_gateway_under_traffic_is_restored_elsewhere_and_what_was_paid_since_is_found() {
    let market = market().await;
    let folder = tempfile::tempdir().unwrap();
    let dump = folder.path().join("crochet.dump");

    // Calls at each step that a dump can find, and traffic meanwhile.
    let delivered = market.paid("delivered before").await;
    let first = market.deliver(&delivered).await;
    let paid = market.paid("paid before").await;
    let quoted = market.quoted("quoted before, paid after").await;
    let held = market.paid("at the seller").await;
    let runs = market.seller.runs();
    market.seller.next(Behaviour::Held);
    let is_over = AtomicBool::new(false);
    let dumped = async {
        market.seller.until_runs(runs + 6).await;
        let source = market.gateway.database_url();
        postgres(&market.gateway, "pg_dump", &["-Fc", "-f", dump.to_str().unwrap(), &source]).await;
        // What happens from here on is not in it.
        let runs = market.seller.runs();
        market.seller.until_runs(runs + 6).await;
        market.pay(&quoted, json!({})).await;
        market.deliver(&quoted).await;
        is_over.store(true, Ordering::SeqCst);
        market.seller.release();
    };
    let buyers = join_all(["ada", "bob"].map(async |name| {
        // Not before the one call is at the seller: it takes the first instruction.
        market.seller.until_runs(runs + 1).await;
        traffic(&market, name, &is_over).await
    }));
    let (at_seller, (), calls) = tokio::join!(market.retry(&held), dumped, buyers);
    at_seller.expect(200).unwrap();
    let calls_in_all = calls.iter().sum::<u64>() + 3;
    market.assert_balanced().await;

    // Another server, which does not know the application's role.
    let restored = tokio::task::block_in_place(OwnDatabase::start);
    // As docs/operations.md says, by a user that is no superuser.
    let administrator = restored.direct_url();
    let keeper = "CREATE ROLE keeper LOGIN CREATEDB CREATEROLE";
    postgres(&market.gateway, "psql", &["-Xqc", keeper, &administrator]).await;
    let server = administrator.replacen("//app@", "//keeper@", 1);
    let server = server.strip_suffix("/crochet").unwrap();
    let (maintenance, url) = (format!("--maintenance-db={server}/postgres"), format!("{server}/restored"));
    let kind = ["-T", "template0", "-E", "UTF8", "--lc-collate=C", "--lc-ctype=C.UTF-8"];
    postgres(&market.gateway, "createdb", &[&kind[..], &[&maintenance, "restored"]].concat()).await;
    let role = ["-Xqc", "CREATE ROLE crochet_app NOLOGIN", "-c", "GRANT crochet_app TO CURRENT_USER", &url];
    postgres(&market.gateway, "psql", &role).await;
    let options = ["--exit-on-error", "--single-transaction", "--no-owner", "-d", &url, dump.to_str().unwrap()];
    postgres(&market.gateway, "pg_restore", &options).await;
    let keys = market.gateway.config.data_dir.clone();
    let (code, report) = crochet(&["migrate"], &url, &keys).await;
    assert_eq!(code, Some(0), "{report}");
    let (code, report) = crochet(&["audit"], &url, &keys).await;
    assert_eq!(code, Some(0), "{report}");
    let (code, report) = crochet(&["rekey", "--check"], &url, &keys).await;
    assert_eq!(code, Some(0), "the master keys open what is sealed: {report}");
    let before = audit(&url).await;
    assert!((2..calls_in_all).contains(&before.settlements), "{before:?} of {calls_in_all}");

    // The dump alone: the provider that lives in it remembers no more than it does.
    let (code, lines) = reconcile(&[], &url, &keys).await;
    assert_eq!(code, Some(1), "{lines:?}");
    let names = |call: &Paid| lines.iter().any(|line| line["relay_request_id"] == call.relay_id.as_str());
    assert!(differences(&lines).iter().all(|kind| *kind == "paid_not_settled"), "{lines:?}");
    assert!(names(&paid) && !names(&quoted), "{lines:?}");
    // With the memory of a provider that lives elsewhere.
    carry_over_the_providers_memory(&market, &url, &folder.path().join("memory")).await;
    let (code, lines) = reconcile(&[], &url, &keys).await;
    assert_eq!(code, Some(1), "{lines:?}");
    let found = differences(&lines);
    let count = |what: &str| u64::try_from(found.iter().filter(|found| **found == what).count()).unwrap();
    let missing = calls_in_all - before.settlements + 1;
    assert_eq!(count("paid_not_settled") + count("unknown_payment"), missing, "{lines:?}");
    assert!(count("paid_not_settled") >= 2 && count("unknown_payment") >= 1, "{lines:?}");
    let names = |call: &Paid| lines.iter().any(|line| line["relay_request_id"] == call.relay_id.as_str());
    assert!(names(&paid) && names(&quoted), "{lines:?}");
    let (code, lines) = reconcile(&["--repair"], &url, &keys).await;
    assert_eq!(code, Some(0), "repaired, and unknown payments are known: {lines:?}");
    let after = audit(&url).await;
    assert!(after.balances(), "{after:?}");
    assert_eq!(after.settlements + after.unknown_payments, calls_in_all + 1, "{after:?}");

    // And the gateway, with the same keys. The old one is gone.
    let mut market = market;
    market.gateway.stop().await;
    let (again, data_dir) = (url.clone(), keys.clone());
    let gateway = TestGateway::with(|settings| {
        settings.database_url = Some(again);
        settings.data_dir = Some(data_dir);
        settings.check_interval_millis = Some(0);
    })
    .await;
    let replayed = market.deliver_at(&gateway.api, &delivered).await;
    assert_eq!(seller_bytes(&replayed), seller_bytes(&first), "the vault came along");
    let runs = market.seller.runs();
    // Leases of the gateway that is gone end like all others.
    gateway.advance_clock(Duration::from_secs(60));
    for (call, attempt) in [(&paid, 1), (&held, 2), (&quoted, 1)] {
        let answer = market.deliver_at(&gateway.api, call).await;
        assert_eq!(answer.at("/data/attempt"), attempt, "{}", answer.json);
    }
    // One of them had run after the dump, and the seller can tell: it is the same request id.
    assert_eq!(market.seller.runs(), runs + 3);
    let received = market.seller.received();
    let runs_of = |call: &Paid| {
        received.iter().filter(|run| run.header("x-crochet-request-id") == Some(&call.request_id())).count()
    };
    assert_eq!((runs_of(&delivered), runs_of(&paid), runs_of(&quoted), runs_of(&held)), (1, 1, 2, 2));
    let report = audit(&url).await;
    assert!(report.balances(), "{report:?}");
    assert_eq!(report.settlements, after.settlements, "nothing is charged again");
    say(&format!("{calls_in_all} calls, {} settlements in the dump, {after:?}", before.settlements));
}
