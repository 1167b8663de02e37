//! Numbers and small closed sets that only a schema needs by name.

use std::ops::RangeInclusive;

use utoipa::Number;
use utoipa::openapi::{KnownFormat, ObjectBuilder, SchemaFormat, Type};

use super::form;

fn number(number: u32) -> Number {
    usize::try_from(number).map_or(Number::Float(f64::from(number)), Number::UInt)
}

fn integer(doc: &str, bounds: &RangeInclusive<u32>, example: u32) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int32)))
        .description(Some(doc))
        .minimum(Some(number(*bounds.start())))
        .maximum(Some(number(*bounds.end())))
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
const LEAST_PRICE: f64 = 0.000_001;

/// The highest price: [`crochet_pricing::Price::MAX_PER_CALL`], in dollars.
const HIGHEST_PRICE: usize = 1_000_000;

/// A price in dollars. That it has at most six decimals stands in its description: as `multipleOf`, validators that
/// divide floats would refuse prices such as 0.07.
fn price(doc: &str, least: Number, example: f64) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Number)
        .description(Some(doc))
        .minimum(Some(least))
        .maximum(Some(Number::UInt(HIGHEST_PRICE)))
        .examples([example])
}

form! {
    /// US dollars: 0 for `free`, more for `per_call`. Written with at most six decimals and without an exponent.
    PriceAmount => |doc| price(doc, Number::UInt(0), 0.02)
}

form! {
    /// The price of a call in US dollars, from 0.000001 on. Written with at most six decimals and without an exponent.
    PriceOfCall => |doc| price(doc, Number::Float(LEAST_PRICE), 0.01)
}
