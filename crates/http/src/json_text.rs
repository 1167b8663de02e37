//! What is checked of a JSON text before it is read: encoding, depth, and the one escape that no database takes.

use std::fmt;

/// Deeper than this is nested by no honest client.
pub(crate) const MAX_DEPTH: usize = 64;

/// What is wrong with a text, and where, in bytes from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// Not UTF-8.
    Encoding { at: usize },
    /// Nested too deep.
    Depth { at: usize },
    /// `\u0000`, where it is not taken.
    Nul { at: usize },
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encoding { at } => write!(f, "The body is not UTF-8 at byte {at}."),
            Self::Depth { at } => write!(f, "The body is nested deeper than {MAX_DEPTH} levels at byte {at}."),
            Self::Nul { at } => write!(f, "The body holds the character U+0000 at byte {at}."),
        }
    }
}

/// Whether `\u0000` in strings is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nul {
    /// It is relayed and not stored.
    Taken,
    /// It cannot be stored.
    Refused,
}

/// Checks a text in one pass, without recursion. It need not be JSON: that is for the parser to say.
pub(crate) fn check(bytes: &[u8], nul: Nul) -> Result<&str, Flaw> {
    let text = std::str::from_utf8(bytes).map_err(|error| Flaw::Encoding { at: error.valid_up_to() })?;
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut rest = bytes.iter().enumerate();
    while let Some((at, byte)) = rest.next() {
        match (in_string, byte) {
            (true, b'"') => in_string = false,
            (true, b'\\') => {
                let escapes_nul = bytes.get(at..).is_some_and(|tail| tail.starts_with(br"\u0000"));
                if nul == Nul::Refused && escapes_nul {
                    return Err(Flaw::Nul { at });
                }
                rest.next();
            }
            (true, _) => {}
            (false, b'"') => in_string = true,
            (false, b'{' | b'[') => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(Flaw::Depth { at });
                }
            }
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            (false, _) => {}
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn depth_counts_brackets_outside_of_strings_only() {
        let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(check(deep(MAX_DEPTH).as_bytes(), Nul::Refused).is_ok());
        assert_eq!(check(deep(MAX_DEPTH + 1).as_bytes(), Nul::Refused), Err(Flaw::Depth { at: MAX_DEPTH }));
        assert!(check(format!("\"{}\\\"{}\"", deep(100), deep(100)).as_bytes(), Nul::Refused).is_ok());
        let flat = "[]".repeat(1000);
        assert!(check(flat.as_bytes(), Nul::Refused).is_ok());
    }

    #[test]
    fn an_escaped_nul_is_found_and_an_escaped_backslash_is_none() {
        assert_eq!(check(br#"{"a":"b\u0000"}"#, Nul::Refused), Err(Flaw::Nul { at: 7 }));
        assert!(check(br#"{"a":"b\u0000"}"#, Nul::Taken).is_ok());
        assert!(check(br#"{"a":"b\\u0000"}"#, Nul::Refused).is_ok());
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_named_by_their_place() {
        assert_eq!(check(b"\"a\xff\"", Nul::Refused), Err(Flaw::Encoding { at: 2 }));
    }

    proptest! {
        #[test]
        fn no_bytes_panic_the_check(bytes: Vec<u8>) {
            let _ = check(&bytes, Nul::Refused);
        }

        #[test]
        fn every_string_without_a_nul_passes_and_every_string_with_one_is_refused(text: String, at in 0_usize..20) {
            let plain: String = text.chars().filter(|c| *c != '\0').collect();
            let sent = serde_json::to_string(&[&plain]).unwrap();
            prop_assert_eq!(check(sent.as_bytes(), Nul::Refused), Ok(sent.as_str()));
            let (before, after): (String, String) = (plain.chars().take(at).collect(), plain.chars().skip(at).collect());
            let sent = serde_json::to_string(&format!("{before}\0{after}")).unwrap();
            let is_refused = matches!(check(sent.as_bytes(), Nul::Refused), Err(Flaw::Nul { .. }));
            prop_assert!(is_refused);
        }
    }
}
