//! What happens to calls when the server stops.

use crochet_primitives::CallId;
use crochet_relay::State;
use crochet_relay::ports::Journal;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_graceful_stop_waits_for_the_call_that_is_under_way() {
    let world = World::new().await;
    let id = world.quote().await;
    world.pay(&id);
    world.upstream.gate().close();
    let call = tokio::spawn(world.retry(&id).send());
    world.upstream.gate().until_arrived(1).await;
    world.tasks.close();
    let stopping = tokio::spawn({
        let (tasks, handle) = (world.tasks.clone(), world.handle.clone());
        async move {
            tasks.wait().await;
            handle.stop(true).await;
        }
    });
    world.upstream.gate().open();
    call.await.unwrap().data(200);
    stopping.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_waits_for_the_call_of_a_client_that_has_hung_up() {
    let world = World::new().await;
    let id = world.hung_up_at_the_seller().await;
    world.tasks.close();
    assert_eq!(world.tasks.len(), 1, "the call goes on");
    world.upstream.gate().open();
    world.tasks.wait().await;
    world.handle.stop(true).await;
    let call = CallId::parse_relay_request_id(&id).unwrap();
    let record = world.journal.find(call).await.unwrap().unwrap().record;
    assert_eq!(record.state, State::Delivered);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_comes_during_a_stop_is_refused_and_told_to_come_again() {
    let world = World::new().await;
    world.tasks.close();
    let answer = world.call().send().await;
    answer.refuses(503, "SERVICE_UNAVAILABLE");
    assert_eq!(answer.header("retry-after"), Some("5"));
    assert_eq!(world.upstream.sent(), 0);
    world.get("/api/v1/health").send().await.data(200);
    world.tasks.wait().await;
}
