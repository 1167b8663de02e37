//! What the ledger has to say of every call, and what it says.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::delivered::{Delivered, Kind, Payments};
use crate::readers::Reader;

/// Micro-dollars a call: gross, fee, seller's share.
const SHARES: [(&str, u64); 3] = [("gateway_payment", 10_000), ("marketplace_fee", 490), ("seller_credit", 9_510)];

/// Until the sweeper has seen that a payment was given back after its call was delivered: a sweeper that dies has its
/// calls for a minute, and looks less and less often.
const SWEPT: Duration = Duration::from_secs(200);

/// What the ledger has of all calls.
#[derive(Debug, Default)]
pub(crate) struct Booked {
    /// How many settlements there are.
    pub(crate) settlements: u64,
    /// How many of them were taken back.
    pub(crate) reversed: u64,
}

/// What it has of one call: how many settlements, and how many of them were taken back.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Of {
    settlements: u64,
    reversed: u64,
}

impl Of {
    /// Three entries of each kind with the amounts of the price, and the same for what was taken back.
    fn read(entries: &[Value]) -> Option<Self> {
        let count = |name: &str, amount: u64, is_reversal: bool| {
            let is_it = |entry: &&Value| {
                let (kind, of) = if is_reversal { ("adjustment", &entry["adjusts"]) } else { (name, &entry["type"]) };
                entry["type"] == kind && *of == name && entry["amount_micros"] == amount
            };
            entries.iter().filter(is_it).count() as u64
        };
        let counts = SHARES.map(|(name, amount)| (count(name, amount, false), count(name, amount, true)));
        let [(settlements, reversed), ..] = counts;
        let is_whole = counts.iter().all(|counted| *counted == (settlements, reversed));
        (is_whole && entries.len() as u64 == 3 * (settlements + reversed)).then_some(Self { settlements, reversed })
    }

    /// How many payments stand.
    fn standing(self) -> Option<u64> {
        self.settlements.checked_sub(self.reversed)
    }
}

/// How many payments may stand of a call: one where it was delivered, unless it was given back; none where it was not.
fn may_stand(is_delivered: bool, paid: &Payments) -> std::ops::RangeInclusive<u64> {
    let may_be_none = paid.given_back + paid.unclear_refunds > 0;
    let may_be_one = paid.given_back == 0 || paid.unclear > 0 || paid.acknowledged > paid.given_back;
    u64::from(!may_be_none)..=u64::from(is_delivered && may_be_one)
}

/// Reads the ledger with all eyes until it says what it has to, which is at once where nothing was given back of what was
/// delivered.
pub(crate) async fn of(readers: &[Reader], provider: &Reader, delivered: &[Delivered]) -> Booked {
    let is_swept = delivered.iter().any(|call| call.payments.values().any(|paid| paid.given_back > 0));
    let began = Instant::now();
    loop {
        let mut entries: HashMap<String, Vec<Value>> = HashMap::new();
        for reader in readers.iter().chain([provider]) {
            for entry in reader.ledger().await {
                entries.entry(entry["relay_request_id"].as_str().unwrap().to_owned()).or_default().push(entry);
            }
        }
        match agrees(entries, delivered) {
            Ok(booked) => return booked,
            Err(_) if is_swept && began.elapsed() < SWEPT => sleep(Duration::from_secs(1)).await,
            Err(why) => panic!("{why}"),
        }
    }
}

fn agrees(mut entries: HashMap<String, Vec<Value>>, delivered: &[Delivered]) -> Result<Booked, String> {
    let mut booked = Booked::default();
    let mut check = |id: &str, may_stand: std::ops::RangeInclusive<u64>| {
        let found = entries.remove(id).unwrap_or_default();
        let of = Of::read(&found).ok_or_else(|| format!("{id} is not whole: {found:?}"))?;
        let standing = of.standing().ok_or_else(|| format!("{id}: {of:?}"))?;
        if !may_stand.contains(&standing) {
            return Err(format!("{id}: {of:?}, and {may_stand:?} may stand"));
        }
        booked.settlements += of.settlements;
        booked.reversed += of.reversed;
        Ok(())
    };
    for call in delivered {
        let id = call.relay_id();
        match call.kind {
            Kind::Free | Kind::FreeWithKey => {}
            Kind::ByHeader => check(&id, 1..=1)?,
            Kind::Quoted => {
                let none = Payments::default();
                check(&id, may_stand(true, call.payments.get(&id).unwrap_or(&none)))?;
                for (dead, _) in call.payments.iter().filter(|(dead, _)| **dead != id) {
                    check(dead, 0..=0)?;
                }
            }
        }
    }
    if entries.is_empty() {
        Ok(booked)
    } else {
        Err(format!("the ledger knows other calls than the buyers do: {entries:?}"))
    }
}
