//! For tests: a chain with a token of EIP-3009, a facilitator, and a payer, on loopback. The facilitator really checks
//! the payer's EIP-712 signature, and moves money on that chain alone; both misbehave when they are told to.

mod chain;
mod facilitator;
mod ledger;
mod payer;
mod rpc;
mod server;
mod solana;
mod till;

pub use chain::TestChain;
pub use facilitator::{SettleFault, TestFacilitator, VerifyFault};
pub use ledger::TestTransfer;
pub use payer::TestPayer;
pub use solana::{TestInstruction, TestSolana, TestSolanaPayer, TestSolanaTransfer, TestTransaction};
