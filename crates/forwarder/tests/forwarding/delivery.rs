//! What a seller gets, and what is made of its answer.

use std::sync::Arc;

use bytes::Bytes;
use crochet_primitives::{ListingId, timestamp_from_millis};
use crochet_relay::ports::Upstream;
use crochet_relay::{Cause, Dispatch};
use crochet_signing::BodyHash;

use crate::call::{BODY, REQUEST_ID, assert_answered, assert_never_sent, body_of, dispatch, forwarder};
use crate::seller::{OK, Seller};

#[tokio::test]
async fn a_seller_gets_the_sealed_headers_and_the_body_byte_for_byte_and_nothing_else() {
    let mut seller = Seller::answering(OK).await;
    let sent = dispatch(&format!("{}?key=1", seller.url()));
    let (seal, buyer) = (sent.seal.clone(), sent.buyer.to_string());
    assert_answered(&forwarder().forward(sent).await, 200);

    let [request] = <[_; 1]>::try_from(seller.received()).unwrap();
    assert_eq!(request.line, "POST /api/crochet?key=1 HTTP/1.1");
    assert_eq!(request.body, BODY);
    let listing = ListingId::new(timestamp_from_millis(1_777_809_600_000).unwrap(), [1; 10]).to_string();
    let expected = [
        ("accept", "application/json"),
        ("accept-encoding", "identity"),
        ("content-length", &BODY.len().to_string()),
        ("content-type", "application/json"),
        ("host", &seller.address.to_string()),
        ("user-agent", concat!("crochet-gateway/", env!("CARGO_PKG_VERSION"))),
        ("x-api-key", "upstream-secret"),
        ("x-crochet-attempt", "3"),
        ("x-crochet-body-sha256", &BodyHash::of(BODY).to_string()),
        ("x-crochet-buyer-id", &buyer),
        ("x-crochet-listing-id", &listing),
        ("x-crochet-request-id", REQUEST_ID),
        ("x-crochet-signature", &seal.signature),
        ("x-crochet-signature-next", seal.next_signature.as_deref().unwrap()),
        ("x-crochet-timestamp", "2026-05-03T12:00:00.000Z"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(request.headers, expected);
}

#[tokio::test]
async fn a_large_body_arrives_whole() {
    let mut seller = Seller::answering(OK).await;
    let body = Bytes::from((0..3_000_000_u32).map(|index| index.to_le_bytes()[0]).collect::<Vec<_>>());
    let sent = Dispatch { body: body.clone(), ..dispatch(&seller.url()) };
    assert_answered(&forwarder().forward(sent).await, 200);
    assert!(seller.received()[0].body == body);
}

#[tokio::test]
async fn an_empty_body_is_sent_as_one() {
    let mut seller = Seller::answering(OK).await;
    let sent = Dispatch { body: Bytes::new(), ..dispatch(&seller.url()) };
    assert_answered(&forwarder().forward(sent).await, 200);
    assert_eq!(seller.received()[0].header("content-length"), Some("0"));
}

#[tokio::test]
async fn any_answer_is_passed_on_as_it_came() {
    let forwarder = forwarder();
    for (status, body) in
        [(200, "{ \"a\" : 1 }\n"), (422, "{}"), (503, ""), (200, "<html></html>"), (200, "\u{0}\u{ff}")]
    {
        let answer = format!("HTTP/1.1 {status} Whatever\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        let seller = Seller::answering(answer).await;
        let arrival = forwarder.forward(dispatch(&seller.url())).await;
        assert_answered(&arrival, status);
        assert_eq!(body_of(&arrival), body.as_bytes());
    }
}

#[tokio::test]
async fn a_chunked_answer_is_put_together() {
    let seller =
        Seller::answering("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\nx: y\r\n\r\n")
            .await;
    let arrival = forwarder().forward(dispatch(&seller.url())).await;
    assert_eq!(body_of(&arrival), b"{}");
}

#[tokio::test]
async fn interim_answers_are_not_the_answer() {
    let mut answer = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n".to_vec();
    answer.extend_from_slice(OK);
    let seller = Seller::answering(answer).await;
    assert_answered(&forwarder().forward(dispatch(&seller.url())).await, 200);
}

#[tokio::test]
async fn an_upstream_auth_header_that_cannot_be_sent_sends_nothing() {
    let mut seller = Seller::answering(OK).await;
    let mut sent = dispatch(&seller.url());
    Arc::make_mut(&mut sent.endpoint).upstream_auth.as_mut().unwrap().name = "x-crochet-buyer-id".to_owned();
    assert_never_sent(&forwarder().forward(sent).await, Cause::NotAllowed);
    assert!(seller.received().is_empty());
}
