//! Payments on Solana: what is asked of its nodes, and what follows from the answers.

mod chain;
mod evidence;
mod payments;
#[cfg(feature = "testing")]
mod reading;
mod rpc;

pub(crate) use chain::Chain;
#[cfg(feature = "testing")]
pub(crate) use reading::landed;
