//! Descriptors: what connections are made of, and what a process has only so many of.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// For files, listeners, the runtime, the private database's pipe, and connections to sellers that are kept.
const OTHERS: u64 = 128;
/// The server's, and the one that ends it when it is late.
const A_CONNECTION: u64 = 2;
/// Also where there is hardly room: a gateway that takes nobody's connection serves nobody.
const FEWEST: u64 = 32;

/// Lets the process have as many descriptors as it may: shells and service managers begin with fewer.
pub(crate) fn raise_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Where that is refused, what there is has to do, and connections are counted by it.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

/// How many connections of clients there may be, `wanted` at most, so that descriptors are left for `calls` to sellers
/// at once, for `database` connections, and for the rest.
#[must_use]
pub(crate) fn connections(wanted: usize, calls: usize, database: u32) -> usize {
    within(getrlimit(Resource::Nofile).current, wanted, calls, database)
}

fn within(limit: Option<u64>, wanted: usize, calls: usize, database: u32) -> usize {
    let Some(limit) = limit else { return wanted };
    let calls = u64::try_from(calls).unwrap_or(u64::MAX);
    let kept = OTHERS.saturating_add(calls).saturating_add(u64::from(database));
    let left = (limit.saturating_sub(kept) / A_CONNECTION).max(FEWEST);
    wanted.min(usize::try_from(left).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_calls_and_the_database() {
        assert_eq!(within(Some(20_650), 10_000, 512, 10), 10_000);
        assert_eq!(within(Some(1_024), 10_000, 512, 10), 187);
        assert_eq!(within(Some(256), 10_000, 512, 10), 32);
        assert_eq!(within(None, 10_000, 512, 10), 10_000);
    }

    #[test]
    fn the_limit_is_as_high_as_it_may_be() {
        raise_limit();
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        assert_eq!(current, maximum);
    }
}
