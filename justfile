# What a developer does every day. `just` lists it.

# List the recipes
default:
    @just --list --unsorted

# Run the gateway with everything it needs
dev *args:
    cargo run -- serve {{args}}

# Play the whole story over real HTTP
demo *args:
    cargo run --release -- demo {{args}}

# Run every test
test *args:
    cargo test --workspace {{args}}

# Explore the state machine of a call: every order of retries, payments, lies, crashes and the clock, within bounds
model name="":
    cargo test --release -p crochet-relay --test model -- large::{{name}} --ignored --nocapture --test-threads 1

# Kill gateways and their database again and again under paid traffic, and count: CROCHET_CRASH_KILLS, CROCHET_CRASH_SEED
crash *args:
    cargo test -p crochet --test crash -- --ignored --nocapture {{args}}

# Fuzz every parser that meets strangers, ten minutes each, or one: just fuzz guard_urls; CROCHET_FUZZ_SECONDS. Needs a nightly toolchain
fuzz *targets:
    fuzz/run {{targets}}

# Besiege a gateway with slow, idle, pipelining, smuggling and hammering clients, and measure what honest buyers notice
hostile *args:
    cargo test --release -p crochet --test hostile -- --ignored --nocapture {{args}}

# Fail every statement and every COMMIT of a paid call in every way that PostgreSQL knows
faults:
    cargo test -p crochet --test server -- --ignored --nocapture faults_raised

# Format, lint, and check the documentation, as CI does
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# Hold the OpenAPI document against a linter, a generated TypeScript client, and thousands of generated requests
contract *args:
    bin/crochet/tests/contract/run {{args}}

# Let an x402 client that was written elsewhere pay a listing, v2 and v1
foreign-client:
    cargo build --locked --manifest-path bin/crochet/tests/foreign-client/Cargo.toml --target-dir target/foreign-client
    CROCHET_FOREIGN_CLIENT="$PWD/target/foreign-client/debug/foreign-x402-client" cargo test --workspace --test server --locked -- --ignored x402_foreign

# Let x402 clients of others pay a listing, on a chain of this machine, and look up there what they paid
interop *args:
    bin/crochet/tests/interop/run {{args}}

# Hold what we depend on against deny.toml: just deny, or just deny licenses bans sources where GitHub is out of reach
deny *checks:
    #!/usr/bin/env bash
    set -euo pipefail
    tools=target/tools
    # Built from source, once: some minutes.
    [ -x "$tools/bin/cargo-deny" ] || cargo install cargo-deny --version 0.20.2 --locked --root "$tools"
    "$tools/bin/cargo-deny" --locked check {{checks}}

# Hold every lock file against the advisories of RustSec: just vulnerabilities, or with --db FOLDER --no-fetch where GitHub is out of reach
vulnerabilities *args:
    #!/usr/bin/env bash
    set -euo pipefail
    tools=target/tools
    [ -x "$tools/bin/cargo-audit" ] || cargo install cargo-audit --version 0.22.2 --locked --root "$tools"
    for lock in Cargo.lock fuzz/Cargo.lock bin/crochet/tests/foreign-client/Cargo.lock; do
        "$tools/bin/cargo-audit" audit --file "$lock" {{args}}
    done

# Everything that has to pass before a change lands
ci:
    .ci/run

# Re-add the books of the database that the gateway uses
audit *args:
    cargo run -- audit {{args}}

# Compare the books with the payment providers: just reconcile --from 2026-05-03
reconcile *args:
    cargo run -- reconcile {{args}}

# Open psql on the private database of a gateway that is running
db:
    #!/usr/bin/env bash
    set -euo pipefail
    socket=$(ls -dt /tmp/crochet-pg-* 2>/dev/null | head -n 1)
    [ -n "$socket" ] || { echo "no private database is running: start one with 'just dev'" >&2; exit 1; }
    exec psql -h "$socket" -U app crochet

# Build and open the documentation
docs:
    cargo doc --workspace --no-deps --open

# Measure search over 100,000 listings and pages deep in 1,000,000 ledger entries
measure-lists *args:
    cargo run --release -p crochet-bench -- lists {{args}}

# Count the instructions of a gateway call under valgrind, and compare them with the baseline; --bless makes a new one
instructions *args:
    @command -v valgrind >/dev/null || { echo "valgrind is not installed: apt-get install valgrind" >&2; exit 1; }
    cargo build --locked --profile instructions -p crochet-instructions
    target/instructions/crochet-instructions check {{args}}

# Micro-benchmarks of the pure functions that every call goes through
microbench *args:
    cargo bench --locked --profile instructions -p crochet-instructions --bench pure -- {{args}}

# Measure calls through the gateway beside the same calls through nginx and to the seller: throughput and latency
bench *args:
    cargo run --release -p crochet-bench -- calls {{args}}

# Measure calls and lists over 10,000,000 calls and 1,000,000 listings beside 10,000 and 1,000: takes an hour or so, and 20 GB in the folder for temporary files
growth *args:
    cargo run --release -p crochet-bench -- growth {{args}}
