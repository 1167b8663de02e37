//! How many gateway calls run at once, and how many large bodies are on their way: altogether, and of one buyer.
//!
//! A call outlives the connection that it came over, and holds a response of the seller's. Counted by the connections
//! alone, a buyer who hangs up and calls again would fill the memory; and so would one whose bodies stop before their
//! end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crochet_primitives::ProfileId;

use crate::code::Code;
use crate::config::CallLimits;
use crate::error::ApiError;

/// How long a buyer waits before it calls again, in seconds.
const WAIT: u32 = 1;

/// The places that there are. Cheap to clone: the clones share them.
#[derive(Clone)]
pub(crate) struct InFlight {
    what: &'static str,
    limits: CallLimits,
    taken: Arc<Mutex<Taken>>,
}

/// Has an entry for each buyer whose call runs, and no other: it is never larger than the limit.
#[derive(Default)]
struct Taken {
    all: usize,
    by_buyer: HashMap<ProfileId, usize>,
}

/// The place of one call, free again when this is dropped.
pub(crate) struct Place {
    buyer: ProfileId,
    taken: Arc<Mutex<Taken>>,
}

impl InFlight {
    /// Counts `what`, in the plural.
    pub(crate) fn new(what: &'static str, limits: CallLimits) -> Self {
        Self { what, limits, taken: Arc::default() }
    }

    /// Takes a place for a call of this buyer; an answer when there is none.
    pub(crate) fn take(&self, buyer: ProfileId) -> Result<Place, ApiError> {
        let mut taken = lock(&self.taken);
        let own = taken.by_buyer.get(&buyer).copied().unwrap_or_default();
        if own >= self.limits.per_buyer {
            let message =
                format!("{own} of your {} are under way, and no more at once. Try again when one is done.", self.what);
            return Err(ApiError::new(Code::RateLimited, message)
                .details(&serde_json::json!({ "limit": self.limits.per_buyer }))
                .retry_after(WAIT));
        }
        if taken.all >= self.limits.altogether {
            return Err(ApiError::new(Code::ServiceUnavailable, "The service is busy. Try again shortly.")
                .retry_after(WAIT)
                .cause(format!("there are as many {} as may be", self.what)));
        }
        taken.all += 1;
        taken.by_buyer.insert(buyer, own + 1);
        Ok(Place { buyer, taken: Arc::clone(&self.taken) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = lock(&self.taken);
        taken.all = taken.all.saturating_sub(1);
        let left = taken.by_buyer.get(&self.buyer).map_or(0, |own| own.saturating_sub(1));
        if left == 0 {
            taken.by_buyer.remove(&self.buyer);
        } else {
            taken.by_buyer.insert(self.buyer, left);
        }
    }
}

/// Nothing panics while it is held; a count that is off by one would still be better than none.
fn lock(taken: &Mutex<Taken>) -> MutexGuard<'_, Taken> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use crochet_primitives::testing::SeededEntropy;
    use crochet_primitives::{EntropyExt, Timestamp};

    use super::*;

    #[test]
    fn a_place_is_free_again_when_its_call_ends_and_nobody_is_remembered() {
        let entropy = SeededEntropy::new(1);
        let [one, other, third] = [(); 3].map(|()| ProfileId::new(Timestamp::UNIX_EPOCH, entropy.bytes()));
        let places = InFlight::new("calls", CallLimits { altogether: 3, per_buyer: 2 });
        let refusal = |buyer| places.take(buyer).err().map(|error| error.code());
        let held = (places.take(one).ok(), places.take(one).ok());
        assert_eq!(refusal(one), Some(Code::RateLimited));
        let last = places.take(other).ok();
        assert_eq!(refusal(third), Some(Code::ServiceUnavailable));
        drop(held.0);
        assert_eq!((refusal(third), refusal(one)), (None, None));
        drop((held.1, last));
        let taken = lock(&places.taken);
        assert_eq!((taken.all, taken.by_buyer.len()), (0, 0));
    }
}
