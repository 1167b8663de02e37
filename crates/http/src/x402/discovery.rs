//! What can be found and paid for without an account, in the words of x402.

use crochet_primitives::format_timestamp;
use crochet_relay::HeaderOffer;
use crochet_relay::ports::Payable;
use crochet_x402::{PaymentRequired, Resource, extensions};
use serde_json::{Value, json};

use super::X402;
use super::challenge::{bazaar, in_its_words, resource_url};

/// How many resources `/.well-known/x402` names: the newest. `/discovery/resources` has them all.
pub(crate) const WELL_KNOWN: u32 = 500;

/// Where a listing is called and paid.
pub(crate) fn url(public_url: &str, payable: &Payable) -> String {
    resource_url(public_url, payable.listing)
}

/// An item of `/discovery/resources`; `None` where none of the ways is taken any more.
pub(crate) fn resource(x402: &X402, public_url: &str, payable: &Payable, ways: &[HeaderOffer]) -> Option<Value> {
    let offers: Vec<_> = ways.iter().filter_map(|way| in_its_words(x402, way)).collect();
    let url = url(public_url, payable);
    let mut required = PaymentRequired::new(&Resource::new(&url, ""), &offers, "").v2();
    let accepts = required.get_mut("accepts").map(Value::take).filter(|_| !offers.is_empty())?;
    let mut item = json!({
        "resource": url,
        "type": "http",
        "x402Version": 2,
        "accepts": accepts,
        "lastUpdated": format_timestamp(payable.updated_at),
        "metadata": { "name": payable.name, "description": payable.description },
    });
    if !payable.input.is_empty() {
        item["extensions"] = json!({ extensions::BAZAAR: bazaar(&payable.input) });
    }
    Some(item)
}
