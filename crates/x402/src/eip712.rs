//! What a payer signs: `TransferWithAuthorization` of EIP-3009, as typed data of EIP-712.

use crochet_primitives::Timestamp;
use crochet_wallet::evm_signer;
use sha3::{Digest, Keccak256};

use crate::asset::Asset;
use crate::payload::Authorization;

const DOMAIN: &str = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
const MESSAGE: &str = "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,\
                       uint256 validBefore,bytes32 nonce)";
/// What a key makes: r, s and v, or these three in 64 bytes (EIP-2098).
const LENGTHS_OF_A_KEY_S: [usize; 2] = [64, 65];

/// Whose an authorization's signature is, as far as the chain need not be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignedBy {
    /// The key of the address that pays.
    Payer,
    /// Longer than what a key makes: a contract's (ERC-1271, ERC-6492), which only the chain can judge.
    Contract,
    /// Not the one who pays, or it is no signature.
    Nobody,
}

impl Authorization {
    /// The hash that is signed to pay in `asset`; `None` where the nonce is not `0x` and 64 hexadecimal digits.
    #[must_use]
    pub fn signing_hash(&self, asset: &Asset) -> Option<[u8; 32]> {
        let mut nonce = [0; 32];
        hex::decode_to_slice(self.nonce.strip_prefix("0x")?, &mut nonce).ok()?;
        let message = [
            keccak(MESSAGE),
            word(self.from.as_bytes()),
            word(self.to.as_bytes()),
            word(&self.value.to_be_bytes()),
            seconds(self.valid_after),
            seconds(self.valid_before),
            nonce,
        ];
        Some(keccak([b"\x19\x01".as_slice(), &separator(asset)?, &keccak(message.concat())].concat()))
    }

    /// Whose the signature is. Of a signature as long as a key's, nothing but the payer's own key counts; the high twin of
    /// s does not, since tokens refuse it.
    #[must_use]
    pub fn signed_by(&self, asset: &Asset) -> SignedBy {
        let bytes = self.signature.strip_prefix("0x").and_then(|digits| hex::decode(digits).ok()).unwrap_or_default();
        if !LENGTHS_OF_A_KEY_S.contains(&bytes.len()) {
            let is_longer = LENGTHS_OF_A_KEY_S.iter().all(|length| bytes.len() > *length);
            return if is_longer { SignedBy::Contract } else { SignedBy::Nobody };
        }
        let signer = self.signing_hash(asset).and_then(|hash| evm_signer(&hash, &bytes).ok());
        if signer == Some(self.from) { SignedBy::Payer } else { SignedBy::Nobody }
    }
}

/// What an asset's signatures are good for: its `DOMAIN_SEPARATOR`.
fn separator(asset: &Asset) -> Option<[u8; 32]> {
    let domain = [
        keccak(DOMAIN),
        keccak(asset.eip712_name()),
        keccak(asset.eip712_version()),
        word(&asset.network().evm_chain_id()?.to_be_bytes()),
        word(asset.address().as_bytes()),
    ];
    Some(keccak(domain.concat()))
}

fn keccak(bytes: impl AsRef<[u8]>) -> [u8; 32] {
    Keccak256::digest(bytes).into()
}

/// Right-aligned in a word.
fn word(bytes: &[u8]) -> [u8; 32] {
    let mut word = [0; 32];
    for (to, from) in word.iter_mut().rev().zip(bytes.iter().rev()) {
        *to = *from;
    }
    word
}

fn seconds(at: Timestamp) -> [u8; 32] {
    word(&at.timestamp().to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Network;

    #[test]
    fn the_type_hash_is_the_one_of_eip_3009() {
        let known = "7c7c6cdb67a18743f49ec6fa9b35f50d52ed05cbed4cc592e13b44501c1a2267";
        assert_eq!(hex::encode(keccak(MESSAGE)), known);
    }

    #[test]
    fn the_separator_is_the_one_that_usd_coin_has_on_ethereum() {
        let address = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48";
        let usdc = Asset::new(Network::evm(1), address, "USDC", 6, "USD Coin", "2").unwrap();
        let known = "06c37168a7db5138defc7866392bb87a741f9b3d104deb5094588ce041cae335";
        assert_eq!(hex::encode(separator(&usdc).unwrap()), known);
    }
}
