//! Schemas and checks agree: what fits a schema is not refused for its fields, and what does not fit is refused.

use std::sync::LazyLock;

use crochet_market::catalogue::{EndpointBody, ListingBody, RotateBody};
use crochet_market::identity::{
    ChallengeRequest, LinkWalletBody, NewApiKeyBody, ProfilePatch, RecoverBody, RegisterBody, UpdateWalletBody,
};
use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::json;

use crate::document::validator;
use crate::values::{
    EVM, SOLANA, listing_fields, merged, mostly, nonces, objects, proofs, signatures, texts, urls, wallets, whole,
    words,
};
use crate::world::{WORLD, World, agree, fate};

static NEW_LISTING: LazyLock<Validator> = LazyLock::new(|| validator("NewListing"));
pub(crate) static LISTING_CHANGE: LazyLock<Validator> = LazyLock::new(|| validator("ListingChange"));
pub(crate) static ENDPOINT_CHANGE: LazyLock<Validator> = LazyLock::new(|| validator("EndpointChange"));
static SECRET_ROTATION: LazyLock<Validator> = LazyLock::new(|| validator("SecretRotation"));
static REGISTRATION: LazyLock<Validator> = LazyLock::new(|| validator("Registration"));
static RECOVERY: LazyLock<Validator> = LazyLock::new(|| validator("AccountRecovery"));
static PROFILE_CHANGE: LazyLock<Validator> = LazyLock::new(|| validator("ProfileChange"));
static NEW_API_KEY: LazyLock<Validator> = LazyLock::new(|| validator("NewApiKey"));
static CHALLENGE: LazyLock<Validator> = LazyLock::new(|| validator("ChallengeRequest"));
static WALLET_LINK: LazyLock<Validator> = LazyLock::new(|| validator("WalletLink"));
static WALLET_CHANGE: LazyLock<Validator> = LazyLock::new(|| validator("WalletChange"));

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_new_listing_fits_when_it_is_read(
        needed in objects(vec![
            ("pow_nonce", vec![json!("1"), json!("1"), json!("1"), json!(null), json!(1)]),
            ("name", mostly(&json!("Signals"), &texts(2, 100))),
            ("description", mostly(&json!("A description."), &texts(10, 5_000))),
            ("pricing_model", words(&["free", "per_call", "per_call", "per_call", "monthly"])),
            ("pricing_amount", [json!(0), json!(0.01), json!(0.07), json!(1), json!(1_000_000), json!(1_000_001),
                json!(-1), json!(-0.5), json!("1"), json!(null), json!(true)].to_vec()),
            ("private_endpoint_url", mostly(&json!("https://seller.example/x"), &urls())),
        ]),
        further in objects(listing_fields()),
    ) {
        let body = merged(needed, further);
        let fate = fate(&body, async |world: &'static World, body: ListingBody| {
            world.catalogue.create(&world.caller.profile, &body).await
        });
        agree(&NEW_LISTING, &body, &fate)?;
    }

    #[test]
    fn a_change_of_a_listing_fits_when_it_is_read(
        first in objects(vec![
            ("name", mostly(&json!(null), &texts(2, 100))),
            ("description", mostly(&json!(null), &texts(10, 5_000))),
            ("pricing_amount", vec![json!(0), json!(null), json!("0"), json!(-1), json!(1_000_000.5)]),
            ("private_endpoint_url", mostly(&json!("https://seller.example/x"), &urls())),
        ]),
        further in objects(listing_fields()),
    ) {
        let body = merged(first, further);
        let fate = fate(&body, async |world: &'static World, body: ListingBody| {
            world.catalogue.update(world.caller.profile.id, &world.listing, &body).await
        });
        agree(&LISTING_CHANGE, &body, &fate)?;
    }

    #[test]
    fn a_change_of_a_profile_fits_when_it_is_read(body in objects(vec![
        ("display_name", texts(2, 50)),
        ("bio", texts(0, 500)),
        ("website", urls()),
        ("avatar_url", urls()),
        ("role", words(&["buyer", "provider", "both"])),
    ])) {
        let fate = fate(&body, async |world: &'static World, patch: ProfilePatch| {
            world.identities.update_profile(world.caller.profile.id, &patch).await
        });
        agree(&PROFILE_CHANGE, &body, &fate)?;
    }

    #[test]
    fn a_registration_fits_when_it_is_read(body in objects(vec![
        ("wallet_address", wallets()),
        ("signature", signatures()),
        ("nonce", nonces()),
        ("pow_nonce", vec![json!("1")]),
        ("display_name", mostly(&json!("signal-bot"), &texts(2, 50))),
        ("bio", mostly(&json!("b"), &texts(0, 500))),
        ("website", mostly(&json!(null), &urls())),
        ("role", words(&["buyer", "provider", "both"])),
    ])) {
        let fate = fate(&body, async |world: &'static World, body: RegisterBody| world.identities.register(&body).await);
        agree(&REGISTRATION, &body, &fate)?;
    }

    #[test]
    fn a_new_key_fits_when_it_is_read(body in objects(vec![
        ("name", mostly(&json!("worker"), &texts(1, 100))),
        ("scopes", vec![json!(null), json!(["read"]), json!(["read", "read"]), json!([]), json!(["x"]), json!("read")]),
        ("expires_at", mostly(&json!("2027-01-01T00:00:00Z"), &[
            json!(null),
            json!("2027-01-01t00:00:00.5z"),
            json!("2027-01-01T00:00:00.123456789012+23:59"),
            json!("2027-01-01 00:00:00Z"),
            json!("2027-01-01T00:00:00"),
            json!("2027-02-30T00:00:00Z"),
            json!("2027-01-01T24:00:00Z"),
            json!("2027-01-01T00:00:60Z"),
            json!("2027-01-01T00:00:00+24:00"),
            json!("2027-01-01T00:00:00\u{2212}01:00"),
            json!("2027-01-01"),
            json!(1_800_000_000),
        ])),
    ])) {
        let fate = fate(&body, async |world: &'static World, body: NewApiKeyBody| {
            world.identities.create_api_key(&world.caller, &body).await
        });
        agree(&NEW_API_KEY, &body, &fate)?;
    }

    #[test]
    fn a_recovery_fits_when_it_is_read(body in objects(vec![
        ("wallet_address", wallets()),
        ("signature", signatures()),
        ("nonce", nonces()),
        ("pow_nonce", vec![json!("1")]),
        ("revoke_existing_keys", vec![json!(true), json!(false), json!(null), json!(1), json!("true")]),
    ])) {
        let fate = fate(&body, async |world: &'static World, body: RecoverBody| world.identities.recover(&body).await);
        agree(&RECOVERY, &body, &fate)?;
    }

    #[test]
    fn a_request_for_a_challenge_fits_when_it_is_read(body in objects(vec![
        ("wallet_address", wallets()),
        ("purpose", words(&["register", "recover", "link_wallet", "link_wallet", "claim_agent"])),
        ("profile_id", vec![json!(null), json!(null), json!(WORLD.caller.profile.id), json!("x"), json!(1)]),
        ("new_wallet_address", vec![json!(null), json!(SOLANA), json!("x"), json!(1)]),
        ("existing_wallet_address", vec![json!(null), json!(EVM), json!("x")]),
    ])) {
        let fate = fate(&body, async |world: &'static World, body: ChallengeRequest| {
            world.identities.challenge(&body, Some(world.caller.profile.id)).await
        });
        agree(&CHALLENGE, &body, &fate)?;
    }

    #[test]
    fn a_link_of_a_wallet_fits_when_it_is_read(body in objects(vec![
        ("wallet_address", vec![json!("0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB"), json!("x"), json!(null)]),
        ("chain", vec![json!("evm"), json!(null), json!("btc"), json!({ "evm": null })]),
        ("existing_wallet", proofs()),
        ("new_wallet", vec![
            json!({ "nonce": nonces()[0], "signature": "AA" }),
            json!({ "nonce": nonces()[0], "signature": "AA" }),
            json!({ "nonce": null, "signature": "AA" }),
            json!(null),
        ]),
        ("capabilities", vec![json!(["auth"]), json!(["auth", "auth"]), json!([]), json!(null), json!(["x"]), json!("auth")]),
    ])) {
        let fate = fate(&body, async |world: &'static World, body: LinkWalletBody| {
            world.identities.link_wallet(world.caller.profile.id, &body).await
        });
        agree(&WALLET_LINK, &body, &fate)?;
    }

    #[test]
    fn a_change_of_a_wallet_fits_when_it_is_read(body in objects(vec![
        ("wallet_proof", proofs()),
        ("is_primary", vec![json!(true), json!(false), json!(null), json!(1)]),
        ("capabilities", vec![json!(["auth"]), json!([]), json!(null), json!(["x"])]),
        ("status", words(&["active", "disabled"])),
    ])) {
        let fate = fate(&body, async |world: &'static World, body: UpdateWalletBody| {
            world.identities.update_wallet(world.caller.profile.id, world.wallet, &body).await
        });
        agree(&WALLET_CHANGE, &body, &fate)?;
    }

    #[test]
    fn a_change_of_an_endpoint_fits_when_it_is_read(body in objects(vec![
        ("private_endpoint_url", mostly(&json!("https://seller.example/x"), &urls())),
        ("upstream_auth_header", vec![
            json!(null),
            json!({ "name": "X-Key", "value": "v" }),
            json!({ "name": "authorization", "value": "Bearer v" }),
            json!({ "name": "X-", "value": "v" }),
            json!({ "name": "Host", "value": "v" }),
            json!({ "name": "x-crochet-a", "value": "v" }),
            json!({ "name": "x-Forwarded-a", "value": "v" }),
            json!({ "name": "X-A", "value": " v" }),
            json!({ "name": "X-A", "value": "" }),
            json!({ "name": "X-A", "value": "ä" }),
            json!({ "name": "X-A" }),
            json!({ "name": "X-A", "value": "v", "more": 1 }),
            json!("X-A: v"),
        ]),
        ("timeout_ms", whole(1_000, 120_000)),
        ("max_request_bytes", whole(1, 1_048_576)),
        ("max_response_bytes", whole(1, 8_388_608)),
        ("status", words(&["active", "disabled"])),
    ])) {
        // Whether one is there already decides whether a URL is needed: it is always given here.
        let mut body = body;
        body.as_object_mut().unwrap().entry("private_endpoint_url").or_insert_with(|| json!("https://seller.example/x"));
        let fate = fate(&body, async |world: &'static World, body: EndpointBody| {
            world.catalogue.put_endpoint(world.caller.profile.id, &world.listing, &body).await
        });
        agree(&ENDPOINT_CHANGE, &body, &fate)?;
    }

    #[test]
    fn a_rotation_fits_when_it_is_read(body in objects(vec![
        ("overlap_seconds", whole(0, 86_400)),
        ("what", vec![json!(1), json!(null)]),
    ])) {
        let fate = fate(&body, async |world: &'static World, body: RotateBody| {
            world.catalogue.rotate_secret(world.caller.profile.id, &world.listing, body).await
        });
        agree(&SECRET_ROTATION, &body, &fate)?;
    }
}
