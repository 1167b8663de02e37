//! What has to be true in the end, however many times everything died.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use crate::database::Postgres;
use crate::delivered::{Delivered, Kind};
use crate::gateway::Place;
use crate::header_payments::HeaderPayments;
use crate::ledger::{self, Booked};
use crate::plan::Plan;
use crate::readers::Reader;
use crate::seller::Run;

/// Leases that ended because nobody closed them, where somebody else took the next: whoever is alive closes its own.
const TAKEN_OVER: &str = "SELECT count(*) FROM gateway_attempts one JOIN gateway_attempts next \
    ON next.call_id = one.call_id AND next.attempt = one.attempt + 1 \
    WHERE one.outcome = 'unknown' AND one.latency_ms IS NULL";

/// Quotes that somebody else has asked for again.
const QUOTES_TAKEN_OVER: &str = "SELECT count(*) FROM gateway_requests WHERE quote_fence > 1";

/// Everything that is known in the end.
pub(crate) struct Evidence<'a> {
    pub(crate) place: &'a Place,
    pub(crate) readers: &'a [Reader],
    pub(crate) provider: &'a Reader,
    pub(crate) delivered: &'a [Delivered],
    pub(crate) runs: &'a [Run],
    pub(crate) header_payments: &'a HeaderPayments,
    pub(crate) postgres: &'a Postgres,
}

/// What was counted.
#[derive(Debug)]
pub(crate) struct Verdict {
    calls: [usize; 3],
    runs: usize,
    /// Free calls without a key that failed, or whose answer nobody got.
    unheard: usize,
    broken_off: u32,
    unclear_payments: u32,
    orphans: u64,
    expired: u32,
    booked: Booked,
    submissions: usize,
    taken_over: u64,
    quotes_taken_over: u64,
    by_others: usize,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [quoted, by_header, free] = self.calls;
        write!(
            f,
            "delivered once each: {quoted} calls paid on terms, {by_header} paid by x402 ({} submissions), {free} free; \
             {} runs of the seller (failures and cut-off attempts among them, and {} free ones that nobody could ask for again); \
             {} leases taken over after their holder's death, {} calls delivered by another gateway than those that broke \
             off, {} quotes taken over; {} requests broken off; {} terms expired; {} settlements, {} of them given back; \
             {} payments of which nobody said whether they were made, {} orphans; the books balance",
            self.submissions,
            self.runs,
            self.unheard,
            self.taken_over,
            self.by_others,
            self.quotes_taken_over,
            self.broken_off,
            self.expired,
            self.booked.settlements,
            self.booked.reversed,
            self.unclear_payments,
            self.orphans
        )
    }
}

impl Verdict {
    /// A campaign in which nothing of the kind happened would show nothing.
    pub(crate) fn is_no_accident(&self, plan: &Plan) {
        assert!(self.calls.iter().all(|calls| *calls > 0), "{self}");
        assert!(self.taken_over > 0 && self.expired > 0, "{self}");
        assert!(plan.gateways == 1 || self.by_others > 0, "{self}");
        assert!(!plan.is_long || self.booked.reversed > 0, "{self}");
    }
}

impl Evidence<'_> {
    /// Holds what buyers, seller, books, history and chain say against one another.
    pub(crate) async fn verdict(&self) -> Verdict {
        let unheard = self.runs();
        let orphans = self.history().await;
        let booked = ledger::of(self.readers, self.provider, self.delivered).await;
        self.books(&booked, orphans).await;
        let is_of = |kind: Kind| self.delivered.iter().filter(|call| call.kind == kind).count();
        let by_header = is_of(Kind::ByHeader);
        assert_eq!(self.header_payments.moved(), vec![10_000; by_header], "the chain knows other payments");
        let payments = || self.delivered.iter().flat_map(|call| call.payments.values());
        let unclear_payments = payments().map(|paid| paid.unclear).sum();
        assert!(orphans <= u64::from(unclear_payments), "more payments than buyers have made");
        Verdict {
            calls: [is_of(Kind::Quoted), by_header, is_of(Kind::Free) + is_of(Kind::FreeWithKey)],
            runs: self.runs.len(),
            unheard,
            broken_off: self.delivered.iter().map(|call| call.noticed.broken_off).sum(),
            unclear_payments,
            orphans,
            expired: self.delivered.iter().map(|call| call.expired).sum(),
            booked,
            submissions: self.header_payments.submissions(),
            taken_over: self.postgres.value(TAKEN_OVER),
            quotes_taken_over: self.postgres.value(QUOTES_TAKEN_OVER),
            by_others: self.delivered.iter().filter(|call| call.is_taken_over).count(),
        }
    }

    /// The seller ran for what was delivered; before that for what was given back; and for free calls that nobody can name
    /// again, once each. Answers how many those are.
    fn runs(&self) -> usize {
        let mut by_request: BTreeMap<&str, Vec<&Run>> = BTreeMap::new();
        for run in self.runs {
            by_request.entry(&run.request_id).or_default().push(run);
        }
        for call in self.delivered {
            ran_once(call, &by_request.remove(call.request_id.as_str()).unwrap_or_default());
            for (dead, paid) in call.payments.iter().filter(|(id, _)| **id != call.relay_id()) {
                let id = dead.replace("relay_", "gw_req_");
                let runs = by_request.remove(id.as_str()).unwrap_or_default();
                let was_paid = paid.given_back + paid.unclear_refunds > 0;
                assert!(runs.is_empty() || was_paid, "the seller ran for {id}, which was not paid: {runs:?}");
                one_after_the_other(&id, &runs);
            }
        }
        for (id, runs) in &by_request {
            assert!(runs.iter().all(|run| run.is_free), "the seller ran for {id}, which no buyer has paid: {runs:?}");
            assert!(matches!(runs.as_slice(), [run] if run.attempt == 1), "{id} was run again by nobody: {runs:?}");
        }
        by_request.len()
    }

    /// Whoever called reads in its history that each call is delivered by one attempt, and those whose place it took are
    /// not. Answers how many payments bought nothing.
    async fn history(&self) -> u64 {
        let mut orphans = 0;
        for call in self.delivered {
            let reader = &self.readers[call.reader];
            let read = async |id: &str| {
                let answer = reader.get(&format!("/gateway-requests/{id}")).await.expect(200).unwrap();
                answer.at("/data").clone()
            };
            let history = read(&call.request_id).await;
            assert_eq!(history["status"], "delivered", "{history}");
            let attempts = history["attempts"].as_array().unwrap();
            let is_delivered = |attempt: &&Value| attempt["outcome"] == "delivered";
            assert_eq!(attempts.iter().filter(is_delivered).count(), 1, "{history}");
            orphans += history["orphan_payments"].as_array().map_or(0, Vec::len) as u64;
            for dead in call.payments.keys().filter(|id| **id != call.relay_id()) {
                let history = read(dead).await;
                let dead = ["quoted", "pending", "expired", "payment_failed"];
                assert!(dead.contains(&history["status"].as_str().unwrap()), "{history}");
                orphans += history["orphan_payments"].as_array().map_or(0, Vec::len) as u64;
            }
        }
        orphans
    }

    /// `crochet audit` re-adds everything, and `crochet reconcile` finds the books and the providers to agree.
    async fn books(&self, booked: &Booked, orphans: u64) {
        let (code, report) = self.place.ask(&["audit"]).await;
        assert_eq!(code, 0, "{report}");
        let number = |name: &str| -> u64 {
            let line = report.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{report}"));
            line.trim().parse().unwrap()
        };
        let counted = (number("settlements"), number("ledger entries"), number("orphan payments"));
        let entries = 3 * (booked.settlements + booked.reversed);
        assert_eq!(counted, (booked.settlements, entries, orphans), "{report}");
        let from = (chrono::Utc::now() - chrono::Duration::days(1)).format("%Y-%m-%d").to_string();
        let (code, report) = self.place.ask(&["reconcile", "--from", &from, "--json", "--per-minute", "60000"]).await;
        assert_eq!(code, 0, "{report}");
    }
}

fn one_after_the_other(id: &str, runs: &[&Run]) {
    let attempts: Vec<_> = runs.iter().map(|run| run.attempt).collect();
    assert!(attempts.is_sorted_by(|one, next| one < next), "{id}: attempts {attempts:?}");
    for pair in runs.windows(2) {
        let (one, next) = (pair[0], pair[1]);
        assert!(one.until.is_some_and(|until| until <= next.from), "{id}: two runs at once");
    }
}

/// Each attempt at most once, one after the other, and none after the one that was delivered.
fn ran_once(call: &Delivered, runs: &[&Run]) {
    let id = &call.request_id;
    one_after_the_other(id, runs);
    let last = runs.last().unwrap_or_else(|| panic!("{id} was delivered without a run"));
    assert_eq!((last.status, last.is_free), (200, call.kind.is_free()), "{id}");
    assert_eq!(call.attempt, last.attempt, "{id}: it was run after it was delivered");
    assert_eq!(call.response_sha256, last.sha256, "{id}: another answer than the seller's");
    if !call.response.is_null() {
        assert_eq!(call.response["request_id"], last.request_id.as_str(), "another call's answer");
        assert_eq!(call.response["attempt"], last.attempt, "{id}: another attempt's answer");
    }
    match call.kind {
        Kind::Quoted => {
            let payments = call.payments.values();
            let (made, kept) = payments.fold((0, 0), |(made, kept), paid| {
                let given_back = paid.given_back + paid.unclear_refunds;
                (made + paid.acknowledged + paid.unclear, kept + paid.acknowledged.saturating_sub(given_back))
            });
            assert!(made >= 1, "{id} was never paid");
            assert!(kept <= 1, "{id} was paid {kept} times: {:?}", call.payments);
        }
        Kind::Free => assert_eq!((runs.len(), last.attempt), (1, 1), "{id} was run again by nobody"),
        Kind::ByHeader | Kind::FreeWithKey => {}
    }
}
