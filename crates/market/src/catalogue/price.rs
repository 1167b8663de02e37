//! From what a body says of money to a price.

use crochet_pricing::{MicroUsd, Price};

use super::body::ListingBody;
use crate::error::MarketError;
use crate::fields::Problems;
use crate::listing::PricingModel;

/// The first thing to look at: no other problem matters while the model cannot be had.
pub(super) fn refuse_unavailable_model(body: &ListingBody) -> Result<(), MarketError> {
    match body.pricing_model {
        None | Some(PricingModel::Free | PricingModel::PerCall) => Ok(()),
        Some(model @ (PricingModel::Monthly | PricingModel::Yearly | PricingModel::UsageTiered)) => {
            Err(MarketError::PricingModelUnavailable { model })
        }
    }
}

/// The price that results when `body` meets the price so far, which is free for a new listing.
pub(super) fn price(body: &ListingBody, so_far: Price, problems: &mut Problems) -> Price {
    if body.pricing_currency.as_deref().is_some_and(|currency| currency != "USD") {
        problems.add("pricing_currency", "must be USD: prices are in US dollars");
    }
    let amount = match body.pricing_amount.as_ref().map(|raw| MicroUsd::parse_decimal(raw.get())) {
        None => None,
        Some(Ok(amount)) => Some(amount),
        Some(Err(error)) => {
            problems.add("pricing_amount", format!("must be a JSON number with at most six decimals ({error})"));
            return so_far;
        }
    };
    let is_free = match body.pricing_model {
        Some(model) => model == PricingModel::Free,
        None => so_far.is_free(),
    };
    if is_free {
        if amount.is_some_and(|amount| !amount.is_zero()) {
            problems.add("pricing_amount", "must be 0 or absent on a free listing; per_call is the paid model");
        }
        return Price::Free;
    }
    let amount = match (amount, so_far) {
        (Some(amount), _) | (None, Price::PerCall(amount)) => amount,
        (None, Price::Free) => {
            problems.add("pricing_amount", "is required for per_call");
            return so_far;
        }
    };
    Price::per_call(amount).unwrap_or_else(|error| {
        problems.add("pricing_amount", error.to_string());
        so_far
    })
}
