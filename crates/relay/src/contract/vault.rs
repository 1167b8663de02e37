//! Sealed responses: how long they are kept, and how many.

use super::World;
use super::given::{DAY, Given, HOUR, LEASE, SECOND, failure, sealed_delivery};
use crate::record::Record;
use crate::transition::Closed;

async fn kept<W: World>(given: &Given<'_, W>, record: &Record) -> bool {
    let response = given.world.journal().sealed_response(record.id).await.unwrap();
    let prefix = record.delivery.as_ref().and_then(|delivery| delivery.vault_key_prefix.as_deref());
    if let Some(response) = &response {
        assert_eq!(prefix, Some(response.key_prefix.as_str()));
        assert!(response.bytes.iter().all(|byte| *byte == 7));
    }
    response.is_some()
}

async fn deliver<W: World>(given: &Given<'_, W>, length: usize) -> Record {
    let forwarding = given.forwarding().await;
    given.close(&sealed_delivery(forwarding, length)).await.1.record
}

pub async fn a_sealed_response_is_kept_for_a_day(world: &impl World) {
    let given = Given::new(world).await;
    let record = deliver(&given, 300).await;
    assert!(kept(&given, &record).await);
    assert_eq!(record.delivery.as_ref().unwrap().vault_key_prefix.as_deref(), Some("am_k_Ab12"));
    let response = world.journal().sealed_response(record.id).await.unwrap().unwrap();
    assert_eq!((response.bytes.len(), response.key_prefix.as_str()), (300, "am_k_Ab12"));
    world.advance_clock(23 * HOUR).await;
    assert!(kept(&given, &record).await);
    // Past its time it is gone at once, whenever the sweeper comes by to delete it.
    world.advance_clock(HOUR + SECOND).await;
    assert!(!kept(&given, &record).await);
    assert_eq!(given.find(record.id).await.delivery, record.delivery);
}

pub async fn a_call_that_was_not_delivered_has_no_sealed_response(world: &impl World) {
    let given = Given::new(world).await;
    let forwarding = given.forwarding().await;
    let id = forwarding.call();
    assert!(world.journal().sealed_response(id).await.unwrap().is_none());
    given.close(&failure(forwarding)).await;
    assert!(world.journal().sealed_response(id).await.unwrap().is_none());
}

pub async fn each_buyer_has_a_bounded_part_of_the_vault(world: &impl World) {
    let given = Given::new(world).await;
    let limit = usize::try_from(super::policy().vault_max_buyer).unwrap();
    let first = deliver(&given, limit - 400).await;
    let fits_exactly = deliver(&given, 400).await;
    let one_too_many = deliver(&given, 1).await;
    assert!(kept(&given, &first).await && kept(&given, &fits_exactly).await);
    assert!(!kept(&given, &one_too_many).await);
    assert_eq!(one_too_many.delivery.unwrap().vault_key_prefix, None);

    let other = given.another_buyer().await;
    let record = deliver(&other, limit).await;
    assert!(kept(&other, &record).await);

    // What has expired takes no room, purged or not.
    world.advance_clock(DAY + SECOND).await;
    let record = deliver(&given, limit).await;
    assert!(kept(&given, &record).await);
}

pub async fn the_sealed_response_is_the_one_of_the_recorded_delivery(world: &impl World) {
    let given = Given::new(world).await;
    let first = given.forwarding().await;
    let id = first.call();
    world.advance_clock(LEASE + SECOND).await;
    let second = given.forward(id).await;
    let closing = sealed_delivery(first, 100);
    assert_eq!(given.close(&closing).await.0, Closed::Recorded);
    assert_eq!(given.close(&sealed_delivery(second, 200)).await.0, Closed::Stale);
    assert_eq!(given.close(&closing).await.0, Closed::Recorded);
    let response = world.journal().sealed_response(id).await.unwrap().unwrap();
    assert_eq!(response.bytes.len(), 100);
}
