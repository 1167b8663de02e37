//! Numbers and small closed sets that only a schema needs by name.

use std::ops::RangeInclusive;

use crochet_pricing::Price;
use utoipa::openapi::{KnownFormat, ObjectBuilder, SchemaFormat, Type};

use super::form;

fn integer(doc: &str, bounds: &RangeInclusive<u32>, example: u32) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int32)))
        .description(Some(doc))
        .minimum(Some(f64::from(*bounds.start())))
        .maximum(Some(f64::from(*bounds.end())))
        .examples([example])
}

macro_rules! integers {
    ($($(#[doc = $doc:literal])+ $name:ident $bounds:expr, $example:literal;)+) => {
        $(
            form! {
                $(#[doc = $doc])+
                $name => |doc| integer(doc, &$name::BOUNDS, $example)
            }

            impl $name {
                /// The least and the most.
                pub(crate) const BOUNDS: RangeInclusive<u32> = $bounds;
            }
        )+
    };
}

integers! {
    /// How long the seller may take, in milliseconds.
    TimeoutMs 1_000..=120_000, 30_000;
    /// The longest request body, in bytes.
    MaxRequestBytes 1..=1_048_576, 262_144;
    /// The longest response body, in bytes.
    MaxResponseBytes 1..=8_388_608, 1_048_576;
    /// How long the secret in use goes on signing beside the new one, in seconds: up to a day.
    OverlapSeconds 0..=86_400, 3_600;
}

fn one_of(doc: &str, words: &[&str]) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(doc))
        .enum_values(Some(words.iter().copied()))
        .examples(words.first().copied())
}

form! {
    /// Text that is not looked at.
    Unread => |doc| crochet_primitives::schema::text(doc, r"^[^\u0000]*$", "48213")
}

form! {
    /// What prices are in: US dollars.
    PriceCurrency => |doc| one_of(doc, &["USD"])
}

form! {
    /// The hash of proofs of work.
    PowAlgorithm => |doc| one_of(doc, &["sha256"])
}

form! {
    /// The pricing models that can be published.
    OfferedPricingModel => |doc| one_of(doc, &["free", "per_call"])
}

form! {
    /// What an owner may set. DELETE suspends an active listing.
    SettableStatus => |doc| one_of(doc, &["active", "draft"])
}

/// The smallest price there is, in dollars: a micro-dollar.
pub(crate) const LEAST_PRICE: f64 = 0.000_001;

/// A price from `least` on, in dollars.
pub(crate) fn price(doc: &str, least: f64) -> ObjectBuilder {
    let most = Price::MAX_PER_CALL.to_string().parse().unwrap_or(f64::MAX);
    ObjectBuilder::new()
        .schema_type(Type::Number)
        .description(Some(doc))
        .minimum(Some(least))
        .maximum(Some(most))
        .multiple_of(Some(LEAST_PRICE))
        .examples([0.01])
}

form! {
    /// US dollars: 0 for `free`, more for `per_call`. Written with at most six decimals and without an exponent.
    PriceAmount => |doc| price(doc, 0.0)
}
