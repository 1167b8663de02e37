//! The guard at the moment of the call.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::sync::Arc;

use crochet_forwarder::Forwarder;
use crochet_relay::Cause;
use crochet_relay::ports::Upstream;

use crate::call::{ScriptedDns, assert_answered, assert_never_sent, development, dispatch, production};
use crate::seller::{OK, Seller};

/// A listener that is never asked to accept: what came waits in its queue.
fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

fn assert_nobody_came(listener: &TcpListener) {
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[tokio::test]
async fn a_public_name_with_a_private_address_is_not_connected_to() {
    let (listener, port) = listener();
    for answer in [
        ["127.0.0.1"].as_slice(),
        &["8.8.8.8", "127.0.0.1"],
        &["127.0.0.1", "8.8.8.8"],
        &["::ffff:127.0.0.1"],
        &["::1", "127.0.0.1"],
        &["10.0.0.1"],
        &["169.254.169.254"],
        &["64:ff9b::7f00:1"],
        &["0.0.0.0"],
    ] {
        let dns = ScriptedDns::new(&[answer]);
        let forwarder = Forwarder::with_resolver(production(port), Arc::clone(&dns) as _).unwrap();
        let arrival = forwarder.forward(dispatch(&format!("https://seller.example:{port}/"))).await;
        assert_never_sent(&arrival, Cause::NotAllowed);
        assert_eq!(dns.asked(), ["seller.example"]);
        assert_nobody_came(&listener);
    }
}

#[tokio::test]
async fn an_endpoint_that_is_not_allowed_is_not_even_looked_up() {
    let (listener, port) = listener();
    let dns = ScriptedDns::new(&[&["127.0.0.1"]]);
    let forwarder = Forwarder::with_resolver(production(port), Arc::clone(&dns) as _).unwrap();
    for url in [
        format!("http://seller.example:{port}/"),
        format!("http://127.0.0.1:{port}/"),
        format!("https://127.0.0.1:{port}/"),
        format!("https://2130706433:{port}/"),
        format!("https://[::1]:{port}/"),
        format!("https://localhost:{port}/"),
        format!("https://user@seller.example:{port}/"),
        "https://seller.example:1/".to_owned(),
        "no url".to_owned(),
    ] {
        assert_never_sent(&forwarder.forward(dispatch(&url)).await, Cause::NotAllowed);
    }
    assert!(dns.asked().is_empty());
    assert_nobody_came(&listener);
}

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
async fn a_name_is_resolved_once_for_each_connection_and_that_answer_is_connected_to() {
    // The first answer is allowed, the next is not: who asked twice for one connection would get to the second.
    let seller = Seller::start(async |mut visit| {
        visit.request().await;
        visit.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}").await;
    })
    .await;
    let url = format!("http://seller.localhost:{}/", seller.address.port());
    let dns = ScriptedDns::new(&[&["127.0.0.1"], &["10.0.0.1"]]);
    let forwarder = Forwarder::with_resolver(development(), Arc::clone(&dns) as _).unwrap();

    assert_answered(&forwarder.forward(dispatch(&url)).await, 200);
    assert_eq!((dns.asked(), seller.connections()), (vec!["seller.localhost".to_owned()], 1));

    assert_never_sent(&forwarder.forward(dispatch(&url)).await, Cause::NotAllowed);
    assert_eq!((dns.asked().len(), seller.connections()), (2, 1));
}

#[tokio::test]
async fn a_kept_connection_needs_no_second_look_up() {
    let seller = Seller::answering(OK).await;
    let url = format!("http://seller.localhost:{}/", seller.address.port());
    let dns = ScriptedDns::new(&[&["127.0.0.1"], &["10.0.0.1"]]);
    let forwarder = Forwarder::with_resolver(development(), Arc::clone(&dns) as _).unwrap();
    for _ in 0..3 {
        assert_answered(&forwarder.forward(dispatch(&url)).await, 200);
    }
    assert_eq!((dns.asked().len(), seller.connections()), (1, 1));
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
async fn a_name_without_addresses_is_no_connection() {
    for answers in [[].as_slice(), &[[].as_slice()]] {
        let forwarder = Forwarder::with_resolver(production(443), ScriptedDns::new(answers) as _).unwrap();
        assert_never_sent(&forwarder.forward(dispatch("https://seller.example/")).await, Cause::Connection);
    }
}

#[tokio::test]
async fn the_systems_resolver_knows_this_machine() {
    let seller = Seller::answering(OK).await;
    let url = format!("http://localhost:{}/", seller.address.port());
    assert_answered(&Forwarder::new(development()).unwrap().forward(dispatch(&url)).await, 200);
}
