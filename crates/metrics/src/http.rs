//! Requests, and gateway calls by how they ended.

use std::time::Duration;

use crochet_relay::{Record, Reply};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::money::vault_outcome;
use crate::zero::at_zero;

/// From a look into memory to a seller who takes all the time that it may.
const SECONDS: [f64; 16] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0];

/// The classes of rate limits.
const CLASSES: [&str; 4] = ["read", "write", "auth", "gateway"];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    method: &'static str,
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refusal {
    route: String,
    code: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Class {
    class: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    outcome: &'static str,
    price: &'static str,
}

/// Requests, and gateway calls by how they ended.
#[derive(Debug, Clone)]
pub struct Http {
    requests: Family<Request, Counter>,
    durations: Family<Route, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
    errors: Family<Refusal, Counter>,
    rate_limited: Family<Class, Counter>,
    replies: Family<Ended, Counter>,
    vault: Family<crate::money::VaultLabel, Counter>,
}

impl Http {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let http = Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            in_flight: Gauge::default(),
            errors: Family::default(),
            rate_limited: Family::default(),
            replies: Family::default(),
            vault: Family::default(),
        };
        registry.register("http_requests", "Requests that were answered", http.requests.clone());
        let help = "From the head of a request to the head of its answer";
        registry.register_with_unit("http_request_duration", help, Unit::Seconds, http.durations.clone());
        registry.register("http_requests_in_flight", "Requests that are not answered yet", http.in_flight.clone());
        registry.register("http_errors", "Answers that are errors, by code", http.errors.clone());
        let help = "Requests that were refused for want of quota";
        registry.register("http_rate_limited", help, http.rate_limited.clone());
        registry.register("gateway_replies", "Gateway calls, by what the buyer was told", http.replies.clone());
        let help = "Replays that the response vault was asked for";
        registry.register("response_vault_reads", help, http.vault.clone());
        for class in CLASSES {
            at_zero(&http.rate_limited, Class { class });
        }
        for (outcome, prices) in OUTCOMES {
            for price in *prices {
                at_zero(&http.replies, Ended { outcome, price });
            }
        }
        for outcome in ["opened", "unavailable"] {
            at_zero(&http.vault, vault_outcome(outcome));
        }
        http
    }

    /// A request came in.
    pub fn started(&self) {
        self.in_flight.inc();
    }

    /// A request is over.
    pub fn ended(&self) {
        self.in_flight.dec();
    }

    /// A request was answered. `method`, `code` and the pattern `route` are from closed sets.
    pub fn answered(&self, method: &'static str, route: &str, status: u16, code: Option<&'static str>, took: Duration) {
        let route = route.to_owned();
        if let Some(code) = code {
            self.errors.get_or_create(&Refusal { route: route.clone(), code }).inc();
        }
        self.requests.get_or_create(&Request { method, route: route.clone(), status }).inc();
        self.durations.get_or_create(&Route { method, route }).observe(took.as_secs_f64());
    }

    /// A request was refused for want of quota in this class.
    pub fn rate_limited(&self, class: &'static str) {
        self.rate_limited.get_or_create(&Class { class }).inc();
    }

    /// A gateway call came to its end; `None` when the storage failed.
    pub fn replied(&self, reply: Option<&Reply>) {
        let (outcome, price) = reply.map_or(("storage_failed", NONE), outcome);
        self.replies.get_or_create(&Ended { outcome, price }).inc();
        let vault = match (outcome, price) {
            ("replayed", PAID) => Some("opened"),
            ("response_no_longer_available", _) => Some("unavailable"),
            _ => None,
        };
        if let Some(outcome) = vault {
            self.vault.get_or_create(&vault_outcome(outcome)).inc();
        }
    }
}

const FREE: &str = "free";
const PAID: &str = "paid";
/// There is no call, so nobody knows.
const NONE: &str = "none";

/// Every outcome, and the prices that it comes with.
const OUTCOMES: &[(&str, &[&str])] = &[
    ("payment_required", &[PAID]),
    ("accepted", &[FREE, PAID]),
    ("delivered", &[FREE, PAID]),
    ("replayed", &[FREE, PAID]),
    ("seller_failed", &[FREE, PAID]),
    ("response_no_longer_available", &[PAID]),
    ("listing_unavailable", &[FREE, PAID, NONE]),
    ("listing_has_no_endpoint", &[NONE]),
    ("listing_not_found", &[NONE]),
    ("call_not_found", &[NONE]),
    ("call_exported", &[NONE]),
    ("mismatch", &[NONE]),
    ("idempotency_key_reused", &[NONE]),
    ("quote_refused", &[PAID]),
    ("too_many_open_quotes", &[NONE]),
    ("body_too_large", &[NONE]),
    ("payment_refused", &[NONE]),
    ("payment_not_taken", &[NONE]),
    ("payment_unverified", &[NONE]),
    ("provider_unavailable", &[PAID]),
    ("unrecorded", &[FREE, PAID]),
    ("storage_failed", &[NONE]),
];

fn outcome(reply: &Reply) -> (&'static str, &'static str) {
    let price = |record: &Record| if record.price.is_some() { PAID } else { FREE };
    match reply {
        Reply::PaymentRequired { record, .. } => ("payment_required", price(record)),
        Reply::Accepted { record, .. } => ("accepted", price(record)),
        Reply::Delivered { record, replayed: false, .. } => ("delivered", price(record)),
        Reply::Delivered { record, replayed: true, .. } => ("replayed", price(record)),
        Reply::SellerFailed { record, .. } => ("seller_failed", price(record)),
        Reply::ResponseNoLongerAvailable { record, .. } => ("response_no_longer_available", price(record)),
        Reply::ListingUnavailable { record: Some(record) } => ("listing_unavailable", price(record)),
        Reply::ListingUnavailable { record: None } => ("listing_unavailable", NONE),
        Reply::ListingHasNoEndpoint => ("listing_has_no_endpoint", NONE),
        Reply::ListingNotFound => ("listing_not_found", NONE),
        Reply::CallNotFound => ("call_not_found", NONE),
        Reply::CallExported => ("call_exported", NONE),
        Reply::Mismatch { .. } => ("mismatch", NONE),
        Reply::IdempotencyKeyReused => ("idempotency_key_reused", NONE),
        Reply::QuoteRefused { record, .. } => ("quote_refused", price(record)),
        Reply::TooManyOpenQuotes { .. } => ("too_many_open_quotes", NONE),
        Reply::BodyTooLarge { .. } => ("body_too_large", NONE),
        Reply::NotPaid { .. } => ("payment_refused", NONE),
        Reply::PaymentNotTaken => ("payment_not_taken", NONE),
        Reply::PaymentUnverified { .. } => ("payment_unverified", NONE),
        Reply::ProviderUnavailable { record, .. } => ("provider_unavailable", price(record)),
        Reply::Unrecorded { record, .. } => ("unrecorded", price(record)),
    }
}
