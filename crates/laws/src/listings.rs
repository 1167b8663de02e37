//! What sellers publish: a listing is refused with its reasons or kept as it was said, and its private parts show
//! nowhere.

use std::ops::ControlFlow;
use std::sync::Arc;

use crochet_forwarder::guard::{Environment, GuardPolicy, check_url};
use crochet_http::testing::readers;
use crochet_market::catalogue::{CatalogueConfig, CatalogueService, ListingBody};
use crochet_market::memory::{MemoryCatalogue, MemoryIdentities};
use crochet_market::ports::{EndpointGuard, Identities};
use crochet_market::{
    AccountType, Capabilities, LinkedWallet, MarketError, Profile, ProfileRole, Scopes, StoredApiKey, WalletStatus,
};
use crochet_pow::{Difficulty, solve};
use crochet_pricing::MicroUsd;
use crochet_primitives::testing::{ManualClock, SeededEntropy};
use crochet_primitives::{ApiKeyId, Clock, ProfileId, WalletId};
use crochet_secrets::ApiKey;
use crochet_wallet::WalletAddress;
use crochet_x402::extensions::bazaar;
use futures::executor::block_on;
use serde_json::Value;

/// The body of `POST /listings`, in JSON.
pub fn listings(bytes: &[u8]) {
    let Ok(body) = readers::body::<ListingBody>(bytes) else { return };
    let sent: Value = serde_json::from_slice(bytes).unwrap();
    block_on(published(body, &sent));
}

async fn published(body: ListingBody, sent: &Value) {
    let (service, seller) = market().await;
    let challenge = service.listing_challenge(&seller).await.unwrap();
    let difficulty = Difficulty::new(challenge.difficulty).unwrap();
    let work = solve(&challenge.challenge, difficulty, |_| ControlFlow::Continue(())).unwrap();
    let body = ListingBody {
        pow_nonce: Some(work.pow_nonce),
        pow_challenge: Some(challenge.challenge),
        name: body.name.or(Some("Signal Router".to_owned())),
        description: body.description.or(Some("Routes requests to a specialist agent.".to_owned())),
        ..body
    };
    let published = match service.create(&seller, &body).await {
        Ok(published) => published,
        Err(error) => {
            is_refused_with_reasons(&error);
            return;
        }
    };
    let shown = serde_json::to_value(service.published_json(&published)).unwrap();
    let listing = &published.view.listing;
    is_kept(&shown, sent, listing.pricing_amount());
    // Saying the same again changes nothing.
    let again = service.update(seller.id, &listing.id.to_string(), &body).await.unwrap();
    let shown_again = serde_json::to_value(service.published_json(&again)).unwrap();
    for field in ["name", "description", "pricing_amount", "tags", "input_schema", "example_input", "slug", "formats"] {
        assert_eq!(shown_again.get(field), shown.get(field), "{field}");
    }
}

fn is_kept(shown: &Value, sent: &Value, amount: MicroUsd) {
    let text = shown.to_string();
    if let Some(url) = sent["private_endpoint_url"].as_str().filter(|url| url.len() > 20) {
        let is_said_elsewhere = sent
            .as_object()
            .unwrap()
            .iter()
            .any(|(field, value)| field != "private_endpoint_url" && value.to_string().contains(url));
        assert!(is_said_elsewhere || !text.contains(url), "{text}");
    }
    if let Some(value) = sent["upstream_auth_header"]["value"].as_str().filter(|value| value.len() > 20) {
        let is_said_elsewhere = sent.to_string().matches(value).count() > 1;
        assert!(is_said_elsewhere || !text.contains(value), "{text}");
    }
    for field in ["input_schema", "example_input"] {
        if let Some(value) = sent.get(field) {
            assert_eq!(shown.get(field).unwrap_or(&Value::Null), value, "{field}");
        }
    }
    // A price went through no float: it is written with as many decimals as it has.
    if let Some(price) = sent.get("pricing_amount").filter(|price| price.is_number()) {
        assert_eq!(MicroUsd::parse_decimal(amount.to_json_number().get()), Ok(amount));
        assert!((price.as_f64().unwrap() * 1e6 - micros(amount)).abs() <= 1.0);
    }
    // Put where indexers read it, its references lead to where they led.
    let declared = bazaar(sent.get("input_schema"), sent.get("example_input"), None);
    let mut found = Vec::new();
    references(&declared["schema"], &mut found);
    for reference in found {
        let pointer = reference.strip_prefix('#').expect("no schema that is taken leads elsewhere");
        let within = pointer.strip_prefix("/properties/input/properties/body").expect("references are led along");
        let leads_to = |schema: &Value, pointer| schema.pointer(pointer).is_some();
        assert_eq!(leads_to(&declared["schema"], pointer), leads_to(&sent["input_schema"], within), "{reference}");
    }
}

/// For a comparison to within one, of amounts of less than 2^53.
fn micros(amount: MicroUsd) -> f64 {
    amount.to_string().parse::<f64>().unwrap() * 1e6
}

/// The references of a schema, by the keywords that hold schemas: under others they are annotations.
fn references<'a>(schema: &'a Value, found: &mut Vec<&'a str>) {
    for (keyword, value) in schema.as_object().into_iter().flatten() {
        match (keyword.as_str(), value) {
            ("$ref", Value::String(reference)) => found.push(reference),
            (
                "$defs" | "definitions" | "dependentSchemas" | "patternProperties" | "properties",
                Value::Object(schemas),
            ) => schemas.values().for_each(|schema| references(schema, found)),
            ("allOf" | "anyOf" | "oneOf" | "prefixItems" | "items", Value::Array(schemas)) => {
                schemas.iter().for_each(|schema| references(schema, found));
            }
            (
                "additionalProperties" | "contains" | "else" | "if" | "items" | "not" | "propertyNames" | "then",
                schema,
            ) => {
                references(schema, found);
            }
            _ => {}
        }
    }
}

fn is_refused_with_reasons(error: &MarketError) {
    if let MarketError::Invalid(problems) = error {
        assert!(!problems.is_empty());
        for problem in problems {
            assert!(problem.field.len() <= 100 && problem.message.chars().count() <= 600, "{problem:?}");
        }
    } else {
        assert!(!matches!(error, MarketError::Storage(_)), "{error:?}");
    }
}

/// The guard that the gateway has in production.
struct Guard;

impl EndpointGuard for Guard {
    fn check(&self, url: &str) -> Result<(), String> {
        check_url(url, &GuardPolicy::new(Environment::Production)).map(|_| ()).map_err(|refusal| refusal.to_string())
    }
}

async fn market() -> (CatalogueService, Profile) {
    let clock = Arc::new(ManualClock::default());
    let now = clock.now();
    let identities = Arc::new(MemoryIdentities::new(clock.clone()));
    let store = Arc::new(MemoryCatalogue::new(clock.clone(), identities.clone()));
    let config =
        CatalogueConfig { difficulty: Difficulty::new(1).unwrap(), ..CatalogueConfig::new("https://crochet.example/") };
    let service = CatalogueService::new(store, Arc::new(Guard), clock, Arc::new(SeededEntropy::new(3)), config);
    let seller = Profile {
        id: ProfileId::new(now, [1; 10]),
        display_name: "seller".to_owned(),
        account_type: AccountType::Agent,
        role: ProfileRole::Provider,
        bio: None,
        website: None,
        avatar_url: None,
        is_verified: false,
        score: None,
        created_at: now,
    };
    let wallet = LinkedWallet {
        id: WalletId::new(now, [2; 10]),
        profile: seller.id,
        address: WalletAddress::from_evm_bytes([3; 20]),
        is_primary: true,
        capabilities: Capabilities::all(),
        status: WalletStatus::Active,
        created_at: now,
    };
    let raw = ApiKey::generate([4; 32]);
    let key = StoredApiKey {
        id: ApiKeyId::new(now, [5; 10]),
        profile: seller.id,
        name: "x".to_owned(),
        prefix: raw.prefix(),
        hash: raw.hash(),
        scopes: Scopes::all(),
        created_at: now,
        expires_at: None,
        revoked_at: None,
        last_used_at: None,
    };
    identities.register(&seller, &wallet, &key).await.unwrap();
    (service, seller)
}
