//! Where a secret could be written down, in any spelling.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};

/// What somebody wrote.
pub(crate) struct Written(String);

impl Written {
    /// Without a difference between upper and lower case, which Base32 or hexadecimal would not make either.
    pub(crate) fn new(text: &str) -> Self {
        Self(text.to_ascii_lowercase())
    }

    /// The line that holds `secret` as it is, in hexadecimal, or in Base64.
    pub(crate) fn find(&self, secret: &str) -> Option<&str> {
        let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        let spellings =
            [secret.to_owned(), hex, STANDARD.encode(secret), STANDARD_NO_PAD.encode(secret), URL_SAFE.encode(secret)];
        let at = spellings.iter().find_map(|spelling| self.0.find(&spelling.to_ascii_lowercase()))?;
        let begin = self.0[..at].rfind('\n').map_or(0, |newline| newline + 1);
        self.0[begin..].lines().next()
    }
}
