//! Micro-benchmarks of the pure functions that calls go through: `just microbench`.

#![expect(clippy::expect_used, reason = "what is measured is set up before, or there is nothing to measure")]

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::time::Duration;

use bytes::Bytes;
use crochet_forwarder::guard::{Environment, GuardPolicy, check_url};
use crochet_pow::{ChallengeSealer, Difficulty, solve};
use crochet_pricing::{MARKETPLACE_FEE, MicroUsd, split};
use crochet_primitives::{CallId, ListingId, ProfileId, Timestamp, timestamp_from_millis};
use crochet_relay::transition::{close, open};
use crochet_relay::{Arrival, Forwarding, NewCall, Origin, Policy, judge};
use crochet_secrets::{ApiKey, ApiKeyHash, MasterKeys, VaultSecret, open_response, seal_response};
use crochet_signing::{BodyHash, Received, SigningSecret, SigningSecrets, seal, verify};
use crochet_wallet::{EvmSigner, SolanaSigner, verify_ownership};
use divan::{Bencher, black_box, counter::BytesCount};

const BODY: &[u8] = br#"{"pair":"SOL/USDC","horizon_minutes":60,"risk":"low","notes":["a","b"]}"#;
const REQUEST: &str = "gw_req_0190a0b0-0000-7000-8000-000000000000";
const LISTING: &str = "0190a0b0-0000-7000-8000-000000000001";

fn main() {
    divan::main();
}

fn now() -> Timestamp {
    timestamp_from_millis(1_777_809_600_000).unwrap_or_default()
}

fn secrets() -> SigningSecrets {
    SigningSecrets { current: SigningSecret::generate([5; 32]), next: None }
}

/// JSON of about this length, as sellers send it.
fn json(bytes: usize) -> Bytes {
    let item = r#"{"signal":"buy","pair":"SOL/USDC","confidence":0.82,"notes":["a \"b\"","ü"]}"#;
    Bytes::from(format!("[{}]", vec![item; (bytes / item.len()).max(1)].join(",")))
}

#[divan::bench]
fn split_a_price(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| split(black_box(MicroUsd::from_micros(1_000_000)), black_box(MARKETPLACE_FEE)));
}

/// Work as it is asked for by default, done before the measurement.
struct Work {
    challenge: String,
    nonce: String,
}

fn work() -> Work {
    let sealer = ChallengeSealer::new([3; 32]);
    let challenge =
        sealer.issue(b"register", Difficulty::AUTH, now(), Duration::from_secs(300), [1; 16]).pow_challenge();
    let solution = solve(&challenge, Difficulty::AUTH, |_| ControlFlow::Continue(())).expect("nobody breaks off");
    Work { challenge, nonce: solution.pow_nonce }
}

fn is_worked(work: &Work) -> bool {
    crochet_pow::verify(black_box(&work.challenge), black_box(&work.nonce), Difficulty::AUTH)
}

/// Keys by their hashes, as a cache has them.
fn keys() -> (String, HashMap<ApiKeyHash, u64>) {
    let keys = (0..=u8::MAX).map(|number| ApiKey::generate([number; 32]));
    let known = keys.zip(0..).map(|(key, number)| (key.hash(), number)).collect();
    (ApiKey::generate([7; 32]).expose().to_owned(), known)
}

fn known(text: &str, keys: &HashMap<ApiKeyHash, u64>) -> Option<u64> {
    keys.get(&ApiKey::parse(black_box(text)).ok()?.hash()).copied()
}

fn sealed(secrets: &SigningSecrets) -> crochet_signing::Seal {
    seal(black_box(secrets), now(), REQUEST, LISTING, BodyHash::of(black_box(BODY)))
}

#[divan::bench]
fn verify_work(bencher: Bencher<'_, '_>) {
    let work = work();
    bencher.bench_local(|| assert!(is_worked(&work)));
}

#[divan::bench]
fn find_a_key(bencher: Bencher<'_, '_>) {
    let (text, keys) = keys();
    bencher.bench_local(|| assert!(known(&text, &keys).is_some()));
}

#[divan::bench]
fn seal_a_request(bencher: Bencher<'_, '_>) {
    let secrets = secrets();
    bencher.bench_local(|| sealed(&secrets));
}

/// The target of issue 6: together under 20 microseconds.
#[divan::bench]
fn verify_work_and_seal_a_request_and_find_a_key(bencher: Bencher<'_, '_>) {
    let (work, secrets, (text, keys)) = (work(), secrets(), keys());
    bencher.bench_local(|| (is_worked(&work), sealed(&secrets), known(&text, &keys)));
}

#[divan::bench]
fn verify_a_seal(bencher: Bencher<'_, '_>) {
    let secrets = secrets();
    let seal = sealed(&secrets);
    let hash = seal.body_sha256.to_string();
    let received = Received {
        timestamp: &seal.timestamp,
        request_id: &seal.request_id,
        listing_id: &seal.listing_id,
        body_sha256: &hash,
        signature: &seal.signature,
    };
    bencher.bench_local(|| verify(&secrets.current, black_box(&received), BODY, now(), Duration::from_secs(300)));
}

#[divan::bench]
fn decrypt_an_endpoint(bencher: Bencher<'_, '_>) {
    let keys = MasterKeys::parse(&MasterKeys::entry("k1", [9; 32])).expect("a key");
    let sealed = keys.encrypt(b"https://seller.example/run", b"listing url", [1; 12]).expect("it is short");
    bencher.bench_local(|| keys.decrypt(black_box(&sealed), b"listing url"));
}

#[divan::bench(args = [1_024, 65_536])]
fn seal_a_response_for_the_vault(bencher: Bencher<'_, '_>, bytes: usize) {
    let (secret, call, response) = (VaultSecret::of_api_key(&ApiKey::generate([7; 32])), call().id, json(bytes));
    bencher
        .counter(BytesCount::new(response.len()))
        .bench_local(|| seal_response(&secret, call, black_box(&response), [1; 12]));
}

#[divan::bench(args = [1_024, 65_536])]
fn open_a_response_from_the_vault(bencher: Bencher<'_, '_>, bytes: usize) {
    let (secret, call, response) = (VaultSecret::of_api_key(&ApiKey::generate([7; 32])), call().id, json(bytes));
    let sealed = seal_response(&secret, call, &response, [1; 12]).expect("it is short");
    bencher.counter(BytesCount::new(response.len())).bench_local(|| open_response(&secret, call, black_box(&sealed)));
}

fn call() -> NewCall {
    NewCall {
        id: CallId::new(now(), [1; 10]),
        buyer: ProfileId::new(now(), [2; 10]),
        seller: ProfileId::new(now(), [3; 10]),
        listing: ListingId::new(now(), [4; 10]),
        body_sha256: BodyHash::of(BODY),
        idempotency_key: None,
        origin: Origin::default(),
        price: None,
        forward_lease: Duration::from_secs(45),
        terms: None,
    }
}

#[divan::bench]
fn open_a_free_call(bencher: Bencher<'_, '_>) {
    let (call, policy) = (call(), Policy::default());
    bencher.bench_local(|| open(black_box(&call), now(), &policy));
}

#[divan::bench]
fn conclude_and_close_a_free_call(bencher: Bencher<'_, '_>) {
    let policy = Policy::default();
    let record = open(&call(), now(), &policy).record;
    let arrival = Arrival::Answered { status: 200, body: Bytes::from_static(BODY), latency_ms: 1 };
    bencher
        .with_inputs(|| (record.clone(), Forwarding::of_new_free_call(&record), arrival.clone()))
        .bench_local_values(|(record, forwarding, arrival)| {
            forwarding.map(|forwarding| close(record, &forwarding.conclude(arrival), now(), &policy))
        });
}

#[divan::bench(args = [1_024, 65_536])]
fn judge_an_answer(bencher: Bencher<'_, '_>, bytes: usize) {
    let arrival = Arrival::Answered { status: 200, body: json(bytes), latency_ms: 1 };
    bencher.counter(BytesCount::new(bytes)).with_inputs(|| arrival.clone()).bench_local_values(judge);
}

#[divan::bench]
fn check_an_endpoint(bencher: Bencher<'_, '_>) {
    let policy = GuardPolicy::new(Environment::Production);
    bencher.bench_local(|| check_url(black_box("https://seller.example/api/crochet"), &policy).is_ok());
}

const TEXT: &str = "crochet.example wants you to sign in with your account: Register this wallet with Crochet.";

#[divan::bench]
fn prove_an_evm_wallet(bencher: Bencher<'_, '_>) {
    let wallet = EvmSigner::from_bytes([7; 32]).expect("a key");
    let (address, signature) = (wallet.address(), wallet.sign(TEXT));
    bencher.bench_local(|| assert!(verify_ownership(&address, black_box(TEXT), black_box(&signature)).is_ok()));
}

#[divan::bench]
fn prove_a_solana_wallet(bencher: Bencher<'_, '_>) {
    let wallet = SolanaSigner::from_bytes([7; 32]);
    let (address, signature) = (wallet.address(), wallet.sign(TEXT));
    bencher.bench_local(|| assert!(verify_ownership(&address, black_box(TEXT), black_box(&signature)).is_ok()));
}

/// The dearest: a signature of another text is held against each form in which wallets sign.
#[divan::bench]
fn refuse_a_solana_signature(bencher: Bencher<'_, '_>) {
    let wallet = SolanaSigner::from_bytes([7; 32]);
    let (address, signature) = (wallet.address(), wallet.sign("another text"));
    bencher.bench_local(|| assert!(verify_ownership(&address, black_box(TEXT), black_box(&signature)).is_err()));
}
