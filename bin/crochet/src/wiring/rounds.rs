//! What goes on by itself while the gateway runs.

use std::sync::Arc;
use std::time::Duration;

use crochet_postgres::market::PgCatalogue;
use crochet_postgres::{Db, Months};
use crochet_primitives::Clock;
use crochet_relay::Sweeper;
use crochet_relay::ports::Sweeps;
use tokio_util::sync::CancellationToken;

/// How often what has outlived its time is deleted, popularity is counted, and the months ahead are looked after.
const PURGE_EVERY: Duration = Duration::from_secs(600);

/// Looks at what is due, round after round. A round that found more than it could look at is followed at once.
pub(super) async fn sweep(
    sweeper: Sweeper,
    interval: Duration,
    metrics: crochet_metrics::Sweeper,
    clock: Arc<dyn Clock>,
    stopping: CancellationToken,
) {
    loop {
        let began = clock.monotonic();
        let round = sweeper.round().await;
        metrics.swept(round.as_ref().ok(), clock.monotonic().saturating_sub(began));
        let pause = match round {
            Ok(swept) if swept.has_more => Duration::ZERO,
            Ok(_) => interval,
            // The threads that ask the database end before this does.
            Err(_) if stopping.is_cancelled() => return,
            Err(error) => {
                tracing::warn!(%error, "the sweeper cannot look at what is due");
                interval
            }
        };
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// A stop does not wait for it: each of its steps is a transaction, or leaves the rest to the next round.
pub(super) async fn purge(
    sweeps: Arc<dyn Sweeps>,
    catalogue: Arc<PgCatalogue>,
    db: Db,
    metrics: crochet_metrics::Sweeper,
    stopping: CancellationToken,
) {
    let rounds = async {
        loop {
            purge_round(&*sweeps, &catalogue, &db, &metrics).await;
            tokio::time::sleep(PURGE_EVERY).await;
        }
    };
    stopping.run_until_cancelled(rounds).await;
}

async fn purge_round(sweeps: &dyn Sweeps, catalogue: &PgCatalogue, db: &Db, metrics: &crochet_metrics::Sweeper) {
    match sweeps.purge().await {
        Ok(0) => {}
        Ok(rows) => {
            metrics.purged(rows);
            tracing::info!(rows, "deleted what had outlived its time");
        }
        Err(error) => tracing::warn!(%error, "what has outlived its time cannot be deleted"),
    }
    if let Err(error) = catalogue.refresh_popularity().await {
        tracing::warn!(%error, "popularity cannot be counted");
    }
    match db.make_months().await {
        Ok(Months::Enough) => {}
        Ok(Months::Made(months)) => tracing::info!(months, "made partitions for the months ahead"),
        Ok(Months::Crowded) => {
            tracing::warn!("more than 10,000 calls are from months without a partition: run `crochet migrate`");
        }
        // There are months left: it is tried again with the next round.
        Err(error) => tracing::warn!(%error, "partitions for the months ahead cannot be made now"),
    }
}
