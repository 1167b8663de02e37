//! Sellers that answer what a test tells them to.

use std::collections::VecDeque;
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;

use super::gate::Gate;
use super::lock;
use crate::forwarding::{Arrival, Dispatch};
use crate::ports::Upstream;

/// [`Upstream`] by a script. Without one, every seller answers 200 and `{"ok":true}`.
#[derive(Debug, Default)]
pub struct ScriptedUpstream {
    gate: Gate,
    script: Mutex<(VecDeque<Arrival>, Vec<Dispatch>, usize)>,
}

impl ScriptedUpstream {
    /// What comes back from the next forward that has no answer yet.
    pub fn will_answer(&self, arrival: Arrival) {
        lock(&self.script).0.push_back(arrival);
    }

    /// The same, for an answer of `status` and `body` after one millisecond.
    pub fn will_answer_with(&self, status: u16, body: &'static str) {
        self.will_answer(Arrival::Answered { status, body: Bytes::from_static(body.as_bytes()), latency_ms: 1 });
    }

    /// How many requests were sent, ever.
    #[must_use]
    pub fn sent(&self) -> usize {
        lock(&self.script).2
    }

    /// What was sent since this was last asked, in order.
    #[must_use]
    pub fn take_sent(&self) -> Vec<Dispatch> {
        std::mem::take(&mut lock(&self.script).1)
    }

    /// Holds forwards while it is closed: they are counted as sent, and not yet answered.
    #[must_use]
    pub const fn gate(&self) -> &Gate {
        &self.gate
    }
}

#[async_trait]
impl Upstream for ScriptedUpstream {
    async fn forward(&self, dispatch: Dispatch) -> Arrival {
        {
            let mut script = lock(&self.script);
            script.1.push(dispatch);
            script.2 += 1;
        }
        self.gate.pass().await;
        let scripted = lock(&self.script).0.pop_front();
        scripted.unwrap_or_else(|| Arrival::Answered {
            status: 200,
            body: Bytes::from_static(b"{\"ok\":true}"),
            latency_ms: 1,
        })
    }
}
