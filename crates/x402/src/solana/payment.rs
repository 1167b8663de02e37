//! A payment on Solana: which transaction is one, and what it pays.

use crochet_wallet::{Chain, WalletAddress};
use ed25519_dalek::{Signature, VerifyingKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::derived::associated_token_account;
use super::programs::{COMPUTE_BUDGET, Key, LIGHTHOUSE, MEMO, TOKEN, TOKEN_2022, id_of};
use super::wire::{Instruction, MAX_TRANSACTION_BYTES, Transaction};
use crate::asset::Asset;
use crate::base64;
use crate::decode::DecodeError;

/// What the first byte of a token program's `TransferChecked` is.
const TRANSFER_CHECKED: u8 = 12;
/// What the first bytes of the compute budget's two instructions are.
const SET_LIMIT: u8 = 2;
const SET_PRICE: u8 = 3;
/// Who pays the fees is not to pay for more: compute units, and micro-lamports for each.
const MOST_UNITS: u32 = 400_000;
const HIGHEST_PRICE: u64 = 5_000_000;
/// Memos and assertions of wallets.
const MOST_OPTIONAL: usize = 4;

/// A payment as a client has signed it. Nothing of it is proved until [`problem`](Self::problem) finds nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SolanaPayment {
    transaction: Transaction,
    transfer: Transfer,
}

/// The transfer of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Transfer {
    program: Key,
    source: Key,
    mint: Key,
    destination: Key,
    authority: Key,
    base_units: u64,
    decimals: u8,
}

impl SolanaPayment {
    /// Reads the scheme's payload, `{transaction}`: base64 of a transaction, legacy or version 0, with a transfer in it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(payload: &Value) -> Result<Self, DecodeError> {
        let text = payload.get("transaction").and_then(Value::as_str).ok_or(DecodeError::Missing("transaction"))?;
        let transaction = decode(text).ok_or(DecodeError::Transaction)?;
        let instructions = &transaction.message.instructions;
        let transfer = instructions.iter().find_map(|instruction| Transfer::read(&transaction, instruction));
        let transfer = transfer.ok_or(DecodeError::NoTransfer)?;
        Ok(Self { transaction, transfer })
    }

    /// The scheme's payload, for who submits it: without what stands where the fee payer's signature will be.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut transaction = self.transaction.clone();
        if let Some(first) = transaction.signatures.first_mut() {
            *first = [0; 64];
        }
        json!({ "transaction": base64::encode(transaction.to_bytes()) })
    }

    /// Whose money it moves, and who has to have signed it.
    #[must_use]
    pub const fn payer(&self) -> WalletAddress {
        WalletAddress::from_solana_bytes(self.transfer.authority)
    }

    /// The token.
    #[must_use]
    pub const fn mint(&self) -> WalletAddress {
        WalletAddress::from_solana_bytes(self.transfer.mint)
    }

    /// The account that the money leaves.
    #[must_use]
    pub const fn source(&self) -> WalletAddress {
        WalletAddress::from_solana_bytes(self.transfer.source)
    }

    /// The account that the money reaches; see [`token_account`].
    #[must_use]
    pub const fn destination(&self) -> WalletAddress {
        WalletAddress::from_solana_bytes(self.transfer.destination)
    }

    /// How much.
    #[must_use]
    pub const fn base_units(&self) -> u64 {
        self.transfer.base_units
    }

    /// Who pays the network's fees.
    #[must_use]
    pub fn fee_payer(&self) -> Option<WalletAddress> {
        self.transaction.message.accounts.first().copied().map(WalletAddress::from_solana_bytes)
    }

    /// The block that it has to come soon after: base58 of its hash.
    #[must_use]
    pub fn blockhash(&self) -> String {
        WalletAddress::from_solana_bytes(self.transaction.message.blockhash).canonical()
    }

    /// What the network takes once: the SHA-256 of what is signed, in lower-case hexadecimal with `0x`. The signatures
    /// are not in it, which those who sign could make anew.
    #[must_use]
    pub fn message_hash(&self) -> String {
        message_hash(&self.transaction)
    }

    /// The memos in it, where they are text.
    pub fn memos(&self) -> impl Iterator<Item = &str> {
        let message = &self.transaction.message;
        let memos = message.instructions.iter().filter(|one| message.account(one.program) == Some(&MEMO));
        memos.filter_map(|memo| std::str::from_utf8(&memo.data).ok())
    }

    /// Why it does not pay `base_units` of `asset` to `recipient`, or not that alone, as one word of the protocol. `None`
    /// where nothing is wrong: then the payer has signed it, and it needs the fee payer's signature and no other. Whose
    /// fee payer it names is not asked here.
    #[must_use]
    pub fn problem(&self, asset: &Asset, recipient: &WalletAddress, base_units: u64) -> Option<&'static str> {
        let (message, transfer) = (&self.transaction.message, &self.transfer);
        let mut keys: Vec<&Key> = message.accounts.iter().collect();
        keys.sort_unstable();
        let has_twice = keys.windows(2).any(|pair| pair.first() == pair.last());
        if !message.is_whole() || has_twice {
            return Some("invalid_exact_svm_payload_transaction");
        }
        if message.required_signatures != 2 || self.transaction.signatures.len() != 2 {
            return Some("invalid_exact_svm_payload_excessive_signers");
        }
        // Other accounts than those that can be seen here could be anything.
        if message.has_lookups {
            return Some("smart_wallet_alt_resolution_not_available");
        }
        let [fee_payer, payer, ..] = message.accounts.as_slice() else {
            return Some("invalid_exact_svm_payload_transaction");
        };
        // The fee payer's signature is for the fees: nothing in the transaction may use it.
        if message.instructions.iter().any(|instruction| instruction.accounts.contains(&0)) {
            return Some("invalid_exact_svm_payload_transaction_fee_payer_transferring_funds");
        }
        if *payer != transfer.authority || fee_payer == payer {
            return Some("invalid_exact_svm_payload_signature_invalid");
        }
        if let Some(reason) = self.unwanted() {
            return Some(reason);
        }
        if asset.token_program().map(id_of) != Some(transfer.program) || transfer.decimals != asset.decimals() {
            return Some("invalid_exact_svm_payload_no_transfer_instruction");
        }
        if self.mint() != *asset.address() {
            return Some("invalid_exact_svm_payload_mint_mismatch");
        }
        if transfer.base_units != base_units {
            return Some("invalid_exact_svm_payload_amount_mismatch");
        }
        if token_account(asset, recipient) != Some(self.destination()) || transfer.source == transfer.destination {
            return Some("invalid_exact_svm_payload_recipient_mismatch");
        }
        (!self.is_signed_by(payer)).then_some("invalid_exact_svm_payload_signature_invalid")
    }

    /// What is in it besides one transfer, and is not taken.
    fn unwanted(&self) -> Option<&'static str> {
        let message = &self.transaction.message;
        let (mut limits, mut prices, mut transfers, mut optional) = (0, 0, 0, 0);
        for instruction in &message.instructions {
            let data = instruction.data.as_slice();
            match message.account(instruction.program) {
                Some(&COMPUTE_BUDGET) => match data {
                    [SET_LIMIT, units @ ..] => {
                        let units = <[u8; 4]>::try_from(units).ok().map(u32::from_le_bytes);
                        if units.is_none_or(|units| units > MOST_UNITS) {
                            return Some(
                                "invalid_exact_svm_payload_transaction_instructions_compute_limit_instruction_too_high",
                            );
                        }
                        limits += 1;
                    }
                    [SET_PRICE, price @ ..] => {
                        let price = <[u8; 8]>::try_from(price).ok().map(u64::from_le_bytes);
                        if price.is_none_or(|price| price > HIGHEST_PRICE) {
                            return Some(
                                "invalid_exact_svm_payload_transaction_instructions_compute_price_instruction_too_high",
                            );
                        }
                        prices += 1;
                    }
                    _ => return Some("invalid_exact_svm_payload_transaction_instructions_compute_limit_instruction"),
                },
                Some(&MEMO | &LIGHTHOUSE) => optional += 1,
                _ if Transfer::read(&self.transaction, instruction).is_some() => transfers += 1,
                _ => return Some("invalid_exact_svm_payload_unknown_optional_instruction"),
            }
        }
        if limits > 1 || prices > 1 || transfers != 1 || optional > MOST_OPTIONAL {
            return Some("invalid_exact_svm_payload_transaction_instructions_length");
        }
        None
    }

    fn is_signed_by(&self, payer: &Key) -> bool {
        let Some(signature) = self.transaction.signatures.get(1) else { return false };
        // As the network does it: keys that anybody can sign for are refused.
        VerifyingKey::from_bytes(payer).is_ok_and(|key| {
            key.verify_strict(&self.transaction.message_bytes, &Signature::from_bytes(signature)).is_ok()
        })
    }
}

impl Transfer {
    /// Reads an instruction; `None` for anything but a transfer that one wallet signs.
    fn read(transaction: &Transaction, instruction: &Instruction) -> Option<Self> {
        let account = |place: &u8| transaction.message.account(*place).copied();
        let program = account(&instruction.program).filter(|program| matches!(*program, TOKEN | TOKEN_2022))?;
        let ([source, mint, destination, authority], [TRANSFER_CHECKED, rest @ ..]) =
            (instruction.accounts.as_slice(), instruction.data.as_slice())
        else {
            return None;
        };
        let (base_units, decimals) = rest.split_first_chunk::<8>()?;
        let &[decimals] = decimals else { return None };
        Some(Self {
            program,
            source: account(source)?,
            mint: account(mint)?,
            destination: account(destination)?,
            authority: account(authority)?,
            base_units: u64::from_le_bytes(*base_units),
            decimals,
        })
    }
}

/// A transaction that a node shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LandedTransaction {
    /// See [`SolanaPayment::message_hash`].
    pub message_hash: String,
    /// The accounts in its message, in order.
    pub accounts: Vec<WalletAddress>,
}

impl LandedTransaction {
    /// Reads base64; `None` for anything but a transaction.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let transaction = decode(text)?;
        let accounts = transaction.message.accounts.iter().copied().map(WalletAddress::from_solana_bytes);
        Some(Self { message_hash: message_hash(&transaction), accounts: accounts.collect() })
    }
}

/// The account that holds a wallet's tokens of an asset; `None` where one of the two is not on Solana.
#[must_use]
pub fn token_account(asset: &Asset, owner: &WalletAddress) -> Option<WalletAddress> {
    let key = |address: &WalletAddress| {
        (address.chain() == Chain::Solana).then(|| Key::try_from(address.as_bytes()).ok()).flatten()
    };
    let program = id_of(asset.token_program()?);
    associated_token_account(&key(owner)?, &program, &key(asset.address())?).map(WalletAddress::from_solana_bytes)
}

fn decode(text: &str) -> Option<Transaction> {
    // Before decoding: four characters for three bytes.
    if text.len() > MAX_TRANSACTION_BYTES.div_ceil(3) * 4 {
        return None;
    }
    Transaction::read(&base64::decode(text)?)
}

fn message_hash(transaction: &Transaction) -> String {
    let hash = Sha256::digest(&transaction.message_bytes);
    hash.iter().fold("0x".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}
