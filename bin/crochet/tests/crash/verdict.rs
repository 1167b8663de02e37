//! What has to be true in the end, however many times everything died.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use crochet::demo::agent::Agent;
use http::Method;
use serde_json::Value;

use crate::buyer::Delivered;
use crate::gateway::Place;
use crate::seller::Run;

/// Micro-dollars a call: gross, fee, seller's share.
const SHARES: [(&str, u64); 3] = [("buyer", 10_000), ("fee", 490), ("seller", 9_510)];

/// What was counted.
#[derive(Debug)]
pub(crate) struct Verdict {
    calls: usize,
    runs: usize,
    broken_off: u32,
    unclear_payments: u32,
    orphans: u64,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} calls paid and delivered once, {} runs of the seller (failures and cut-off attempts among them), \
             {} requests broken off, {} payments of which nobody said whether they were made, {} of them orphans; \
             the books balance",
            self.calls, self.runs, self.broken_off, self.unclear_payments, self.orphans
        )
    }
}

/// Holds what buyers, seller, books and history say against one another.
pub(crate) async fn of(
    place: &Place,
    buyers: &[Arc<Agent>],
    provider: &Agent,
    delivered: &[Delivered],
    runs: &[Run],
) -> Verdict {
    assert!(!delivered.is_empty());
    let mut by_request: BTreeMap<&str, Vec<&Run>> = BTreeMap::new();
    for run in runs {
        by_request.entry(&run.request_id).or_default().push(run);
    }
    for call in delivered {
        let runs = by_request.remove(call.request_id().as_str()).unwrap_or_default();
        ran_once(call, &runs);
    }
    assert!(by_request.is_empty(), "the seller ran for calls that no buyer has paid: {by_request:?}");
    let orphans = in_history(buyers, delivered).await;
    in_the_ledger(place, buyers, provider, delivered).await;
    in_the_books(place, delivered.len(), orphans).await;
    let sum = |of: fn(&Delivered) -> u32| delivered.iter().map(of).sum();
    let unclear_payments = sum(|call| call.unclear_payments);
    assert!(orphans <= u64::from(unclear_payments), "more payments than buyers have made");
    Verdict {
        calls: delivered.len(),
        runs: runs.len(),
        broken_off: sum(|call| call.broken_off),
        unclear_payments,
        orphans,
    }
}

/// Each attempt at most once, one after the other, and none after the one that was delivered.
fn ran_once(call: &Delivered, runs: &[&Run]) {
    let attempts: Vec<_> = runs.iter().map(|run| run.attempt).collect();
    assert!(attempts.is_sorted_by(|one, next| one < next), "{}: attempts {attempts:?}", call.relay_id);
    for pair in runs.windows(2) {
        let (one, next) = (pair[0], pair[1]);
        assert!(one.until.is_some_and(|until| until <= next.from), "{}: two runs at once", call.relay_id);
    }
    let last = runs.last().unwrap_or_else(|| panic!("{} was delivered without a run", call.relay_id));
    assert_eq!(last.status, 200, "{}", call.relay_id);
    assert_eq!(call.response["request_id"], last.request_id.as_str(), "another call's answer");
    assert_eq!(call.response["attempt"], last.attempt, "{}: it was run after it was delivered", call.relay_id);
    assert!(call.payments <= 1, "{} was paid {} times", call.relay_id, call.payments);
    assert!(call.payments + call.unclear_payments >= 1, "{} was never paid", call.relay_id);
}

/// The buyer's history says of every call that it is delivered, and knows every run. Answers how many payments bought
/// nothing.
async fn in_history(buyers: &[Arc<Agent>], delivered: &[Delivered]) -> u64 {
    let mut orphans = 0;
    for call in delivered {
        let mut found = None;
        for buyer in buyers {
            let path = format!("/gateway-requests/{}", call.relay_id);
            let answer = buyer.send(Method::GET, &path, &[], None).await.unwrap();
            if answer.status == 200 {
                found = Some(answer.at("/data").clone());
            }
        }
        let history = found.unwrap_or_else(|| panic!("{} is in no history", call.relay_id));
        assert_eq!(history["status"], "delivered", "{history}");
        let outcomes: Vec<_> =
            history["attempts"].as_array().unwrap().iter().map(|attempt| &attempt["outcome"]).collect();
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == "delivered").count(), 1, "{history}");
        orphans += history["orphan_payments"].as_array().map_or(0, Vec::len) as u64;
    }
    orphans
}

/// Three entries a call, and nothing else.
async fn in_the_ledger(place: &Place, buyers: &[Arc<Agent>], provider: &Agent, delivered: &[Delivered]) {
    let mut entries: HashMap<String, Vec<u64>> = HashMap::new();
    for agent in buyers.iter().map(AsRef::as_ref).chain([provider]) {
        let mut next = Some(format!("{}/api/v1/ledger?limit=100", place.url()));
        while let Some(url) = next {
            let page = agent.send(Method::GET, &url, &[], None).await.unwrap().expect(200).unwrap();
            for entry in page.at("/data").as_array().unwrap() {
                let id = entry["relay_request_id"].as_str().unwrap().to_owned();
                entries.entry(id).or_default().push(entry["amount_micros"].as_u64().unwrap());
            }
            next = page
                .at("/pagination/next_cursor")
                .as_str()
                .map(|cursor| format!("{}/api/v1/ledger?limit=100&cursor={cursor}", place.url()));
        }
    }
    assert_eq!(entries.len(), delivered.len(), "the ledger knows other calls than the buyers do");
    let mut expected: Vec<_> = SHARES.iter().map(|(_, micros)| *micros).collect();
    expected.sort_unstable();
    for call in delivered {
        let mut found = entries.remove(&call.relay_id).unwrap_or_default();
        found.sort_unstable();
        assert_eq!(found, expected, "{}", call.relay_id);
    }
}

/// `crochet audit` re-adds everything, and `crochet reconcile` finds the books and the provider to agree.
async fn in_the_books(place: &Place, calls: usize, orphans: u64) {
    let (code, report) = place.ask(&["audit"]).await;
    assert_eq!(code, 0, "{report}");
    let number = |name: &str| -> u64 {
        let line = report.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{report}"));
        line.trim().parse().unwrap()
    };
    let counted = (number("settlements"), number("ledger entries"), number("orphan payments"));
    assert_eq!(counted, (calls as u64, 3 * calls as u64, orphans), "{report}");
    let from = (chrono::Utc::now() - chrono::Duration::days(1)).format("%Y-%m-%d").to_string();
    let (code, report) = place.ask(&["reconcile", "--from", &from, "--json", "--per-minute", "60000"]).await;
    assert_eq!(code, 0, "{report}");
    let _: Value = serde_json::from_str(&report).unwrap();
}
