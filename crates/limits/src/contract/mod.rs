//! What every implementation of [`Limiter`] has to keep, one rule a function.
//!
//! An implementation makes a [`Bench`] of itself, at the rates of [`rates`], and says
//! `crochet_limits::limiter_contract!(Some(my_bench().await))` in a test file: each rule becomes one test, on a bench of its
//! own.
#![expect(missing_docs, reason = "the name of a rule is its sentence; a second one above it would say the same")]
#![expect(clippy::unwrap_used, reason = "this is test code, which adapters' tests call")]

mod list;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use crochet_primitives::{ProfileId, Timestamp};
use futures::future::join_all;

use crate::{Class, Limiter, Rate, Rates, Standing, Subject};

/// An implementation under test.
#[async_trait]
pub trait Bench: Send + Sync {
    /// What is tested, with nothing counted yet.
    fn limiter(&self) -> Arc<dyn Limiter>;

    /// Makes it as if so much time had passed since everything that was counted.
    async fn advance(&self, by: Duration);
}

/// What an implementation under test limits to. Windows are so long that what passes during a test is nothing beside
/// them.
#[must_use]
pub const fn rates() -> Rates {
    Rates {
        read: Rate { requests: 5, window: Duration::from_secs(600) },
        write: Rate { requests: 1, window: Duration::from_secs(600) },
        auth: Rate { requests: 10, window: Duration::from_secs(300) },
        gateway: Rate { requests: 50, window: Duration::from_secs(3_600) },
    }
}

const ME: Subject = Subject::Address(IpAddr::V4(Ipv4Addr::LOCALHOST));

async fn count(bench: &impl Bench, class: Class, subject: Subject) -> Standing {
    bench.limiter().count(class, subject).await.unwrap()
}

/// Counts until the quota is used up; where that leaves the caller.
async fn use_up(bench: &impl Bench, class: Class, subject: Subject) -> Standing {
    for _ in 0..rates().of(class).requests {
        assert_eq!(count(bench, class, subject).await.exceeded, None);
    }
    count(bench, class, subject).await
}

pub async fn a_quota_can_be_used_up_at_once(bench: impl Bench) {
    for left in (0..10).rev() {
        let standing = count(&bench, Class::Auth, ME).await;
        assert_eq!((standing.class, standing.rate), (Class::Auth, rates().auth));
        assert_eq!((standing.remaining, standing.exceeded), (left, None));
        let used = 10 - left;
        assert!((30 * (used - 1)..=30 * used).contains(&standing.reset_seconds), "{standing:?}");
    }
    let refused = count(&bench, Class::Auth, ME).await;
    assert_eq!(refused.remaining, 0);
    assert!((28..=30).contains(&refused.exceeded.unwrap()), "{refused:?}");
    assert!((298..=300).contains(&refused.reset_seconds), "{refused:?}");
}

pub async fn whoever_waits_as_long_as_it_was_told_is_admitted_once(bench: impl Bench) {
    let wait = use_up(&bench, Class::Auth, ME).await.exceeded.unwrap();
    bench.advance(Duration::from_secs(u64::from(wait))).await;
    assert_eq!(count(&bench, Class::Auth, ME).await.exceeded, None);
    assert!(count(&bench, Class::Auth, ME).await.exceeded.is_some());
}

pub async fn whoever_does_not_wait_is_refused_again_and_not_for_longer(bench: impl Bench) {
    let told = use_up(&bench, Class::Auth, ME).await.exceeded.unwrap();
    for _ in 0..20 {
        assert!(count(&bench, Class::Auth, ME).await.exceeded.unwrap() <= told);
    }
    bench.advance(Duration::from_secs(20)).await;
    assert!(count(&bench, Class::Auth, ME).await.exceeded.unwrap() <= 10);
    bench.advance(Duration::from_secs(10)).await;
    assert_eq!(count(&bench, Class::Auth, ME).await.exceeded, None);
}

pub async fn after_the_reset_the_whole_quota_is_there_again(bench: impl Bench) {
    let reset = use_up(&bench, Class::Read, ME).await.reset_seconds;
    bench.advance(Duration::from_secs(u64::from(reset))).await;
    assert!(use_up(&bench, Class::Read, ME).await.exceeded.is_some());
}

pub async fn a_quota_never_grows_beyond_itself(bench: impl Bench) {
    count(&bench, Class::Read, ME).await;
    bench.advance(Duration::from_secs(100_000)).await;
    assert!(use_up(&bench, Class::Read, ME).await.exceeded.is_some());
}

pub async fn each_class_has_a_quota_of_its_own(bench: impl Bench) {
    for class in Class::ALL {
        assert!(use_up(&bench, class, ME).await.exceeded.is_some());
    }
}

pub async fn each_subject_has_a_quota_of_its_own(bench: impl Bench) {
    let profile = |last| Subject::Profile(ProfileId::new(Timestamp::UNIX_EPOCH, [last; 10]));
    let address = |text: &str| Subject::address(text.parse().unwrap());
    let subjects = [profile(1), profile(2), ME, address("2001:db8::1"), address("2001:db8:0:1::1"), Subject::Others];
    for subject in subjects {
        assert!(use_up(&bench, Class::Write, subject).await.exceeded.is_some());
    }
    assert!(count(&bench, Class::Write, address("2001:db8::2")).await.exceeded.is_some());
}

pub async fn of_requests_at_once_exactly_the_quota_is_admitted(bench: impl Bench) {
    let standings = join_all((0..200).map(|_| count(&bench, Class::Gateway, ME))).await;
    let mut rest: Vec<u32> =
        standings.iter().filter(|standing| standing.exceeded.is_none()).map(|standing| standing.remaining).collect();
    rest.sort_unstable();
    assert_eq!(rest, (0..50).collect::<Vec<_>>());
}
