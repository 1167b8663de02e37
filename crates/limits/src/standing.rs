//! Where a caller stands.

use std::time::Duration;

use crate::{Class, Rate};

/// Where a caller stands after a request of its was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// What it was counted against.
    pub class: Class,
    /// The quota and its window.
    pub rate: Rate,
    /// How many more requests are admitted right now.
    pub remaining: u32,
    /// Seconds until the whole quota is there again, rounded up.
    pub reset_seconds: u32,
    /// `None` when the request is admitted. Else seconds, at least 1: whoever waits that long, and asks once, is
    /// admitted.
    pub exceeded: Option<u32>,
}

impl Standing {
    /// Of two limits that both hold, what a caller may do: a refusal before an admission, the longer wait, the smaller
    /// rest.
    #[must_use]
    pub fn tighter(self, other: Self) -> Self {
        Self {
            remaining: self.remaining.min(other.remaining),
            reset_seconds: self.reset_seconds.max(other.reset_seconds),
            exceeded: self.exceeded.max(other.exceeded),
            ..self
        }
    }
}

/// Rounded up, so that whoever waits that long has waited long enough.
#[must_use]
pub fn whole_seconds(duration: Duration) -> u32 {
    let seconds = duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0));
    u32::try_from(seconds).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_limits_the_refusal_counts_and_the_longer_wait() {
        let admitted =
            Standing { class: Class::Read, rate: Rate::per_minute(3), remaining: 2, reset_seconds: 20, exceeded: None };
        let refused = Standing { remaining: 0, reset_seconds: 60, exceeded: Some(20), ..admitted };
        assert_eq!(admitted.tighter(refused), refused);
        assert_eq!(refused.tighter(admitted), refused);
        assert_eq!(refused.tighter(Standing { exceeded: Some(3), ..refused }).exceeded, Some(20));
    }

    #[test]
    fn seconds_are_rounded_up() {
        assert_eq!(whole_seconds(Duration::from_millis(1_001)), 2);
        assert_eq!(whole_seconds(Duration::from_secs(2)), 2);
        assert_eq!(whole_seconds(Duration::MAX), u32::MAX);
    }
}
