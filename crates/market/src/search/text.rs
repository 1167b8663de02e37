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

/// Of known words, those that somebody may have meant who wrote `word`: the nearest ones, up to a slip or two of the
/// keyboard (one up to seven letters, two up to eleven, then three; letters that changed places are one slip). That
/// `word` is a part of a known one counts like one slip. Words of fewer than three letters are near to nothing.
///
/// ```
/// use crochet_market::search::nearest;
///
/// let known = ["translation", "transaction", "database", "dog", "two"];
/// assert_eq!(nearest("tranlsation", known), ["translation"]);
/// assert_eq!(nearest("base", known), ["database"]);
/// assert!(nearest("cat", known).is_empty() && nearest("to", known).is_empty());
/// ```
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut least = usize::MAX;
    let mut nearest = Vec::new();
    for known in known {
        match slips(word, known) {
            Some(slips) if slips < least => (least, nearest) = (slips, vec![known]),
            Some(slips) if slips == least => nearest.push(known),
            _ => {}
        }
    }
    nearest
}

/// How many slips make `word` of `known`; none, when these are too many, or when they are the same.
fn slips(word: &str, known: &str) -> Option<usize> {
    let length = word.chars().count();
    let most = match length {
        0..=2 => return None,
        3..=7 => 1,
        8..=11 => 2,
        _ => 3,
    };
    if word == known {
        return None;
    }
    if known.contains(word) {
        return Some(1);
    }
    let may_be = known.chars().count().abs_diff(length) <= most;
    Some(strsim::osa_distance(word, known)).filter(|slips| may_be && *slips <= most)
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
            assert_eq!(nearest(word, [known]), [known]);
        }
        for (word, known) in
            [("weather", "leather jacket"), ("price", "prime number"), ("wether", "leather"), ("go", "ago"), ("", "a")]
        {
            assert!(nearest(word, [known]).is_empty(), "{word}");
        }
    }

    #[test]
    fn only_the_nearest_count_and_never_the_word_itself() {
        assert_eq!(nearest("translatoin", ["translation", "translations", "translating"]), ["translation"]);
        assert_eq!(nearest("weather", ["weather", "leather", "feather"]), ["leather", "feather"]);
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
