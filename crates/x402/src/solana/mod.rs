//! The scheme `exact` on Solana: the payer signs a transaction that moves a token, and somebody else, who pays the
//! network's fees, signs it, too, and sends it.

mod derived;
mod payment;
mod programs;
mod wire;

pub use payment::{LandedTransaction, SolanaPayment, token_account};
