//! Secrets are planted everywhere, everything goes wrong, and then all that the process wrote is searched for them: its
//! log at the most talkative setting with a panic in it, its metrics, its database's files, its answers.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use actix_web::dev::ServerHandle;
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use crochet::demo::agent::{Agent, Wallet, bytes};
use crochet::demo::client::{Answer, ApiClient};
use crochet::demo::screen::Screen;
use crochet_facilitator::testing::{SettleFault, TestChain, TestFacilitator, TestPayer, VerifyFault};
use crochet_payments::testing::{Fault, KEY, Relay};
use crochet_x402::{Asset, Network, encode};
use http::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::listening::listen;
use crate::spellings::Written;
use crate::support::{LIMIT, Running, crochet, folder, get, run, search, serve, value};

const TOKEN: &str = "facilitator-token-canary";
const RPC_KEY: &str = "rpc-key-canary";
const PRIVATE_PATH: &str = "private-path-canary";
const PRIVATE_QUERY: &str = "private-query-canary";
const UPSTREAM_HEADER: &str = "upstream-header-canary";
const REQUEST: &str = "request-body-canary";
const RESPONSE: &str = "response-body-canary";

/// A seller that says everything it knows: first in failures, then in what it delivers.
struct Talkative {
    url: String,
    handle: ServerHandle,
    failures: Arc<AtomicU32>,
}

impl Talkative {
    fn start() -> Self {
        let failures = Arc::new(AtomicU32::new(0));
        let (handle, address) = listen(&failures, tell);
        let url = format!("http://{address}/{PRIVATE_PATH}?token={PRIVATE_QUERY}");
        Self { url, handle, failures }
    }
}

async fn tell(request: HttpRequest, body: Bytes, failures: web::Data<AtomicU32>) -> HttpResponse {
    let headers: Vec<_> = request.headers().iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
    let told = json!({ "canary": RESPONSE, "headers": headers, "body": String::from_utf8_lossy(&body) });
    let fails = failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
    if fails { HttpResponse::InternalServerError().json(told) } else { HttpResponse::Ok().json(told) }
}

/// Everything around one gateway, and what has been answered to people it was not meant for.
struct World {
    relay: Relay,
    chain: TestChain,
    facilitator: TestFacilitator,
    seller: Talkative,
    folder: TempDir,
    seen: Mutex<Vec<String>>,
}

impl World {
    async fn new() -> Self {
        let chain = TestChain::start(Asset::usdc(Network::BASE_SEPOLIA).unwrap(), now() / 1000).await.unwrap();
        let facilitator = TestFacilitator::start(&chain).await.unwrap();
        let (relay, seller) = (Relay::start().await, Talkative::start());
        Self { relay, chain, facilitator, seller, folder: folder(), seen: Mutex::default() }
    }

    /// A gateway that panics at its first request to a seller.
    fn gateway(&self, master_key: &str) -> Running {
        Running::start(
            serve(self.folder.path())
                .env("CROCHET_MASTER_KEYS", master_key)
                .env("CROCHET_PAYMENT_PROVIDER", "relay")
                .env("CROCHET_RELAY_URL", &self.relay.url)
                .env("CROCHET_RELAY_API_KEY", KEY)
                .env("CROCHET_RELAY_FEE_RECIPIENT", "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB")
                .env("CROCHET_X402_FACILITATOR_URLS", self.facilitator.url())
                .env("CROCHET_X402_FACILITATOR_TOKENS", TOKEN)
                .env("CROCHET_X402_NETWORKS", Network::BASE_SEPOLIA.to_string())
                .env("CROCHET_X402_RPC_URLS", format!("{}/?apikey={RPC_KEY}", self.chain.url()))
                .env("CROCHET_CHECK_INTERVAL_MILLIS", "0")
                .env("CROCHET_METRICS_BIND", "127.0.0.1:0")
                .env("CROCHET_LOG", "trace")
                .env("RUST_BACKTRACE", "full")
                .env("FAILPOINTS", "upstream.forward.before=1*panic(on purpose)"),
        )
    }

    /// Keeps an answer for the search.
    fn keep(&self, answer: Answer) -> Answer {
        let text = format!("{} {:?} {}", answer.status, answer.headers, String::from_utf8_lossy(&answer.raw));
        self.seen.lock().unwrap().push(text);
        answer
    }
}

fn now() -> u64 {
    // What the provider and the chain say of time is compared with the gateway's own clock.
    #[expect(clippy::disallowed_methods, reason = "a test that plays another machine has that machine's clock")]
    let now = std::time::SystemTime::now();
    u64::try_from(now.duration_since(std::time::UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

async fn registered(api: &ApiClient, wallet: Wallet, name: &str) -> Agent {
    Agent::register(api, &wallet, name, &Screen::default()).await.unwrap()
}

/// A call of the listing that is paid through Relay.
struct Call<'a> {
    world: &'a World,
    buyer: &'a Agent,
    path: &'a str,
    id: String,
    body: Bytes,
}

impl<'a> Call<'a> {
    async fn paid(world: &'a World, buyer: &'a Agent, path: &'a str, n: u32) -> Self {
        world.relay.forgets();
        let body = bytes(&json!({ "task": REQUEST, "n": n }));
        let terms = world.keep(buyer.send(Method::POST, path, &[], Some(body.clone())).await.unwrap());
        let id = terms.expect(402).unwrap().text("/data/relay_request_id").unwrap().to_owned();
        world.relay.arrived("951000");
        world.relay.status_is("success", now());
        Self { world, buyer, path, id, body }
    }

    /// Retries until it is answered with this status.
    async fn until(&self, status: u16) -> Answer {
        let headers = [("x-crochet-relay-request-id", self.id.as_str())];
        let send = || self.buyer.send(Method::POST, self.path, &headers, Some(self.body.clone()));
        answered(status, send).await
    }

    /// The same, of an answer that may show nothing.
    async fn fails(&self, status: u16) -> Answer {
        self.world.keep(self.until(status).await)
    }
}

/// Sends until the answer has this status.
async fn answered<F: Future<Output = anyhow::Result<Answer>>>(status: u16, send: impl Fn() -> F) -> Answer {
    let began = Instant::now();
    loop {
        let answer = send().await.unwrap();
        if answer.status == status {
            return answer;
        }
        assert!(began.elapsed() < LIMIT, "never {status}, but {}: {}", answer.status, answer.json);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Says this key in every place where somebody could put it by mistake; every answer is a refusal.
async fn misplace(api: &ApiClient, key: &str) {
    let (bearer, basic, cut) = (format!("Bearer {key}"), format!("Basic {key}"), format!("Bearer {key}x"));
    let authorized = ("authorization", bearer.as_str());
    for path in [format!("/listings?api_key={key}"), format!("/listings/{key}"), format!("/nowhere/{key}")] {
        assert!(api.send(Method::GET, &path, &[authorized], None).await.unwrap().status.is_client_error(), "{path}");
    }
    for headers in [[("authorization", basic.as_str())], [("authorization", cut.as_str())], [("x-api-key", key)]] {
        assert_eq!(api.send(Method::GET, "/me", &headers, None).await.unwrap().status, 401, "{headers:?}");
    }
    for body in [
        format!("{{\"name\": \"{key}"),
        format!("{{\"{key}\": 1}}"),
        format!("{{\"name\": \"n\", \"scopes\": [\"{key}\"]}}"),
        format!("{{\"name\": {{\"{key}\": \"{key}\"}}}}"),
    ] {
        let answer = api.send(Method::POST, "/api-keys", &[authorized], Some(Bytes::from(body))).await.unwrap();
        assert_eq!(answer.status, 400, "{}", answer.json);
    }
    let listing = json!({ "private_endpoint_url": format!("https://user:{key}@seller.example/") });
    let answer = api.send(Method::POST, "/listings", &[authorized], Some(bytes(&listing))).await.unwrap();
    assert!(answer.status.is_client_error(), "{}", answer.json);
}

/// Everything that this listing can be paid with goes wrong; answers with secrets of the payer.
async fn trouble_with_payments(world: &World, api: &ApiClient, buyer: &Agent, path: &str) -> String {
    // Relay repeats the gateway's key to it, in what it refuses with.
    let repeats = |status| Fault::Says(status, json!({ "message": KEY, "errorCode": KEY, "requestId": KEY }));
    let broken = Fault::Bytes(b"{\"steps\": \"a-relay-key-nobody-may-see\"}");
    let faults = [repeats(401), repeats(400), broken, repeats(500), Fault::HangsUp];
    world.relay.will(faults.clone().into_iter().chain(faults));
    // Until it is not asked any more.
    for n in 10..15 {
        let body = bytes(&json!({ "task": REQUEST, "n": n }));
        let refused = world.keep(buyer.send(Method::POST, path, &[], Some(body)).await.unwrap());
        assert!(refused.status.is_server_error() || refused.status == 422, "{}", refused.json);
    }
    world.relay.works_again();
    // The facilitator and the node fail at a payment in a header.
    let payer = TestPayer::new(7).unwrap();
    world.chain.mint(&payer.address(), 10_000_000);
    let unpaid = api.send(Method::POST, path, &[], None).await.unwrap().expect(402).unwrap();
    let terms = unpaid.headers.get("payment-required").unwrap().to_str().unwrap().to_owned();
    let terms: Value = serde_json::from_slice(&base64(&terms)).unwrap();
    let accepted = &terms["accepts"][0];
    let value = accepted["amount"].as_str().unwrap().parse().unwrap();
    let until = i64::try_from(world.chain.now()).unwrap() + 60;
    let until = chrono::DateTime::from_timestamp(until, 0).unwrap();
    let signed =
        payer.authorize(&world.chain.asset(), &accepted["payTo"].as_str().unwrap().parse().unwrap(), value, until);
    let payment = encode(&TestPayer::v2(&terms, &signed));
    let body = bytes(&json!({ "task": REQUEST, "n": 20 }));
    let headers = [("payment-signature", payment.as_str())];
    let send = || api.send(Method::POST, path, &headers, Some(body.clone()));
    world.facilitator.will_verify([VerifyFault::Status(500), VerifyFault::BrokenJson]);
    world.facilitator.will_settle([SettleFault::SettleThenStatus(502)]);
    world.keep(send().await.unwrap());
    world.chain.go_down(true);
    for _ in 0..3 {
        let answer = world.keep(send().await.unwrap());
        assert_ne!(answer.status, 200, "the node is away");
    }
    world.chain.go_down(false);
    answered(200, send).await;
    payment
}

fn base64(text: &str) -> Vec<u8> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_no_secret_is_in_anything_that_was_written() {
    let master_key = run(&mut crochet(&["keygen"])).expect(0).stdout.trim().to_owned();
    let world = World::new().await;
    let mut gateway = world.gateway(&master_key);
    let api = ApiClient::new(&gateway.url()).unwrap();
    let provider = registered(&api, Wallet::new_evm().unwrap(), "provider").await;
    let buyer = registered(&api, Wallet::new_evm().unwrap(), "buyer").await;
    let listing = json!({
        "name": "Talkative", "description": "Tells everything.", "pricing_model": "per_call", "pricing_amount": 1,
        "private_endpoint_url": world.seller.url,
    });
    let listing = provider.publish(listing, &Screen::default()).await.unwrap();
    let first_secret = listing.text("/data/gateway_endpoint/signing_secret").unwrap().to_owned();
    let listing_id = listing.text("/data/id").unwrap();
    let endpoint = format!("/listings/{listing_id}/endpoint");
    let header = bytes(&json!({ "upstream_auth_header": { "name": "X-Token", "value": UPSTREAM_HEADER } }));
    provider.send(Method::PUT, &endpoint, &[], Some(header)).await.unwrap().expect(200).unwrap();
    let rotate = format!("{endpoint}/rotate-secret");
    let rotated = provider.send(Method::POST, &rotate, &[], Some(Bytes::from_static(b"{\"overlap_seconds\":600}")));
    let second_secret = rotated.await.unwrap().expect(200).unwrap().text("/data/signing_secret").unwrap().to_owned();

    let path = format!("/gateway/{listing_id}");
    let panicked = Call::paid(&world, &buyer, &path, 1).await.fails(500).await;
    assert_eq!(panicked.at("/error/code"), "INTERNAL_ERROR");
    world.seller.failures.store(1, Ordering::SeqCst);
    let call = Call::paid(&world, &buyer, &path, 2).await;
    call.fails(502).await;
    let delivered = call.until(200).await;
    let told = String::from_utf8_lossy(&delivered.raw).into_owned();
    assert!(told.contains(UPSTREAM_HEADER) && told.contains(RESPONSE), "the seller told nothing: {told}");
    misplace(&api, buyer.key().expose()).await;
    let payment = trouble_with_payments(&world, &api, &buyer, &path).await;

    let banner = gateway.stdout();
    let metrics = value(&banner, "metrics");
    let (base, scrape) = metrics.rsplit_once('/').unwrap();
    let metrics = get(base, &format!("/{scrape}")).unwrap();
    assert_eq!(metrics.0, 200);
    let written = gateway.stop().expect(0);
    world.seller.handle.stop(false).await;
    let mut files = String::new();
    search(&world.folder.path().join("postgres"), &mut |_, bytes| {
        files.push_str(&String::from_utf8_lossy(bytes));
        files.push('\n');
    });

    assert!(written.stderr.contains("on purpose") && written.stderr.contains("stack backtrace"), "nothing panicked");
    assert!(metrics.1.contains("crochet_"), "{}", metrics.1);
    assert!(files.contains("Tells everything."), "the search finds what is there");
    let places = [
        ("the output", written.stdout),
        ("the log", written.stderr),
        ("the metrics", metrics.1),
        ("the database", files),
        ("an answer", world.seen.lock().unwrap().join("\n")),
    ];
    let port = world.seller.url.split('/').nth(2).unwrap();
    let secrets = [
        ("the master key", master_key.split_once(':').unwrap().1),
        ("Relay's key", KEY),
        ("a facilitator's token", TOKEN),
        ("a node's key", RPC_KEY),
        ("the seller's path", PRIVATE_PATH),
        ("the seller's query", PRIVATE_QUERY),
        ("the seller's address", port),
        ("the seller's credential", UPSTREAM_HEADER),
        ("a signing secret", &first_secret["whsec_".len()..]),
        ("the rotated signing secret", &second_secret["whsec_".len()..]),
        ("the seller's API key", &provider.key().expose()["am_k_".len()..]),
        ("the buyer's API key", &buyer.key().expose()["am_k_".len()..]),
        ("a request's body", REQUEST),
        ("a response's body", RESPONSE),
        ("a payment in a header", &payment),
    ];
    for (place, text) in &places {
        let text = Written::new(text);
        for (name, secret) in secrets {
            let found = text.find(secret).map(|line| line.chars().take(1_000).collect::<String>());
            assert_eq!(found, None, "{name} is in {place}");
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_crash_leaves_no_core_of_the_memory() {
    let folder = folder();
    let mut gateway = Running::start(&mut serve(folder.path()));
    gateway.url();
    let process = Path::new("/proc").join(gateway.pid().to_string());
    let limits = std::fs::read_to_string(process.join("limits")).unwrap();
    let core = limits.lines().find_map(|line| line.strip_prefix("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().collect::<Vec<_>>(), ["0", "0", "bytes"]);
    gateway.stop().expect(0);
}
