//! Signatures of wallets, and the messages that they sign: whatever comes, only what the wallet signed proves anything.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use crochet_wallet::{
    Chain, EVM_MAINNET, EvmSigner, ProofError, SOLANA_MAINNET, SignInMessage, SolanaSigner, WalletAddress, evm_signer,
    verify_ownership, verify_ownership_of_bytes,
};

use crate::input::{lines, now, seed, text};

/// Four lines: an address, a signature, a field of a message, and the rest of one. For a signature that begins with `^`
/// a wallet's own is taken, changed by what follows: by nothing, where that is zeros.
pub fn signatures(bytes: &[u8]) {
    let text = text(bytes);
    let [address, signature, field, message] = lines(&text);
    let message_of_two = [field, message].join("\n");
    if let Ok(address) = WalletAddress::parse(address) {
        let verdict = verify_ownership(&address, &message_of_two, signature);
        assert_eq!(verify_ownership_of_bytes(&address, message_of_two.as_bytes(), signature), verdict);
        if verdict.is_ok() {
            proves_nothing_else(&address, &message_of_two, signature);
        }
    }
    if let Ok(raw) = hex::decode(signature)
        && let Ok(signer) = evm_signer(&seed(bytes), &raw)
    {
        assert!(matches!(raw.len(), 64 | 65) && signer.chain() == Chain::Evm);
    }
    // Signing takes long: only where it is asked for.
    if let Some(mask) = signature.strip_prefix('^') {
        signed_by_a_wallet(&seed(bytes), mask, &message_of_two);
    }
    sign_in(field, message, &seed(bytes));
}

fn proves_nothing_else(address: &WalletAddress, message: &str, signature: &str) {
    assert_eq!(verify_ownership(address, &format!("{message} "), signature), Err(ProofError::WrongSignature));
    let other = match address.chain() {
        Chain::Evm => WalletAddress::from_evm_bytes([1; 20]),
        // The base point of the curve: a key that is not weak.
        Chain::Solana => WalletAddress::parse("6yAW5BxwJgWj9AvzH5YENFDCY3Y1fF3vNnaLc7HhK3sR").unwrap(),
    };
    assert!(other == *address || verify_ownership(&other, message, signature).is_err());
}

/// What a wallet has signed proves it, and the same bytes changed by `mask` do not.
fn signed_by_a_wallet(key: &[u8; 32], mask: &str, message: &str) {
    let mask: Vec<u8> = mask.bytes().take(65).map(|byte| byte.wrapping_sub(b'0')).collect();
    if key[0].is_multiple_of(2) {
        let Ok(signer) = EvmSigner::from_bytes(*key) else { return };
        let bytes = hex::decode(&signer.sign(message)[2..]).unwrap();
        let changed = masked(&bytes, &mask);
        // The last byte has two spellings of each parity.
        let is_same = changed[..64] == bytes[..64] && changed[64] % 27 == bytes[64] % 27 && changed[64] < 29;
        let spelled =
            if key[1].is_multiple_of(2) { hex::encode(&changed) } else { format!("0x{}", hex::encode_upper(&changed)) };
        assert_eq!(verify_ownership(&signer.address(), message, &spelled).is_ok(), is_same, "{spelled}");
        let twin = verify_ownership(&signer.address(), message, &hex::encode(twin(&bytes)));
        assert_eq!(twin, Err(ProofError::HighS), "two signatures of one text");
    } else {
        let signer = SolanaSigner::from_bytes(*key);
        let bytes = bs58::decode(&signer.sign(message)).into_vec().unwrap();
        let changed = masked(&bytes, &mask);
        let spelled =
            if key[1].is_multiple_of(2) { bs58::encode(&changed).into_string() } else { STANDARD.encode(&changed) };
        assert_eq!(verify_ownership(&signer.address(), message, &spelled).is_ok(), changed == bytes, "{spelled}");
    }
}

/// The signature (r, n - s) with the other parity, which the curve takes for the same.
fn twin(signature: &[u8]) -> Vec<u8> {
    let order = hex::decode("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141").unwrap();
    let mut twin = signature.to_vec();
    let mut borrow = 0;
    for place in (0..32).rev() {
        let difference = i16::from(order[place]) - i16::from(signature[32 + place]) - borrow;
        borrow = i16::from(difference < 0);
        twin[32 + place] = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    twin[64] ^= 27 ^ 28;
    twin
}

fn masked(bytes: &[u8], mask: &[u8]) -> Vec<u8> {
    bytes.iter().zip(mask.iter().chain(std::iter::repeat(&0))).map(|(byte, mask)| byte ^ mask).collect()
}

/// A sign-in message that says the same to whoever reads it line by line as to whoever wrote it.
fn sign_in(field: &str, other: &str, bytes: &[u8; 32]) {
    let addresses = [
        (WalletAddress::from_evm_bytes(*bytes.first_chunk().unwrap()), EVM_MAINNET, "Ethereum"),
        (WalletAddress::from_solana_bytes(*bytes), SOLANA_MAINNET, "Solana"),
    ];
    for (address, chain_id, account) in addresses {
        let message = SignInMessage {
            domain: field.to_owned(),
            uri: other.to_owned(),
            address,
            statement: other.to_owned(),
            nonce: field.to_owned(),
            issued_at: now(),
            expires_at: now() + TimeDelta::seconds(300),
            request_id: Some(other.to_owned()),
            chain_id: chain_id.to_owned(),
        };
        let written = message.to_string();
        let line = |text: &str| -> String {
            let is_end = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
            text.chars().map(|c| if is_end(c) { ' ' } else { c }).collect()
        };
        let mut expected = vec![
            format!("{} wants you to sign in with your {account} account:", line(field)),
            address.to_string(),
            String::new(),
        ];
        if !other.is_empty() {
            expected.push(line(other));
        }
        if !other.is_empty() || address.chain() == Chain::Evm {
            expected.push(String::new());
        }
        expected.extend([
            format!("URI: {}", line(other)),
            "Version: 1".to_owned(),
            format!("Chain ID: {chain_id}"),
            format!("Nonce: {}", line(field)),
            "Issued At: 2026-05-03T12:00:00.000Z".to_owned(),
            "Expiration Time: 2026-05-03T12:05:00.000Z".to_owned(),
            format!("Request ID: {}", line(other)),
        ]);
        assert_eq!(written.split('\n').collect::<Vec<_>>(), expected);
    }
}
