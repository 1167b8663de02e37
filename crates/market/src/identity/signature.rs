//! A signature that is not printed.

use std::fmt;

use serde::Deserialize;

/// A signature as it came. `Debug` shows nothing of it: until its challenge is used, whoever reads it can use it.
#[derive(Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct SignatureText(String);

impl SignatureText {
    /// The signature's text.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for SignatureText {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for SignatureText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignatureText([REDACTED])")
    }
}
