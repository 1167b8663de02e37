//! What has to happen somewhere: else nothing would be shown by what never does.

use crochet_relay::State as Stands;
use stateright::Property;

use crate::model::Relay;
use crate::state::{Kind, View, World, has};

fn any(world: &World, is: impl Fn(u8, &View) -> bool) -> bool {
    (0..).zip(&world.calls).any(|(call, row)| row.as_ref().is_some_and(|row| is(call, &row.view)))
}

fn reached(what: &'static str, condition: fn(&Relay, &World) -> bool) -> Property<Relay> {
    Property::sometimes(what, condition)
}

pub(crate) fn a_call() -> Vec<Property<Relay>> {
    vec![
        reached("a call is delivered", |_, world| any(world, |_, view| view.stands == Stands::Delivered)),
        reached("a second attempt delivers", |_, world| any(world, |_, view| view.delivered_by == Some(2))),
        reached("a stale delivery wins", |_, world| {
            any(world, |_, view| view.delivered_by == Some(1) && view.attempt == 2)
        }),
        reached("a delivered call is given its money back", |_, world| {
            any(world, |_, view| view.delivered_by.is_some() && view.settlement == Some((0, true)))
        }),
        reached("money is given back while the seller works", |_, world| {
            any(world, |_, view| view.stands == Stands::Forwarding && view.settlement == Some((0, true)))
        }),
        reached("a lease ends and the call is paid still", |_, world| {
            any(world, |_, view| view.stands == Stands::Settled && view.attempt == 1)
        }),
        reached("a call expires", |_, world| any(world, |_, view| view.stands == Stands::Expired)),
    ]
}

pub(crate) fn succession() -> Vec<Property<Relay>> {
    vec![
        reached("a dead call is paid late and delivered", |_, world| {
            any(world, |call, view| call == 0 && view.superseded_by.is_some() && view.delivered_by.is_some())
        }),
        reached("a successor is delivered", |_, world| {
            any(world, |call, view| call == 1 && view.delivered_by.is_some())
        }),
    ]
}

pub(crate) fn references() -> Vec<Property<Relay>> {
    vec![
        reached("one call is delivered, the other's payment is an orphan", |_, world| {
            any(world, |_, view| view.delivered_by.is_some()) && world.orphans.iter().any(|orphans| has(*orphans, 0))
        }),
        reached("both calls have terms", |_, world| {
            world.calls.iter().flatten().filter(|row| row.view.stands == Stands::Quoted).count() == 2
        }),
    ]
}

pub(crate) fn by_header() -> Vec<Property<Relay>> {
    vec![
        reached("a call that came paid is delivered", |_, world| any(world, |_, view| view.delivered_by.is_some())),
        reached("its payment can never be made", |_, world| any(world, |_, view| view.stands == Stands::PaymentFailed)),
        reached("it is short, and kept", |_, world| {
            world.payments[0].kind == Kind::Short && world.orphans.iter().any(|orphans| has(*orphans, 0))
        }),
    ]
}
