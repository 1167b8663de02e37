//! What a listing asks for one call.

use thiserror::Error;

use crate::MicroUsd;

/// What one call costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Price {
    /// Nothing: no payment, no ledger.
    Free,
    /// So much for each call. Made by [`Price::per_call`], which keeps its bounds.
    PerCall(MicroUsd),
}

/// Why an amount is no price for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PriceError {
    /// A paid call costs something; [`Price::Free`] is what costs nothing.
    #[error("must be more than zero: it is the price of a call")]
    Zero,
    /// Above [`Price::MAX_PER_CALL`].
    #[error("must be at most 1,000,000 USD: it is the price of a call")]
    TooHigh,
}

impl Price {
    /// The highest price of one call: 1,000,000 USD.
    pub const MAX_PER_CALL: MicroUsd = MicroUsd::from_micros(1_000_000_000_000);

    /// A price for each call: more than zero, at most 1,000,000 USD.
    ///
    /// # Errors
    /// The bound that `amount` is outside of.
    pub fn per_call(amount: MicroUsd) -> Result<Self, PriceError> {
        if amount.is_zero() {
            return Err(PriceError::Zero);
        }
        if amount > Self::MAX_PER_CALL {
            return Err(PriceError::TooHigh);
        }
        Ok(Self::PerCall(amount))
    }

    /// The amount due for a call; zero where it is free.
    #[must_use]
    pub const fn amount(self) -> MicroUsd {
        match self {
            Self::Free => MicroUsd::ZERO,
            Self::PerCall(amount) => amount,
        }
    }

    /// Whether a call needs no payment.
    #[must_use]
    pub const fn is_free(self) -> bool {
        matches!(self, Self::Free)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_per_call_lies_between_one_micro_dollar_and_a_million_dollars() {
        let per_call = |micros| Price::per_call(MicroUsd::from_micros(micros));
        assert_eq!(per_call(0), Err(PriceError::Zero));
        assert_eq!(per_call(1), Ok(Price::PerCall(MicroUsd::from_micros(1))));
        assert_eq!(per_call(1_000_000_000_000), Ok(Price::PerCall(Price::MAX_PER_CALL)));
        assert_eq!(per_call(1_000_000_000_001), Err(PriceError::TooHigh));
    }

    #[test]
    fn only_a_free_call_costs_nothing() {
        assert!(Price::Free.is_free());
        assert!(Price::Free.amount().is_zero());
        assert!(!Price::PerCall(MicroUsd::ONE_USD).is_free());
    }
}
