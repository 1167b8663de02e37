//! Names and texts. Lengths are counted in characters: the longest with, the shortest without the white space around.

use std::ops::RangeInclusive;

use crochet_primitives::schema::text as matching;
use utoipa::openapi::ObjectBuilder;

use super::form;
use crate::catalogue::MAX_SLUG;

/// What a line may have: anything but control characters, line and paragraph separators, and characters that turn the
/// direction of what follows.
const IN_LINE: &str = r"[^\u0000-\u001F\u007F-\u009F\u2028\u2029\u202A-\u202E\u2066-\u2069]";
/// The same without white space.
const IN_LINE_SOLID: &str = r"[^\u0000-\u0020\u007F-\u00A0\u1680\u2000-\u200A\u2028-\u202F\u205F\u2066-\u2069\u3000]";
/// The white space of a line.
const IN_LINE_SPACE: &str = r"[\u0020\u00A0\u1680\u2000-\u200A\u202F\u205F\u3000]";

/// What a text may have: anything but control characters, of which line breaks and tabs are welcome.
const IN_TEXT: &str = r"[^\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F]";
/// The same without white space.
const IN_TEXT_SOLID: &str = r"[^\u0000-\u0020\u007F-\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000]";
/// The white space of a text.
const IN_TEXT_SPACE: &str = r"[\u0009\u000A\u000D\u0020\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000]";

/// So many characters between the first and the last that are no white space, both included.
fn solid(any: &str, solid: &str, space: &str, min: usize) -> String {
    match min {
        0 => format!("^{any}*$"),
        1 => format!("^{space}*{solid}({any}*{solid})?{space}*$"),
        2 => format!("^{space}*{solid}{any}*{solid}{space}*$"),
        _ => format!("^{space}*{solid}{any}{{{},}}{solid}{space}*$", min.saturating_sub(2)),
    }
}

fn bounded(doc: &str, pattern: &str, length: &RangeInclusive<usize>, example: &str) -> ObjectBuilder {
    let min = Some(*length.start()).filter(|min| *min > 0);
    matching(doc, pattern, example).min_length(min).max_length(Some(*length.end()))
}

fn line(doc: &str, length: &RangeInclusive<usize>, example: &str) -> ObjectBuilder {
    bounded(doc, &solid(IN_LINE, IN_LINE_SOLID, IN_LINE_SPACE, *length.start()), length, example)
}

fn text(doc: &str, length: &RangeInclusive<usize>, example: &str) -> ObjectBuilder {
    bounded(doc, &solid(IN_TEXT, IN_TEXT_SOLID, IN_TEXT_SPACE, *length.start()), length, example)
}

macro_rules! bounded {
    ($($kind:ident $(#[doc = $doc:literal])+ $name:ident $length:expr, $example:literal;)+) => {
        $(
            form! {
                $(#[doc = $doc])+
                $name => |doc| $kind(doc, &$name::LENGTH, $example)
            }

            impl $name {
                /// The shortest without, the longest with the white space around it, in characters.
                pub(crate) const LENGTH: RangeInclusive<usize> = $length;
            }
        )+
    };
}

bounded! {
    line
        /// A profile's name: one line.
        DisplayName 2..=50, "signal-bot";
    text
        /// What a profile says of itself. White space alone counts as nothing.
        ProfileText 0..=500, "Watches DeFi markets so that you do not have to.";
    line
        /// A key's name: one line.
        ApiKeyName 1..=100, "buyer worker";
    line
        /// A listing's name: one line.
        ListingName 2..=100, "DeFi Alpha Signals";
    text
        /// What a listing offers.
        Description 10..=5_000, "Real-time trading signals for DeFi protocols.";
    line
        /// A tag or a format: one line.
        ShortText 1..=50, "defi";
    text
        /// Extended documentation. White space alone counts as nothing.
        Docs 0..=50_000, "Send `{\"pair\": \"ETH/USDC\"}`; the answer has `signal` and `confidence`.";
    text
        /// How to use it. White space alone counts as nothing.
        ConnectionInstructions 0..=10_000, "Call the gateway with a pair and a horizon in hours.";
    text
        /// How long it takes. White space alone counts as nothing.
        ExpectedDelivery 0..=100, "under 2 seconds";
    text
        /// What can go wrong. White space alone counts as nothing.
        RiskDisclaimers 0..=5_000, "Signals are no financial advice.";
    text
        /// What is promised. White space alone counts as nothing.
        Sla 0..=5_000, "99.5% of calls are answered within 5 seconds.";
    line
        /// What an example shows: one line.
        ExampleLabel 1..=100, "A signal for ETH/USDC";
    text
        /// The example itself.
        ExampleContent 1..=10_000, "{\"pair\":\"ETH/USDC\",\"signal\":\"long\",\"confidence\":0.82}";
}

form! {
    /// A listing's name in URLs: never reused, never like a UUID.
    ListingSlug => |doc| {
        matching(doc, "^[a-z0-9]+(-[a-z0-9]+)*$", "defi-alpha-signals").min_length(Some(1)).max_length(Some(MAX_SLUG))
    }
}
