//! Closed lists of words, as named components, and the forms of text that occur in many places.
//!
//! Those that a type of ours stands for bring their own schema; here are the ones that only answers have.

use std::borrow::Cow;
use std::fmt::Write as _;

use crochet_relay::EntryType;
use serde_json::{Map, Value};
use utoipa::openapi::RefOr;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::schema::{KnownFormat, Object, ObjectBuilder, Schema, SchemaFormat, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::code::Code;
use crate::recovery::NextAction;

/// A list of words with what each means: the words as an enum, the meanings in its description and, for tools, in
/// `x-enumDescriptions`.
fn words(what: &str, list: impl Iterator<Item = (&'static str, &'static str)>) -> RefOr<Schema> {
    let list: Vec<_> = list.collect();
    let mut description = format!("{what}\n");
    for (word, meaning) in &list {
        // Writing to a string does not fail.
        let _ = write!(description, "\n- `{word}`: {meaning}");
    }
    let meanings: Map<String, Value> = list.iter().map(|(word, meaning)| ((*word).into(), (*meaning).into())).collect();
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(list.iter().map(|(word, _)| *word)))
        .description(Some(description))
        .extensions(Some(ExtensionsBuilder::new().add("x-enumDescriptions", Value::Object(meanings)).build()))
        .into()
}

macro_rules! vocabularies {
    ($($(#[doc = $doc:literal])+ $name:ident { $($word:literal: $meaning:literal;)+ })+) => {
        $(
            $(#[doc = $doc])+
            pub(crate) struct $name;

            impl $name {
                const WORDS: &'static [(&'static str, &'static str)] = &[$(($word, $meaning)),+];
            }

            impl PartialSchema for $name {
                fn schema() -> RefOr<Schema> {
                    words(concat!($($doc),+).trim_ascii(), Self::WORDS.iter().copied())
                }
            }

            impl ToSchema for $name {
                fn name() -> Cow<'static, str> {
                    stringify!($name).into()
                }
            }
        )+
    };
}

vocabularies! {
    /// On which side of a call the caller is.
    CallRole {
        "buyer": "it pays";
        "seller": "it does the work";
    }
    /// What is under way with a call.
    CallProgress {
        "quoting": "another request for the same call is asking for its terms";
        "pending": "a payment is waited for, and the seller is not asked before it is final";
        "forwarding": "the call is at the seller";
    }
    /// Why a call has no other answer yet.
    WaitReason {
        "in_flight": "another request for the same call is being served";
        "not_final": "a payment was seen and is not final";
        "unknown": "the payment provider cannot be asked just now";
        "late_payment_check": "the terms have ended, and a late payment is looked for";
    }
    /// Whether the server can do its work.
    ReadyOrNot {
        "ready": "it can";
        "not_ready": "it cannot, and the rest says why";
    }
    /// What a payment can be made in.
    OriginCurrency {
        "USDC": "USD Coin";
        "ETH": "ether";
        "SOL": "SOL, which takes any price";
    }
}

macro_rules! renamed {
    ($($(#[doc = $doc:literal])+ $name:ident = $type:ty;)+) => {
        $(
            $(#[doc = $doc])+
            pub(crate) struct $name;

            impl PartialSchema for $name {
                fn schema() -> RefOr<Schema> {
                    <$type>::schema()
                }
            }

            impl ToSchema for $name {
                fn name() -> Cow<'static, str> {
                    stringify!($name).into()
                }
            }
        )+
    };
}

renamed! {
    /// Where a call stands: in a document of the whole API, `State` says too little.
    CallState = crochet_relay::State;
    /// What a ledger entry records.
    LedgerEntryType = EntryType;
    /// Whether a ledger entry takes or gives.
    LedgerDirection = crochet_relay::Direction;
}

/// The closed list of error codes.
pub(crate) struct ErrorCode;

impl PartialSchema for ErrorCode {
    fn schema() -> RefOr<Schema> {
        let list = Code::ALL.iter().map(|code| (code.as_str(), code.meaning()));
        words("What went wrong, for programs. A code is never renamed and never changes its status.", list)
    }
}

impl ToSchema for ErrorCode {
    fn name() -> Cow<'static, str> {
        "ErrorCode".into()
    }
}

impl PartialSchema for NextAction {
    fn schema() -> RefOr<Schema> {
        let list = Self::ALL.iter().map(|action| (action.as_str(), action.meaning()));
        words("The next thing to do about an error. Closed: a client may match on all of them.", list)
    }
}

impl ToSchema for NextAction {
    fn name() -> Cow<'static, str> {
        "NextAction".into()
    }
}

pub(super) fn text(pattern: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern))
}

/// One of the types, or null.
fn nullable(mut object: Object) -> Object {
    if let SchemaType::Type(known) = object.schema_type {
        object.schema_type = SchemaType::from_iter([known, Type::Null]);
    }
    object
}

/// SHA-256 in lowercase hex.
pub(crate) fn sha256() -> Object {
    text("^[0-9a-f]{64}$").description(Some("SHA-256 in lowercase hex.")).build()
}

/// The same, where there may be none.
pub(crate) fn sha256_or_null() -> Object {
    nullable(sha256())
}

/// An amount as text: no float touches money.
pub(crate) fn usd() -> Object {
    text(r"^-?[0-9]+\.[0-9]{6}$").description(Some("US dollars with six decimals, as text.")).build()
}

/// The same, where there may be none.
pub(crate) fn usd_or_null() -> Object {
    nullable(usd())
}

/// An amount in millionths of a dollar.
pub(crate) fn usd_micros() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(0))
        .description(Some("The same in millionths of a US dollar."))
        .build()
}

/// The one currency of prices.
pub(crate) fn currency() -> Object {
    constant("USD")
}

/// One word that is always there.
pub(crate) fn constant(word: &'static str) -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some([word])).build()
}

/// What an adjustment corrects.
pub(crate) fn adjusts() -> Object {
    let mut object = nullable(
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("What an adjustment corrects; null for everything else."))
            .build(),
    );
    let corrected = EntryType::ALL.iter().filter(|kind| **kind != EntryType::Adjustment);
    object.enum_values = Some(corrected.map(|kind| Value::from(kind.as_str())).chain([Value::Null]).collect());
    object
}

/// `success` of every answer that has data.
pub(crate) fn always_true() -> Object {
    ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([true])).build()
}

/// `success` of every error.
pub(crate) fn always_false() -> Object {
    ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([false])).build()
}

/// Any JSON value.
pub(crate) fn any_json(description: &str) -> Object {
    ObjectBuilder::new().schema_type(SchemaType::AnyValue).description(Some(description)).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_read_by<T>(words: &[(&str, &str)], parse: impl Fn(&str) -> Option<T>) {
        for (word, _) in words {
            assert!(parse(word).is_some(), "{word}");
        }
    }

    #[test]
    fn the_words_are_those_that_are_read() {
        is_read_by(OriginCurrency::WORDS, crochet_relay::OriginCurrency::parse);
    }
}
