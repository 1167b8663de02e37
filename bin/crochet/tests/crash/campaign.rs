//! A campaign: buyers at one side, deaths at the other, and a count at the end.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crochet::demo::agent::{Agent, Wallet, bytes};
use crochet::demo::client::ApiClient;
use crochet::demo::screen::Screen;
use futures::future::join_all;
use http::Method;
use indicatif::{ProgressBar, ProgressStyle};
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::json;
use tokio::time::sleep;

use crate::buyer::{Buyer, Delivered};
use crate::database::Postgres;
use crate::gateway::{Place, Process};
use crate::plan::{Kill, Plan};
use crate::seller::{Seller, TIMEOUT};
use crate::verdict;

/// How many profiles the buyers share.
const PROFILES: usize = 4;

/// Runs a plan to its end, and fails where a promise was broken.
pub(crate) async fn run(plan: Plan) {
    say(&format!("{} gateway(s), {} kills, seed {}", plan.gateways, plan.kills.len(), plan.seed));
    let folder = tempfile::tempdir().unwrap();
    // The database may run under another user, who has to get through.
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut postgres = Postgres::start(folder.path()).await;
    let places: Vec<_> = (0..plan.gateways).map(|number| Place::new(postgres.url(), folder.path(), number)).collect();
    let seller = Seller::start(plan.seed);

    let mut first = places[0].start("");
    first.until_ready().await;
    let api = ApiClient::new(&places[0].url()).unwrap();
    let provider = register(&api, "provider", true).await;
    let listing = provider.publish(listing(&seller.url), &Screen::default()).await.unwrap();
    let listing = listing.text("/data/id").unwrap().to_owned();
    let endpoint = bytes(&json!({ "timeout_ms": u64::try_from(TIMEOUT.as_millis()).unwrap() }));
    let path = format!("/listings/{listing}/endpoint");
    provider.send(Method::PUT, &path, &[], Some(endpoint)).await.unwrap().expect(200).unwrap();
    let agents = join_all((0..PROFILES).map(|_| register(&api, "buyer", false))).await;
    let agents: Vec<_> = agents.into_iter().map(Arc::new).collect();
    first.kill().await;

    let gateways: Arc<[String]> = places.iter().map(Place::url).collect();
    let is_over = Arc::new(AtomicBool::new(false));
    let begun = Arc::new(AtomicU32::new(0));
    let buyers: Vec<_> = (0..plan.buyers)
        .map(|number| {
            let buyer = Buyer {
                agent: Arc::clone(&agents[number % PROFILES]),
                gateways: Arc::clone(&gateways),
                listing: listing.clone(),
                rng: StdRng::seed_from_u64(plan.seed.wrapping_add(1 + number as u64)),
            };
            tokio::spawn(calls(buyer, Arc::clone(&is_over), Arc::clone(&begun)))
        })
        .collect();

    // Where a buyer has given up, the rest of the deaths would show nothing more.
    let has_failed = || buyers.iter().any(tokio::task::JoinHandle::is_finished);
    let survivors = kill_all(&plan, &places, &mut postgres, &begun, has_failed).await;
    is_over.store(true, Ordering::SeqCst);
    let mut delivered = Vec::new();
    for buyer in buyers {
        match buyer.await {
            Ok(calls) => delivered.extend(calls),
            Err(error) => {
                let logs = places.iter().map(|place| std::fs::read_to_string(place.log()).unwrap_or_default());
                let logs: Vec<_> = logs.collect();
                say(&logs.join("\n"));
                std::panic::resume_unwind(error.into_panic());
            }
        }
    }
    let verdict = verdict::of(&places[0], &agents, &provider, &delivered, &seller.runs()).await;
    drop(survivors);
    seller.stop().await;
    say(&format!("{} deaths of gateways, {} of the database; {verdict}", plan.gateway_kills(), plan.database_kills()));
}

async fn calls(mut buyer: Buyer, is_over: Arc<AtomicBool>, begun: Arc<AtomicU32>) -> Vec<Delivered> {
    let mut delivered = Vec::new();
    while !is_over.load(Ordering::SeqCst) {
        let number = begun.fetch_add(1, Ordering::SeqCst);
        delivered.push(buyer.call(&format!("call {number}")).await);
    }
    delivered
}

/// Lets everything die that the plan says, each place in turn; answers the gateways that run in the end.
async fn kill_all(
    plan: &Plan,
    places: &[Place],
    postgres: &mut Postgres,
    begun: &AtomicU32,
    has_failed: impl Fn() -> bool,
) -> Vec<Process> {
    let bar = if plan.is_shown { ProgressBar::new(plan.kills.len() as u64) } else { ProgressBar::hidden() };
    bar.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} killed, {eta} left  {msg}").unwrap());
    let mut running: Vec<Option<Process>> = places.iter().map(|place| Some(place.start(""))).collect();
    for (number, kill) in plan.kills.iter().enumerate() {
        if has_failed() {
            break;
        }
        let turn = number % places.len();
        let (place, before) = (&places[turn], running[turn].take());
        bar.set_message(format!("{kill:?}"));
        let armed = match kill {
            Kill::Point { name, nth: 1 } => format!("{name}=return"),
            Kill::Point { name, nth } => format!("{name}={}*off->return", nth - 1),
            Kill::Moment(_) | Kill::Database(_) => String::new(),
        };
        // What runs without a point makes room for what has one.
        if let Some(before) = before {
            before.kill().await;
        }
        let mut process = place.start(&armed);
        match kill {
            Kill::Point { name, .. } => process.until_dead(name, begun).await,
            Kill::Moment(after) => {
                process.until_ready().await;
                sleep(*after).await;
                process.kill().await;
            }
            Kill::Database(after) => {
                process.until_ready().await;
                sleep(*after).await;
                postgres.kill_and_start_again().await;
                process.until_ready().await;
                process.kill().await;
            }
        }
        // Where there are others, it comes back among them at once; else it does with its next death.
        running[turn] = (places.len() > 1).then(|| place.start(""));
        bar.inc(1);
    }
    bar.finish_and_clear();
    running.into_iter().zip(places).map(|(process, place)| process.unwrap_or_else(|| place.start(""))).collect()
}

async fn register(api: &ApiClient, name: &str, is_solana: bool) -> Agent {
    let wallet = if is_solana { Wallet::new_solana() } else { Wallet::new_evm().unwrap() };
    Agent::register(api, &wallet, name, &Screen::default()).await.unwrap()
}

fn listing(url: &str) -> serde_json::Value {
    json!({
        "name": "Mortal Capability",
        "description": "Is called while everything around it dies.",
        "pricing_model": "per_call",
        "pricing_amount": 0.01,
        "private_endpoint_url": url,
    })
}

/// For people; the test runner shows it where a test fails, and where it is asked to.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
