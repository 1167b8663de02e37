//! What the gateway does, counted for Prometheus.
//!
//! [`Metrics`] is one process's registry. Its parts are told what happens, each by its own means: [`Money`] is a
//! [`crochet_relay::ports::Witness`] of the journal, [`MeasuredProvider`] and [`MeasuredUpstream`] wrap the relay's
//! ports, and the binary hands on what the HTTP side, the pool and the sweeper say. [`Metrics::encode`] writes it all
//! down, together with a [`Sample`] of what is looked up rather than counted.
//!
//! **Invariant:** counting never changes what is counted: a decorator hands on every argument and every answer as it
//! is. Labels take values from closed sets (states, codes, outcomes, the patterns of routes), never from a client's
//! text, so that no secret gets into one and nobody can make series without end. Money is counted in integer
//! micro-dollars, as the ledger holds it.

mod exposition;
mod http;
mod money;
mod pool;
mod process;
mod provider;
mod registry;
mod sample;
mod seller;
mod sweeper;
mod zero;

pub use exposition::{Format, encode_for};
pub use http::Http;
pub use money::Money;
pub use pool::Pool;
pub use provider::{MeasuredProvider, Provider};
pub use registry::Metrics;
pub use sample::{CacheSample, LookUps, PoolSample, Sample, WorkSample};
pub use seller::{MeasuredUpstream, Purpose, Seller};
pub use sweeper::Sweeper;
