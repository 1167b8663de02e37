//! One word per thing, from SQL to JSON.

/// Gives a field-less enum `as_str`, `parse` and `NAMES`, so that a word is written down once.
///
/// ```
/// #[derive(Debug, Clone, Copy, PartialEq, Eq)]
/// enum Side {
///     Buyer,
///     Seller,
/// }
/// crochet_primitives::names!(Side { Buyer => "buyer", Seller => "seller" });
///
/// assert_eq!(Side::Seller.as_str(), "seller");
/// assert_eq!(Side::parse("buyer"), Some(Side::Buyer));
/// assert_eq!(Side::parse("Buyer"), None);
/// assert_eq!(Side::NAMES, ["buyer", "seller"]);
/// ```
#[macro_export]
macro_rules! names {
    ($type:ident { $($variant:ident => $name:literal),+ $(,)? }) => {
        impl $type {
            /// All names, in SQL and in JSON.
            pub const NAMES: &'static [&'static str] = &[$($name),+];

            /// The name in SQL and in JSON.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// Reads the name.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($name => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}
