//! Payments on Solana: what is asked of its nodes, and what follows from the answers.

mod chain;
mod evidence;
mod payments;
mod rpc;

pub(crate) use chain::Chain;
