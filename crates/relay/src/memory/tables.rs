//! What the journal keeps, and how a [`Change`] gets there.

use std::collections::{BTreeMap, HashMap};

use crochet_primitives::{CallId, LedgerEntryId, ListingId, ProfileId, StorageError, Timestamp};

use crate::forwarding::SealedResponse;
use crate::ledger::{LedgerEntry, OrphanPayment};
use crate::reconcile::UnknownPayment;
use crate::record::{Attempt, AttemptOutcome, IdempotencyKey, NewCall, Record};
use crate::terms::Payment;
use crate::transition::{Change, Claim, Write};

/// The tables of one journal, always changed under one lock.
#[derive(Debug, Default)]
pub(super) struct Tables {
    pub(super) calls: BTreeMap<CallId, Record>,
    pub(super) attempts: BTreeMap<(CallId, u32), Attempt>,
    pub(super) entries: BTreeMap<LedgerEntryId, LedgerEntry>,
    pub(super) orphans: Vec<OrphanPayment>,
    /// Payments for quotes that there is no record of.
    pub(super) unknown: Vec<UnknownPayment>,
    /// By provider and reference: which call consumed it.
    pub(super) references: HashMap<(String, String), CallId>,
    pub(super) keys: HashMap<(ProfileId, ListingId, IdempotencyKey), KeptKey>,
    pub(super) vault: HashMap<CallId, Kept>,
    /// The calls that are wanted to be looked at, and since when.
    pub(super) wanted: BTreeMap<CallId, Timestamp>,
}

/// What an idempotency key was first used for.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeptKey {
    pub(super) call: CallId,
    pub(super) fingerprint: [u8; 32],
}

/// A response in the replay vault.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) buyer: ProfileId,
    pub(super) response: SealedResponse,
    pub(super) expires_at: Timestamp,
}

impl Tables {
    pub(super) fn call(&self, id: CallId) -> Option<Record> {
        self.calls.get(&id).cloned()
    }

    /// Consumes the references of `payments` for `call`, each once over all calls.
    pub(super) fn consume(&mut self, call: CallId, provider: &str, payments: &[Payment]) -> Vec<Claim> {
        let mut claims = Vec::with_capacity(payments.len());
        for payment in payments {
            let key = (provider.to_owned(), payment.reference.clone());
            claims.push(match self.references.get(&key) {
                Some(owner) if *owner == call => Claim::Ours,
                Some(owner) => Claim::Theirs(*owner),
                None => {
                    self.references.insert(key, call);
                    Claim::Fresh
                }
            });
        }
        claims
    }

    /// Consumes the reference of the payment that came with a call; answers who has it, where it is another call's.
    pub(super) fn claim(&mut self, call: &NewCall) -> Option<CallId> {
        let terms = call.terms.as_ref()?;
        let key = (terms.provider.clone(), terms.provider_request_id.clone());
        let owner = *self.references.entry(key).or_insert(call.id);
        (owner != call.id).then_some(owner)
    }

    /// Writes a change, as its [`Write`]s ask.
    pub(super) fn apply(&mut self, change: Change) -> Result<(), StorageError> {
        let call = change.record.id;
        for write in change.writes {
            match write {
                Write::Entry(entry) => {
                    if let Some(entry) = self.entries.insert(entry.id, entry) {
                        return Err(StorageError::Corrupt(format!("two ledger entries {}", entry.id)));
                    }
                }
                Write::Orphan(orphan) => {
                    let is_known = self
                        .orphans
                        .iter()
                        .any(|known| known.call == orphan.call && known.payment.reference == orphan.payment.reference);
                    if !is_known {
                        self.orphans.push(orphan);
                    }
                }
                Write::AttemptStarted { attempt, at } => {
                    let row = Attempt { attempt, started_at: at, outcome: None, seller_status: None, latency_ms: None };
                    if self.attempts.insert((call, attempt), row).is_some() {
                        return Err(StorageError::Corrupt(format!("attempt {attempt} of {call} began twice")));
                    }
                }
                Write::AttemptEnded { attempt, outcome, seller_status, latency_ms } => {
                    if let Some(row) = self.attempts.get_mut(&(call, attempt))
                        && row.outcome != Some(AttemptOutcome::Delivered)
                    {
                        row.outcome = Some(outcome);
                        row.seller_status = seller_status;
                        row.latency_ms = latency_ms;
                    }
                }
            }
        }
        self.calls.insert(call, change.record);
        Ok(())
    }

    /// The call, then its successors, oldest first.
    pub(super) fn chain(&self, first: CallId) -> Vec<&Record> {
        let mut chain = Vec::new();
        let mut next = self.calls.get(&first);
        // A chain cannot be longer than the table, and a circle must not hang a test.
        while let Some(record) = next.filter(|_| chain.len() <= self.calls.len()) {
            chain.push(record);
            next = record.superseded_by.and_then(|id| self.calls.get(&id));
        }
        chain
    }

    /// What a key that was first used for `first` now stands for: the call of the chain that was paid (of two, the
    /// earlier: the later payment must not run the request a second time), else the newest.
    pub(super) fn resolve(&self, first: CallId) -> Option<&Record> {
        let chain = self.chain(first);
        let paid = chain.iter().find(|record| is_paid(record)).copied();
        paid.or_else(|| chain.last().copied())
    }

    /// How many bytes of the vault a buyer has in use.
    pub(super) fn vault_use(&self, buyer: ProfileId, now: Timestamp) -> u64 {
        self.vault
            .values()
            .filter(|kept| kept.buyer == buyer && kept.expires_at > now)
            .map(|kept| u64::try_from(kept.response.bytes.len()).unwrap_or(u64::MAX))
            .fold(0, u64::saturating_add)
    }
}

fn is_paid(record: &Record) -> bool {
    let stands = record.settlement.as_ref().is_some_and(|settlement| !settlement.refunded);
    stands || record.delivery.is_some()
}
