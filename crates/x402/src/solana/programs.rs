//! The programs of Solana that a payment may use.

use crate::asset::TokenProgram;

/// 32 bytes: an account, a program, a hash.
pub(crate) type Key = [u8; 32];

const fn key(base58: &[u8]) -> Key {
    bs58::decode(base58).into_array_const_unwrap::<32>()
}

pub(crate) const TOKEN: Key = key(b"TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA");
pub(crate) const TOKEN_2022: Key = key(b"TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb");
pub(crate) const ASSOCIATED_TOKEN: Key = key(b"ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL");
pub(crate) const COMPUTE_BUDGET: Key = key(b"ComputeBudget111111111111111111111111111111");
pub(crate) const MEMO: Key = key(b"MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr");
/// Assertions that some wallets add, so that what they have shown is what happens.
pub(crate) const LIGHTHOUSE: Key = key(b"L2TExMFKdjpN9kozasaurPirfHy9P8sbXoAN1qA3S95");

pub(crate) const fn id_of(program: TokenProgram) -> Key {
    match program {
        TokenProgram::Token => TOKEN,
        TokenProgram::Token2022 => TOKEN_2022,
    }
}
