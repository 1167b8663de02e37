//! One attack after the other, while an honest buyer makes paid calls and measures how long they take.

use std::io::Write;
use std::time::Duration;

use crochet::demo::agent::Agent;
use serde_json::json;
use tokio::sync::RwLock;

use crate::attacks::{self, Attack, SMUGGLED, Size, Target};
use crate::gateway::{Call, Gateway};
use crate::seller::Seller;

/// Held by a siege alone: what runs beside it would be in its measurements.
pub(crate) static QUIET: RwLock<()> = RwLock::const_new(());

/// How many times its normal an honest buyer's latency may be.
const RATIO: f64 = 2.0;
/// How often an attack may be tried until that holds. The machine does other things, too: what is normal is measured
/// again before each further try.
const TRIES: usize = 4;
/// Unpaid calls that one buyer may have open.
const OPEN_QUOTES: usize = 100;
/// What is so small that no ratio of it says anything.
const NOISE: Duration = Duration::from_millis(5);

/// A siege.
pub(crate) struct Plan {
    pub(crate) size: Size,
    /// Paid calls a measurement.
    pub(crate) calls: usize,
    /// The most memory that the gateway may ever have, in MiB.
    pub(crate) most_mib: u64,
    /// Whether it is waited for the gateway to have ended the connections of all who only hold them.
    pub(crate) until_over: bool,
}

/// Median and 95th percentile.
#[derive(Debug, Clone, Copy)]
struct Latency {
    median: Duration,
    p95: Duration,
}

/// Begins an attack.
type Start = fn(&Target, Size) -> Attack;

struct Honest<'a> {
    buyer: &'a Agent,
    listing: &'a str,
    calls: usize,
    made: usize,
}

impl Honest<'_> {
    async fn call(&mut self) -> Duration {
        self.made += 1;
        let body = json!(format!("honest {}", self.made));
        Call { buyer: self.buyer, listing: self.listing, body }.to_its_end().await
    }

    async fn measure(&mut self) -> Latency {
        let mut took = Vec::with_capacity(self.calls);
        for _ in 0..self.calls {
            took.push(self.call().await);
        }
        took.sort_unstable();
        Latency { median: took[took.len() / 2], p95: took[(took.len() * 95).div_ceil(100) - 1] }
    }
}

impl Latency {
    fn is_within(self, normal: Self) -> bool {
        self.median <= normal.median.mul_f64(RATIO) + NOISE && self.p95 <= normal.p95.mul_f64(RATIO) + NOISE
    }
}

/// Runs it to its end, and fails where a limit did not hold.
pub(crate) async fn lay(plan: Plan) {
    let _alone = QUIET.write().await;
    let gateway = Gateway::start(&[]).await;
    let seller = Seller::start();
    let provider = gateway.agent("provider", true).await;
    let (honest, attacker) = (gateway.agent("honest", false).await, gateway.agent("attacker", false).await);
    let free = gateway.listing(&provider, &seller.url, false).await;
    let paid = gateway.listing(&provider, &seller.url, true).await;
    let key = attacker.key().expose().to_owned();
    let target = Target { gateway: gateway.address, free, paid: paid.clone(), key };
    let mut buyer = Honest { buyer: &honest, listing: &paid, calls: plan.calls, made: 0 };

    // What runs for the first time takes longer.
    for _ in 0..8 {
        buyer.call().await;
    }
    let mut normal = buyer.measure().await;
    let (idle_mib, _) = gateway.memory();
    say(&format!("normal: median {:?}, p95 {:?}; {idle_mib} MiB", normal.median, normal.p95));

    let size = plan.size;
    let mut lingering = Vec::new();
    let attacks: [(&str, usize, Start); 7] = [
        ("slow heads", size.slow_heads, attacks::slow_heads),
        ("idle connections", size.idle, attacks::idle),
        ("half bodies", size.half_bodies, attacks::half_bodies),
        ("pipelines", size.pipelines, attacks::pipelines),
        ("huge heads", size.huge_heads, attacks::huge_heads),
        ("smugglers", size.smugglers, attacks::smugglers),
        ("one key, many clients", size.hammers, attacks::hammers),
    ];
    for (name, count, start) in attacks {
        let mut tries = 1;
        let (attack, latency) = loop {
            let attack = start(&target, size);
            attack.until_made(count).await;
            let latency = buyer.measure().await;
            if tries == TRIES || latency.is_within(normal) {
                break (attack, latency);
            }
            drop(attack);
            tries += 1;
            normal = buyer.measure().await;
            say(&format!("{name}: {latency:?}; normal now: median {:?}, p95 {:?}", normal.median, normal.p95));
        };
        let [made, refused, taken, odd] = attack.counts();
        let (mib, _) = gateway.memory();
        say(&format!(
            "{name}: {count} attackers, {made} made, {refused} refused, {taken} taken, {odd} odd; \
             median {:?}, p95 {:?} at try {tries}; {mib} MiB, {} descriptors",
            latency.median,
            latency.p95,
            gateway.descriptors()
        ));
        assert!(latency.is_within(normal), "{name}: {latency:?}, and {normal:?} is normal");
        assert!(mib < plan.most_mib, "{name}: {mib} MiB");
        assert_eq!(odd, 0, "{name}");
        match name {
            // They stay until the gateway ends them.
            "slow heads" | "idle connections" | "half bodies" => lingering.push((name, attack)),
            "one key, many clients" => {
                assert!(taken <= OPEN_QUOTES && refused > 0, "{taken} taken");
                drop(attack);
            }
            _ => drop(attack),
        }
    }
    if !plan.until_over {
        lingering.clear();
    }
    for (name, attack) in lingering {
        // A head may take 10 s and a body 30 s; between two heads there are 85 s.
        let counts = attack.until_over(Duration::from_secs(150)).await;
        assert_eq!((counts[0], counts[3]), (counts[1], 0), "{name}: not all were ended");
    }
    let after = buyer.measure().await;
    let (mib, most_mib) = gateway.memory();
    say(&format!("after: median {:?}, p95 {:?}; {mib} MiB, {most_mib} MiB at most", after.median, after.p95));
    assert!(most_mib < plan.most_mib, "{most_mib} MiB");

    let mut received = seller.received();
    assert!(received.iter().all(|body| body != SMUGGLED), "a hidden request was run");
    let count = received.len();
    received.sort_unstable();
    received.dedup();
    assert_eq!(received.len(), count, "a call was run twice");
    assert_eq!(received.iter().filter(|body| body.starts_with(b"\"honest")).count(), buyer.made);
    assert!(!gateway.log().contains("ERROR"), "{}", gateway.log());
    seller.stop().await;
}

/// For people; the test runner shows it where a test fails, and where it is asked to.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
