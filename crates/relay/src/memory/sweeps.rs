//! What the sweeper needs.

use std::time::Duration;

use async_trait::async_trait;
use crochet_primitives::{CallId, StorageError};

use super::MemoryJournal;
use crate::ports::{Seen, Sweeps};
use crate::transition::after;

#[async_trait]
impl Sweeps for MemoryJournal {
    async fn claim_due(&self, limit: u32, hold: Duration) -> Result<Vec<Seen>, StorageError> {
        self.transact(|tables, now| {
            let mut due: Vec<_> = tables
                .calls
                .values()
                .filter_map(|record| record.next_check_at.filter(|at| *at <= now).map(|at| (at, record.id)))
                .collect();
            due.sort_unstable();
            due.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
            let mut claimed = Vec::with_capacity(due.len());
            for (_, id) in due {
                if let Some(record) = tables.calls.get_mut(&id) {
                    record.next_check_at = Some(after(now, hold));
                    claimed.push(Seen { record: record.clone(), now });
                }
            }
            Ok(claimed)
        })
    }

    async fn check_soon(&self, provider: &str, provider_request_id: &str) -> Result<bool, StorageError> {
        self.transact(|tables, now| {
            let found = tables.calls.values().find(|record| {
                record
                    .terms
                    .as_ref()
                    .is_some_and(|terms| terms.provider == provider && terms.provider_request_id == provider_request_id)
            });
            let Some(id) = found.map(|record| record.id) else { return Ok(false) };
            tables.wanted.entry(id).or_insert(now);
            Ok(true)
        })
    }

    async fn claim_wanted(&self, limit: u32, hold: Duration) -> Result<Vec<Seen>, StorageError> {
        self.transact(|tables, now| {
            let mut wanted: Vec<_> = tables.wanted.iter().map(|(id, since)| (*since, *id)).collect();
            wanted.sort_unstable();
            wanted.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
            let mut claimed = Vec::with_capacity(wanted.len());
            for (_, id) in wanted {
                tables.wanted.remove(&id);
                if let Some(record) = tables.calls.get_mut(&id) {
                    record.next_check_at = Some(after(now, hold));
                    claimed.push(Seen { record: record.clone(), now });
                }
            }
            Ok(claimed)
        })
    }

    async fn count_check(&self, call: CallId) -> Result<(), StorageError> {
        self.transact(|tables, _| {
            if let Some(record) = tables.calls.get_mut(&call) {
                record.checks = record.checks.saturating_add(1);
            }
            Ok(())
        })
    }

    async fn purge(&self) -> Result<u64, StorageError> {
        self.transact(|tables, now| {
            let before = tables.vault.len();
            tables.vault.retain(|_, kept| kept.expires_at > now);
            let responses = u64::try_from(before - tables.vault.len()).unwrap_or(u64::MAX);
            Ok(responses.saturating_add(tables.drop_old_keys(now, &self.policy)))
        })
    }
}
