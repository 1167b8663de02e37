//! Addresses of wallets, and names of the chains that they live on: one thing, one spelling.

use crochet_wallet::{Chain, WalletAddress};
use crochet_x402::Network;
use sha3::{Digest, Keccak256};

use crate::input::text;

/// EVM addresses by EIP-55, Solana addresses in base58, networks by CAIP-2 and by their names of x402 v1.
pub fn addresses(bytes: &[u8]) {
    let text = text(bytes);
    let read = WalletAddress::parse(&text).ok();
    assert_eq!(read.map(|address| address.as_bytes().to_vec()), second_opinion(&text), "{text:?}");
    if let Some(address) = read {
        let (shown, canonical) = (address.to_string(), address.canonical());
        for spelling in [&shown, &canonical] {
            assert_eq!(WalletAddress::parse(spelling), Ok(address));
        }
        match address.chain() {
            Chain::Evm => {
                assert_eq!(canonical, text.to_lowercase());
                assert_eq!(canonical, shown.to_lowercase());
                let upper = format!("0x{}", canonical[2..].to_uppercase());
                assert_eq!(WalletAddress::parse(&upper), Ok(address));
            }
            // Base58 has one spelling.
            Chain::Solana => assert_eq!((canonical.as_str(), shown.as_str()), (&*text, &*text)),
        }
    }
    // Every 20 and every 32 bytes are an address.
    let whole = [
        bytes.first_chunk().map(|bytes| WalletAddress::from_evm_bytes(*bytes)),
        bytes.first_chunk().map(|bytes| WalletAddress::from_solana_bytes(*bytes)),
    ];
    for address in whole.into_iter().flatten() {
        assert_eq!(WalletAddress::parse(&address.to_string()), Ok(address));
    }
    networks(&text);
}

fn second_opinion(text: &str) -> Option<Vec<u8>> {
    let Some(digits) = text.strip_prefix("0x") else {
        // 32 to 44 characters, lest somebody wait for the decoding of a long one.
        let bytes = (32..=44).contains(&text.len()).then(|| bs58::decode(text).into_vec().ok())??;
        return (bytes.len() == 32).then_some(bytes);
    };
    let bytes = hex::decode(digits).ok().filter(|bytes| bytes.len() == 20)?;
    let is_of_one_case = digits == digits.to_lowercase() || digits == digits.to_uppercase();
    (is_of_one_case || has_checksum(digits)).then_some(bytes)
}

/// EIP-55 by bits of the hash.
fn has_checksum(digits: &str) -> bool {
    let hash = Keccak256::digest(digits.to_lowercase());
    digits.bytes().enumerate().filter(|(_, digit)| digit.is_ascii_alphabetic()).all(|(place, digit)| {
        let byte = hash[place / 2];
        let is_high = if place % 2 == 0 { byte & 0x80 } else { byte & 0x08 } != 0;
        digit.is_ascii_uppercase() == is_high
    })
}

fn networks(text: &str) {
    if let Ok(network) = Network::parse(text) {
        assert_eq!(network.to_string(), text, "a network has one name");
        let name = network.v1_name();
        assert_eq!(name.and_then(Network::from_v1_name), name.map(|_| network));
        assert_eq!(network.is_solana(), network.evm_chain_id().is_none());
    }
    if let Some(network) = Network::from_v1_name(text) {
        assert_eq!(Network::parse(&network.to_string()), Ok(network));
        assert_eq!(network.v1_name(), Some(text));
    }
    if let Ok(chain) = text.parse::<Chain>() {
        assert_eq!(chain.to_string(), text);
    }
}
