//! What every test of the whole server needs: a gateway, agents, and a seller that does what it is told.

mod account;
mod agents;
pub(crate) mod contract;
pub(crate) mod faults;
mod gateway;
mod limits;
mod money;
mod own_database;
mod process;
mod psql;
mod raw;
pub(crate) mod reconcile;
pub(crate) mod relay;
pub(crate) mod routes;
pub(crate) mod scrape;
mod seller;
pub(crate) mod wire;
pub(crate) mod x402;

pub(crate) use account::{Account, Challenge, Signer};
pub(crate) use agents::{Market, Paid, pay, publish, register};
pub(crate) use gateway::TestGateway;
pub(crate) use limits::{QUOTA, challenge_from, share};
pub(crate) use money::{assert_error, eventually, retry_after, seller_bytes};
pub(crate) use own_database::{OwnDatabase, Stop, audit};
pub(crate) use process::GatewayProcess;
pub(crate) use raw::{RawAnswer, RawRequest};
pub(crate) use seller::{Behaviour, Received, TestSeller};
