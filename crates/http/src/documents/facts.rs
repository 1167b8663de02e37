//! What the documents say of this server: its configuration, and the closed lists of the code.

use std::time::Duration;

use crochet_pricing::{BasisPoints, MicroUsd, split};
use crochet_relay::CHAINS;
use serde::Serialize;
use utoipa::ToSchema;

#[cfg(test)]
use crochet_pricing::MARKETPLACE_FEE;

use crate::app::AppParts;
use crate::code::Code;
use crate::config::{Environment, HttpConfig, Rate};
use crate::openapi::vocabulary::ErrorCode;
use crate::recovery::{NextAction, SentRecovery};
use crate::routes::API;

/// Everything that templates can name.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Facts {
    pub(crate) public_url: String,
    /// The public URL with `/api/v1`.
    api: String,
    version: &'static str,
    /// The payment provider.
    provider: String,
    /// Whether payments can be played.
    has_mock: bool,
    /// Whether Relay sends webhooks.
    has_relay: bool,
    /// Whether payments are taken by a header.
    has_x402: bool,
    fee_rate: String,
    fee_percent: String,
    fee_example: FeeExample,
    max_body_bytes: usize,
    body_timeout_seconds: u64,
    calls_per_buyer: usize,
    limits: Limits,
    work: Work,
    calls: Calls,
    networks: Vec<Network>,
    codes: Vec<CodeFact>,
    next_actions: Vec<ActionFact>,
}

#[derive(Debug, Clone, Serialize)]
struct Limits {
    enabled: bool,
    read: Window,
    write: Window,
    auth: Window,
    gateway: Window,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Window {
    requests: u32,
    seconds: u64,
}

impl From<Rate> for Window {
    fn from(rate: Rate) -> Self {
        Self { requests: rate.requests, seconds: rate.window.as_secs() }
    }
}

/// The fee of one dollar, of which the rest is the seller's; and of a cent.
#[derive(Debug, Clone, Serialize)]
struct FeeExample {
    fee: String,
    seller: String,
    on_a_cent: String,
}

impl FeeExample {
    fn at(rate: BasisPoints) -> Self {
        let dollar = split(MicroUsd::from_micros(1_000_000), rate);
        let cent = split(MicroUsd::from_micros(10_000), rate);
        let dollars = |amount: MicroUsd| format!("${}", amount.to_string().trim_end_matches('0').trim_end_matches('.'));
        Self { fee: dollars(dollar.fee), seller: dollars(dollar.seller_share), on_a_cent: cent.fee.to_string() }
    }
}

/// `4.9%`.
fn percent(rate: BasisPoints) -> String {
    let text = format!("{}.{:02}", rate.get() / 100, rate.get() % 100);
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

/// The proof of work.
#[derive(Debug, Clone, Serialize)]
struct Work {
    auth_difficulty: u8,
    auth_seconds: u64,
    listing_difficulty: u8,
    listing_seconds: u64,
    open_listing_challenges: u32,
}

/// How calls live.
#[derive(Debug, Clone, Serialize)]
struct Calls {
    quote_minutes: u64,
    grace_minutes: u64,
    open_quotes: u32,
    vault_hours: u64,
    vault_bytes: u64,
    idempotency_hours: u64,
    first_backoff_seconds: u64,
    longest_backoff_seconds: u64,
}

#[derive(Debug, Clone, Serialize)]
struct Network {
    chain_id: u64,
    network: &'static str,
}

#[derive(Debug, Clone, Serialize)]
struct CodeFact {
    code: &'static str,
    status: u16,
    meaning: &'static str,
    next_action: &'static str,
    retryable: bool,
}

/// A next action, and what it means.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = NextActionMeaning)]
struct ActionFact {
    /// Its name.
    #[schema(value_type = NextAction)]
    next_action: &'static str,
    /// What it means.
    meaning: &'static str,
}

/// What this server is, and where to go on.
#[derive(Serialize, ToSchema)]
pub(crate) struct Front<'a> {
    /// Its name.
    name: &'static str,
    /// What it is for.
    summary: &'static str,
    /// Its version.
    version: &'static str,
    /// What all routes of the API are below.
    #[schema(format = "uri")]
    api: &'a str,
    /// Where listings are found.
    #[schema(format = "uri")]
    listings: String,
    /// Where a listing is called; `{listing}` stands for its id or slug.
    gateway: String,
    /// Whether the server is alive.
    #[schema(format = "uri")]
    health: String,
    /// What errors mean.
    #[schema(format = "uri")]
    errors: String,
    /// What there is to read.
    documents: Vec<Link>,
}

/// Something to read.
#[derive(Serialize, ToSchema)]
#[schema(as = DocumentLink)]
struct Link {
    /// What it is.
    title: &'static str,
    /// Where it is.
    #[schema(format = "uri")]
    url: String,
}

/// Every error code and every next action.
#[derive(Serialize, ToSchema)]
pub(crate) struct ErrorIndex {
    /// The codes.
    codes: Vec<IndexEntry>,
    /// The next actions.
    next_actions: Vec<ActionFact>,
}

/// An error code in short.
#[derive(Serialize, ToSchema)]
#[schema(as = ErrorSummary)]
struct IndexEntry {
    /// The code.
    #[schema(value_type = ErrorCode)]
    code: &'static str,
    /// The status that it is sent with.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What it means.
    meaning: &'static str,
    /// What to do where nothing more exact is known.
    #[schema(value_type = crate::openapi::SentRecovery)]
    recovery: Box<serde_json::value::RawValue>,
}

impl Facts {
    /// Those of a server that is about to start.
    pub(crate) fn of(config: &HttpConfig, parts: &AppParts) -> Self {
        let public_url = config.public_url.trim_end_matches('/').to_owned();
        let (identity, catalogue) = (parts.identity.config(), parts.catalogue.config());
        let policy = &parts.gateway.policy;
        let minutes = |duration: Duration| duration.as_secs() / 60;
        let hours = |duration: Duration| duration.as_secs() / 3600;
        Self {
            api: format!("{public_url}{API}"),
            public_url,
            version: env!("CARGO_PKG_VERSION"),
            provider: parts.gateway.provider.name().to_owned(),
            has_mock: config.environment == Environment::Development && parts.mock.is_some(),
            has_relay: parts.relay_webhooks.is_some(),
            has_x402: parts.x402.is_some(),
            fee_rate: parts.gateway.fee_rate.to_string(),
            fee_percent: percent(parts.gateway.fee_rate),
            fee_example: FeeExample::at(parts.gateway.fee_rate),
            max_body_bytes: config.max_body_bytes,
            body_timeout_seconds: config.body_timeout.as_secs(),
            calls_per_buyer: config.call_limits.per_buyer,
            limits: Limits {
                enabled: config.rate_limits.enabled,
                read: config.rate_limits.read.into(),
                write: config.rate_limits.write.into(),
                auth: config.rate_limits.auth.into(),
                gateway: config.rate_limits.gateway.into(),
            },
            work: Work {
                auth_difficulty: identity.difficulty.get(),
                auth_seconds: identity.challenge_ttl.as_secs(),
                listing_difficulty: catalogue.difficulty.get(),
                listing_seconds: catalogue.challenge_ttl.as_secs(),
                open_listing_challenges: catalogue.max_open_challenges,
            },
            calls: Calls {
                quote_minutes: minutes(policy.quote_ttl),
                grace_minutes: minutes(policy.late_payment_grace),
                open_quotes: policy.max_open_quotes,
                vault_hours: hours(policy.vault_ttl),
                vault_bytes: policy.vault_max_response,
                idempotency_hours: hours(policy.idempotency_ttl),
                first_backoff_seconds: policy.retry_backoff.as_secs(),
                longest_backoff_seconds: policy.retry_backoff_max.as_secs(),
            },
            networks: CHAINS.iter().map(|(chain_id, network)| Network { chain_id: *chain_id, network }).collect(),
            codes: Code::ALL.iter().map(|code| CodeFact::of(*code)).collect(),
            next_actions: actions(),
        }
    }

    pub(super) fn front(&self) -> Front<'_> {
        let below = |path: &str| format!("{}{path}", self.public_url);
        let link = |title, path: &str| Link { title, url: below(path) };
        Front {
            name: "Crochet",
            summary: "A marketplace and payment gateway for software agents: call a capability, pay for that call.",
            version: self.version,
            api: &self.api,
            listings: format!("{}/listings", self.api),
            gateway: format!("{}/gateway/{{listing}}", self.api),
            health: format!("{}/health", self.api),
            errors: below("/docs/errors"),
            documents: vec![
                link("Compact map", "/llms.txt"),
                link("Agent skill", "/SKILL.md"),
                link("Seller onboarding", "/seller-onboarding"),
                link("API reference, in one text", "/docs/api-reference.txt"),
                link("API reference, as a page", "/docs/api"),
                link("OpenAPI", "/api/openapi.json"),
                link("Seller integration", "/docs/seller-integration.txt"),
                link("Errors", "/docs/errors"),
                link("Agent protocol", "/.well-known/agent-protocol.json"),
            ],
        }
    }

    pub(super) fn error_index(&self) -> ErrorIndex {
        let entry = |code: &Code| {
            let recovery = code.recovery();
            let sent: SentRecovery<'_> = recovery.sent(*code, &self.public_url);
            IndexEntry {
                code: code.as_str(),
                status: code.status().as_u16(),
                meaning: code.meaning(),
                // Texts and numbers: writing them cannot fail.
                recovery: serde_json::value::to_raw_value(&sent).unwrap_or_default(),
            }
        };
        ErrorIndex { codes: Code::ALL.iter().map(entry).collect(), next_actions: actions() }
    }

    /// Those of no server.
    #[cfg(test)]
    pub(super) fn for_tests() -> Self {
        let window = Window { requests: 60, seconds: 60 };
        Self {
            public_url: "https://crochet.test".to_owned(),
            api: "https://crochet.test/api/v1".to_owned(),
            version: "0.0.0",
            provider: "mock".to_owned(),
            has_mock: true,
            has_relay: true,
            has_x402: true,
            fee_rate: MARKETPLACE_FEE.to_string(),
            fee_percent: percent(MARKETPLACE_FEE),
            fee_example: FeeExample::at(MARKETPLACE_FEE),
            max_body_bytes: 1_048_576,
            body_timeout_seconds: 30,
            calls_per_buyer: 64,
            limits: Limits { enabled: true, read: window, write: window, auth: window, gateway: window },
            work: Work {
                auth_difficulty: 4,
                auth_seconds: 300,
                listing_difficulty: 5,
                listing_seconds: 300,
                open_listing_challenges: 5,
            },
            calls: Calls {
                quote_minutes: 15,
                grace_minutes: 10,
                open_quotes: 100,
                vault_hours: 24,
                vault_bytes: 1_048_576,
                idempotency_hours: 24,
                first_backoff_seconds: 2,
                longest_backoff_seconds: 3600,
            },
            networks: CHAINS.iter().map(|(chain_id, network)| Network { chain_id: *chain_id, network }).collect(),
            codes: Code::ALL.iter().map(|code| CodeFact::of(*code)).collect(),
            next_actions: actions(),
        }
    }
}

impl CodeFact {
    fn of(code: Code) -> Self {
        let recovery = code.recovery();
        Self {
            code: code.as_str(),
            status: code.status().as_u16(),
            meaning: code.meaning(),
            next_action: recovery.next_action.as_str(),
            retryable: recovery.retryable,
        }
    }
}

fn actions() -> Vec<ActionFact> {
    NextAction::ALL
        .iter()
        .map(|action| ActionFact { next_action: action.as_str(), meaning: action.meaning() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_fee_adds_up() {
        let FeeExample { fee, seller, on_a_cent } = FeeExample::at(MARKETPLACE_FEE);
        assert_eq!((fee.as_str(), seller.as_str(), on_a_cent.as_str()), ("$0.049", "$0.951", "0.000490"));
        assert_eq!(percent(MARKETPLACE_FEE), "4.9%");
    }
}
