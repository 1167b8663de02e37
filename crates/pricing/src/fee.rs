//! The marketplace's part of a payment, and the seller's.

use std::fmt;

use thiserror::Error;

use crate::MicroUsd;
use crate::money::shortest;

/// A share in hundredths of a percent: 0 to 10,000, which is all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BasisPoints(u16);

/// What the marketplace keeps of every paid call: 4.9%.
pub const MARKETPLACE_FEE: BasisPoints = BasisPoints(490);

/// The whole, in basis points.
const WHOLE: u16 = 10_000;

impl BasisPoints {
    /// So many hundredths of a percent; `None` above 10,000.
    #[must_use]
    pub const fn new(basis_points: u16) -> Option<Self> {
        if basis_points > WHOLE { None } else { Some(Self(basis_points)) }
    }

    /// The rate in hundredths of a percent.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }
}

/// The shortest decimal rate: 490 basis points are `0.049`.
impl fmt::Display for BasisPoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shortest(&format!("{}.{:04}", self.0 / WHOLE, self.0 % WHOLE)))
    }
}

/// A payment and the two parts that it is made of. Made by [`split`] and [`Split::restore`] only, so
/// `gross = fee + seller_share` always holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Split {
    /// What the buyer pays.
    pub gross: MicroUsd,
    /// What the marketplace keeps.
    pub fee: MicroUsd,
    /// What the seller is credited with.
    pub seller_share: MicroUsd,
    /// The rate of the fee.
    pub rate: BasisPoints,
}

/// Stored parts that do not add back to their gross.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the fee {fee} and the seller's share {seller_share} do not add up to {gross}")]
pub struct UnbalancedSplit {
    /// What the buyer paid, as stored.
    pub gross: MicroUsd,
    /// The marketplace's part, as stored.
    pub fee: MicroUsd,
    /// The seller's part, as stored.
    pub seller_share: MicroUsd,
}

impl Split {
    /// A split that was stored when its call was quoted. The fee is taken as it was then: a stored one is never
    /// calculated again.
    ///
    /// # Errors
    /// [`UnbalancedSplit`] when the parts do not add back to the gross.
    pub fn restore(
        gross: MicroUsd,
        fee: MicroUsd,
        seller_share: MicroUsd,
        rate: BasisPoints,
    ) -> Result<Self, UnbalancedSplit> {
        if fee.checked_add(seller_share) == Some(gross) {
            Ok(Self { gross, fee, seller_share, rate })
        } else {
            Err(UnbalancedSplit { gross, fee, seller_share })
        }
    }
}

/// Splits a payment. Rounds the marketplace's part down to the micro-dollar, so the remainder stays with the seller.
#[must_use]
pub fn split(gross: MicroUsd, rate: BasisPoints) -> Split {
    // 64 bits times 14 bits fit in 128, and the rate is at most the whole, so the fee is at most the gross: neither
    // the saturation nor the fallback is ever reached.
    let product = u128::from(gross.micros()).saturating_mul(u128::from(rate.get()));
    let fee = u64::try_from(product / 10_000).unwrap_or(gross.micros());
    let seller_share = gross.micros().saturating_sub(fee);
    Split { gross, fee: MicroUsd::from_micros(fee), seller_share: MicroUsd::from_micros(seller_share), rate }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_dollar_gives_the_marketplace_4_9_cents_and_the_seller_the_rest() {
        let split = split(MicroUsd::ONE_USD, MARKETPLACE_FEE);
        assert_eq!(split.fee, MicroUsd::from_micros(49_000));
        assert_eq!(split.seller_share, MicroUsd::from_micros(951_000));
    }

    #[test]
    fn a_fee_below_a_micro_dollar_is_not_taken() {
        let split = split(MicroUsd::from_micros(20), MARKETPLACE_FEE);
        assert_eq!(split.fee, MicroUsd::ZERO);
        assert_eq!(split.seller_share, split.gross);
    }

    #[test]
    fn a_rate_is_shown_as_the_shortest_decimal() {
        for (basis_points, shown) in [(0, "0"), (1, "0.0001"), (490, "0.049"), (5_000, "0.5"), (10_000, "1")] {
            assert_eq!(BasisPoints::new(basis_points).unwrap().to_string(), shown);
        }
        assert_eq!(BasisPoints::new(10_001), None);
    }

    #[test]
    fn stored_parts_that_do_not_add_back_are_refused() {
        let one = MicroUsd::ONE_USD;
        assert!(Split::restore(one, one, MicroUsd::from_micros(1), MARKETPLACE_FEE).is_err());
        assert!(Split::restore(one, MicroUsd::from_micros(u64::MAX), one, MARKETPLACE_FEE).is_err());
    }

    #[test]
    fn no_rate_loses_a_unit_of_the_smallest_and_largest_amounts() {
        for rate in (0..=10_000).filter_map(BasisPoints::new) {
            for micros in (0..=32).chain(u64::MAX - 32..=u64::MAX) {
                let split = split(MicroUsd::from_micros(micros), rate);
                assert_eq!(split.fee.checked_add(split.seller_share), Some(split.gross));
            }
        }
    }

    proptest! {
        #[test]
        fn every_split_adds_back_and_rounds_the_fee_down(micros: u64, rate in 0_u16..=10_000) {
            let rate = BasisPoints::new(rate).unwrap();
            let split = split(MicroUsd::from_micros(micros), rate);
            prop_assert_eq!(split.fee.checked_add(split.seller_share), Some(split.gross));
            let exact = u128::from(micros) * u128::from(rate.get());
            let charged = u128::from(split.fee.micros()) * 10_000;
            prop_assert!(charged <= exact && exact < charged + 10_000);
            prop_assert_eq!(Split::restore(split.gross, split.fee, split.seller_share, rate), Ok(split));
        }
    }
}
