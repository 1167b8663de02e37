//! What happens to calls when the server stops.

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_graceful_stop_waits_for_the_call_that_is_under_way() {
    let world = World::new().await;
    let id = world.quote().await;
    world.pay(&id);
    world.upstream.gate().close();
    let call = tokio::spawn(world.retry(&id).send());
    world.upstream.gate().until_arrived(1).await;
    let stopping = tokio::spawn(world.handle.stop(true));
    world.upstream.gate().open();
    call.await.unwrap().data(200);
    stopping.await.unwrap();
    world.tasks.close();
    world.tasks.wait().await;
}
