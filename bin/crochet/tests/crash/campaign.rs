//! A campaign: buyers at one side, deaths at the other, and a count at the end.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crochet::demo::agent::{Agent, Wallet, bytes};
use crochet::demo::client::ApiClient;
use crochet::demo::screen::Screen;
use futures::future::join_all;
use http::Method;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use tokio::sync::RwLock;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::crowd::Crowd;
use crate::database::Postgres;
use crate::deaths::Dying;
use crate::delivered::Delivered;
use crate::gateway::Place;
use crate::header_payments::HeaderPayments;
use crate::plan::Plan;
use crate::proxy::Proxy;
use crate::readers::Reader;
use crate::revocations;
use crate::seller::{Seller, TIMEOUT};
use crate::verdict::Evidence;

/// How many profiles the buyers share that have one.
const PROFILES: usize = 4;

/// Runs a plan to its end, and fails where a promise was broken.
pub(crate) async fn run(plan: Plan) {
    say(&format!("{} gateway(s), {} kills, seed {}", plan.gateways, plan.kills.len(), plan.seed));
    let folder = tempfile::tempdir().unwrap();
    // The database may run under another user, who has to get through.
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let postgres = Postgres::start(folder.path()).await;
    let header_payments = HeaderPayments::start().await;
    let places: Vec<_> =
        (0..plan.gateways).map(|number| Place::new(postgres.url(), folder.path(), number, &header_payments)).collect();
    let seller = Seller::start(plan.seed);

    let mut first = places[0].start("");
    first.until_ready_or_dead().await;
    let api = ApiClient::new(&places[0].url()).unwrap();
    let provider = register(&api, "provider").await;
    let price = json!({ "pricing_model": "per_call", "pricing_amount": 0.01 });
    let paid = publish(&provider, "Mortal", &seller.paid_url(), price).await;
    let free = publish(&provider, "Mortal and Free", &seller.free_url(), json!({ "pricing_model": "free" })).await;
    let agents = join_all((0..PROFILES).map(|_| register(&api, "buyer"))).await;
    first.kill().await;

    let gateways: Arc<[String]> = places.iter().map(Place::url).collect();
    let proxy = (plan.gateways > 1).then(|| Proxy::start(Arc::clone(&gateways)));
    let is_over = Arc::new(AtomicBool::new(false));
    let begun = Arc::new(AtomicU32::new(0));
    let crowd = Crowd {
        plan: &plan,
        listings: (&paid, &free),
        agents: &agents,
        gateways: Arc::clone(&gateways),
        proxy: proxy.as_ref().map(|proxy| proxy.url.clone()),
        header_payments: &header_payments,
    };
    let (buyers, wallets) = crowd.call(&is_over, &begun);
    let revocations = (plan.gateways > 1).then(|| {
        let key = agents[0].key().expose().to_owned();
        let rng = StdRng::seed_from_u64(plan.seed);
        tokio::spawn(revocations::watch(key, Arc::clone(&gateways), rng, Arc::clone(&is_over)))
    });

    let has_failed =
        || buyers.iter().any(JoinHandle::is_finished) || revocations.as_ref().is_some_and(JoinHandle::is_finished);
    let began = Instant::now();
    let dying = Dying { plan: &plan, places: &places, postgres: RwLock::new(postgres), begun: &begun };
    let (survivors, deaths) = dying.all(has_failed).await;
    let postgres = dying.postgres.into_inner();
    is_over.store(true, Ordering::SeqCst);
    let mut delivered: Vec<Delivered> = Vec::new();
    for buyer in buyers {
        delivered.extend(buyer.await.unwrap_or_else(|error| give_up(&places, error)));
    }
    if let Some(revocations) = revocations {
        let seen = revocations.await.unwrap_or_else(|error| give_up(&places, error));
        say(&seen.to_string());
        assert!(seen.refusals > 0, "no gateway was there to refuse a key");
    }
    if let Some(proxy) = proxy {
        let seen = proxy.stop().await;
        say(&format!(
            "the proxy: {} requests passed on to the next gateway, {} broken off",
            seen.passed_on, seen.broken
        ));
        assert!(seen.passed_on > 0 && seen.broken > 0, "the proxy saw nobody die: {seen:?}");
    }
    let mut readers: Vec<_> = agents.iter().map(|agent| Reader::of(&api, agent)).collect();
    for wallet in &wallets {
        readers.push(Reader::recovered(&api, wallet).await);
    }
    let evidence = Evidence {
        place: &places[0],
        readers: &readers,
        provider: &Reader::of(&api, &provider),
        delivered: &delivered,
        runs: &seller.runs(),
        header_payments: &header_payments,
        postgres: &postgres,
    };
    let verdict = evidence.verdict().await;
    drop(survivors);
    seller.stop().await;
    say(&format!("{deaths}; {verdict}; it took {} s", began.elapsed().as_secs()));
    verdict.is_no_accident(&plan);
}

/// Shows what the gateways have written, and fails as the task did.
fn give_up<T>(places: &[Place], error: tokio::task::JoinError) -> T {
    let logs = places.iter().map(|place| std::fs::read_to_string(place.log()).unwrap_or_default());
    say(&logs.collect::<Vec<_>>().join("\n"));
    std::panic::resume_unwind(error.into_panic())
}

async fn register(api: &ApiClient, name: &str) -> Agent {
    Agent::register(api, &Wallet::new_evm().unwrap(), name, &Screen::default()).await.unwrap()
}

/// A listing with an endpoint that has little time; answers its id.
async fn publish(provider: &Agent, name: &str, url: &str, price: Value) -> String {
    let mut listing = json!({
        "name": format!("{name} Capability"),
        "description": "Is called while everything around it dies.",
        "private_endpoint_url": url,
    });
    listing.as_object_mut().unwrap().extend(price.as_object().unwrap().clone());
    let listing = provider.publish(listing, &Screen::default()).await.unwrap();
    let id = listing.text("/data/id").unwrap().to_owned();
    let endpoint = bytes(&json!({ "timeout_ms": u64::try_from(TIMEOUT.as_millis()).unwrap() }));
    let path = format!("/listings/{id}/endpoint");
    provider.send(Method::PUT, &path, &[], Some(endpoint)).await.unwrap().expect(200).unwrap();
    id
}

/// For people; the test runner shows it where a test fails, and where it is asked to.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
