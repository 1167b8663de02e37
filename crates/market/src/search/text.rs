//! What is typed into a search, taken apart.

use super::MAX_TEXT;

/// Words that have to be found, phrases, and words that must not be found.
///
/// ```
/// use crochet_market::search::SearchText;
///
/// let text = SearchText::parse("weather \"snow height\" -mock ora");
/// let terms: Vec<_> = text.terms.iter().map(|term| (term.text.as_str(), term.is_excluded, term.is_prefix)).collect();
/// assert_eq!(terms, [
///     ("weather", false, false), ("snow height", false, false), ("mock", true, false), ("ora", false, true),
/// ]);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchText {
    /// In the order in which they were typed.
    pub terms: Vec<Term>,
}

/// A part of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// As it was typed, without quotes and minus. What several words it holds have to follow on one another.
    pub text: String,
    /// Whether it stood in quotes: then it is meant to the letter, stop words included.
    pub is_quoted: bool,
    /// Whether it must not be found.
    pub is_excluded: bool,
    /// Whether it may be the beginning of a word: the last one, which somebody may still be typing.
    pub is_prefix: bool,
}

impl SearchText {
    /// Takes the first 200 characters apart; what follows them is not looked at. Any text is fine: a quote that is not
    /// closed reaches to the end, a minus counts in front of a word only, and all other signs separate words.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let end = text.char_indices().nth(MAX_TEXT).map_or(text.len(), |(index, _)| index);
        let mut rest = text.get(..end).unwrap_or_default().trim();
        let mut terms = Vec::new();
        while !rest.is_empty() {
            let is_excluded = rest.starts_with('-');
            let (term, after) = next(rest.trim_start_matches('-'));
            rest = after.trim_start();
            if !term.text.trim().is_empty() {
                terms.push(Term { is_excluded, ..term });
            }
        }
        if let Some(last) = terms.last_mut() {
            last.is_prefix = !last.is_quoted && !last.is_excluded;
        }
        Self { terms }
    }
}

/// The phrase or the word at the beginning of `text`, and what follows it.
fn next(text: &str) -> (Term, &str) {
    let term = |text: &str, is_quoted| Term { text: text.to_owned(), is_quoted, is_excluded: false, is_prefix: false };
    match text.strip_prefix(is_quote) {
        Some(quoted) => {
            let (phrase, after) = quoted.split_once(is_quote).unwrap_or((quoted, ""));
            (term(phrase, true), after)
        }
        None => {
            let end = text.find(|c: char| c.is_whitespace() || is_quote(c)).unwrap_or(text.len());
            let (word, after) = text.split_at(end);
            (term(word, false), after)
        }
    }
}

const fn is_quote(character: char) -> bool {
    matches!(character, '"' | '\u{201c}' | '\u{201d}' | '\u{201e}')
}

/// Whether somebody may have meant `known` who wrote `word`: it is the same up to a slip or two of the keyboard (one up
/// to seven letters, two up to eleven, then three; letters that changed places are one slip), or `word` is a part of it.
/// Words of fewer than three letters are near to nothing.
///
/// ```
/// use crochet_market::search::is_near;
///
/// assert!(is_near("tranlsation", "translation") && is_near("base", "database"));
/// assert!(!is_near("cat", "dog") && !is_near("to", "two"));
/// ```
#[must_use]
pub fn is_near(word: &str, known: &str) -> bool {
    let length = word.chars().count();
    let slips = match length {
        0..=2 => return false,
        3..=7 => 1,
        8..=11 => 2,
        _ => 3,
    };
    known.contains(word)
        || known.chars().count().abs_diff(length) <= slips && strsim::osa_distance(word, known) <= slips
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn terms(text: &str) -> Vec<String> {
        SearchText::parse(text)
            .terms
            .into_iter()
            .map(|term| {
                let sign = if term.is_excluded { "-" } else { "" };
                let quote = if term.is_quoted { "'" } else { "" };
                let star = if term.is_prefix { "*" } else { "" };
                format!("{sign}{quote}{}{quote}{star}", term.text)
            })
            .collect()
    }

    #[test]
    fn words_phrases_and_exclusions_are_told_apart() {
        assert_eq!(terms("one two"), ["one", "two*"]);
        assert_eq!(terms("  \"one two\"  -three  "), ["'one two'", "-three"]);
        assert_eq!(terms("-\"one two\" three"), ["-'one two'", "three*"]);
        assert_eq!(terms("\u{201c}one two\u{201d}"), ["'one two'"]);
        assert_eq!(terms("one\"two\"three"), ["one", "'two'", "three*"]);
    }

    #[test]
    fn whatever_is_not_closed_or_not_followed_by_a_word_is_fine() {
        assert_eq!(terms("\"one two"), ["'one two'"]);
        assert_eq!(terms("- -- \"\" \" \" -\"\""), [""; 0]);
        assert_eq!(terms("one-two --three"), ["one-two", "-three"]);
        assert_eq!(terms(""), [""; 0]);
    }

    #[test]
    fn only_so_many_characters_count() {
        assert_eq!(terms(&"ü".repeat(10_000)), [format!("{}*", "ü".repeat(200))]);
    }

    #[test]
    fn slips_of_the_keyboard_are_near() {
        for (word, known) in [
            ("wether", "weather"),
            ("oracel", "oracle"),
            ("pyton", "python"),
            ("dta", "data"),
            ("tranlsation", "translation"),
            ("sumary", "summary"),
        ] {
            assert!(is_near(word, known), "{word}");
        }
        for (word, known) in
            [("weather", "leather jacket"), ("price", "prime number"), ("wether", "leather"), ("go", "ago"), ("", "a")]
        {
            assert!(!is_near(word, known), "{word}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken_apart_into_no_more_than_there_is(text in any::<String>()) {
            let read = SearchText::parse(&text);
            let length: usize = read.terms.iter().map(|term| term.text.chars().count()).sum();
            prop_assert!(length <= MAX_TEXT);
            prop_assert!(read.terms.iter().all(|term| !term.text.trim().is_empty()));
            prop_assert!(read.terms.iter().rev().skip(1).all(|term| !term.is_prefix));
        }
    }
}
