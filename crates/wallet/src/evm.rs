//! EVM addresses (EIP-55) and signed messages (EIP-191, `personal_sign`).

use k256::ecdsa::{RecoveryId, Signature, VerifyingKey};
use sha3::{Digest, Keccak256};

use crate::{AddressError, ProofError};

/// What ends the signature of a contract wallet that is not deployed yet (ERC-6492).
const ERC_6492_SUFFIX: [u8; 32] = {
    let mut suffix = [0x64; 32];
    let mut index = 1;
    while index < suffix.len() {
        suffix[index] = 0x92;
        index += 2;
    }
    suffix
};

/// Reads the digits behind `0x`.
pub(crate) fn parse_address(digits: &str) -> Result<[u8; 20], AddressError> {
    let mut bytes = [0; 20];
    hex::decode_to_slice(digits, &mut bytes).map_err(|_| AddressError::NotHex)?;
    let mixed = digits.bytes().any(|digit| digit.is_ascii_lowercase())
        && digits.bytes().any(|digit| digit.is_ascii_uppercase());
    if mixed && checksummed(&bytes) != digits {
        return Err(AddressError::Checksum);
    }
    Ok(bytes)
}

/// EIP-55: a letter is a capital where the same digit of the lower-case text's hash is 8 or more.
pub(crate) fn checksummed(bytes: &[u8; 20]) -> String {
    let lower = hex::encode(bytes);
    let hash = hex::encode(Keccak256::digest(&lower));
    lower
        .chars()
        .zip(hash.chars())
        .map(|(digit, check)| if check >= '8' { digit.to_ascii_uppercase() } else { digit })
        .collect()
}

/// Keccak-256 (not SHA3-256) of the text as `personal_sign` frames it.
pub(crate) fn message_hash(message: &[u8]) -> [u8; 32] {
    Keccak256::new()
        .chain_update(b"\x19Ethereum Signed Message:\n")
        .chain_update(message.len().to_string())
        .chain_update(message)
        .finalize()
        .into()
}

/// The last 20 bytes of the hash of the public key's two coordinates.
pub(crate) fn address_of(key: &VerifyingKey) -> Option<[u8; 20]> {
    let point = key.to_sec1_point(false);
    let (_form, coordinates) = point.as_bytes().split_first()?;
    let hash: [u8; 32] = Keccak256::digest(coordinates).into();
    hash.last_chunk().copied()
}

pub(crate) fn verify(address: &[u8; 20], message: &[u8], signature: &str) -> Result<(), ProofError> {
    let digits = signature.strip_prefix("0x").unwrap_or(signature);
    let bytes = hex::decode(digits).map_err(|_| ProofError::Encoding)?;
    // 65 bytes are what a key makes; a contract may define any longer form of its own (ERC-1271).
    if bytes.ends_with(&ERC_6492_SUFFIX) || bytes.len() > 65 {
        return Err(ProofError::ContractWallet);
    }
    if bytes.len() != 65 {
        return Err(ProofError::Length);
    }
    if signer(&message_hash(message), &bytes)? == *address { Ok(()) } else { Err(ProofError::WrongSignature) }
}

/// Whose key signed `hash`: by r, s and v (27 or 28, or 0 or 1), or by the 64 bytes of EIP-2098, in which v is the
/// highest bit of s.
pub(crate) fn signer(hash: &[u8; 32], signature: &[u8]) -> Result<[u8; 20], ProofError> {
    let (r_and_s, parity) = match signature {
        [r_and_s @ .., v] if r_and_s.len() == 64 => (r_and_s.to_vec(), *v),
        compact if compact.len() == 64 => {
            let mut r_and_s = compact.to_vec();
            let top = r_and_s.get_mut(32).ok_or(ProofError::Length)?;
            let parity = *top >> 7;
            *top &= 0x7f;
            (r_and_s, parity)
        }
        longer if longer.len() > 65 => return Err(ProofError::ContractWallet),
        _ => return Err(ProofError::Length),
    };
    let parity = match parity {
        0 | 27 => 0,
        1 | 28 => 1,
        _ => return Err(ProofError::RecoveryByte),
    };
    let recovery_id = RecoveryId::from_byte(parity).ok_or(ProofError::RecoveryByte)?;
    let signature = Signature::from_slice(&r_and_s).map_err(|_| ProofError::WrongSignature)?;
    // The twin (r, n - s) with the other parity recovers the same address.
    if signature.normalize_s() != signature {
        return Err(ProofError::HighS);
    }
    let key =
        VerifyingKey::recover_from_prehash(hash, &signature, recovery_id).map_err(|_| ProofError::WrongSignature)?;
    address_of(&key).ok_or(ProofError::WrongSignature)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_personal_sign() {
        let known = "1da44b586eb0729ff70a73c326926f6ed5a25f5b056e7f47fbc6e58d86871655";
        assert_eq!(hex::encode(message_hash(b"Some data")), known);
    }

    #[test]
    fn the_suffix_of_erc_6492_is_6492_sixteen_times() {
        assert_eq!(hex::encode(ERC_6492_SUFFIX), "6492".repeat(16));
    }
}
