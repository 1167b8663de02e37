//! What can be called and paid for by who never heard of this gateway: by a header, without an account.

use crate::header_payment::HeaderOffer;
use crate::ports::{Payable, PayableQuery};
use crate::reply::GatewayError;

use super::Gateway;

/// A part of what can be found.
#[derive(Debug, Default)]
pub struct Discovered {
    /// Listings, the newest first, each with at least one way to pay it.
    pub items: Vec<(Payable, Vec<HeaderOffer>)>,
    /// How many listings there are, counted up to [`MAX_PAYABLE`](crate::ports::MAX_PAYABLE). One whose price no asset
    /// that is taken can express is counted, and not among the items.
    pub total: u64,
}

impl Gateway {
    /// What can be found. Nothing where no payments by header are taken. Asks the storage once, and writes nothing.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn discover(&self, query: PayableQuery) -> Result<Discovered, GatewayError> {
        let Some(taken) = &self.header_payments else { return Ok(Discovered::default()) };
        let page = self.directory.payable(query).await?;
        let mut items = Vec::with_capacity(page.items.len());
        for payable in page.items {
            let ways = taken.offers(payable.price, &payable.payout_wallets).await;
            if !ways.is_empty() {
                items.push((payable, ways));
            }
        }
        Ok(Discovered { items, total: page.total })
    }
}
