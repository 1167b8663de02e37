//! Solana's wire format of a transaction: legacy and version 0. Every number has one spelling, and nothing comes after the
//! last field, so that nobody reads another transaction out of the same bytes.

use super::programs::Key;

/// The largest transaction that the network carries.
pub(crate) const MAX_TRANSACTION_BYTES: usize = 1232;
const SIGNATURE_BYTES: usize = 64;
/// The highest bit of a message's first byte says that it has a version.
const VERSIONED: u8 = 0x80;

/// A transaction as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Transaction {
    /// In the order of the accounts that have to sign.
    pub(crate) signatures: Vec<[u8; SIGNATURE_BYTES]>,
    /// What is signed, byte by byte.
    pub(crate) message_bytes: Vec<u8>,
    pub(crate) message: Message,
}

/// What is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) required_signatures: u8,
    /// Of those who sign, how many of the last ones are only read.
    pub(crate) readonly_signed: u8,
    /// Of those who do not sign, how many of the last ones are only read.
    pub(crate) readonly_unsigned: u8,
    pub(crate) accounts: Vec<Key>,
    pub(crate) blockhash: Key,
    pub(crate) instructions: Vec<Instruction>,
    /// Whether accounts are named that are not in the message.
    pub(crate) has_lookups: bool,
}

/// A call of a program. Programs and accounts are places among the message's accounts, and may be beyond them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Instruction {
    pub(crate) program: u8,
    pub(crate) accounts: Vec<u8>,
    pub(crate) data: Vec<u8>,
}

impl Transaction {
    /// Reads one; `None` for anything else.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > MAX_TRANSACTION_BYTES {
            return None;
        }
        let mut reader = Reader(bytes);
        let signatures = reader.list(Reader::array)?;
        let message_bytes = reader.0.to_vec();
        let message = Message::read(&mut reader)?;
        reader.0.is_empty().then_some(Self { signatures, message_bytes, message })
    }

    /// The bytes that it is sent as.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = compact(self.signatures.len());
        for signature in &self.signatures {
            bytes.extend_from_slice(signature);
        }
        bytes.extend_from_slice(&self.message_bytes);
        bytes
    }
}

impl Message {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let first = reader.byte()?;
        let is_versioned = first & VERSIONED != 0;
        let required_signatures = match first {
            _ if !is_versioned => first,
            VERSIONED => reader.byte()?,
            _ => return None,
        };
        Some(Self {
            required_signatures,
            readonly_signed: reader.byte()?,
            readonly_unsigned: reader.byte()?,
            accounts: reader.list(Reader::array)?,
            blockhash: reader.array()?,
            instructions: reader.list(Instruction::read)?,
            has_lookups: is_versioned && !reader.list(Reader::lookup)?.is_empty(),
        })
    }

    /// The account at this place.
    pub(crate) fn account(&self, place: u8) -> Option<&Key> {
        self.accounts.get(usize::from(place))
    }

    /// Whether the parts fit one another, as the network checks it: who pays signs and is written to, every place is
    /// there, and no program pays.
    pub(crate) fn is_whole(&self) -> bool {
        let count = self.accounts.len();
        let (signed, unsigned) = (usize::from(self.required_signatures), usize::from(self.readonly_unsigned));
        self.readonly_signed < self.required_signatures
            && signed + unsigned <= count
            && self.instructions.iter().all(|instruction| {
                instruction.program != 0
                    && usize::from(instruction.program) < count
                    && instruction.accounts.iter().all(|place| usize::from(*place) < count)
            })
    }
}

impl Instruction {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self { program: reader.byte()?, accounts: reader.list(Reader::byte)?, data: reader.list(Reader::byte)? })
    }
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*first)
    }

    /// A length of up to 16 bits, seven of them in each byte, the lowest first; no byte too many.
    fn length(&mut self) -> Option<usize> {
        let mut length = 0_u32;
        for place in 0..3 {
            let byte = self.byte()?;
            if byte == 0 && place > 0 {
                return None;
            }
            length |= u32::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                return u16::try_from(length).ok().map(usize::from);
            }
        }
        None
    }

    /// Nothing is reserved for what is only promised: each item is at least a byte.
    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let length = self.length()?;
        if length > self.0.len() {
            return None;
        }
        (0..length).map(|_| item(self)).collect()
    }

    /// A table of accounts, and places in it that are written to and that are read.
    fn lookup(&mut self) -> Option<()> {
        self.array::<32>()?;
        self.list(Self::byte)?;
        self.list(Self::byte)?;
        Some(())
    }
}

/// A length as it is written.
fn compact(mut length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(3);
    loop {
        let low = u8::try_from(length & 0x7f).unwrap_or_default();
        length >>= 7;
        if length == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_length_has_one_spelling() {
        for (bytes, length) in [
            (&[0x00][..], Some(0)),
            (&[0x7f], Some(127)),
            (&[0x80, 0x01], Some(128)),
            (&[0xff, 0xff, 0x03], Some(65_535)),
            (&[0xff, 0xff, 0x04], None),
            (&[0x80, 0x00], None),
            (&[0xff, 0x00], None),
            (&[0x80, 0x80, 0x00], None),
            (&[0x80, 0x80, 0x80, 0x01], None),
            (&[0x80], None),
            (&[], None),
        ] {
            assert_eq!(Reader(bytes).length(), length, "{bytes:x?}");
            if let Some(length) = length {
                assert_eq!(compact(length), bytes);
            }
        }
    }

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        // Small numbers are lengths that can be kept.
        let byte = prop_oneof![4 => 0..4_u8, 1 => any::<u8>()];
        prop_oneof![proptest::collection::vec(byte, 0..400), proptest::collection::vec(any::<u8>(), 0..1400)]
    }

    proptest! {
        #[test]
        fn no_bytes_panic_the_reader_and_what_is_read_is_written_the_same(bytes in bytes()) {
            if let Some(transaction) = Transaction::read(&bytes) {
                prop_assert_eq!(&transaction.to_bytes(), &bytes);
                let _ = transaction.message.is_whole();
                let longer = [bytes.as_slice(), &[0]].concat();
                prop_assert_eq!(Transaction::read(&longer), None);
            }
        }
    }
}
