//! Signatures are checked beside the threads that serve connections, and no more of them than there is room for.

use std::sync::{Arc, mpsc};

use crochet_wallet::EvmSigner;
use serde_json::json;
use tokio::sync::oneshot;

use crate::world::{FREE, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_that_there_is_no_room_for_is_refused_with_what_to_do_and_everything_else_goes_on() {
    let world = World::new().await;
    // One runs until this is dropped, and another one waits for it.
    let (held, until_dropped) = mpsc::channel::<()>();
    let (started, is_running) = oneshot::channel();
    let computing = Arc::clone(&world.computing);
    let running = tokio::spawn(async move {
        let hold = move || {
            let _ = started.send(());
            let _ = until_dropped.recv();
        };
        computing.compute(hold).await
    });
    is_running.await.unwrap();
    let mut waiting = Box::pin(world.computing.compute(|| "its turn"));
    assert!(futures::poll!(&mut waiting).is_pending());

    let signer = EvmSigner::from_bytes([1; 32]).unwrap();
    let refused = world.register(&signer).await;
    let json = refused.refuses(503, "SERVICE_UNAVAILABLE");
    let recovery = &json["error"]["recovery"];
    assert_eq!((&recovery["next_action"], &recovery["retryable"]), (&json!("request_new_challenge"), &json!(true)));
    assert_eq!(refused.header("retry-after"), Some("1"));

    world.get("/api/v1/health").send().await.data(200);
    world.post(FREE).bearer(&world.buyer.key).json("{}").send().await.data(200);

    drop(held);
    assert_eq!((running.await.unwrap(), waiting.await), (Ok(()), Ok("its turn")));
    world.register(&signer).await.data(201);
}
