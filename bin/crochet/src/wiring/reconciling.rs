//! What compares the books with the providers.

use std::sync::Arc;
use std::time::Duration;

use crochet_metrics::Metrics;
use crochet_payments::TimeLimited;
use crochet_postgres::{Db, PgBooks, PgJournal};
use crochet_primitives::{Clock, Entropy, InPlace};
use crochet_relay::ports::HeaderPayments;
use crochet_relay::{Providers, Reconciler};

use super::running::Building;
use crate::config::Config;
use crate::database::Database;
use crate::keys;
use crate::system::{SystemClock, SystemEntropy};

/// A reconciler over this database, and over the providers that are configured. It waits `pause` between two questions,
/// and comes after buyers where it shares a provider's limits with them. Call it inside of a runtime.
///
/// # Errors
/// When keys or a provider cannot be used.
pub fn reconciler(
    config: &Config,
    database: &Database,
    db: &Db,
    pause: Duration,
    repairs: bool,
) -> anyhow::Result<Reconciler> {
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let url = match &config.public_url {
        Some(url) => url.as_str().trim_end_matches('/').to_owned(),
        None => format!("http://{}", config.bind),
    };
    let building = Building {
        config,
        database,
        url: &url,
        db,
        clock: Arc::clone(&clock),
        entropy: Arc::clone(&entropy),
        // It serves nobody, and takes no payments.
        computing: Arc::new(InPlace),
        master_keys: Arc::new(keys::load(config, entropy.as_ref())?),
        metrics: &Arc::new(Metrics::new(env!("CARGO_PKG_VERSION"), config.payment_provider.as_str())),
        caches: None,
    };
    let payments = building.payments()?;
    let by_header = building.facilitators()?.map(|facilitators| facilitators as Arc<dyn HeaderPayments>);
    let providers = Arc::new(Providers { by_quote: payments.unhurried(), by_header });
    let books = Arc::new(PgBooks::new(db.clone()));
    Ok(Reconciler {
        store: books.clone(),
        books,
        journal: Arc::new(PgJournal::new(db.clone(), building.policy(), Arc::clone(&entropy))),
        provider: Arc::new(TimeLimited { inner: providers }),
        reports: vec![payments.reports()],
        clock,
        entropy,
        pause,
        repairs,
    })
}
