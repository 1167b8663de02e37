//! Relay's error codes, and what each means for a buyer. Its messages are read by nobody: they name internals, and
//! they change.

use crochet_pricing::MicroUsd;
use crochet_relay::QuoteRefusal;

/// What the same swap costs at least on Relay's side: below it a call never pays for its own execution.
const ROUTE_FLOOR: MicroUsd = MicroUsd::from_micros(50_000);

macro_rules! codes {
    ($($name:ident => $text:literal),+ $(,)?) => {
        /// An error code of Relay's.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum ErrorCode {
            $($name,)+
        }

        impl ErrorCode {
            #[cfg(test)]
            const ALL: &[(&str, Self)] = &[$(($text, Self::$name)),+];

            /// The code of this text; `None` for one that is not documented.
            pub(super) fn parse(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Self::$name),)+
                    _ => None,
                }
            }
        }
    };
}

codes! {
    AmountTooLow => "AMOUNT_TOO_LOW",
    NoSwapRoutesFound => "NO_SWAP_ROUTES_FOUND",
    NoInternalSwapRoutesFound => "NO_INTERNAL_SWAP_ROUTES_FOUND",
    NoQuotes => "NO_QUOTES",
    UnsupportedChain => "UNSUPPORTED_CHAIN",
    UnsupportedCurrency => "UNSUPPORTED_CURRENCY",
    UnsupportedRoute => "UNSUPPORTED_ROUTE",
    InvalidInputCurrency => "INVALID_INPUT_CURRENCY",
    InvalidOutputCurrency => "INVALID_OUTPUT_CURRENCY",
    ChainDisabled => "CHAIN_DISABLED",
    RouteTemporarilyRestricted => "ROUTE_TEMPORARILY_RESTRICTED",
    InsufficientLiquidity => "INSUFFICIENT_LIQUIDITY",
    SwapImpactTooHigh => "SWAP_IMPACT_TOO_HIGH",
    SolanaTxTooLarge => "SOLANA_TX_TOO_LARGE",
    InvalidAddress => "INVALID_ADDRESS",
    InvalidRecipient => "INVALID_RECIPIENT",
    SanctionedWalletAddress => "SANCTIONED_WALLET_ADDRESS",
    SanctionedCurrency => "SANCTIONED_CURRENCY",
    InsufficientFunds => "INSUFFICIENT_FUNDS",
    Forbidden => "FORBIDDEN",
    Unauthorized => "UNAUTHORIZED",
    ServiceUnavailable => "SERVICE_UNAVAILABLE",
    PriceFetchFailed => "PRICE_FETCH_FAILED",
    RequestTimedOut => "REQUEST_TIMED_OUT",
    RpcHttpError => "RPC_HTTP_ERROR",
}

/// What a code means for a quote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A final no, to be told to the buyer.
    Refused(QuoteRefusal),
    /// It may work a moment later.
    Retry,
    /// The operator's to mend: the API key.
    Operator,
}

impl ErrorCode {
    /// Whether it may be gone a moment later.
    pub(super) const fn is_passing(self) -> bool {
        matches!(self, Self::ServiceUnavailable | Self::PriceFetchFailed | Self::RequestTimedOut | Self::RpcHttpError)
    }

    /// Whether it says something about one route, whatever its status, and nothing about Relay as a whole.
    pub(super) const fn is_of_one_route(self) -> bool {
        !matches!(self, Self::ServiceUnavailable | Self::RequestTimedOut)
    }

    /// What it means for a call of this price.
    pub(super) fn meaning(self, gross: MicroUsd) -> Meaning {
        let no_route = |detail: &str| Meaning::Refused(QuoteRefusal::RouteUnavailable { detail: detail.to_owned() });
        let wallet = |detail: &str| {
            Meaning::Refused(QuoteRefusal::OriginWalletInvalid {
                detail: detail.to_owned(),
                needs_solana_wallet: false,
            })
        };
        match self {
            // Relay does not say how much would do: more than this, and never less than the floor.
            Self::AmountTooLow => Meaning::Refused(QuoteRefusal::RouteMinimumNotMet {
                minimum: ROUTE_FLOOR.max(gross.checked_add(MicroUsd::from_micros(1)).unwrap_or(gross)),
            }),
            Self::NoSwapRoutesFound | Self::NoInternalSwapRoutesFound | Self::NoQuotes | Self::UnsupportedRoute => {
                no_route("Relay has no route from this chain and currency to the seller")
            }
            Self::UnsupportedChain => no_route("Relay does not serve this chain"),
            Self::ChainDisabled => no_route("Relay has this chain switched off"),
            Self::UnsupportedCurrency | Self::InvalidInputCurrency | Self::InvalidOutputCurrency => {
                no_route("Relay does not take this currency on this chain")
            }
            Self::RouteTemporarilyRestricted => no_route("Relay has restricted this route for the time being"),
            Self::InsufficientLiquidity => no_route("Relay has not enough liquidity on this route"),
            Self::SwapImpactTooHigh => no_route("the swap would move the market by too much"),
            Self::SolanaTxTooLarge => no_route("the payment does not fit into one Solana transaction"),
            Self::InvalidAddress => wallet("Relay does not take the origin wallet's address on this chain"),
            Self::InvalidRecipient => no_route("Relay cannot pay to the seller's payout wallet"),
            Self::SanctionedWalletAddress => no_route("Relay does not serve a wallet of this payment"),
            Self::SanctionedCurrency => no_route("Relay does not serve this currency"),
            Self::InsufficientFunds => wallet("the origin wallet does not hold enough of this currency"),
            Self::Forbidden | Self::Unauthorized => Meaning::Operator,
            Self::ServiceUnavailable | Self::PriceFetchFailed | Self::RequestTimedOut | Self::RpcHttpError => {
                Meaning::Retry
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRICE: MicroUsd = MicroUsd::from_micros(10_000);

    #[test]
    fn every_documented_code_has_its_meaning() {
        let mut counts = [0; 5];
        for (text, code) in ErrorCode::ALL {
            assert_eq!(ErrorCode::parse(text), Some(*code));
            let kind = match code.meaning(PRICE) {
                Meaning::Refused(QuoteRefusal::RouteMinimumNotMet { .. }) => 0,
                Meaning::Refused(QuoteRefusal::RouteUnavailable { .. }) => 1,
                Meaning::Refused(QuoteRefusal::OriginWalletInvalid { .. }) => 2,
                Meaning::Retry => 3,
                Meaning::Operator => 4,
            };
            counts[kind] += 1;
        }
        assert_eq!(counts, [1, 16, 2, 4, 2]);
        assert_eq!(ErrorCode::parse("SOMETHING_NEW"), None);
    }

    #[test]
    fn the_minimum_is_more_than_what_was_too_low() {
        for (gross, expected) in [(10_000, 50_000), (50_000, 50_001), (u64::MAX, u64::MAX)] {
            let meaning = ErrorCode::AmountTooLow.meaning(MicroUsd::from_micros(gross));
            let minimum = MicroUsd::from_micros(expected);
            assert_eq!(meaning, Meaning::Refused(QuoteRefusal::RouteMinimumNotMet { minimum }));
        }
    }
}
