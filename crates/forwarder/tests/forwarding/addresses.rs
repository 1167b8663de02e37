//! The guard at the moment of the call.

use crochet_forwarder::Forwarder;
use crochet_relay::Cause;
use crochet_relay::ports::Upstream;

use crate::call::{ScriptedDns, assert_answered, assert_never_sent, development, dispatch};
use crate::seller::{OK, Seller};

#[tokio::test]
async fn development_allows_loopback_and_nothing_else_that_is_private() {
    let seller = Seller::answering(OK).await;
    let port = seller.address.port();
    let dns = ScriptedDns::new(&[&["127.0.0.1"]]);
    let forwarder = Forwarder::with_resolver(development(), dns as _).unwrap();
    for host in ["127.0.0.1", "127.1", "localhost", "seller.localhost"] {
        assert_answered(&forwarder.forward(dispatch(&format!("http://{host}:{port}/"))).await, 200);
    }
    for url in ["http://10.0.0.1/", "https://10.0.0.1/", "http://seller.example/", "https://192.168.1.1:8443/"] {
        assert_never_sent(&forwarder.forward(dispatch(url)).await, Cause::NotAllowed);
    }
}

#[tokio::test]
async fn a_local_name_that_leads_elsewhere_is_refused_in_development() {
    for answer in ["8.8.8.8", "10.0.0.1"] {
        let forwarder = Forwarder::with_resolver(development(), ScriptedDns::new(&[&[answer]]) as _).unwrap();
        for url in ["http://localhost:9/", "https://seller.localhost:9/"] {
            assert_never_sent(&forwarder.forward(dispatch(url)).await, Cause::NotAllowed);
        }
    }
}

#[tokio::test]
async fn the_first_address_that_answers_is_used() {
    let seller = Seller::answering(OK).await;
    let url = format!("http://seller.localhost:{}/", seller.address.port());
    let dns = ScriptedDns::new(&[&["::1", "127.0.0.1"]]);
    let forwarder = Forwarder::with_resolver(development(), dns as _).unwrap();
    assert_answered(&forwarder.forward(dispatch(&url)).await, 200);
}

#[tokio::test]
async fn the_systems_resolver_knows_this_machine() {
    let seller = Seller::answering(OK).await;
    let url = format!("http://localhost:{}/", seller.address.port());
    assert_answered(&Forwarder::new(development()).unwrap().forward(dispatch(&url)).await, 200);
}
