//! A free call that is recorded once it is over.

use std::time::Duration;

use chrono::TimeDelta;
use crochet_primitives::Timestamp;

use super::{Change, close, open};
use crate::forwarding::Closing;
use crate::policy::Policy;
use crate::record::NewCall;

/// What is written of it: how it began and how it ended, in one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// As it would have been recorded before it was forwarded.
    pub opened: Change,
    /// As it is to be recorded.
    pub closed: Change,
}

/// A free call that began `took` ago and ended as `closing` says. Nobody could name it before it was answered, so nobody
/// else can have moved it on: it is what [`open`] and then [`close`] make of it.
#[must_use]
pub fn ended(call: &NewCall, closing: &Closing, took: Duration, now: Timestamp, policy: &Policy) -> Ended {
    let began = TimeDelta::from_std(took).ok().and_then(|took| now.checked_sub_signed(took)).unwrap_or(now);
    let opened = open(call, crochet_primitives::truncate_to_millis(began), policy);
    let (closed, _) = close(opened.record.clone(), closing, now, policy);
    Ended { opened, closed }
}
