//! The schema brought up to date, and the books re-added, from the command line.

use std::process::Command;

use crochet_postgres::testing::TestDatabase;
use secrecy::ExposeSecret;

use crate::support::{Outcome, Running, crochet, folder, play, run, serve};

fn on(database: &TestDatabase, command: &str) -> Outcome {
    with(database, &[command])
}

fn with(database: &TestDatabase, args: &[&str]) -> Outcome {
    let folder = folder();
    let mut program = crochet(args);
    run(program.env("DATABASE_URL", database.url().expose_secret()).env("CROCHET_DATA_DIR", folder.path()))
}

fn sql(database: &TestDatabase, sql: &str) {
    let psql = database.cluster().bin_dir().join("psql");
    let output =
        Command::new(psql).args(["-Xqv", "ON_ERROR_STOP=1", "-c", sql, database.url().expose_secret()]).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Switches what keeps the ledger append-only.
fn triggers(how: &str) -> String {
    ["append_only_rows", "append_only_table"]
        .map(|trigger| format!("ALTER TABLE ledger_entries {how} TRIGGER {trigger};"))
        .concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn migrations_run_once_and_running_them_again_does_nothing() {
    let database = TestDatabase::unmigrated().await;
    let too_early = on(&database, "audit").expect(1);
    assert!(too_early.stderr.contains("crochet migrate"), "{}", too_early.stderr);
    let first = on(&database, "migrate").expect(0).stdout;
    let ran = first.lines().filter(|line| line.starts_with("ran ")).count();
    assert!(ran >= 3, "{first}");
    assert_eq!(on(&database, "migrate").expect(0).stdout, "The schema is up to date.\n");
    assert!(on(&database, "audit").expect(0).stdout.contains("The books balance."));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_finds_good_books_good_and_every_kind_of_tampering() {
    let database = TestDatabase::new().await;
    let data_dir = folder();
    let mut gateway = Running::start(serve(data_dir.path()).env("DATABASE_URL", database.url().expose_secret()));
    let url = gateway.url();
    play(&url);
    gateway.stop().expect(0);

    let good = on(&database, "audit").expect(0).stdout;
    assert!(good.contains("The books balance.") && !good.contains("WRONG"), "{good}");
    let line = |name: &str| {
        let line = good.lines().find(|line| line.trim_start().starts_with(name)).unwrap();
        line.trim().trim_start_matches(name).trim().to_owned()
    };
    assert_eq!((line("settlements"), line("ledger entries")), ("2".to_owned(), "6".to_owned()));
    assert_eq!(line("paid"), "0.020000 USD");
    assert_eq!(
        (line("marketplace fees"), line("seller credits")),
        ("0.000980 USD".to_owned(), "0.019020 USD".to_owned())
    );

    // As somebody who is stronger than triggers and grants.
    for (tampering, undoing) in [
        (
            "UPDATE ledger_entries SET amount_micros = amount_micros + 1 WHERE entry_type = 'seller_credit'",
            "UPDATE ledger_entries SET amount_micros = amount_micros - 1 WHERE entry_type = 'seller_credit'",
        ),
        (
            "CREATE TABLE taken AS SELECT * FROM ledger_entries WHERE entry_type = 'marketplace_fee'; \
             DELETE FROM ledger_entries WHERE entry_type = 'marketplace_fee'",
            "INSERT INTO ledger_entries SELECT * FROM taken; DROP TABLE taken",
        ),
    ] {
        let unguarded = |statements: &str| {
            sql(&database, &format!("{} {statements}; {}", triggers("DISABLE"), triggers("ENABLE ALWAYS")));
        };
        unguarded(tampering);
        let bad = on(&database, "audit").expect(1).stdout;
        assert!(bad.contains("WRONG") && bad.contains("do NOT balance"), "{tampering}: {bad}");
        unguarded(undoing);
        on(&database, "audit").expect(0);
    }
    // That anybody could do so is a finding too.
    sql(&database, &triggers("DISABLE"));
    let bad = on(&database, "audit").expect(1).stdout;
    assert!(bad.contains("WRONG"), "{bad}");
    sql(&database, &triggers("ENABLE ALWAYS"));
    on(&database, "audit").expect(0);
    sql(&database, "GRANT UPDATE ON ledger_entries TO crochet_app");
    let bad = on(&database, "audit").expect(1).stdout;
    assert!(bad.contains("WRONG"), "{bad}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reconciliation_finds_what_differs_and_repairs_what_the_rules_repair() {
    let database = TestDatabase::new().await;
    let data_dir = folder();
    let mut gateway = Running::start(serve(data_dir.path()).env("DATABASE_URL", database.url().expose_secret()));
    let url = gateway.url();
    play(&url);
    gateway.stop().expect(0);
    let reconcile = |more: &[&str]| {
        let args = ["reconcile", "--from", "2020-01-01", "--per-minute", "60000"];
        with(&database, &[&args, more].concat())
    };

    let good = reconcile(&[]).expect(0).stdout;
    assert!(good.contains("agree.") && !good.contains("DIFFERS"), "{good}");
    assert!(reconcile(&["--to", "2020-01-02"]).expect(0).stdout.contains("agree."));

    // The provider forgets a payment that settled, and remembers one of a call that nobody here knows.
    sql(
        &database,
        "UPDATE mock_payments SET outcome = 'pending' WHERE reference = (SELECT min(reference) FROM mock_payments)",
    );
    sql(
        &database,
        "INSERT INTO mock_payments (reference, call_id, outcome, settles_at, amount_micros) \
         VALUES ('mock_lost', '0190a0b0-0000-7000-8000-000000000000', 'success', now() - interval '1 hour', 5)",
    );
    let bad = reconcile(&["--json"]).expect(1).stdout;
    let lines: Vec<serde_json::Value> = bad.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<_> = lines.iter().filter_map(|line| line["kind"].as_str()).collect();
    assert_eq!(kinds, ["settled_not_paid", "unknown_payment"], "{bad}");
    assert_eq!(lines.last().unwrap()["differences"], 2);

    // What is recorded is an orphan from now on; what the rules do not decide stays as it is.
    let bad = reconcile(&["--repair"]).expect(1).stdout;
    assert!(bad.contains("DIFFERS  settled_not_paid") && !bad.contains("unknown_payment"), "{bad}");
    let audit = on(&database, "audit").expect(0).stdout;
    let unknown = audit.lines().find(|line| line.starts_with("unknown payments")).unwrap();
    assert!(unknown.ends_with(" 1"), "{audit}");

    // It was given back: that the rules decide.
    sql(&database, "UPDATE mock_payments SET outcome = 'refund' WHERE outcome = 'pending'");
    let repaired = reconcile(&["--repair"]).expect(0).stdout;
    assert!(repaired.contains("REPAIRED settled_and_refunded"), "{repaired}");
    reconcile(&[]).expect(0);
    on(&database, "audit").expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reconciliation_that_cannot_begin_says_that_nothing_was_asked() {
    let database = TestDatabase::unmigrated().await;
    let args = ["reconcile", "--from", "2026-05-03"];
    assert!(with(&database, &args).expect(2).stderr.contains("crochet migrate"));
    let backwards = ["reconcile", "--from", "2026-05-03", "--to", "2026-05-02"];
    assert!(with(&database, &backwards).expect(2).stderr.contains("--from"));
    assert!(run(&mut crochet(&["reconcile"])).expect(2).stderr.contains("--from"));
}
