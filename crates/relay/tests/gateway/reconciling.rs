//! Our books against the provider's word, for a period.

use std::sync::Arc;

use async_trait::async_trait;
use crochet_relay::memory::ScriptedProvider;
use crochet_relay::ports::{Books, Period, ProviderReports, ReportError, ReportPage, Reported};
use crochet_relay::{
    Counts, Difference, DifferenceKind, NotAsked, Observation, Payment, Record, Reply, State, Watcher,
};

use crate::support::World;

const ALWAYS: Period = Period { from: None, to: None };

#[derive(Default)]
struct Seen {
    differences: Vec<Difference>,
    not_asked: Vec<NotAsked>,
}

impl Watcher for Seen {
    fn compared(&mut self, _: &Counts) {}

    fn differs(&mut self, difference: &Difference) {
        self.differences.push(difference.clone());
    }

    fn not_asked(&mut self, what: &NotAsked) {
        self.not_asked.push(what.clone());
    }
}

/// A provider's report, in pages of one payment.
struct Report(Vec<Reported>);

#[async_trait]
impl ProviderReports for Report {
    fn provider(&self) -> &'static str {
        "scripted"
    }

    async fn payments(&self, _: Period, page: Option<&str>) -> Result<ReportPage, ReportError> {
        let at: usize = page.map_or(0, |page| page.parse().unwrap());
        let next = (at + 1 < self.0.len()).then(|| (at + 1).to_string());
        Ok(ReportPage { items: self.0.get(at).cloned().into_iter().collect(), next })
    }
}

struct Mute;

#[async_trait]
impl ProviderReports for Mute {
    fn provider(&self) -> &'static str {
        "scripted"
    }

    async fn payments(&self, _: Period, _: Option<&str>) -> Result<ReportPage, ReportError> {
        Err(ReportError { why: "it says nothing".to_owned() })
    }
}

fn reported(quote: &str, reference: &str) -> Reported {
    Reported {
        provider_request_id: quote.to_owned(),
        reference: reference.to_owned(),
        asset: None,
        recipient: None,
        base_units: Some(7),
    }
}

async fn run(world: &World, reports: Vec<Arc<dyn ProviderReports>>, repairs: bool) -> (Counts, Seen) {
    let mut seen = Seen::default();
    let counts = world.reconciler(reports, repairs).run(ALWAYS, &mut seen).await.unwrap();
    (counts, seen)
}

async fn quoted(world: &World) -> Record {
    match world.call(world.request()).await {
        Reply::PaymentRequired { record, .. } => *record,
        other => panic!("no terms: {other:?}"),
    }
}

/// A call that was paid and delivered; and the payment.
async fn delivered(world: &World) -> (Record, Payment) {
    let record = quoted(world).await;
    let payment = ScriptedProvider::payment_for(record.terms.as_ref().unwrap(), "pay-1");
    world.provider.sees_from_now_on(Observation::Arrived(vec![payment.clone()]));
    match world.call(world.retry(&record)).await {
        Reply::Delivered { record, .. } => (*record, payment),
        other => panic!("not delivered: {other:?}"),
    }
}

async fn state(world: &World, record: &Record) -> State {
    world.journal.history_item(record.id).await.unwrap().unwrap().record.state
}

#[tokio::test]
async fn books_that_agree_have_no_differences_and_are_not_touched() {
    let world = World::new();
    let (record, _) = delivered(&world).await;
    let before = world.journal.history_item(record.id).await.unwrap().unwrap().record;
    let (counts, seen) = run(&world, Vec::new(), false).await;
    assert_eq!(counts, Counts { calls: 1, settled: 1, ..Counts::default() });
    assert!(seen.differences.is_empty() && seen.not_asked.is_empty());
    assert_eq!(world.journal.history_item(record.id).await.unwrap().unwrap().record, before);
}

#[tokio::test]
async fn what_was_paid_and_not_settled_is_found_and_settled_where_repairs_are_asked_for() {
    let world = World::new();
    let record = quoted(&world).await;
    let payment = ScriptedProvider::payment_for(record.terms.as_ref().unwrap(), "pay-1");
    world.provider.sees_from_now_on(Observation::Arrived(vec![payment]));
    for _ in 0..2 {
        let (counts, seen) = run(&world, Vec::new(), false).await;
        assert_eq!((counts.differences, counts.repaired), (1, 0));
        assert_eq!(seen.differences[0].kind, DifferenceKind::PaidNotSettled);
        assert_eq!(state(&world, &record).await, State::Quoted, "without repairs nothing changes");
    }
    let (counts, seen) = run(&world, Vec::new(), true).await;
    assert_eq!((counts.differences, counts.repaired), (0, 1));
    assert!(seen.differences[0].is_repaired);
    assert_eq!(state(&world, &record).await, State::Settled);
    assert_eq!(run(&world, Vec::new(), true).await.0.repaired, 0);
    assert!(world.journal.audit().await.unwrap().balances());
}

#[tokio::test]
async fn a_settlement_that_the_provider_does_not_confirm_is_a_difference_of_its_kind() {
    let world = World::new();
    let (record, payment) = delivered(&world).await;
    let more = Payment { base_units: payment.base_units + 1, ..payment.clone() };
    let refunded =
        Observation::Refunded { references: vec![payment.reference.clone()], reason: "given back".to_owned() };
    for (observation, kind) in [
        (Observation::Waiting, DifferenceKind::SettledNotPaid),
        (Observation::InProgress, DifferenceKind::SettledNotPaid),
        (Observation::Arrived(Vec::new()), DifferenceKind::SettledNotPaid),
        (Observation::Failed { reason: "no".to_owned() }, DifferenceKind::SettledAndFailed),
        (refunded.clone(), DifferenceKind::SettledAndRefunded),
        (Observation::Arrived(vec![more]), DifferenceKind::AmountsDiffer),
    ] {
        world.provider.sees_from_now_on(observation.clone());
        let (counts, seen) = run(&world, Vec::new(), false).await;
        assert_eq!(counts.differences, 1, "{observation:?}");
        assert_eq!((seen.differences[0].kind, seen.differences[0].call), (kind, Some(record.id)));
        assert_eq!(seen.differences[0].reference, "pay-1");
    }
    // What the journal does not decide, a repair does not change either.
    world.provider.sees_from_now_on(Observation::Waiting);
    let (counts, _) = run(&world, Vec::new(), true).await;
    assert_eq!((counts.differences, counts.repaired), (1, 0));
    world.provider.sees_from_now_on(refunded);
    let (counts, _) = run(&world, Vec::new(), true).await;
    assert_eq!((counts.differences, counts.repaired), (0, 1));
    world.provider.sees_from_now_on(Observation::Arrived(vec![payment]));
    let (_, seen) = run(&world, Vec::new(), false).await;
    assert_eq!(seen.differences[0].kind, DifferenceKind::RefundedAndKept);
}

#[tokio::test]
async fn what_cannot_be_asked_is_no_difference_and_no_agreement() {
    let world = World::new();
    let (record, _) = delivered(&world).await;
    world.provider.sees_from_now_on(Observation::Unknown);
    let (counts, seen) = run(&world, vec![Arc::new(Mute)], true).await;
    assert_eq!((counts.differences, counts.not_asked), (0, 2));
    assert_eq!((seen.not_asked[0].call, seen.not_asked[1].call), (Some(record.id), None));
    assert_eq!(seen.not_asked[1].why, "it says nothing");
}

#[tokio::test]
async fn a_payment_that_nobody_knows_is_recorded_once_and_never_dropped() {
    let world = World::new();
    let (record, _) = delivered(&world).await;
    let known = reported(&record.terms.as_ref().unwrap().provider_request_id, "pay-1");
    let report = Arc::new(Report(vec![known, reported("lost", "pay-2"), reported("lost as well", "pay-3")]));
    let (counts, seen) = run(&world, vec![report.clone()], false).await;
    assert_eq!((counts.reported, counts.differences, counts.known_orphans), (3, 2, 0));
    assert_eq!((seen.differences[0].kind, seen.differences[0].call), (DifferenceKind::UnknownPayment, None));
    assert_eq!(seen.differences[0].reference, "pay-2");
    let audit = world.journal.audit().await.unwrap();
    assert!(audit.balances());
    assert_eq!(audit.unknown_payments, 2);
    let (counts, _) = run(&world, vec![report], false).await;
    assert_eq!((counts.differences, counts.known_orphans), (0, 2));
    assert_eq!(world.journal.audit().await.unwrap().unknown_payments, 2);
}

#[tokio::test]
async fn a_reported_payment_of_a_call_of_another_day_has_that_call_compared() {
    let world = World::new();
    let record = quoted(&world).await;
    let terms = record.terms.as_ref().unwrap();
    world.provider.sees_from_now_on(Observation::Arrived(vec![ScriptedProvider::payment_for(terms, "pay-1")]));
    let report = Report(vec![reported(&terms.provider_request_id, "pay-1")]);
    let later = Period { from: Some(record.created_at + chrono::TimeDelta::days(1)), to: None };
    let mut seen = Seen::default();
    let counts = world.reconciler(vec![Arc::new(report)], false).run(later, &mut seen).await.unwrap();
    assert_eq!((counts.calls, counts.differences), (1, 1));
    assert_eq!(seen.differences[0].kind, DifferenceKind::PaidNotSettled);
}
