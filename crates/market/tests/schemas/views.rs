//! What the market answers fits its schemas.

use crochet_market::ListingStatus;
use crochet_market::catalogue::{EndpointBody, RotateBody};
use crochet_market::identity::{ChallengeRequest, NewApiKeyBody};
use crochet_market::view::{CreatedKeyJson, EndpointJson, MeJson, RemovedJson, RotatedJson};
use serde::Serialize;

use crate::document::validator;
use crate::world::World;

fn fits(name: &str, answer: &impl Serialize) {
    let answer = serde_json::from_str(&serde_json::to_string(answer).unwrap()).unwrap();
    let errors: Vec<String> =
        validator(name).iter_errors(&answer).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{name}: {errors:?} in {answer}");
}

#[tokio::test]
async fn every_answer_fits_its_schema() {
    let world = World::new().await;
    let (catalogue, identities, caller) = (&world.catalogue, &world.identities, &world.caller);
    let profile = caller.profile.id;

    let view = catalogue.get(&world.listing, Some(profile)).await.unwrap();
    fits("ListingSummary", &catalogue.listing_summary_json(&view));
    fits("Listing", &catalogue.listing_json(&view));
    let priced = serde_json::from_str(
        r#"{"pricing_model":"per_call","pricing_amount":0.000001,"private_endpoint_url":"https://seller.example/x"}"#,
    );
    let published = catalogue.update(profile, &world.listing, &priced.unwrap()).await.unwrap();
    fits("PublishedListing", &catalogue.published_json(&published));

    let header: EndpointBody =
        serde_json::from_str(r#"{"upstream_auth_header":{"name":"X-Key","value":"v"},"timeout_ms":5e3}"#).unwrap();
    let set = catalogue.put_endpoint(profile, &world.listing, &header).await.unwrap();
    assert_eq!(set.endpoint.timeout_ms, 5_000);
    fits("Endpoint", &EndpointJson::from(&set));
    for overlap_seconds in [None, Some(60)] {
        let rotated = catalogue.rotate_secret(profile, &world.listing, RotateBody { overlap_seconds }).await.unwrap();
        fits("RotatedSecret", &RotatedJson::from(&rotated));
    }
    fits("ListingChallenge", &catalogue.listing_challenge(&caller.profile).await.unwrap());
    fits("RemovedListing", &RemovedJson { deleted: true, status: None });
    fits("RemovedListing", &RemovedJson { deleted: false, status: Some(ListingStatus::Suspended) });

    fits("Me", &MeJson::new(caller, &identities.wallets(profile).await.unwrap()));
    let worker = NewApiKeyBody { name: "worker".to_owned(), ..NewApiKeyBody::default() };
    fits("CreatedApiKey", &CreatedKeyJson::from(&identities.create_api_key(caller, &worker).await.unwrap()));
    let request = ChallengeRequest {
        wallet_address: "2xRiSnKRWfFwwtkBPewQ6E4QA2SK9kzypVukLh35hiS8".to_owned(),
        ..ChallengeRequest::default()
    };
    fits("Challenge", &identities.challenge(&request, None).await.unwrap());
}
