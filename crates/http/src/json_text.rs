//! What is checked of a JSON text besides its grammar: encoding, depth, keys that come twice, and the one escape that
//! no database takes.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::fmt::Write as _;

/// Deeper than this is nested by no honest client.
pub(crate) const MAX_DEPTH: usize = 64;
/// The longest key or path that is repeated to the client, in characters.
const MAX_SHOWN: usize = 100;

/// What is wrong with a text, and where, in bytes from its start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// Not UTF-8.
    Encoding { at: usize },
    /// It begins with a byte order mark, which JSON has not.
    ByteOrderMark,
    /// Nested too deep.
    Depth { at: usize },
    /// `\u0000`, where it is not taken.
    Nul { at: usize },
    /// A key that its object has already; `path` leads to it.
    Duplicate { at: usize, path: String },
}

impl Flaw {
    /// Where it is, in bytes from the start of the text.
    pub(crate) fn at(&self) -> usize {
        match self {
            Self::ByteOrderMark => 0,
            Self::Encoding { at } | Self::Depth { at } | Self::Nul { at } | Self::Duplicate { at, .. } => *at,
        }
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encoding { at } => write!(f, "The body is not UTF-8 at byte {at}."),
            Self::ByteOrderMark => write!(f, "The body begins with a byte order mark at byte 0: leave it out."),
            Self::Depth { at } => write!(f, "The body is nested deeper than {MAX_DEPTH} levels at byte {at}."),
            Self::Nul { at } => write!(f, "The body holds the character U+0000 at byte {at}."),
            Self::Duplicate { path, .. } => write!(f, "The body is ambiguous: duplicate field `{path}`."),
        }
    }
}

/// Line and column of a byte, both from 1; the column counts bytes, as the parser's does.
pub(crate) fn position(bytes: &[u8], at: usize) -> (usize, usize) {
    let before = bytes.get(..at).unwrap_or(bytes);
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    (before.iter().filter(|byte| **byte == b'\n').count() + 1, before.len() - line_start + 1)
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
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return Err(Flaw::ByteOrderMark);
    }
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

/// One container that is open while [`duplicate`] reads.
enum Level<'a> {
    Object { keys: HashSet<Cow<'a, str>>, current: Cow<'a, str> },
    Array { index: usize },
}

/// Finds a key that comes twice in its object, at any depth, in one pass without recursion. The text is JSON: the
/// parser has said so. Keys are compared as what they say, not as they are written: `"a"` is `"\u0061"`.
pub(crate) fn duplicate(text: &str) -> Option<Flaw> {
    let mut levels: Vec<Level<'_>> = Vec::new();
    let mut key_comes = false;
    let mut rest = text.bytes().enumerate();
    while let Some((at, byte)) = rest.next() {
        match byte {
            b'{' => {
                levels.push(Level::Object { keys: HashSet::new(), current: Cow::Borrowed("") });
                key_comes = true;
            }
            b'[' => {
                levels.push(Level::Array { index: 0 });
                key_comes = false;
            }
            b'}' | b']' => {
                levels.pop();
                key_comes = false;
            }
            b',' => match levels.last_mut() {
                Some(Level::Array { index }) => *index += 1,
                Some(Level::Object { .. }) => key_comes = true,
                None => {}
            },
            b'"' => {
                let mut end = at + 1;
                while let Some((next, byte)) = rest.next() {
                    end = next;
                    match byte {
                        b'"' => break,
                        b'\\' => {
                            rest.next();
                        }
                        _ => {}
                    }
                }
                if std::mem::take(&mut key_comes)
                    && let Some(Level::Object { keys, current }) = levels.last_mut()
                {
                    *current = said(text.get(at..=end).unwrap_or_default());
                    if !keys.insert(current.clone()) {
                        return Some(Flaw::Duplicate { at, path: path(&levels) });
                    }
                }
            }
            _ => {}
        }
    }
    None
}

/// What a string says, from how it is written. What says no text, half a surrogate, is taken as it is written.
fn said(quoted: &str) -> Cow<'_, str> {
    let written = quoted.trim_matches('"');
    if !written.contains('\\') {
        return Cow::Borrowed(written);
    }
    serde_json::from_str(quoted).map_or(Cow::Borrowed(quoted), Cow::Owned)
}

fn path(levels: &[Level<'_>]) -> String {
    let mut path = String::new();
    for level in levels {
        // Writing to a string cannot fail.
        let _ = match level {
            Level::Array { index } => write!(path, "[{index}]"),
            Level::Object { current, .. } if path.is_empty() => write!(path, "{current}"),
            Level::Object { current, .. } => write!(path, ".{current}"),
        };
    }
    path.chars().filter(|c| !c.is_control()).take(MAX_SHOWN).collect()
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
    fn a_key_that_comes_twice_is_named_by_its_path_at_any_depth() {
        for (text, path) in [
            (r#"{"a":1,"a":2}"#, "a"),
            (r#"{"a":{"b":[1,{"c":1,"d":{},"c":2}]}}"#, "a.b[1].c"),
            (r#"[{"a":1},{"a":1,"b":[],"a":3}]"#, "[1].a"),
            (r#"{"a":1,"\u0061":2}"#, "a"),
            (r#"{"a\"b":1,"a\"b":2}"#, "a\"b"),
            (r#"{"":1,"":2}"#, ""),
            (r#"{"\ud800":1,"\ud800":2}"#, "\"\\ud800\""),
        ] {
            let Some(Flaw::Duplicate { path: found, .. }) = duplicate(text) else { panic!("{text}") };
            assert_eq!(found, path, "{text}");
        }
        for text in [
            r#"{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]}"#,
            r#"{"a":"a","b":"a","c":["a","a"],"A":"\"a\":1,\"a\":2"}"#,
            r#"["a","a"]"#,
            "1",
        ] {
            assert_eq!(duplicate(text), None, "{text}");
        }
    }

    #[test]
    fn a_place_is_told_as_the_parser_tells_it() {
        let text = "{\n  \"a\": 1,\n  \"a\": 2}";
        let at = duplicate(text).unwrap().at();
        assert_eq!(position(text.as_bytes(), at), (3, 3));
        assert_eq!((position(b"", 0), position(b"a", 99)), ((1, 1), (1, 2)));
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_named_by_their_place() {
        assert_eq!(check(b"\"a\xff\"", Nul::Refused), Err(Flaw::Encoding { at: 2 }));
    }

    proptest! {
        #[test]
        fn no_text_panics_the_search_for_keys(text: String, brackets in "[\\[\\]{}:,\"\\\\au]*") {
            let _ = duplicate(&text);
            let _ = duplicate(&brackets);
        }

        #[test]
        fn a_map_has_no_key_twice_and_a_second_time_is_found(
            map in proptest::collection::hash_map(".*", 0..9_u8, 1..9),
            pick: proptest::sample::Index,
        ) {
            let sent = serde_json::to_string(&map).unwrap();
            prop_assert_eq!(duplicate(&sent), None);
            let again = serde_json::to_string(pick.get(&map.keys().collect::<Vec<_>>())).unwrap();
            let twice = format!("{},{again}:0}}", sent.strip_suffix('}').unwrap());
            prop_assert!(duplicate(&twice).is_some(), "{}", twice);
        }

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
