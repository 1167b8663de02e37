//! Series that are there from the start.

use std::hash::Hash;

use prometheus_client::metrics::family::{Family, MetricConstructor};

/// Begins a series at zero: a rate over a series that first shows with its first event misses that event.
pub(crate) fn at_zero<S, M, C>(family: &Family<S, M, C>, labels: S)
where
    S: Clone + Hash + Eq,
    M: Clone,
    C: MetricConstructor<M>,
{
    drop(family.get_or_create(&labels));
}
