//! All schemas of the market in one document.

use std::collections::BTreeMap;

use crochet_market::catalogue::{
    EndpointBody, IssuedListingChallenge, ListingBody, NewFreeListing, NewListing, NewPaidListing, RotateBody,
};
use crochet_market::identity::{
    ChallengeRequest, ExistingWalletProof, IssuedChallenge, LinkWalletBody, NewApiKeyBody, NewWalletProof, PowTerms,
    ProfilePatch, RecoverBody, RegisterBody, UpdateWalletBody,
};
use crochet_market::view::{
    ApiKeyJson, CategoryJson, CreatedKeyJson, EndpointJson, IssuedJson, ListingDetailsJson, ListingJson,
    ListingSummaryJson, MeJson, ProfileJson, PublishedJson, RemovedJson, RotatedJson, WalletJson,
};
use crochet_market::{
    AccountType, AuthMethod, Capability, DeliveryType, EndpointStatus, ExampleOutput, ListingStatus, PayoutCurrency,
    PricingModel, ProfileRole, Scope, SuspendedBy, WalletStatus,
};
use crochet_primitives::schema::{GatewayRequestId, Moment, RelayRequestId, Timestamp};
use crochet_primitives::{Cursor, ListingId};
use crochet_wallet::{Chain, WalletAddress};
use jsonschema::Validator;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// Schemas by their names.
pub(crate) fn schemas() -> BTreeMap<String, Value> {
    let mut all = Vec::new();
    macro_rules! add {
        ($($type:ty),+ $(,)?) => {
            $(
                all.push((<$type>::name().into_owned(), <$type as utoipa::PartialSchema>::schema()));
                <$type>::schemas(&mut all);
            )+
        };
    }
    add!(
        ChallengeRequest,
        IssuedChallenge,
        PowTerms,
        RegisterBody,
        RecoverBody,
        LinkWalletBody,
        UpdateWalletBody,
        ExistingWalletProof,
        NewWalletProof,
        NewApiKeyBody,
        ProfilePatch,
        NewListing,
        NewFreeListing,
        NewPaidListing,
        ListingBody,
        EndpointBody,
        RotateBody,
        IssuedListingChallenge,
        ProfileJson,
        WalletJson,
        ApiKeyJson,
        MeJson,
        CreatedKeyJson,
        IssuedJson,
        CategoryJson,
        ListingSummaryJson,
        ListingDetailsJson,
        ListingJson,
        PublishedJson,
        RemovedJson,
        EndpointJson,
        RotatedJson,
        ExampleOutput,
        AccountType,
        AuthMethod,
        Capability,
        DeliveryType,
        EndpointStatus,
        ListingStatus,
        PayoutCurrency,
        PricingModel,
        ProfileRole,
        Scope,
        SuspendedBy,
        WalletStatus,
        Chain,
        WalletAddress,
        ListingId,
        Cursor,
        Timestamp,
        Moment,
        RelayRequestId,
        GatewayRequestId,
    );
    let mut schemas: BTreeMap<String, Value> = BTreeMap::new();
    for (name, schema) in all {
        let schema = serde_json::to_value(schema).unwrap();
        if let Some(other) = schemas.insert(name.clone(), schema.clone()) {
            assert_eq!(other, schema, "two schemas are called {name}");
        }
    }
    schemas
}

/// A validator of one of them.
pub(crate) fn validator(name: &str) -> Validator {
    let document = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$ref": format!("#/components/schemas/{name}"),
        "components": { "schemas": schemas() }
    });
    jsonschema::options().should_validate_formats(true).build(&document).unwrap()
}

#[test]
fn every_reference_leads_somewhere_and_every_schema_is_described() {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(object) => {
                if let Some(Value::String(to)) = object.get("$ref") {
                    found.push(to.clone());
                }
                object.values().for_each(|value| references(value, found));
            }
            Value::Array(array) => array.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let schemas = schemas();
    for (name, schema) in &schemas {
        let mut found = Vec::new();
        references(schema, &mut found);
        for to in found {
            let to = to.strip_prefix("#/components/schemas/").unwrap();
            assert!(schemas.contains_key(to), "{name} refers to {to}");
        }
        assert!(schema["description"].as_str().is_some_and(|text| !text.is_empty()), "{name} is not described");
        // Links are for readers of the code.
        assert!(!schema.to_string().contains("[`"), "{name} links to a Rust item: {schema}");
    }
}

#[test]
fn every_body_refuses_unknown_fields() {
    for name in [
        "Registration",
        "AccountRecovery",
        "WalletLink",
        "WalletChange",
        "WalletProof",
        "NewWalletProof",
        "NewApiKey",
        "ProfileChange",
        "NewFreeListing",
        "NewPaidListing",
        "ListingChange",
        "EndpointChange",
        "UpstreamAuthHeader",
        "SecretRotation",
        "ExampleOutput",
    ] {
        assert_eq!(schemas()[name]["additionalProperties"], json!(false), "{name}");
    }
}
