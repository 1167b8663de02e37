//! Payments that come in a header, on the HTTP side: the 402 that offers them, the header that brings one, the receipt.
//!
//! What is taken, for how much, and whether it was paid, is decided by the relay. Here it is read and written in the
//! form that x402 clients know.

mod challenge;
mod discovery;
mod payment;
mod receipt;

use std::time::Duration;

use crochet_x402::{Asset, TermsKey};

pub(crate) use challenge::{Wanted, challenge, listing_not_found, not_taken};
pub(crate) use discovery::{WELL_KNOWN, resource, url};
pub(crate) use payment::{came_with, read};
pub(crate) use receipt::{Paid, with_receipt};

/// What is needed to take payments that come in a header. The gateway's own
/// [`header_payments`](crochet_relay::Gateway::header_payments) takes them.
#[derive(Debug)]
pub struct X402 {
    /// What is taken: the same assets that the gateway's port offers.
    pub assets: Vec<Asset>,
    /// Signs terms, so that they cost no row.
    pub terms_key: TermsKey,
    /// For how long terms are promised.
    pub terms_ttl: Duration,
    /// For how long a payer's authorization is to be good, in seconds. Until it has ended, a payment whose outcome is
    /// unclear is waited for.
    pub max_timeout_seconds: u32,
}

impl X402 {
    /// These assets, with terms that hold for 15 minutes and authorizations of a minute.
    #[must_use]
    pub const fn new(assets: Vec<Asset>, terms_key: TermsKey) -> Self {
        Self { assets, terms_key, terms_ttl: Duration::from_secs(15 * 60), max_timeout_seconds: 60 }
    }
}
