//! Which room may know which. A new edge, and one that is no longer there, fail here: change the table, and
//! `docs/architecture.md` with it, or change the code.

#![expect(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::process::Command;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};

/// Crate, what it uses, and what only its tests use (itself among them: with its feature `testing`).
const ROOMS: &[(&str, &[&str], &[&str])] = &[
    // Pure: no I/O, no clock, no randomness.
    ("primitives", &[], &[]),
    ("pricing", &[], &[]),
    ("secrets", &["primitives"], &[]),
    ("pow", &["primitives"], &[]),
    ("signing", &["primitives"], &[]),
    ("wallet", &["primitives"], &[]),
    ("relay", &["primitives", "pricing", "secrets", "signing", "wallet"], &["relay"]),
    ("market", &["pow", "pricing", "primitives", "secrets", "signing", "wallet"], &["market", "wallet"]),
    ("limits", &["primitives"], &[]),
    ("x402", &["pricing", "primitives", "wallet"], &["wallet"]),
    // Adapters: each knows pure crates only.
    ("local-postgres", &[], &[]),
    ("payments", &["pricing", "primitives", "relay", "wallet"], &["payments", "primitives", "relay"]),
    ("facilitator", &["pricing", "primitives", "relay", "wallet", "x402"], &["facilitator", "primitives"]),
    ("forwarder", &["relay", "signing"], &["primitives"]),
    (
        "postgres",
        &["local-postgres", "market", "pricing", "primitives", "relay", "secrets", "signing", "wallet"],
        &["market", "postgres", "primitives", "relay"],
    ),
    (
        "http",
        &["limits", "market", "pricing", "primitives", "relay", "secrets", "signing", "wallet", "x402"],
        &["http", "limits", "market", "pow", "primitives", "relay", "wallet"],
    ),
    ("redis", &["limits"], &["limits", "redis"]),
    ("metrics", &["primitives", "relay"], &[]),
    // A program for measurements: it knows the gateway as a whole.
    ("bench", &["local-postgres", "primitives", "relay", "secrets", "wallet"], &[]),
    // A program that counts instructions: the server and the forwarder over ports in memory.
    (
        "instructions",
        &["forwarder", "http", "market", "pow", "pricing", "primitives", "relay", "secrets", "signing", "wallet"],
        &[],
    ),
    // What all parsers promise, for a fuzzer and for tests: it knows every room that reads what strangers send.
    (
        "laws",
        &[
            "facilitator",
            "forwarder",
            "http",
            "market",
            "payments",
            "pow",
            "pricing",
            "primitives",
            "relay",
            "secrets",
            "signing",
            "wallet",
            "x402",
        ],
        &[],
    ),
];

const PURE: &[&str] =
    &["primitives", "pricing", "secrets", "pow", "signing", "wallet", "relay", "market", "limits", "x402"];

/// What stands beside `bin/crochet` and knows all rooms, as it does; nothing of a gateway depends on it.
const PROGRAMS: &[&str] = &["bench", "instructions", "laws"];

/// What does I/O, reads clocks or draws randomness; no pure crate may reach any of it.
const NOT_PURE: &[&str] = &[
    "actix-web",
    "diesel",
    "getrandom",
    "hyper",
    "iana-time-zone",
    "mio",
    "r2d2",
    "rand",
    "reqwest",
    "rustls",
    "socket2",
    "tokio",
];

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml"))
        .other_options(vec!["--locked".to_owned(), "--filter-platform".to_owned(), host_triple()])
        .exec()
        .expect("cargo metadata answers")
}

/// The platform that this runs on, as rustc calls it: crates for others need not be there.
fn host_triple() -> String {
    let answer = Command::new("rustc").arg("-vV").output().expect("rustc answers");
    let text = String::from_utf8(answer.stdout).expect("rustc answers in UTF-8");
    text.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc names its host").to_owned()
}

fn room(package: &str) -> Option<&str> {
    package.strip_prefix("crochet-")
}

#[test]
fn every_edge_between_our_crates_is_on_the_table_and_every_row_is_true() {
    let metadata = metadata();
    let mut found = BTreeMap::new();
    for package in metadata.workspace_packages() {
        let Some(name) = room(&package.name) else { continue };
        let edges = |kind| -> BTreeSet<String> {
            let ours = package.dependencies.iter().filter(|dependency| dependency.kind == kind);
            ours.filter_map(|dependency| room(&dependency.name)).map(str::to_owned).collect()
        };
        found.insert(name.to_owned(), (edges(DependencyKind::Normal), edges(DependencyKind::Development)));
    }
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let expected: BTreeMap<_, _> =
        ROOMS.iter().map(|(name, uses, tests)| ((*name).to_owned(), (set(uses), set(tests)))).collect();
    for name in expected.keys().chain(found.keys()) {
        assert_eq!(
            found.get(name),
            expected.get(name),
            "{name}: what it depends on (left) is not on the table (right)"
        );
    }
}

#[test]
fn adapters_know_each_other_in_tests_only() {
    for (name, uses, _) in ROOMS.iter().filter(|(name, ..)| !PURE.contains(name) && !PROGRAMS.contains(name)) {
        for used in *uses {
            // The one exception is the feature `testing`, which brings a server for the tests of whoever asks.
            let is_for_tests = (*name, *used) == ("postgres", "local-postgres");
            assert!(PURE.contains(used) || is_for_tests, "{name} depends on the adapter {used}");
        }
    }
}

#[test]
fn no_pure_crate_reaches_io_a_clock_or_randomness() {
    let metadata = metadata();
    let names: HashMap<&PackageId, &str> =
        metadata.packages.iter().map(|package| (&package.id, package.name.as_str())).collect();
    let resolve = metadata.resolve.as_ref().expect("a resolved graph");
    let uses: HashMap<&PackageId, Vec<&PackageId>> = resolve
        .nodes
        .iter()
        .map(|node| {
            let normal = node.deps.iter().filter(|dependency| {
                dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal && kind.target.is_none())
            });
            (&node.id, normal.map(|dependency| &dependency.pkg).collect())
        })
        .collect();
    for pure in PURE {
        let start =
            names.iter().find(|(_, name)| room(name) == Some(pure)).map(|(id, _)| *id).expect("the crate is there");
        let mut paths: HashMap<&PackageId, String> = HashMap::from([(start, (*pure).to_owned())]);
        let mut queue = VecDeque::from([start]);
        while let Some(id) = queue.pop_front() {
            let path = paths[id].clone();
            for next in &uses[id] {
                if paths.contains_key(next) {
                    continue;
                }
                let longer = format!("{path} -> {}", names[next]);
                assert!(!NOT_PURE.contains(&names[next]), "{longer}");
                paths.insert(next, longer);
                queue.push_back(next);
            }
        }
        assert!(paths.len() > 1 || *pure == "pricing", "{pure}: the graph was walked");
    }
}
