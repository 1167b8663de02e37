//! Known answers of other implementations, and what must be refused.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer, SigningKey, Verifier, VerifyingKey};
use proptest::prelude::*;

use crate::{MAX_SIGNATURE_BYTES, ProofError, WalletAddress, verify_ownership, verify_ownership_of_bytes};

pub(crate) const SOME_DATA: &str = "b91467e570a6466aa9e9876cbcd013baba02900b8979d43fe208a4a4f339f5fd6007e74cd82e037b800186422fc2da167c747ef045e5d18a5f5d4300f8e1a0291c";
pub(crate) const LEADING_ZEROS: &str = "00515bc8fd32264e21ec0820e8c5123ed58c1195c9ea17cb018b1ad4073cc5a60080f5dcec397a5a8c523082bfa41771568903aa554ec06ba8475ca9050fb7d51b";
pub(crate) const TALLY: &str = "www.tally.xyz wants you to sign in with your Ethereum account:\n0xc95EB884FE852e241D409234bfC7045CB9E31BD7\n\nSign in with Ethereum to Tally\n\nURI: https://tally.xyz\nVersion: 1\nChain ID: 1\nNonce: 15050747\nIssued At: 2022-06-30T14:08:51.382Z";

const SIGNER: &str = "0x2c7536E3605D9C16a7a3D7b1898e529396a65c23";
const HIGH_S: &str = "b91467e570a6466aa9e9876cbcd013baba02900b8979d43fe208a4a4f339f5fd9ff818b327d1fc847ffe79bdd03d25e83e3a5df66962ceb160751b8bd754a1181b";
const RFC_8032_TEST_2: &str = "586Z7H2vpX9qNhN2T4e9Utugie3ogjbxzGaMtM3E6HR5";
const HELLO_WORLD: &str = "21ScMBjN68rUeQpT3zW3jLqvTLMBrWqonUCWmKJ9k4DzN8r3R7LqdH3WzcFmqZTBvJtbb8ynvJ5QRni6WRWyQAqj";

fn prove(address: &str, message: &[u8], signature: &str) -> Result<(), ProofError> {
    verify_ownership_of_bytes(&WalletAddress::parse(address).unwrap(), message, signature)
}

#[test]
fn evm_wallets_prove_themselves() {
    let bytes = hex::decode("47173285a8d7341e5e972fc677286384f802f8ef42a5ec5f03bbfa254cb01fad").unwrap();
    for (address, message, signature) in [
        (SIGNER, "Some data".as_bytes(), SOME_DATA),
        (
            "0x14791697260E4c9A71f18484C9f997B308e59325",
            b"hello world",
            "ddd0a7290af9526056b4e35a077b9a11b513aa0028ec6c9880948544508f3c63265e99e47ad31bb2cab9646c504576b3abc6939a1710afc08cbf3034d73214b81c",
        ),
        (
            "0xD351c7c627ad5531Edb9587f4150CaF393c33E87",
            bytes.as_slice(),
            "546f0c996fa4cfbf2b68fd413bfb477f05e44e66545d7782d87d52305831cd055fc9943e513297d0f6755ad1590a5476bf7d1761d4f9dc07dfe473824bbdec751b",
        ),
        (SIGNER, b"10284", LEADING_ZEROS),
        (
            "0xc95EB884FE852e241D409234bfC7045CB9E31BD7",
            TALLY.as_bytes(),
            "8c46b6eb8505939892d8e9b075f89f8277321b17b993151f37810cdda38cce6f4a85909d2b53e6a14629c74c0ac38bf4becde78ee5b2529812bf6cceaf7b2a2501",
        ),
    ] {
        assert_eq!(prove(address, message, signature), Ok(()), "{address}");
        assert_eq!(prove(address, message, &format!("0x{signature}")), Ok(()), "{address} with 0x");
        assert_eq!(prove(address, b"another text", signature), Err(ProofError::WrongSignature), "{address}");
    }
}

#[test]
fn the_recovery_byte_is_27_28_0_or_1() {
    let with = |v: &str| prove(SIGNER, b"Some data", &format!("{}{v}", &SOME_DATA[..128]));
    assert_eq!(with("1c"), Ok(()));
    assert_eq!(with("01"), Ok(()));
    assert_eq!(with("1b"), Err(ProofError::WrongSignature));
    assert_eq!(with("00"), Err(ProofError::WrongSignature));
    for v in ["02", "03", "1a", "1d", "1f", "20", "25", "ff"] {
        assert_eq!(with(v), Err(ProofError::RecoveryByte), "{v}");
    }
}

#[test]
fn the_high_s_twin_of_a_signature_is_refused() {
    assert_eq!(prove(SIGNER, b"Some data", HIGH_S), Err(ProofError::HighS));
}

#[test]
fn r_and_s_of_zero_or_beyond_the_order_are_refused() {
    for half in ["00".repeat(32), "ff".repeat(32)] {
        for signature in [format!("{half}{}", &SOME_DATA[64..]), format!("{}{half}1c", &SOME_DATA[..64])] {
            assert_eq!(prove(SIGNER, b"Some data", &signature), Err(ProofError::WrongSignature), "{signature}");
        }
    }
}

#[test]
fn a_contract_wallets_signature_is_refused_with_an_error_that_says_so() {
    let erc_6492 = format!("0x{}{}", "00".repeat(300), "6492".repeat(16));
    let two_owners = format!("{SOME_DATA}{SOME_DATA}");
    for signature in [erc_6492, two_owners, "6492".repeat(16)] {
        let error = prove(SIGNER, b"Some data", &signature).unwrap_err();
        assert_eq!(error, ProofError::ContractWallet);
        assert!(error.to_string().contains("smart-contract wallet"));
    }
}

#[test]
fn an_evm_signature_of_another_form_is_refused() {
    for (signature, error) in [
        ("", ProofError::Length),
        ("0x", ProofError::Length),
        (&SOME_DATA[..128], ProofError::Length),
        (&SOME_DATA[..129], ProofError::Encoding),
        (HELLO_WORLD, ProofError::Encoding),
        (&"00".repeat(MAX_SIGNATURE_BYTES), ProofError::Length),
    ] {
        assert_eq!(prove(SIGNER, b"Some data", signature), Err(error), "{signature}");
    }
}

#[test]
fn solana_wallets_prove_themselves_in_base58_and_base64() {
    for (address, message, signature) in [
        (
            "2xRiSnKRWfFwwtkBPewQ6E4QA2SK9kzypVukLh35hiS8",
            [1, 2, 3].as_slice(),
            "2L3KjHvkBYbmXpdwDwWzrkNUep4qUxpJ2g3gACpc1MfHDQ5ezcArStYTpyRx1iXTFHSCPXP8R3gGZBf8hDh8wtP3",
        ),
        (
            "FVen3X669xLzsi6N2V91DoiyzHzg1uAgqiT8jZ9nS96Z",
            b"",
            "5awYiUvGiDFA33EJjj4TXJG44a5afJc8QjWRpGgQiu6b23jCr7yndW2fmp9ujwqJVe32J456wV3VF78Asb1obnTc",
        ),
        (
            RFC_8032_TEST_2,
            &[0x72],
            "3w2b4gJH2VXfrwycUgMiE3TZJTztazKppFVojCQ9NDMDHq8PVTHxQdQovxMFxqeqeQf1xaADvhkj2nMuB1kzouA7",
        ),
        (
            "Hyx62wPQGyvXCoihZq1BrbUjBRh2LuNxWiiqMkfAuSZr",
            &[0xaf, 0x82],
            "2yJWpEDyPohQdWYzC48An2y8GrhonerMP4m9NFW2FxXgZ43JrPrBWTS7XPhqdEX7oevjg4Si5JtbggC1KGCrP1km",
        ),
        (RFC_8032_TEST_2, b"hello world", HELLO_WORLD),
    ] {
        assert_eq!(prove(address, message, signature), Ok(()), "{address}");
        let base64 = STANDARD.encode(bs58::decode(signature).into_vec().unwrap());
        assert_eq!(prove(address, message, &base64), Ok(()), "{address} in base64");
        assert_eq!(prove(address, message, base64.trim_end_matches('=')), Ok(()), "{address} without padding");
        assert_eq!(prove(address, b"another text", signature), Err(ProofError::WrongSignature), "{address}");
    }
    let base64 = "Qm+45O+9fy4XqHVFOo+EpHC9y+S3lwAXs7U0S3DhloC4pCQVZc1zHH/dGIflCEXoEOEs5RHszq5mz0/9YAeuCg==";
    assert_eq!(prove("2xRiSnKRWfFwwtkBPewQ6E4QA2SK9kzypVukLh35hiS8", &[1, 2, 3], base64), Ok(()));
}

#[test]
fn a_weak_key_under_which_anybody_signs_is_refused() {
    let address = "4uQeVj5tqViQh7yWWGStvkEG1Zmhx6uasJtWCJziofM";
    let signature = "2AFv15MNPuA84RmU66xw2uMzGipcVxNpzAffoacGVvjFue3CBmf633fAWuiP9cwL9C3z3CJiGgRSFjJfeEcA6QX";
    // The premise: without strictness this "signature" verifies, whatever the text.
    let key = VerifyingKey::from_bytes(WalletAddress::parse(address).unwrap().as_bytes().try_into().unwrap()).unwrap();
    let forged = Signature::from_slice(&bs58::decode(signature).into_vec().unwrap()).unwrap();
    for text in ["hello world", "any text at all"] {
        assert!(key.verify(text.as_bytes(), &forged).is_ok());
        assert!(key.verify_strict(text.as_bytes(), &forged).is_err());
        assert_eq!(prove(address, text.as_bytes(), signature), Err(ProofError::WeakKey));
    }
}

#[test]
fn an_off_chain_wrapping_proves_the_text_that_it_wraps() {
    let key = SigningKey::from_bytes(&[5; 32]);
    let address = WalletAddress::from_solana_bytes(key.verifying_key().to_bytes());
    let sign = |signed: &[u8]| bs58::encode(key.sign(signed).to_bytes()).into_string();
    let domain = hex::decode("ff736f6c616e61206f6666636861696e").unwrap();
    for (header, proven) in [
        (vec![0, 0, 5, 0], true),
        (vec![0, 1, 5, 0], true),
        (vec![0, 3, 5, 0], false),
        (vec![0, 0, 4, 0], false),
        ([&[1, 1], address.as_bytes()].concat(), true),
        ([&[1, 1], [9; 32].as_slice()].concat(), false),
        (vec![2], false),
    ] {
        let signature = sign(&[&domain, header.as_slice(), b"hello"].concat());
        assert_eq!(verify_ownership(&address, "hello", &signature).is_ok(), proven, "{header:?}");
    }
}

#[test]
fn a_solana_signature_of_another_length_is_refused() {
    let encode = |length| bs58::encode(vec![0x7f; length]).into_string();
    for (signature, error) in [
        (String::new(), ProofError::Length),
        (encode(32), ProofError::Length),
        (encode(63), ProofError::Length),
        (STANDARD.encode([0x7f; 63]), ProofError::Length),
        (encode(65), ProofError::Length),
        (format!("0x{}", SOME_DATA), ProofError::Length),
        ("*".repeat(88), ProofError::Encoding),
    ] {
        assert_eq!(prove(RFC_8032_TEST_2, b"hello world", &signature), Err(error), "{signature}");
    }
}

proptest! {
    #[test]
    fn no_signature_panics_the_verification(
        text in "\\PC*", hex in "(0x)?([0-9a-f]{2}){60,70}", base58 in "[1-9A-HJ-NP-Za-km-z]{60,90}",
    ) {
        for address in [SIGNER, RFC_8032_TEST_2, "11111111111111111111111111111111"] {
            for signature in [&text, &hex, &base58] {
                prop_assert!(prove(address, b"hello world", signature).is_err());
            }
        }
    }
}
