//! What is kept in memory of keys and offers, and whoever tells of its changes.

use std::sync::Arc;

use crochet_market::ports::Identities;
use crochet_postgres::cached::{CachedDirectory, CachedIdentities};
use crochet_postgres::market::PgIdentities;
use crochet_postgres::{Db, Invalidations, PgDirectory};
use crochet_relay::ports::Directory;
use crochet_secrets::MasterKeys;
use secrecy::SecretString;

/// Keys and offers, kept in memory.
#[derive(Debug, Clone)]
pub(super) struct Caches {
    pub(super) invalidations: Arc<Invalidations>,
    pub(super) identities: Arc<CachedIdentities>,
    pub(super) directory: Arc<CachedDirectory>,
}

impl Caches {
    /// Over `db`; changes are heard of on a connection of their own to `direct_url`.
    pub(super) fn start(db: &Db, keys: &Arc<MasterKeys>, direct_url: &SecretString) -> Self {
        let invalidations = Invalidations::listen(direct_url);
        let identities = CachedIdentities::new(Arc::new(PgIdentities::new(db.clone())), &invalidations);
        let directory = CachedDirectory::new(PgDirectory::new(db.clone(), Arc::clone(keys)), &invalidations);
        Self { invalidations, identities: Arc::new(identities), directory: Arc::new(directory) }
    }
}

/// Profiles and keys: through the cache, where there is one.
pub(super) fn identities(caches: Option<&Caches>, db: &Db) -> Arc<dyn Identities> {
    match caches {
        Some(caches) => Arc::clone(&caches.identities) as Arc<dyn Identities>,
        None => Arc::new(PgIdentities::new(db.clone())),
    }
}

/// Listings as the gateway sees them: through the cache, where there is one.
pub(super) fn directory(caches: Option<&Caches>, db: &Db, keys: &Arc<MasterKeys>) -> Arc<dyn Directory> {
    match caches {
        Some(caches) => Arc::clone(&caches.directory) as Arc<dyn Directory>,
        None => Arc::new(PgDirectory::new(db.clone(), Arc::clone(keys))),
    }
}
