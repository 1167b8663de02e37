//! Where a rule begins: somebody, with wallets and keys, and something to sell. Whatever is made later has a later
//! moment and a greater id.

use chrono::TimeDelta;
use crochet_pricing::{MicroUsd, Price};
use crochet_primitives::{
    ApiKeyId, ListingId, ProfileId, Timestamp, WalletId, timestamp_from_millis, truncate_to_millis,
};
use crochet_secrets::ApiKey;
use crochet_signing::SigningSecret;
use crochet_wallet::{Chain, WalletAddress};
use secrecy::SecretString;
use serde_json::json;

use super::World;
use super::world::next;
use crate::api_key::{Scopes, StoredApiKey};
use crate::endpoint::{EndpointStatus, GatewayEndpoint, UpstreamAuthHeader};
use crate::linked_wallet::{Capabilities, LinkedWallet, WalletStatus};
use crate::listing::{AuthMethod, DeliveryType, ExampleOutput, Listing, ListingStatus, PayoutCurrency};
use crate::ports::{OpenChallenge, Registration, Saved};
use crate::profile::{AccountType, Profile, ProfileRole};

/// 2026-05-03T12:00:00Z, and a millisecond later each time.
fn moment(number: u64) -> Timestamp {
    timestamp_from_millis(1_777_809_600_000_i64.saturating_add_unsigned(number)).unwrap()
}

fn bytes<const N: usize>(number: u64) -> [u8; N] {
    let mut bytes = [7; N];
    for (to, from) in bytes.iter_mut().zip(number.to_be_bytes()) {
        *to = from;
    }
    bytes
}

/// So many hours from the world's now; before it when negative.
pub(super) fn in_hours(world: &impl World, hours: i64) -> Timestamp {
    truncate_to_millis(world.now() + TimeDelta::hours(hours))
}

pub(super) fn profile() -> Profile {
    let number = next();
    Profile {
        id: ProfileId::new(moment(number), bytes(number)),
        display_name: format!("agent {number}"),
        account_type: AccountType::Agent,
        role: ProfileRole::Both,
        bio: Some("Ships things.\nOften.".to_owned()),
        website: None,
        avatar_url: Some("https://a.example/a.png".to_owned()),
        is_verified: false,
        score: None,
        created_at: moment(number),
    }
}

pub(super) fn address(chain: Chain) -> WalletAddress {
    match chain {
        Chain::Evm => WalletAddress::from_evm_bytes(bytes(next())),
        Chain::Solana => WalletAddress::from_solana_bytes(bytes(next())),
    }
}

pub(super) fn wallet(profile: ProfileId, address: WalletAddress, is_primary: bool) -> LinkedWallet {
    let number = next();
    LinkedWallet {
        id: WalletId::new(moment(number), bytes(number)),
        profile,
        address,
        is_primary,
        capabilities: Capabilities::all(),
        status: WalletStatus::Active,
        created_at: moment(number),
    }
}

pub(super) fn key(profile: ProfileId) -> (ApiKey, StoredApiKey) {
    let number = next();
    let raw = ApiKey::generate(bytes(number));
    let stored = StoredApiKey {
        id: ApiKeyId::new(moment(number), bytes(number)),
        profile,
        name: format!("key {number}"),
        prefix: raw.prefix(),
        hash: raw.hash(),
        scopes: Scopes::all(),
        created_at: moment(number),
        expires_at: None,
        revoked_at: None,
        last_used_at: None,
    };
    (raw, stored)
}

/// A profile that is registered, with its first wallet and key.
pub(super) struct Registered {
    pub(super) profile: Profile,
    pub(super) wallet: LinkedWallet,
    pub(super) raw: ApiKey,
    pub(super) key: StoredApiKey,
}

pub(super) async fn registered(world: &impl World) -> Registered {
    let profile = profile();
    let wallet = wallet(profile.id, address(Chain::Evm), true);
    let (raw, key) = key(profile.id);
    let done = world.identities().register(&profile, &wallet, &key).await.unwrap();
    assert_eq!(done, Registration::Done);
    Registered { profile, wallet, raw, key }
}

pub(super) fn listing(provider: ProfileId, slug: &str) -> Listing {
    let number = next();
    Listing {
        id: ListingId::new(moment(number), bytes(number)),
        slug: slug.to_owned(),
        provider,
        name: format!("Listing {slug}"),
        description: "Says what it is told, and nothing else.".to_owned(),
        category: None,
        price: Price::PerCall(MicroUsd::from_micros(10_000)),
        preferred_currency: PayoutCurrency::Sol,
        delivery_type: DeliveryType::Batch,
        auth_method: AuthMethod::BearerToken,
        formats: vec!["json".to_owned(), "c,s\"v".to_owned()],
        docs: Some("Docs.".to_owned()),
        connection_instructions: None,
        example_outputs: vec![ExampleOutput { label: "one".to_owned(), content: "{\"a\":1}".to_owned() }],
        input_schema: Some(json!({ "type": "object", "properties": { "z": { "maximum": 1.5 }, "a\u{0}": true } })),
        example_input: Some(json!({ "z": 1.0, "a": [null, -7, 1e300], "\u{0}": "\u{0}ü" })),
        demo_endpoint: None,
        github_url: Some("https://git.example/x".to_owned()),
        logo_url: None,
        expected_delivery: Some("at once".to_owned()),
        risk_disclaimers: None,
        sla: Some("none".to_owned()),
        tags: vec!["echo".to_owned(), "ünïcode".to_owned()],
        status: ListingStatus::Active,
        suspended_by: None,
        revision: 1,
        created_at: moment(number),
        updated_at: moment(number),
    }
}

pub(super) fn endpoint(listing: &Listing) -> GatewayEndpoint {
    let number = next();
    GatewayEndpoint {
        listing: listing.id,
        url: SecretString::from(format!("https://seller.example/{number}")),
        host_hint: "s•••.example".to_owned(),
        upstream_auth_header: Some(UpstreamAuthHeader {
            name: "X-Seller-Key".to_owned(),
            value: SecretString::from(format!("value {number}")),
        }),
        signing_secret: SigningSecret::generate(bytes(number)),
        previous_secret: None,
        timeout_ms: 30_000,
        max_request_bytes: 262_144,
        max_response_bytes: 1_048_576,
        status: EndpointStatus::Active,
        revision: 1,
        created_at: listing.created_at,
        updated_at: listing.updated_at,
    }
}

/// A slug that was never used before.
pub(super) fn new_slug() -> String {
    format!("slug-{}", next())
}

/// An active listing of `provider`, with an endpoint.
pub(super) async fn published(world: &impl World, provider: ProfileId) -> (Listing, GatewayEndpoint) {
    let listing = listing(provider, &new_slug());
    let endpoint = endpoint(&listing);
    insert(world, &listing, Some(&endpoint)).await;
    (listing, endpoint)
}

pub(super) async fn insert(world: &impl World, listing: &Listing, endpoint: Option<&GatewayEndpoint>) {
    assert_eq!(world.catalogue().insert(listing, endpoint).await.unwrap(), Saved::Done);
}

pub(super) fn challenge(profile: ProfileId, expires_at: Timestamp) -> OpenChallenge {
    OpenChallenge { profile, challenge: hex::encode(bytes::<32>(next())), difficulty: 5, expires_at }
}
