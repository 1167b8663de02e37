//! The program as a whole, on a small scale: it fills, the books balance, every question is answered, every kind of call
//! ends as it should, and what is asked for is written.
//!
//! At this size PostgreSQL may rightly read tables from end to end, so nothing is said of plans here: the program
//! itself looks at those of tables with 20,000 rows or more.

use std::process::Command;

#[test]
fn a_small_measurement_answers_every_question() {
    let folder = tempfile::tempdir().unwrap();
    let [plans, plot] = ["plans.txt", "plot.svg"].map(|name| folder.path().join(name));
    let output = Command::new(env!("CARGO_BIN_EXE_crochet-bench"))
        .args(["lists", "--listings", "400", "--ledger-rows", "3000", "--requests", "2", "--no-targets"])
        .arg("--explain")
        .arg(&plans)
        .arg("--plot")
        .arg(&plot)
        .output()
        .unwrap();
    let [out, err] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert!(output.status.success(), "{out}\n{err}");
    for expected in ["entries balance", "search: a typo", "ledger: by cursor, half down", "history: a rare buyer"] {
        assert!(out.contains(expected), "{expected}: {out}");
    }
    let plans = std::fs::read_to_string(plans).unwrap();
    assert!(
        plans.contains("ledger_entries_by_profile_and_type") || plans.contains("Scan on ledger_entries"),
        "{plans}"
    );
    assert!(std::fs::read_to_string(plot).unwrap().starts_with("<svg"));
}

#[test]
fn a_short_load_ends_every_kind_of_call_as_it_should() {
    let folder = tempfile::tempdir().unwrap();
    let plot = folder.path().join("plot.svg");
    let output = Command::new(env!("CARGO_BIN_EXE_crochet-bench"))
        .args(["calls", "--rounds", "1", "--seconds", "0.2", "--connections", "4", "--buyers", "4", "--sellers", "2"])
        .arg("--plot")
        .arg(&plot)
        .output()
        .unwrap();
    let [out, err] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert!(output.status.success(), "{out}\n{err}");
    for expected in ["direct", "free call", "paid cycle", "catalogue", "history", "mixed"] {
        let rates = out.lines().filter(|line| line.starts_with(expected));
        // Once as much as can be done, once with latencies.
        assert_eq!(rates.count(), 2, "{expected}: {out}");
    }
    for expected in ["added to a direct call", "with 1000 more open connections"] {
        assert!(out.contains(expected), "{expected}: {out}");
    }
    assert!(std::fs::read_to_string(plot).unwrap().starts_with("<svg"));
}

#[test]
fn two_small_databases_are_compared() {
    let output = Command::new(env!("CARGO_BIN_EXE_crochet-bench"))
        .args(["growth", "--calls", "1000", "--listings", "400", "--months", "2", "--small-calls", "300"])
        .args(["--small-listings", "200", "--rounds", "1", "--seconds", "0.1", "--connections", "4", "--requests", "1"])
        .args(["--agents", "2", "--no-targets"])
        .output()
        .unwrap();
    let [out, err] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert!(output.status.success(), "{out}\n{err}");
    for expected in ["free call, a second", "paid cycle, a second", "search: a typo, ms", "history: first page, ms"] {
        let row = out.lines().find(|line| line.starts_with(expected));
        let target = row.and_then(|row| row.split(" at ").nth(1)).unwrap_or_default();
        assert!(target.contains(": "), "{expected}: {out}");
    }
}
