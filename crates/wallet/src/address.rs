//! The address of a wallet, which also says on which chain it lives.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use utoipa::openapi::{RefOr, Schema, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

use crate::{Chain, evm, solana};

/// An address on one chain. Two spellings of one address are equal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WalletAddress(Repr);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Repr {
    Evm([u8; 20]),
    Solana([u8; 32]),
}

/// Why a text is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AddressError {
    /// Neither `0x…` nor base58 of the length of a Solana address.
    #[error("not a wallet address: expected 0x and 40 hex digits, or 32 to 44 characters of base58")]
    Unrecognized,
    /// `0x` followed by something else than 40 hex digits.
    #[error("an EVM address is 0x and 40 hex digits")]
    NotHex,
    /// Upper and lower case that do not match the EIP-55 checksum: a mistyped address, most likely.
    #[error("the EVM address does not match its EIP-55 checksum; check it, or write it all in lower case")]
    Checksum,
    /// Base58 of another number of bytes than 32.
    #[error("a Solana address is the base58 of 32 bytes")]
    NotThirtyTwoBytes,
}

impl WalletAddress {
    /// Reads an address of either chain. An EVM address in one case, upper or lower, is taken as it is; in mixed case
    /// it must match its EIP-55 checksum.
    ///
    /// # Errors
    /// What is wrong with `text`, for the chain that it looks like.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        match text.strip_prefix("0x") {
            Some(digits) => evm::parse_address(digits).map(Self::from_evm_bytes),
            None => solana::parse_address(text).map(Self::from_solana_bytes),
        }
    }

    /// The EVM address of these 20 bytes.
    #[must_use]
    pub const fn from_evm_bytes(bytes: [u8; 20]) -> Self {
        Self(Repr::Evm(bytes))
    }

    /// The Solana address of these 32 bytes, which need not be a key that can sign.
    #[must_use]
    pub const fn from_solana_bytes(bytes: [u8; 32]) -> Self {
        Self(Repr::Solana(bytes))
    }

    /// The chain that the address belongs to.
    #[must_use]
    pub const fn chain(&self) -> Chain {
        match self.0 {
            Repr::Evm(_) => Chain::Evm,
            Repr::Solana(_) => Chain::Solana,
        }
    }

    /// The one spelling to store and to compare by: EVM in lower case with `0x`, Solana in base58.
    #[must_use]
    pub fn canonical(&self) -> String {
        match &self.0 {
            Repr::Evm(bytes) => format!("0x{}", hex::encode(bytes)),
            Repr::Solana(bytes) => bs58::encode(bytes).into_string(),
        }
    }

    /// The address as bytes: 20 on EVM chains, 32 on Solana.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Evm(bytes) => bytes,
            Repr::Solana(bytes) => bytes,
        }
    }

    pub(crate) const fn repr(&self) -> &Repr {
        &self.0
    }
}

impl PartialSchema for WalletAddress {
    fn schema() -> RefOr<Schema> {
        crochet_primitives::schema::text(
            "The address of a wallet. EVM: `0x` and 40 hexadecimal digits, in one case or with the checksum of EIP-55. \
             Solana: the base58 of 32 bytes.",
            "^(0x[0-9a-fA-F]{40}|[1-9A-HJ-NP-Za-km-z]{32,44})$",
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        )
        .format(Some(SchemaFormat::Custom("wallet-address".to_owned())))
        .into()
    }
}

impl ToSchema for WalletAddress {}

/// The spelling to show: EVM with its EIP-55 checksum, Solana in base58.
impl fmt::Display for WalletAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Evm(bytes) => write!(f, "0x{}", evm::checksummed(bytes)),
            Repr::Solana(_) => f.write_str(&self.canonical()),
        }
    }
}

impl fmt::Debug for WalletAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WalletAddress({self})")
    }
}

impl FromStr for WalletAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CHECKSUMMED: [&str; 4] = [
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ];

    #[test]
    fn an_evm_address_is_read_in_one_case_or_with_its_checksum() {
        for text in CHECKSUMMED {
            let address = WalletAddress::parse(text).unwrap();
            assert_eq!(address.chain(), Chain::Evm);
            assert_eq!(address.to_string(), text);
            assert_eq!(address.canonical(), text.to_lowercase());
            let upper = format!("0x{}", text[2..].to_uppercase());
            assert_eq!(WalletAddress::parse(&upper), Ok(address));
            assert_eq!(WalletAddress::parse(&text.to_lowercase()), Ok(address));
        }
    }

    #[test]
    fn an_evm_address_in_mixed_case_with_another_checksum_is_refused() {
        for text in CHECKSUMMED {
            for (index, letter) in text.char_indices().skip(2).filter(|(_, letter)| letter.is_ascii_alphabetic()) {
                let mut flipped = text.to_owned();
                let other = if letter.is_ascii_lowercase() { 'A'..='F' } else { 'a'..='f' };
                let other = other.into_iter().find(|other| other.eq_ignore_ascii_case(&letter)).unwrap();
                flipped.replace_range(index..=index, other.encode_utf8(&mut [0; 4]));
                assert_eq!(WalletAddress::parse(&flipped), Err(AddressError::Checksum), "{flipped}");
            }
        }
    }

    #[test]
    fn a_solana_address_is_the_base58_of_32_bytes() {
        for text in ["2xRiSnKRWfFwwtkBPewQ6E4QA2SK9kzypVukLh35hiS8", "11111111111111111111111111111111"] {
            let address = WalletAddress::parse(text).unwrap();
            assert_eq!(address.chain(), Chain::Solana);
            assert_eq!(address.canonical(), text);
            assert_eq!(address.to_string(), text);
        }
    }

    #[test]
    fn what_is_wrong_with_an_address_is_named() {
        use AddressError::{NotHex, NotThirtyTwoBytes, Unrecognized};
        for (text, error) in [
            ("", Unrecognized),
            ("0x", NotHex),
            ("0x5aaeb6053f3e94c9b9a09f33669435e7ef1beae", NotHex),
            ("0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed0", NotHex),
            ("0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaeg", NotHex),
            ("0x5aaeb6053f3e94c9b9a09f33669435e7ef1beä", NotHex),
            ("5aaeb6053f3e94c9b9a09f33669435e7ef1beaed", Unrecognized),
            (" 0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed", Unrecognized),
            ("2xRiSnKRWfFwwtkBPewQ6E4QA2SK9kzypVukLh35hiS80", Unrecognized),
            ("2xRiSnKRWfFwwtkBPewQ6E4QA2SK9kzypVukLh35hiSl", Unrecognized),
            ("2xRiSnKRWfFwwtkBPewQ6E4QA2SK9kzypVuk", NotThirtyTwoBytes),
            ("zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", NotThirtyTwoBytes),
        ] {
            assert_eq!(WalletAddress::parse(text), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_address_is_read_back_from_both_of_its_spellings(evm: [u8; 20], solana: [u8; 32]) {
            for address in [WalletAddress::from_evm_bytes(evm), WalletAddress::from_solana_bytes(solana)] {
                prop_assert_eq!(WalletAddress::parse(&address.canonical()), Ok(address));
                prop_assert_eq!(WalletAddress::parse(&address.to_string()), Ok(address));
            }
        }

        #[test]
        fn no_text_panics_the_parser(text in "(0x)?\\PC*", base58 in "[1-9A-HJ-NP-Za-km-z]{0,50}") {
            let _ = WalletAddress::parse(&text);
            let _ = WalletAddress::parse(&base58);
        }
    }
}
