//! The text that a wallet is asked to sign.

use std::fmt;

use crochet_primitives::{Timestamp, format_timestamp};

use crate::{Chain, WalletAddress};

/// EIP-4361's chain id of Ethereum.
pub const EVM_MAINNET: &str = "1";
/// Sign-In with Solana's chain id of the main network.
pub const SOLANA_MAINNET: &str = "mainnet";

/// A sign-in message in the shape that wallets recognise: EIP-4361 (Sign-In with Ethereum), or the same with Solana.
///
/// `Display` writes the text to sign: lines end with LF, the last one with nothing. The same fields always give the
/// same text, so it can be built again when the signature comes. No field can forge another one: what would end a line
/// is written as a space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInMessage {
    /// The host that asks, as in `getcrochet.ai`.
    pub domain: String,
    /// What is signed in to, as in `https://getcrochet.ai`.
    pub uri: String,
    /// Who signs. Decides between the Ethereum and the Solana form.
    pub address: WalletAddress,
    /// What signing means, in one line of ASCII; left out when empty.
    pub statement: String,
    /// At least eight letters or digits.
    pub nonce: String,
    /// When the text was made, in whole milliseconds.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// A further id; left out when `None`.
    pub request_id: Option<String>,
    /// [`EVM_MAINNET`] or [`SOLANA_MAINNET`], or another chain of the address's family.
    pub chain_id: String,
}

impl fmt::Display for SignInMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let account = match self.address.chain() {
            Chain::Evm => "Ethereum",
            Chain::Solana => "Solana",
        };
        write!(f, "{} wants you to sign in with your {account} account:\n{}\n", OneLine(&self.domain), self.address)?;
        match (self.statement.is_empty(), self.address.chain()) {
            (false, _) => write!(f, "\n{}\n\n", OneLine(&self.statement))?,
            // EIP-4361 keeps the blank lines around a statement that is not there, Solana's form keeps one.
            (true, Chain::Evm) => f.write_str("\n\n")?,
            (true, Chain::Solana) => f.write_str("\n")?,
        }
        write!(
            f,
            "URI: {}\nVersion: 1\nChain ID: {}\nNonce: {}\nIssued At: {}\nExpiration Time: {}",
            OneLine(&self.uri),
            OneLine(&self.chain_id),
            OneLine(&self.nonce),
            format_timestamp(self.issued_at),
            format_timestamp(self.expires_at),
        )?;
        match &self.request_id {
            Some(request_id) => write!(f, "\nRequest ID: {}", OneLine(request_id)),
            None => Ok(()),
        }
    }
}

/// Text whose line breaks and other control characters are written as spaces.
struct OneLine<'a>(&'a str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ends_line = |character: char| character.is_control() || matches!(character, '\u{2028}' | '\u{2029}');
        for (index, part) in self.0.split(ends_line).enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            f.write_str(part)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crochet_primitives::timestamp_from_millis;
    use proptest::prelude::*;

    use super::*;

    fn message(address: &str, chain_id: &str) -> SignInMessage {
        SignInMessage {
            domain: "getcrochet.ai".to_owned(),
            uri: "https://getcrochet.ai".to_owned(),
            address: WalletAddress::parse(address).unwrap(),
            statement: "Register this wallet with Crochet.".to_owned(),
            nonce: "0123456789abcdef".to_owned(),
            issued_at: timestamp_from_millis(1_777_809_600_000).unwrap(),
            expires_at: timestamp_from_millis(1_777_809_900_000).unwrap(),
            request_id: None,
            chain_id: chain_id.to_owned(),
        }
    }

    fn evm() -> SignInMessage {
        message("0x14791697260e4c9a71f18484c9f997b308e59325", EVM_MAINNET)
    }

    fn solana() -> SignInMessage {
        message("2xRiSnKRWfFwwtkBPewQ6E4QA2SK9kzypVukLh35hiS8", SOLANA_MAINNET)
    }

    #[test]
    fn an_evm_wallet_is_shown_a_sign_in_with_ethereum() {
        assert_eq!(
            SignInMessage { request_id: Some("profile-1".to_owned()), ..evm() }.to_string(),
            "getcrochet.ai wants you to sign in with your Ethereum account:\n\
             0x14791697260E4c9A71f18484C9f997B308e59325\n\
             \n\
             Register this wallet with Crochet.\n\
             \n\
             URI: https://getcrochet.ai\n\
             Version: 1\n\
             Chain ID: 1\n\
             Nonce: 0123456789abcdef\n\
             Issued At: 2026-05-03T12:00:00.000Z\n\
             Expiration Time: 2026-05-03T12:05:00.000Z\n\
             Request ID: profile-1"
        );
    }

    #[test]
    fn a_solana_wallet_is_shown_a_sign_in_with_solana() {
        assert_eq!(
            solana().to_string(),
            "getcrochet.ai wants you to sign in with your Solana account:\n\
             2xRiSnKRWfFwwtkBPewQ6E4QA2SK9kzypVukLh35hiS8\n\
             \n\
             Register this wallet with Crochet.\n\
             \n\
             URI: https://getcrochet.ai\n\
             Version: 1\n\
             Chain ID: mainnet\n\
             Nonce: 0123456789abcdef\n\
             Issued At: 2026-05-03T12:00:00.000Z\n\
             Expiration Time: 2026-05-03T12:05:00.000Z"
        );
    }

    #[test]
    fn a_message_that_others_made_is_built_the_same() {
        let tally = SignInMessage {
            domain: "www.tally.xyz".to_owned(),
            uri: "https://tally.xyz".to_owned(),
            address: WalletAddress::parse("0xc95EB884FE852e241D409234bfC7045CB9E31BD7").unwrap(),
            statement: "Sign in with Ethereum to Tally".to_owned(),
            nonce: "15050747".to_owned(),
            issued_at: timestamp_from_millis(1_656_598_131_382).unwrap(),
            ..evm()
        };
        let theirs = format!("{}\nExpiration Time: 2026-05-03T12:05:00.000Z", crate::vectors::TALLY);
        assert_eq!(tally.to_string(), theirs);
    }

    #[test]
    fn a_statement_that_is_not_there_leaves_the_blank_lines_of_its_form() {
        let without = |message| SignInMessage { statement: String::new(), ..message }.to_string();
        assert!(without(evm()).contains("59325\n\n\nURI: "));
        assert!(without(solana()).contains("hiS8\n\nURI: "));
    }

    proptest! {
        #[test]
        fn no_field_can_forge_another_one(statement in "(.|\n|\r|\u{2028}){1,40}", domain in "(.|\n){0,20}") {
            let message = SignInMessage { statement, domain, request_id: Some("a\r\nURI: b".to_owned()), ..evm() };
            prop_assert_eq!(message.to_string().split('\n').count(), 12);
        }
    }
}
