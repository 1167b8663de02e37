//! The typed data of EIP-712 for EIP-3009's `TransferWithAuthorization`: its hash, its signature, and who signed it.

use crochet_wallet::WalletAddress;
use crochet_x402::{Asset, Authorization};
use k256::ecdsa::{RecoveryId, Signature, SigningKey, VerifyingKey};
use sha3::{Digest, Keccak256};

const DOMAIN: &str = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
const MESSAGE: &str = "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,\
                       uint256 validBefore,bytes32 nonce)";

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

fn seconds(at: crochet_primitives::Timestamp) -> [u8; 32] {
    word(&at.timestamp().to_be_bytes())
}

/// What is signed; `None` where the authorization's nonce is no 32 bytes.
pub(super) fn digest(asset: &Asset, authorization: &Authorization) -> Option<[u8; 32]> {
    let mut nonce = [0; 32];
    hex::decode_to_slice(authorization.nonce.strip_prefix("0x")?, &mut nonce).ok()?;
    let message = [
        keccak(MESSAGE),
        word(authorization.from.as_bytes()),
        word(authorization.to.as_bytes()),
        word(&authorization.value.to_be_bytes()),
        seconds(authorization.valid_after),
        seconds(authorization.valid_before),
        nonce,
    ];
    Some(keccak([b"\x19\x01".as_slice(), &separator(asset)?, &keccak(message.concat())].concat()))
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

/// The address of a key.
pub(super) fn address_of(key: &VerifyingKey) -> WalletAddress {
    let point = key.to_sec1_point(false);
    let hash = keccak(point.as_bytes().split_first().map_or(&[][..], |(_, coordinates)| coordinates));
    WalletAddress::from_evm_bytes(hash.last_chunk().copied().unwrap_or_default())
}

/// r, s and v (27 or 28), as `0x` and hexadecimal.
pub(super) fn sign(key: &SigningKey, digest: &[u8; 32]) -> String {
    let (signature, recovery_id) = key.sign_prehash_recoverable(digest);
    let v = if recovery_id.is_y_odd() { 28 } else { 27 };
    format!("0x{}{v:02x}", hex::encode(signature.to_bytes()))
}

/// Whose key signed it.
pub(super) fn signer(digest: &[u8; 32], signature: &str) -> Option<WalletAddress> {
    let bytes = hex::decode(signature.strip_prefix("0x")?).ok()?;
    let [r_and_s @ .., v] = <[u8; 65]>::try_from(bytes).ok()?;
    let recovery_id = RecoveryId::from_byte(v.checked_sub(27).unwrap_or(v))?;
    let signature = Signature::from_slice(&r_and_s).ok()?;
    VerifyingKey::recover_from_prehash(digest, &signature, recovery_id).ok().map(|key| address_of(&key))
}

#[cfg(test)]
mod tests {
    use crochet_x402::Network;

    use super::*;

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

    #[test]
    fn who_signed_is_found_and_every_field_is_signed() {
        let key = SigningKey::from_slice(&[7; 32]).unwrap();
        let usdc = Asset::usdc(Network::BASE_SEPOLIA).unwrap();
        let second = |s: i64| crochet_primitives::timestamp_from_millis(s * 1000).unwrap();
        let authorization = Authorization {
            from: address_of(key.verifying_key()),
            to: WalletAddress::from_evm_bytes([1; 20]),
            value: 10_000,
            valid_after: second(0),
            valid_before: second(1_777_809_660),
            nonce: format!("0x{}", "ab".repeat(32)),
            signature: String::new(),
        };
        let signature = sign(&key, &digest(&usdc, &authorization).unwrap());
        let signer_of = |asset: &Asset, authorization: &Authorization| {
            signer(&digest(asset, authorization).unwrap(), &signature).unwrap()
        };
        assert_eq!(signer_of(&usdc, &authorization), authorization.from);
        let others = [
            Authorization { to: WalletAddress::from_evm_bytes([2; 20]), ..authorization.clone() },
            Authorization { value: 10_001, ..authorization.clone() },
            Authorization { valid_after: second(1), ..authorization.clone() },
            Authorization { valid_before: second(1_777_809_661), ..authorization.clone() },
            Authorization { nonce: format!("0x{}", "ac".repeat(32)), ..authorization.clone() },
        ];
        for other in others {
            assert_ne!(signer_of(&usdc, &other), authorization.from);
        }
        assert_ne!(signer_of(&Asset::usdc(Network::BASE).unwrap(), &authorization), authorization.from);
    }
}
