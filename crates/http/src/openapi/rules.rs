//! What an operation asks of its caller and which errors it can answer, said beside its handler.
//!
//! `#[utoipa::path]` has no word for these, so they travel in an extension: `extensions((RULES = json!(read(&[…]))))`.
//! [`super::complete`] takes it out again and writes the security requirement, the responses and the headers that
//! follow from it.

use crochet_market::Scope;
use serde::{Deserialize, Serialize};

use crate::code::Code;

/// The extension that the rules travel in.
pub(crate) const RULES: &str = "x-rules";

/// The rules of one operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rules {
    pub(crate) key: KeyUse,
    /// The scope that a key needs, by its name.
    pub(crate) scope: Option<String>,
    /// The class of its rate limit; those without are not counted.
    pub(crate) limit: Option<String>,
    /// Whether answers have an `ETag`, and 304 is one of them.
    pub(crate) is_cached: bool,
    /// Whether it can be paid by a header, without an API key.
    pub(crate) is_paid_by_header: bool,
    /// By their names; those that follow from the rest are not listed.
    pub(crate) codes: Vec<String>,
}

/// Whether an API key is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum KeyUse {
    /// The `Authorization` header is not looked at.
    Ignored,
    /// A wrong key is refused, and a right one is counted and may see more.
    Optional,
    /// There is no answer without one.
    Needed,
}

impl Rules {
    fn new(key: KeyUse, scope: Option<Scope>, limit: Option<&str>, codes: &[Code]) -> Self {
        Self {
            key,
            scope: scope.map(|scope| scope.as_str().to_owned()),
            limit: limit.map(str::to_owned),
            is_cached: false,
            is_paid_by_header: false,
            codes: codes.iter().map(|code| code.as_str().to_owned()).collect(),
        }
    }

    /// Or without an API key, where a payment comes in a header.
    pub(crate) fn paid_by_header(mut self) -> Self {
        self.is_paid_by_header = true;
        self
    }

    /// With entity tags: the catalogue and the documents.
    pub(crate) fn cached(mut self) -> Self {
        self.is_cached = true;
        self
    }
}

/// Not counted, and for everybody: the probes.
pub(crate) fn open(codes: &[Code]) -> Rules {
    Rules::new(KeyUse::Ignored, None, None, codes)
}

/// Reads what everybody may see.
pub(crate) fn public(codes: &[Code]) -> Rules {
    Rules::new(KeyUse::Optional, None, Some("read"), codes)
}

/// Reads what everybody may see; whoever has a key with the scope `read` may see more.
pub(crate) fn public_or_read(codes: &[Code]) -> Rules {
    Rules::new(KeyUse::Optional, Some(Scope::Read), Some("read"), codes)
}

/// Reads what belongs to the key's profile.
pub(crate) fn read(codes: &[Code]) -> Rules {
    Rules::new(KeyUse::Needed, Some(Scope::Read), Some("read"), codes)
}

/// Changes something.
pub(crate) fn write(codes: &[Code]) -> Rules {
    Rules::new(KeyUse::Needed, Some(Scope::Write), Some("write"), codes)
}

/// Challenges, registration and recovery.
pub(crate) fn sign_in(codes: &[Code]) -> Rules {
    Rules::new(KeyUse::Optional, None, Some("auth"), codes)
}

/// Calls the gateway.
pub(crate) fn gateway(codes: &[Code]) -> Rules {
    Rules::new(KeyUse::Needed, Some(Scope::Gateway), Some("gateway"), codes)
}

/// Counted as a gateway call, for everybody.
pub(crate) fn gateway_open(codes: &[Code]) -> Rules {
    Rules::new(KeyUse::Optional, None, Some("gateway"), codes)
}
