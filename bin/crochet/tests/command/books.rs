//! The schema brought up to date, and the books re-added, from the command line.

use std::process::Command;

use crochet_postgres::testing::TestDatabase;
use secrecy::ExposeSecret;

use crate::support::{Outcome, Running, crochet, folder, play, run, serve};

fn on(database: &TestDatabase, command: &str) -> Outcome {
    let folder = folder();
    let mut program = crochet(&[command]);
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
