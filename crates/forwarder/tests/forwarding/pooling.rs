//! Connections are kept, and what is said of them stays true when sellers close them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crochet_relay::ports::Upstream;
use crochet_relay::{Arrival, Cause};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;
use tokio::sync::Notify;

use crate::call::{REQUEST_ID, assert_answered, assert_may_have_run, assert_never_sent, dispatch, forwarder};
use crate::seller::{OK, Seller};

#[tokio::test]
async fn calls_to_one_seller_share_a_connection() {
    let mut seller = Seller::answering(OK).await;
    let forwarder = forwarder();
    for _ in 0..5 {
        assert_answered(&forwarder.clone().forward(dispatch(&seller.url())).await, 200);
    }
    assert_eq!((seller.connections(), seller.received().len()), (1, 5));
}

#[tokio::test]
async fn sellers_do_not_share_connections() {
    let (mut one, mut two) = (Seller::answering(OK).await, Seller::answering(OK).await);
    let forwarder = forwarder();
    for seller in [&one, &two, &one, &two] {
        assert_answered(&forwarder.forward(dispatch(&seller.url())).await, 200);
    }
    assert_eq!((one.connections(), one.received().len()), (1, 2));
    assert_eq!((two.connections(), two.received().len()), (1, 2));
}

#[tokio::test]
async fn one_forwarder_serves_many_calls_at_once() {
    let mut seller = Seller::answering(OK).await;
    let forwarder = forwarder();
    let calls = (0..50).map(|_| {
        let (forwarder, sent) = (forwarder.clone(), dispatch(&seller.url()));
        tokio::spawn(async move { forwarder.forward(sent).await })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_answered(&call.await.unwrap(), 200);
    }
    assert_eq!(seller.received().len(), 50);
}

#[tokio::test]
async fn a_connection_whose_answer_was_cut_off_is_not_used_again() {
    let seller = Seller::start(async |mut visit| {
        visit.request().await;
        let answer =
            if visit.number == 0 { b"HTTP/1.1 200 OK\r\ncontent-length: 99999\r\n\r\n".as_slice() } else { OK };
        visit.write(answer).await;
        visit.wait_for_end().await;
    })
    .await;
    let forwarder = forwarder();
    let first = forwarder.forward(dispatch(&seller.url())).await;
    assert!(matches!(first, Arrival::TooLarge { .. }), "{first:?}");
    assert_answered(&forwarder.forward(dispatch(&seller.url())).await, 200);
    assert_eq!(seller.connections(), 2);
}

#[tokio::test]
async fn an_answer_that_nobody_asked_for_is_not_taken_for_the_next_one() {
    let seller = Seller::start(async |mut visit| {
        visit.request().await;
        if visit.number == 0 {
            visit.write(&[OK, b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n\"evil\""].concat()).await;
        } else {
            visit.write(OK).await;
        }
        visit.wait_for_end().await;
    })
    .await;
    let forwarder = forwarder();
    for _ in 0..2 {
        let arrival = forwarder.forward(dispatch(&seller.url())).await;
        assert!(matches!(&arrival, Arrival::Answered { body, .. } if body == "{}"), "{arrival:?}");
    }
}

#[tokio::test]
async fn a_seller_that_is_not_there_was_sent_nothing() {
    // Bound and not listening: nobody else can take the port in the meantime.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}/", socket.local_addr().unwrap());
    let arrival = forwarder().forward(dispatch(&url)).await;
    assert_never_sent(&arrival, Cause::Connection);
}

#[tokio::test]
async fn a_connection_that_is_reset_after_the_request_may_have_run() {
    let seller = Seller::start(async |mut visit| {
        visit.request().await;
        visit.stream.set_zero_linger().unwrap();
    })
    .await;
    assert_may_have_run(&forwarder().forward(dispatch(&seller.url())).await, Cause::Connection);
}

#[tokio::test]
async fn a_connection_that_the_seller_closed_is_replaced() {
    let was_closed = Arc::new(Notify::new());
    let closed = Arc::clone(&was_closed);
    let mut seller = Seller::start(move |mut visit| {
        let closed = Arc::clone(&closed);
        async move {
            visit.request().await;
            visit.write(OK).await;
            if visit.number == 0 {
                visit.stream.shutdown().await.unwrap();
            }
            // The gateway closes its end once it has seen that the seller closed the other.
            visit.wait_for_end().await;
            closed.notify_one();
        }
    })
    .await;
    let forwarder = forwarder();
    assert_answered(&forwarder.forward(dispatch(&seller.url())).await, 200);
    was_closed.notified().await;
    assert_answered(&forwarder.forward(dispatch(&seller.url())).await, 200);
    assert_eq!((seller.connections(), seller.received().len()), (2, 2));
}

/// However a seller closes a connection that was kept, nothing is called unsent that it has seen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_to_be_unsent_was_not_seen_by_the_seller() {
    for round in 0..60 {
        let may_close = Arc::new(Notify::new());
        let was_second_seen = Arc::new(AtomicBool::new(false));
        let (close, seen) = (Arc::clone(&may_close), Arc::clone(&was_second_seen));
        let seller = Seller::start(move |mut visit| {
            let (close, seen) = (Arc::clone(&close), Arc::clone(&seen));
            async move {
                if visit.request().await.is_none() {
                    return;
                }
                if visit.number > 0 {
                    seen.store(true, Ordering::SeqCst);
                    visit.write(OK).await;
                    visit.wait_for_end().await;
                    return;
                }
                visit.write(OK).await;
                close.notified().await;
                match round % 3 {
                    0 => visit.stream.shutdown().await.unwrap(),
                    1 => visit.stream.set_zero_linger().unwrap(),
                    _ => return,
                }
                if visit
                    .request()
                    .await
                    .is_some_and(|request| request.header("x-crochet-request-id") == Some(REQUEST_ID))
                {
                    seen.store(true, Ordering::SeqCst);
                }
            }
        })
        .await;
        let forwarder = forwarder();
        assert_answered(&forwarder.forward(dispatch(&seller.url())).await, 200);
        let (second, ()) = tokio::join!(forwarder.forward(dispatch(&seller.url())), async { may_close.notify_one() });
        match second {
            Arrival::Answered { .. } | Arrival::MayHaveRun { cause: Cause::Connection, .. } => {}
            Arrival::NeverSent { .. } => assert!(!was_second_seen.load(Ordering::SeqCst), "{second:?}"),
            other => panic!("{other:?}"),
        }
    }
}
