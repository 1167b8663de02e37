//! Faults that the database itself raises, where a test wants them; and a buyer that goes on until it has its answer.

use std::io::Write;
use std::time::{Duration, Instant};

use bytes::Bytes;
use crochet::demo::agent::bytes;
use crochet::demo::client::Answer;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Market, retry_after};

/// How long any answer may take while the database fails: the deadlines of a check-out and of the work after it, twice,
/// since a request may use the database again after a first failure; and the slowness of a busy machine.
pub(crate) const BOUND: Duration = Duration::from_secs(20);

/// Triggers on all that a paid call writes. A place is a table and an operation; `.COMMIT` behind it means the end of
/// the transaction. Sequences count across transactions that are rolled back.
const TRIGGERS: &str = "
CREATE SCHEMA faults;
CREATE TABLE faults.plan (place text NOT NULL, nth int NOT NULL, times int NOT NULL, code text NOT NULL);
CREATE TABLE faults.log (place text NOT NULL, at bigint GENERATED ALWAYS AS IDENTITY);
CREATE SEQUENCE faults.passed MINVALUE 0 START 0;
CREATE FUNCTION faults.pass() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    place text := TG_TABLE_NAME || '.' || TG_OP || TG_ARGV[0];
    plan faults.plan;
    passed bigint;
BEGIN
    SELECT * INTO plan FROM faults.plan;
    IF NOT FOUND THEN
        INSERT INTO faults.log (place) VALUES (place);
        RETURN NULL;
    END IF;
    IF plan.place <> place THEN RETURN NULL; END IF;
    passed := nextval('faults.passed');
    IF passed < plan.nth OR passed >= plan.nth + plan.times THEN RETURN NULL; END IF;
    IF plan.code = 'ended' THEN
        PERFORM pg_terminate_backend(pg_backend_pid());
    ELSIF plan.code = '40P01' THEN
        RAISE EXCEPTION 'deadlock detected' USING ERRCODE = plan.code;
    ELSE
        RAISE EXCEPTION 'a fault of a test''s' USING ERRCODE = plan.code;
    END IF;
    RETURN NULL;
END
$$;
DO $$
DECLARE target text;
BEGIN
    FOREACH target IN ARRAY '{gateway_requests,gateway_attempts,idempotency_keys,consumed_references,ledger_entries,'
                            'response_vault,mock_quotes,mock_payments}'::text[] LOOP
        EXECUTE format('CREATE TRIGGER fault AFTER INSERT OR UPDATE ON %I FOR EACH STATEMENT '
                       'EXECUTE FUNCTION faults.pass('''')', target);
        EXECUTE format('CREATE CONSTRAINT TRIGGER late_fault AFTER INSERT OR UPDATE ON %I DEFERRABLE INITIALLY '
                       'DEFERRED FOR EACH ROW EXECUTE FUNCTION faults.pass(''.COMMIT'')', target);
    END LOOP;
END
$$;
";

/// Where a fault is raised: a place, and for which time it is passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) name: String,
    pub(crate) nth: usize,
}

impl Market {
    /// Makes the database raise faults when it is asked to. Until then it notes which places are passed.
    pub(crate) fn can_fail(&self) {
        self.gateway.sql(TRIGGERS);
    }

    /// Every place that was passed so far, each as often as it was.
    pub(crate) fn places(&self) -> Vec<Place> {
        let mut places: Vec<Place> = Vec::new();
        for name in self.gateway.sql("SELECT place FROM faults.log ORDER BY at").lines() {
            let nth = places.iter().filter(|place| place.name == name).count();
            places.push(Place { name: name.to_owned(), nth });
        }
        places
    }

    /// From now on, `code` is raised at this place, so many times in a row.
    pub(crate) async fn fail_at(&self, place: &Place, code: &str, times: u32) {
        let (name, nth) = (&place.name, place.nth);
        let plan = format!(
            "WITH gone AS (DELETE FROM faults.plan), anew AS (SELECT setval('faults.passed', 0, false)) \
             INSERT INTO faults.plan SELECT '{name}', {nth}, {times}, '{code}' FROM anew"
        );
        self.gateway.database.execute(&plan).await;
    }
}

impl Market {
    /// Lets the time of a 202 pass: somebody holds a lease.
    pub(crate) fn wait_as_told(&self, answer: &Answer) {
        if answer.status == 202 {
            self.gateway.advance_clock(Duration::from_secs(retry_after(answer)));
        }
    }
}

/// One call as its buyer remembers it.
#[derive(Debug, Default)]
pub(crate) struct Story {
    pub(crate) relay_id: Option<String>,
    key: Option<String>,
    body: Bytes,
    /// How often a payment was acknowledged.
    pub(crate) payments: u32,
    /// How often one was sent of which nobody said what became of it.
    pub(crate) unclear: u32,
    /// How often the answer was 503.
    pub(crate) refused: u32,
    /// The longest time that an answer took.
    pub(crate) longest: Duration,
}

impl Story {
    /// A call that is yet to begin; with a key its first request can be repeated.
    pub(crate) fn new(task: &str, has_key: bool) -> Self {
        let key = has_key.then(|| task.to_owned());
        Self { key, body: bytes(&json!({ "task": task })), ..Self::default() }
    }

    /// Under which id the seller knows it.
    pub(crate) fn request_id(&self) -> String {
        self.relay_id.as_deref().expect("it is quoted").replace("relay_", "gw_req_")
    }

    /// Sends the call as it stands, without any haste to do more.
    pub(crate) async fn ask(&mut self, market: &Market) -> Answer {
        let began = Instant::now();
        let header = match (&self.relay_id, &self.key) {
            (Some(id), _) => Some(("x-crochet-relay-request-id", id.as_str())),
            (None, Some(key)) => Some(("idempotency-key", key.as_str())),
            (None, None) => None,
        };
        let answer = market.call_with(header.as_slice(), &self.body).await;
        self.note(&answer, began);
        if answer.status == 402 {
            assert_eq!(self.payments, 0, "asked to pay again: {}", answer.json);
        }
        // Also a refusal names the call where there is one.
        if let Some(id) = answer.at("/data/relay_request_id").as_str() {
            self.relay_id = Some(id.to_owned());
        }
        answer
    }

    /// Pays what it was asked for.
    pub(crate) async fn pay(&mut self, market: &Market) -> Answer {
        let began = Instant::now();
        let path = format!("/mock-provider/payments/{}/pay", self.relay_id.as_deref().expect("it is quoted"));
        let body = Some(bytes(&json!({})));
        let answer = market.gateway.api.send(Method::POST, &path, &[], body).await.unwrap();
        self.note(&answer, began);
        match answer.status {
            StatusCode::OK => self.payments += 1,
            _ => self.unclear += 1,
        }
        answer
    }

    /// Goes on from wherever it stands until it is delivered, paying once what it is asked for; answers the delivery.
    pub(crate) async fn go_on(&mut self, market: &Market) -> Answer {
        for _ in 0..200 {
            let answer = self.ask(market).await;
            match answer.status.as_u16() {
                200 => return answer,
                402 => drop(self.pay(market).await),
                202 => market.wait_as_told(&answer),
                503 => tokio::time::sleep(Duration::from_millis(20)).await,
                other => panic!("{other}: {}", answer.json),
            }
        }
        panic!("{:?} is not delivered", self.relay_id)
    }

    /// What every answer has to be, whatever fails.
    fn note(&mut self, answer: &Answer, began: Instant) {
        let took = began.elapsed();
        assert!(took < BOUND, "an answer took {took:?}: {}", answer.json);
        self.longest = self.longest.max(took);
        if answer.status == 503 {
            self.refused += 1;
            is_unavailable(answer);
        }
    }

    /// Holds what buyer, seller and books say of a delivered call against one another.
    pub(crate) async fn ended_well(&self, market: &Market, delivered: &Answer) {
        let id = self.relay_id.as_deref().unwrap();
        let request_id = self.request_id();
        let received = market.seller.received();
        let runs = received.iter().filter(|run| run.header("x-crochet-request-id") == Some(&request_id)).count();
        assert_eq!(runs, 1, "{id}: runs of the seller");
        assert_eq!(delivered.at("/data/relay_request_id"), id);
        assert_eq!(delivered.at("/data/seller_response"), &json!({ "ok": true }));
        let path = format!("/gateway-requests/{id}");
        let history = market.buyer.send(Method::GET, &path, &[], None).await.unwrap().expect(200).unwrap();
        assert_eq!(history.at("/data/status"), "delivered");
        let outcomes: Vec<&Value> =
            history.at("/data/attempts").as_array().unwrap().iter().map(|attempt| &attempt["outcome"]).collect();
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == "delivered").count(), 1, "{outcomes:?}");
        let orphans = history.at("/data/orphan_payments").as_array().map_or(0, Vec::len);
        assert!(orphans < (self.payments + self.unclear) as usize, "{id}: {orphans} payments bought nothing");
        assert!((1..=1 + self.unclear).contains(&(self.payments + self.unclear)), "{id} was paid too often");
    }
}

/// A 503 in the form of all errors, which says when to come back and nothing of what is behind it.
#[track_caller]
pub(crate) fn is_unavailable(answer: &Answer) {
    // The mock provider's memory is in the same database: when that fails, it is the provider that gives no terms.
    let code = answer.at("/error/code").as_str().unwrap_or_default();
    assert!(["SERVICE_UNAVAILABLE", "PAYMENT_PROVIDER_UNAVAILABLE"].contains(&code), "{}", answer.json);
    assert_eq!(answer.status, 503);
    assert!((1..=60).contains(&retry_after(answer)), "{}", answer.json);
    assert_eq!(answer.at("/error/recovery/retryable"), true);
    assert_eq!(answer.at("/error/recovery/next_action"), "retry_same_request");
    let text = answer.json.to_string().to_lowercase();
    for word in ["postgres", "pool", "socket", "crochet_", "deadlock", "fault", "read-only", "sqlstate"] {
        assert!(!text.contains(word), "{word}: {text}");
    }
}

/// For people who run a test with `--nocapture`: a figure.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
