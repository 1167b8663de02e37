//! All buyers of a campaign: who calls what, how it pays, and by which way it gets to the gateways.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use crochet::demo::agent::Agent;
use crochet_wallet::EvmSigner;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::buyer::{Buyer, Habit};
use crate::delivered::Delivered;
use crate::free_buyer::FreeBuyer;
use crate::header_buyer::HeaderBuyer;
use crate::header_payments::HeaderPayments;
use crate::plan::Plan;
use crate::road::Road;

pub(crate) struct Crowd<'a> {
    pub(crate) plan: &'a Plan,
    /// What is called for money, and what for nothing.
    pub(crate) listings: (&'a str, &'a str),
    pub(crate) agents: &'a [Agent],
    pub(crate) gateways: Arc<[String]>,
    pub(crate) proxy: Option<String>,
    pub(crate) header_payments: &'a HeaderPayments,
}

enum Any {
    Quoted(Buyer),
    ByHeader(HeaderBuyer),
    Free(FreeBuyer),
}

impl Any {
    async fn call(&mut self, task: &str) -> Delivered {
        match self {
            Self::Quoted(buyer) => buyer.call(task).await,
            Self::ByHeader(buyer) => buyer.call(task).await,
            Self::Free(buyer) => buyer.call(task).await,
        }
    }
}

/// A buyer has other things to do as well: what it does all the time is retrying.
const MOST_BETWEEN_CALLS_MS: u64 = 300;

/// A buyer that calls until it is over.
type Calling = JoinHandle<Vec<Delivered>>;

impl Crowd<'_> {
    /// Lets all of them call until it is over. Answers with them the wallets of those who have no account: they are the
    /// readers after those who have one.
    pub(crate) fn call(&self, is_over: &Arc<AtomicBool>, begun: &Arc<AtomicU32>) -> (Vec<Calling>, Vec<EvmSigner>) {
        let mut wallets = Vec::new();
        let buyers = (0..self.plan.buyers).map(|number| {
            tokio::spawn(calls(self.buyer(number, &mut wallets), Arc::clone(is_over), Arc::clone(begun)))
        });
        (buyers.collect(), wallets)
    }

    fn buyer(&self, number: usize, wallets: &mut Vec<EvmSigner>) -> Any {
        let rng = StdRng::seed_from_u64(self.plan.seed.wrapping_add(1 + number as u64));
        let account = number % self.agents.len();
        // Two of three come through the proxy, where there is one.
        let proxy = self.proxy.clone().filter(|_| !number.is_multiple_of(3));
        let road = |key| Road::new(Arc::clone(&self.gateways), proxy, key);
        let key = self.agents[account].key().expose();
        let is_long = self.plan.is_long;
        match number % 8 {
            7 => {
                let listing = self.listings.1.to_owned();
                Any::Free(FreeBuyer { road: road(Some(key)), listing, reader: account, rng })
            }
            kind @ (4 | 5) => {
                let has_key = kind == 5;
                let (payer, wallet) = self.header_payments.payer(u8::try_from(number + 1).unwrap());
                let reader = if has_key {
                    account
                } else {
                    wallets.push(wallet);
                    self.agents.len() + wallets.len() - 1
                };
                Any::ByHeader(HeaderBuyer {
                    road: road(has_key.then_some(key)),
                    listing: self.listings.0.to_owned(),
                    reader,
                    payer: Arc::new(payer),
                    chain: self.header_payments.chain.clone(),
                    has_key,
                    chance_of_help: if is_long { 0.5 } else { 1.0 },
                    rng,
                })
            }
            kind => {
                let first = [Habit::Dawdles, Habit::TakesBack, Habit::Fails, Habit::Prompt].get(kind).copied();
                let listing = self.listings.0.to_owned();
                let takes_back_late = is_long;
                Any::Quoted(Buyer { road: road(Some(key)), listing, reader: account, first, takes_back_late, rng })
            }
        }
    }
}

async fn calls(mut buyer: Any, is_over: Arc<AtomicBool>, begun: Arc<AtomicU32>) -> Vec<Delivered> {
    let mut delivered = Vec::new();
    let mut pauses = StdRng::seed_from_u64(7);
    while !is_over.load(Ordering::SeqCst) {
        let number = begun.fetch_add(1, Ordering::SeqCst);
        delivered.push(buyer.call(&format!("call {number}")).await);
        sleep(Duration::from_millis(pauses.random_range(0..MOST_BETWEEN_CALLS_MS))).await;
    }
    delivered
}
