//! Whose an authorization's signature is.

use crochet_primitives::timestamp_from_millis;
use crochet_wallet::{EvmSigner, WalletAddress};
use crochet_x402::{Asset, Authorization, Network, SignedBy};
use proptest::prelude::*;

use crate::{NONCE, SELLER};

const KEY: &str = "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318";
/// The order of secp256k1.
const ORDER: &str = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";

fn usdc() -> Asset {
    Asset::usdc(Network::BASE).unwrap()
}

fn signer() -> EvmSigner {
    EvmSigner::from_bytes(hex::decode(KEY).unwrap().try_into().unwrap()).unwrap()
}

/// The payment that eth-account 0.14.0, in Python, has signed with this key.
fn known() -> Authorization {
    let second = |second: i64| timestamp_from_millis(second * 1000).unwrap();
    Authorization {
        from: "0x2c7536E3605D9C16a7a3D7b1898e529396a65c23".parse().unwrap(),
        to: SELLER.parse().unwrap(),
        value: 10_000,
        valid_after: second(1_777_809_000),
        valid_before: second(1_777_809_660),
        nonce: NONCE.to_owned(),
        signature: "0x352fbbe36b6c196189c7f59e57e243ab2e927c5f3323b65107dddfc3630b0701\
                    1affe1aca1ccb8b0c07a40a73e10b42846ba88b0b429aae11db11cc67089f02d1b"
            .to_owned(),
    }
}

fn signed(bytes: &[u8]) -> Authorization {
    Authorization { signature: format!("0x{}", hex::encode(bytes)), ..known() }
}

fn bytes() -> Vec<u8> {
    hex::decode(&known().signature[2..]).unwrap()
}

#[test]
fn what_another_library_signs_is_the_payers() {
    let hash = "02b1ff76a456ebb411eec7c1df5d7fb63d2aa48ec89c106719b04811fa4fa257";
    assert_eq!(hex::encode(known().signing_hash(&usdc()).unwrap()), hash);
    assert_eq!(known().signed_by(&usdc()), SignedBy::Payer);
    assert_eq!(signer().sign_hash(&known().signing_hash(&usdc()).unwrap()), known().signature);
}

#[test]
fn every_field_and_the_whole_domain_are_signed() {
    let second = |second: i64| timestamp_from_millis(second * 1000).unwrap();
    let changed = [
        Authorization { from: WalletAddress::from_evm_bytes([1; 20]), ..known() },
        Authorization { to: WalletAddress::from_evm_bytes([1; 20]), ..known() },
        Authorization { value: 10_001, ..known() },
        Authorization { valid_after: second(1_777_809_001), ..known() },
        Authorization { valid_before: second(1_777_809_661), ..known() },
        Authorization { nonce: NONCE.replace('3', "4"), ..known() },
        Authorization { nonce: "0x".to_owned(), ..known() },
    ];
    for changed in changed {
        assert_eq!(changed.signed_by(&usdc()), SignedBy::Nobody, "{changed:?}");
    }
    let address = usdc().address().to_string();
    let asset = |network, address, name, version| Asset::new(network, address, "USDC", 6, name, version).unwrap();
    let others = [
        asset(Network::BASE_SEPOLIA, &address, "USD Coin", "2"),
        asset(Network::BASE, SELLER, "USD Coin", "2"),
        asset(Network::BASE, &address, "USDC", "2"),
        asset(Network::BASE, &address, "USD Coin", "1"),
    ];
    for other in others {
        assert_eq!(known().signed_by(&other), SignedBy::Nobody, "{other:?}");
    }
}

#[test]
fn a_key_s_signature_may_be_written_in_64_bytes_and_v_from_0() {
    let [r_and_s @ .., v] = <[u8; 65]>::try_from(bytes()).unwrap();
    assert_eq!(signed(&[&r_and_s[..], &[v - 27]].concat()).signed_by(&usdc()), SignedBy::Payer);
    let mut compact = r_and_s;
    compact[32] |= (v - 27) << 7;
    assert_eq!(signed(&compact).signed_by(&usdc()), SignedBy::Payer);
    compact[32] ^= 0x80;
    assert_eq!(signed(&compact).signed_by(&usdc()), SignedBy::Nobody);
}

#[test]
fn the_high_twin_of_a_signature_is_nobodys_since_tokens_refuse_it() {
    let mut twin = bytes();
    let mut borrow = false;
    let order = hex::decode(ORDER).unwrap();
    for (digit, of_order) in twin[32..64].iter_mut().zip(&order).rev() {
        let (difference, under) = of_order.overflowing_sub(*digit);
        let (difference, again) = difference.overflowing_sub(borrow.into());
        (*digit, borrow) = (difference, under || again);
    }
    twin[64] = if twin[64] == 27 { 28 } else { 27 };
    assert_eq!(signed(&twin).signed_by(&usdc()), SignedBy::Nobody);
}

#[test]
fn what_is_longer_than_a_keys_is_a_contracts_and_what_is_shorter_is_nobodys() {
    for length in [66, 96, 128, 1_000] {
        assert_eq!(signed(&vec![7; length]).signed_by(&usdc()), SignedBy::Contract, "{length}");
    }
    for length in [0, 1, 63] {
        assert_eq!(signed(&vec![7; length]).signed_by(&usdc()), SignedBy::Nobody, "{length}");
    }
    let no_hex = Authorization { signature: "a signature".to_owned(), ..known() };
    assert_eq!(no_hex.signed_by(&usdc()), SignedBy::Nobody);
}

proptest! {
    #[test]
    fn a_signature_with_any_bit_turned_is_nobodys(bit in 0_usize..65 * 8) {
        let mut bytes = bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(signed(&bytes).signed_by(&usdc()), SignedBy::Nobody);
    }

    #[test]
    fn no_bytes_are_the_payers_but_the_payers_own(bytes in proptest::collection::vec(any::<u8>(), 0..70)) {
        let expected = if bytes.len() > 65 { SignedBy::Contract } else { SignedBy::Nobody };
        prop_assert_eq!(signed(&bytes).signed_by(&usdc()), expected);
    }
}
