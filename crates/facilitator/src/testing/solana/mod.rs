//! Solana, as far as payments use it: accounts that hold one token, transactions that are signed, blocks, and a node.

mod chain;
mod ledger;
mod payer;
mod rpc;
mod till;
mod wire;

pub use chain::TestSolana;
pub use ledger::TestSolanaTransfer;
pub use payer::TestSolanaPayer;
pub(super) use till::SolanaTill;
pub use wire::{TestInstruction, TestTransaction};
