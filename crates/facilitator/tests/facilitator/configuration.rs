//! What can be configured.

use std::sync::Arc;

use crochet_facilitator::{FacilitatorConfig, FacilitatorConfigError as Problem, FacilitatorEndpoint, Facilitators};
use crochet_primitives::testing::ManualClock;
use secrecy::SecretString;

use crate::support::{Scene, config};

#[tokio::test]
async fn keys_travel_over_tls_or_stay_on_this_machine() {
    let scene = Scene::new().await;
    let good = config(&scene.chain, &[&scene.first, &scene.second]);
    assert_eq!(good.problems(), []);
    let with_url = |url: &str| {
        let mut changed = good.clone();
        changed.facilitators[1].url = url.to_owned();
        changed.problems()
    };
    for url in ["https://x402.example", "https://api.example/platform/v2/x402/", "http://[::1]:4000"] {
        assert_eq!(with_url(url), [], "{url}");
    }
    for url in ["", "x402.example", "http://x402.example", "https://me@x402.example", "https://x402.example?a=b"] {
        assert_eq!(with_url(url), [Problem::FacilitatorUrl(2)], "{url}");
    }
    assert_eq!(with_url(&format!("{}/", scene.first.url())), [Problem::SameFacilitator(2)]);
    let with_rpc = |url: &str| {
        let mut changed = good.clone();
        changed.networks[0].rpc_url = SecretString::from(url);
        changed.problems()
    };
    assert_eq!(with_rpc("https://base.example/v2/key?and=more"), []);
    assert_eq!(with_rpc("http://base.example/v2/key"), [Problem::RpcUrl(1)]);
}

#[tokio::test]
async fn all_that_is_wrong_is_named_at_once() {
    let scene = Scene::new().await;
    let mut bad = config(&scene.chain, &[&scene.first]);
    bad.networks.push(bad.networks[0].clone());
    bad.facilitators[0].bearer_token = Some(SecretString::from("a\ntoken"));
    bad.resource_url = "/api/v1/gateway".to_owned();
    assert_eq!(bad.problems(), [Problem::BearerToken(1), Problem::SameAsset(2), Problem::ResourceUrl]);
    let nothing = FacilitatorConfig { facilitators: Vec::new(), networks: Vec::new(), ..bad };
    assert_eq!(nothing.problems()[..2], [Problem::NoFacilitator, Problem::NoNetwork]);
    assert_eq!(Facilitators::new(nothing, Arc::new(ManualClock::default())).err(), Some(Problem::NoFacilitator));
}

#[tokio::test]
async fn a_configuration_does_not_show_its_secrets() {
    let scene = Scene::new().await;
    let mut shown = config(&scene.chain, &[&scene.first]);
    shown.networks[0].rpc_url = SecretString::from("https://base.example/v2/a-key-nobody-may-see");
    shown.facilitators.push(FacilitatorEndpoint { url: "https://x402.example".to_owned(), bearer_token: None });
    assert!(!format!("{shown:?}").contains("nobody-may-see"));
}
