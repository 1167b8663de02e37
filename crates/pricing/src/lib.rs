//! What a call costs and who receives it. Pure: integers in, integers out.
//!
//! **Invariant:** no floats, no clock, no I/O; every split adds back to its price, and the marketplace's part is
//! rounded down.
//!
//! ```
//! use crochet_pricing::{MARKETPLACE_FEE, MicroUsd, Price, split};
//!
//! let price = Price::per_call(MicroUsd::parse_decimal("1")?)?;
//! let split = split(price.amount(), MARKETPLACE_FEE);
//! assert_eq!(split.fee.to_string(), "0.049000");
//! assert_eq!(split.seller_share.to_string(), "0.951000");
//! assert_eq!(split.fee.checked_add(split.seller_share), Some(split.gross));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![cfg_attr(not(test), deny(clippy::as_conversions, clippy::float_arithmetic, clippy::arithmetic_side_effects))]

mod fee;
mod money;
mod price;
pub mod schema;
pub mod wire;

pub use fee::{BasisPoints, MARKETPLACE_FEE, Split, UnbalancedSplit, split};
pub use money::{AmountError, MicroUsd};
pub use price::{Price, PriceError};
