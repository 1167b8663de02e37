//! What every test of the whole server needs: a gateway, agents, and a seller that does what it is told.

mod agents;
mod gateway;
mod money;
mod process;
mod seller;

pub(crate) use agents::{Market, Paid, pay, register};
pub(crate) use gateway::{TestGateway, settings};
pub(crate) use money::{assert_error, code, eventually, retry_after, seller_bytes};
pub(crate) use process::GatewayProcess;
pub(crate) use seller::{Behaviour, TestSeller};
