//! One word per thing, from SQL to JSON to OpenAPI.

#[doc(hidden)]
pub use {serde, utoipa};

/// Declares a closed vocabulary: a field-less enum whose every value has one word, written down once.
///
/// The type gets `as_str`, `parse`, `NAMES` and `ALL`, `serde` by its words (a string, and nothing else), and an OpenAPI
/// schema that lists and describes them. `enum Name = Variant { … }` declares a default.
///
/// ```
/// crochet_primitives::names! {
///     /// Whose part of a trade it is.
///     pub enum Side = Buyer {
///         /// It pays.
///         Buyer => "buyer",
///         /// It is paid.
///         Seller => "seller",
///     }
/// }
///
/// assert_eq!(Side::Seller.as_str(), "seller");
/// assert_eq!(Side::parse("buyer"), Some(Side::Buyer));
/// assert_eq!(Side::parse("Buyer"), None);
/// assert_eq!(Side::NAMES, ["buyer", "seller"]);
/// assert_eq!(Side::default(), Side::Buyer);
/// ```
#[macro_export]
macro_rules! names {
    (
        $(#[doc = $doc:literal])+
        $vis:vis enum $type:ident $(= $default:ident)? {
            $($(#[doc = $meaning:literal])+ $variant:ident => $name:literal),+ $(,)?
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis enum $type {
            $($(#[doc = $meaning])+ $variant),+
        }

        impl $type {
            /// All names, in SQL and in JSON.
            pub const NAMES: &'static [&'static str] = &[$($name),+];

            /// All values, in the order of their names.
            pub const ALL: [Self; Self::NAMES.len()] = [$(Self::$variant),+];

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

        $(impl Default for $type {
            fn default() -> Self {
                Self::$default
            }
        })?

        impl $crate::__names::serde::Serialize for $type {
            fn serialize<S: $crate::__names::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> $crate::__names::serde::Deserialize<'de> for $type {
            fn deserialize<D: $crate::__names::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::__names::deserialize(deserializer, Self::NAMES, Self::parse)
            }
        }

        impl $crate::__names::utoipa::PartialSchema for $type {
            fn schema() -> $crate::__names::utoipa::openapi::RefOr<$crate::__names::utoipa::openapi::Schema> {
                let meanings: &[(&str, &str)] = &[$(($name, concat!($($meaning),+))),+];
                $crate::__names::vocabulary(concat!($($doc),+), meanings)
            }
        }

        impl $crate::__names::utoipa::ToSchema for $type {}
    };
}

/// Reads one of `names`: a string, and nothing else.
#[doc(hidden)]
pub fn deserialize<'de, T, D: serde::Deserializer<'de>>(
    deserializer: D,
    names: &'static [&'static str],
    parse: fn(&str) -> Option<T>,
) -> Result<T, D::Error> {
    let text: std::borrow::Cow<'de, str> = serde::Deserialize::deserialize(deserializer)?;
    parse(&text).ok_or_else(|| serde::de::Error::unknown_variant(&text, names))
}

/// A string that is one of these names, with what each means.
#[doc(hidden)]
#[must_use]
pub fn vocabulary(doc: &str, meanings: &[(&str, &str)]) -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
    let list: String = meanings.iter().map(|(name, meaning)| format!("\n- `{name}`: {}", meaning.trim())).collect();
    utoipa::openapi::ObjectBuilder::new()
        .schema_type(utoipa::openapi::Type::String)
        .description(Some(format!("{}\n{list}", doc.trim())))
        .enum_values(Some(meanings.iter().map(|(name, _)| *name)))
        .examples(meanings.first().map(|(name, _)| *name))
        .into()
}
