//! Transactions as they are written and read.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

pub(super) type Key = [u8; 32];

/// A call of a program, before it is written.
#[derive(Debug, Clone)]
pub struct TestInstruction {
    /// The program.
    pub program: [u8; 32],
    /// The accounts, in order; whether each signs, and whether it is written to.
    pub accounts: Vec<([u8; 32], bool, bool)>,
    /// What the program reads.
    pub data: Vec<u8>,
}

/// A transaction, before it is signed and written.
#[derive(Debug, Clone)]
pub struct TestTransaction {
    /// Who pays the fees.
    pub fee_payer: [u8; 32],
    /// What it does, in order.
    pub instructions: Vec<TestInstruction>,
    /// The block that it has to come soon after.
    pub blockhash: [u8; 32],
    /// Whether it is written as before there were versions.
    pub is_legacy: bool,
    /// Whether it names a table of accounts, which nothing of it uses.
    pub has_lookup: bool,
}

/// A program as base58.
pub(super) fn key(base58: &str) -> Key {
    bs58::decode(base58).into_vec().ok().and_then(|bytes| bytes.try_into().ok()).unwrap_or_default()
}

pub(super) fn token() -> Key {
    key("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")
}

pub(super) fn memo() -> Key {
    key("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")
}

/// The account that holds a wallet's tokens of a mint.
pub(super) fn token_account(owner: &Key, mint: &Key) -> Key {
    let program = key("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL");
    let address = |bump: u8| -> Key {
        let parts = [&owner[..], &token(), mint, &[bump], &program, b"ProgramDerivedAddress"].concat();
        Sha256::digest(parts).into()
    };
    (0..=255).rev().map(address).find(|address| VerifyingKey::from_bytes(address).is_err()).unwrap_or_default()
}

impl TestTransaction {
    /// The bytes, with the signatures of those signers who are here, and zeros for the others.
    #[must_use]
    pub fn signed_by(&self, signers: &[&SigningKey]) -> Vec<u8> {
        let (accounts, counts) = self.accounts();
        let message = self.message(&accounts, counts);
        let mut bytes = vec![counts[0]];
        for account in accounts.iter().take(counts[0].into()) {
            let signer = signers.iter().find(|signer| signer.verifying_key().as_bytes() == account);
            bytes.extend(signer.map_or([0; 64], |signer| signer.sign(&message).to_bytes()));
        }
        [bytes, message].concat()
    }

    /// The accounts in the order of a message, and its three counts.
    fn accounts(&self) -> (Vec<Key>, [u8; 3]) {
        let mut flags: Vec<(Key, bool, bool)> = vec![(self.fee_payer, true, true)];
        let programs = self.instructions.iter().map(|instruction| (instruction.program, false, false));
        let used = self.instructions.iter().flat_map(|instruction| instruction.accounts.iter().copied());
        for (account, signs, is_written) in used.chain(programs) {
            match flags.iter_mut().find(|(known, _, _)| *known == account) {
                Some(known) => *known = (account, known.1 || signs, known.2 || is_written),
                None => flags.push((account, signs, is_written)),
            }
        }
        // The sort is stable: the fee payer stays the first.
        flags.sort_by_key(|(_, signs, is_written)| (!signs, !is_written));
        let count = |signs: bool, is_written: bool| {
            let same = flags.iter().filter(|flag| flag.1 == signs && flag.2 == is_written);
            u8::try_from(same.count()).unwrap_or(u8::MAX)
        };
        let counts = [count(true, true) + count(true, false), count(true, false), count(false, false)];
        (flags.into_iter().map(|(account, _, _)| account).collect(), counts)
    }

    fn message(&self, accounts: &[Key], counts: [u8; 3]) -> Vec<u8> {
        let place = |account: &Key| accounts.iter().position(|known| known == account).map_or(0, small);
        let mut message = if self.is_legacy { Vec::new() } else { vec![0x80] };
        message.extend(counts);
        message.extend(length(accounts.len()));
        message.extend(accounts.concat());
        message.extend(self.blockhash);
        message.extend(length(self.instructions.len()));
        for instruction in &self.instructions {
            message.push(place(&instruction.program));
            message.extend(length(instruction.accounts.len()));
            message.extend(instruction.accounts.iter().map(|(account, _, _)| place(account)));
            message.extend(length(instruction.data.len()));
            message.extend(&instruction.data);
        }
        if !self.is_legacy {
            message.push(u8::from(self.has_lookup));
            if self.has_lookup {
                message.extend([0x77; 32]);
                message.extend([1, 0, 0]);
            }
        }
        message
    }
}

fn small(number: usize) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

fn length(length: usize) -> Vec<u8> {
    if length < 0x80 { vec![small(length)] } else { vec![small(length & 0x7f) | 0x80, small(length >> 7)] }
}

/// A transaction that was read.
#[derive(Debug, Clone)]
pub(super) struct Parsed {
    pub(super) signatures: Vec<[u8; 64]>,
    pub(super) message: Vec<u8>,
    pub(super) accounts: Vec<Key>,
    pub(super) blockhash: Key,
    /// Programs, accounts, data.
    pub(super) instructions: Vec<(Key, Vec<Key>, Vec<u8>)>,
}

impl Parsed {
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let signatures = (0..take_length(&mut rest)?).map(|_| take(&mut rest)).collect::<Option<_>>()?;
        let message = rest.to_vec();
        if rest.first()? & 0x80 != 0 {
            take::<1>(&mut rest)?;
        }
        take::<3>(&mut rest)?;
        let accounts: Vec<Key> = (0..take_length(&mut rest)?).map(|_| take(&mut rest)).collect::<Option<_>>()?;
        let blockhash = take(&mut rest)?;
        let account = |place: u8| accounts.get(usize::from(place)).copied();
        let mut instructions = Vec::new();
        for _ in 0..take_length(&mut rest)? {
            let program = account(take::<1>(&mut rest)?[0])?;
            let used =
                (0..take_length(&mut rest)?).map(|_| account(take::<1>(&mut rest)?[0])).collect::<Option<_>>()?;
            let data = (0..take_length(&mut rest)?).map(|_| Some(take::<1>(&mut rest)?[0])).collect::<Option<_>>()?;
            instructions.push((program, used, data));
        }
        Some(Self { signatures, message, accounts, blockhash, instructions })
    }

    pub(super) fn hash(&self) -> Key {
        Sha256::digest(&self.message).into()
    }

    /// Whether the signer at this place has signed.
    pub(super) fn is_signed(&self, place: usize) -> bool {
        let (Some(account), Some(signature)) = (self.accounts.get(place), self.signatures.get(place)) else {
            return false;
        };
        VerifyingKey::from_bytes(account)
            .is_ok_and(|key| key.verify_strict(&self.message, &Signature::from_bytes(signature)).is_ok())
    }

    /// Signs for the first account, and answers the bytes.
    pub(super) fn signed_by_fee_payer(&mut self, key: &SigningKey) -> Vec<u8> {
        if let Some(first) = self.signatures.first_mut() {
            *first = key.sign(&self.message).to_bytes();
        }
        self.to_bytes()
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        [length(self.signatures.len()), self.signatures.concat(), self.message.clone()].concat()
    }

    /// Of every transfer: source, mint, destination, authority, base units.
    pub(super) fn transfers(&self) -> Vec<([Key; 4], u64)> {
        let transfers = self.instructions.iter().filter(|(program, _, _)| *program == token());
        transfers
            .filter_map(|(_, accounts, data)| {
                let accounts = accounts.get(..4)?.try_into().ok()?;
                let [12, amount @ .., _] = data.as_slice() else { return None };
                Some((accounts, u64::from_le_bytes(amount.try_into().ok()?)))
            })
            .collect()
    }

    /// As nodes list them.
    pub(super) fn memos(&self) -> Option<String> {
        let memos = self.instructions.iter().filter(|(program, _, _)| *program == memo());
        let texts: Vec<String> =
            memos.map(|(_, _, data)| format!("[{}] {}", data.len(), String::from_utf8_lossy(data))).collect();
        (!texts.is_empty()).then(|| texts.join("; "))
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, others) = rest.split_first_chunk()?;
    *rest = others;
    Some(*first)
}

fn take_length(rest: &mut &[u8]) -> Option<usize> {
    let mut length = 0;
    for place in 0..3 {
        let byte = take::<1>(rest)?[0];
        length |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some(length);
        }
    }
    None
}
