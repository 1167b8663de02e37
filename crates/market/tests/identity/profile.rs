use crochet_market::identity::ProfilePatch;
use crochet_market::{MarketError, Profile, ProfileRole};
use crochet_primitives::{ProfileId, timestamp_from_millis};

use crate::support::{Bench, assert_refused, evm, fields};

fn patch(json: &str) -> ProfilePatch {
    serde_json::from_str(json).unwrap()
}

#[tokio::test]
async fn what_is_absent_stays_and_null_clears() {
    let bench = Bench::new();
    let before = bench.register(&evm(1)).await.profile;
    let said = patch(r#"{"bio":"  Ships.\nOften. ","website":"https://a.example","role":"provider"}"#);
    let after = bench.service.update_profile(before.id, &said).await.unwrap();
    let expected = Profile {
        bio: Some("Ships.\nOften.".to_owned()),
        website: Some("https://a.example".to_owned()),
        role: ProfileRole::Provider,
        ..before.clone()
    };
    assert_eq!(after, expected);
    let after = bench.service.update_profile(before.id, &patch(r#"{"bio":null,"display_name":"new"}"#)).await.unwrap();
    assert_eq!(after, Profile { bio: None, display_name: "new".to_owned(), ..expected });
    assert_eq!(bench.service.update_profile(before.id, &patch("{}")).await.unwrap(), after);
    assert_eq!(bench.service.profile(before.id).await.unwrap(), after);
}

#[tokio::test]
async fn a_patch_keeps_the_bounds_of_a_registration() {
    let bench = Bench::new();
    let before = bench.register(&evm(1)).await.profile;
    let invalid = patch(r#"{"display_name":"x","website":"x","avatar_url":"mailto:a@b.example"}"#);
    let refused = fields(bench.service.update_profile(before.id, &invalid).await);
    assert_eq!(refused, ["display_name", "website", "avatar_url"]);
    assert_eq!(bench.service.profile(before.id).await.unwrap(), before);
}

#[tokio::test]
async fn nobody_is_verified_by_a_patch() {
    for json in [r#"{"is_verified":true}"#, r#"{"score":1000}"#, r#"{"account_type":"human"}"#, r#"{"role":"admin"}"#] {
        assert!(serde_json::from_str::<ProfilePatch>(json).is_err(), "{json}");
    }
}

#[tokio::test]
async fn a_profile_that_there_is_not_is_not_found() {
    let bench = Bench::new();
    let nobody = ProfileId::new(timestamp_from_millis(1).unwrap(), [1; 10]);
    assert_refused!(bench.service.profile(nobody).await, MarketError::NotFound { what: "profile" });
    let refused = bench.service.update_profile(nobody, &ProfilePatch::default()).await;
    assert_refused!(refused, MarketError::NotFound { what: "profile" });
}
