//! Addresses that are derived and not made of a key.

use ed25519_dalek::VerifyingKey;
use sha2::{Digest, Sha256};

use super::programs::{ASSOCIATED_TOKEN, Key};

const MARKER: &[u8] = b"ProgramDerivedAddress";

/// The account that holds the tokens of `mint` for `owner`, unless the owner has said otherwise. `None` for one input in
/// 2^256.
pub(crate) fn associated_token_account(owner: &Key, token_program: &Key, mint: &Key) -> Option<Key> {
    find(&[owner, token_program, mint], &ASSOCIATED_TOKEN)
}

/// The first address of these seeds, counting down from 255, that is no point of the curve: nobody has its key.
fn find(seeds: &[&Key], program: &Key) -> Option<Key> {
    (0..=u8::MAX).rev().find_map(|bump| {
        let mut hash = Sha256::new();
        for seed in seeds {
            hash.update(seed);
        }
        let address: Key = hash.chain_update([bump]).chain_update(program).chain_update(MARKER).finalize().into();
        VerifyingKey::from_bytes(&address).is_err().then_some(address)
    })
}
