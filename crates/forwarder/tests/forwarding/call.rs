//! Calls to be forwarded, and forwarders.

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use crochet_forwarder::guard::{Environment, GuardPolicy};
use crochet_forwarder::{Forwarder, ForwarderConfig, Resolve};
use crochet_primitives::{ListingId, ProfileId, timestamp_from_millis};
use crochet_relay::{Arrival, Cause, Dispatch, Endpoint, UpstreamAuth};
use crochet_signing::{BodyHash, SigningSecret, SigningSecrets, seal};

pub(crate) const REQUEST_ID: &str = "gw_req_0190a0b0-0000-7000-8000-000000000000";
/// Spaces, order and escapes as a buyer may have them.
pub(crate) const BODY: &[u8] = b"{ \"b\": 1.0e5,\n\"a\":\"\\u00e4\xc3\xa4\" }";
/// What a test that waits for the end of it waits for.
pub(crate) const SHORT: Duration = Duration::from_millis(200);
/// What no test waits for.
pub(crate) const LONG: Duration = Duration::from_secs(60);

pub(crate) fn dispatch(url: &str) -> Dispatch {
    let at = timestamp_from_millis(1_777_809_600_000).unwrap();
    let signing_secrets =
        SigningSecrets { current: SigningSecret::generate([7; 32]), next: Some(SigningSecret::generate([8; 32])) };
    let listing = ListingId::new(at, [1; 10]).to_string();
    Dispatch {
        seal: seal(&signing_secrets, at, REQUEST_ID, &listing, BodyHash::of(BODY)),
        endpoint: Arc::new(Endpoint {
            url: url.into(),
            upstream_auth: Some(UpstreamAuth { name: "X-Api-Key".to_owned(), value: "upstream-secret".into() }),
            signing_secrets,
            timeout: LONG,
            max_request_bytes: 1 << 20,
            max_response_bytes: 64 * 1024,
        }),
        buyer: ProfileId::new(at, [2; 10]),
        attempt: 3,
        body: Bytes::from_static(BODY),
        budget: LONG,
    }
}

/// The same, with little time.
pub(crate) fn short_dispatch(url: &str) -> Dispatch {
    Dispatch { budget: SHORT, ..dispatch(url) }
}

pub(crate) fn development() -> ForwarderConfig {
    ForwarderConfig::new(GuardPolicy::new(Environment::Development))
}

pub(crate) fn forwarder() -> Forwarder {
    Forwarder::new(development()).unwrap()
}

pub(crate) fn body_of(arrival: &Arrival) -> &[u8] {
    match arrival {
        Arrival::Answered { body, .. } => body,
        other => panic!("not answered: {other:?}"),
    }
}

#[track_caller]
pub(crate) fn assert_answered(arrival: &Arrival, expected: u16) {
    assert!(matches!(arrival, Arrival::Answered { status, .. } if *status == expected), "{arrival:?}");
}

#[track_caller]
pub(crate) fn assert_never_sent(arrival: &Arrival, expected: Cause) {
    assert!(matches!(arrival, Arrival::NeverSent { cause, .. } if *cause == expected), "{arrival:?}");
}

#[track_caller]
pub(crate) fn assert_may_have_run(arrival: &Arrival, expected: Cause) {
    assert!(matches!(arrival, Arrival::MayHaveRun { cause, .. } if *cause == expected), "{arrival:?}");
}

/// Answers look-ups from a list, the last answer again and again.
pub(crate) struct ScriptedDns {
    answers: Mutex<VecDeque<Vec<IpAddr>>>,
}

impl ScriptedDns {
    pub(crate) fn new(answers: &[&[&str]]) -> Arc<Self> {
        let parse = |answer: &&[&str]| answer.iter().map(|address| address.parse().unwrap()).collect();
        Arc::new(Self { answers: Mutex::new(answers.iter().map(parse).collect()) })
    }
}

#[async_trait]
impl Resolve for ScriptedDns {
    async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        let mut answers = self.answers.lock().unwrap();
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        answer.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}
