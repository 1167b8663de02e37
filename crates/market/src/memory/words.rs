//! Words of a text, as PostgreSQL's migration `search` makes them.

use rust_stemmers::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization;

use crate::search::Lexed;

/// How many characters of a documentation are looked at.
pub(super) const MAX_DOCS: usize = 20_000;

/// Compatibility forms resolved, accents folded, lower case; what is written without spaces is taken apart into
/// characters.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for character in text.nfkd().filter(|character| !is_accent(*character)).nfc().flat_map(char::to_lowercase) {
        let is_mark = matches!(character, '\u{0e31}' | '\u{0e34}'..='\u{0e3a}' | '\u{0e47}'..='\u{0e4e}');
        let is_alone = is_written_without_spaces(character);
        if is_alone || !(character.is_alphanumeric() || is_mark || is_indic_sign(character)) {
            words.push(String::new());
        }
        if character.is_alphanumeric() || is_mark || is_indic_sign(character) {
            // After a character that stands alone, only its marks go on.
            if !is_alone && !is_mark && words.last().is_some_and(|word| word.starts_with(is_written_without_spaces)) {
                words.push(String::new());
            }
            words.last_mut().unwrap_or(&mut String::new()).push(character);
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// A word with its stem.
pub(super) fn lexed(word: String) -> Lexed {
    let stem = (!STOP_WORDS.split(' ').any(|stop| stop == word)).then(|| stem(&word));
    Lexed { word, stem }
}

pub(super) fn stem(word: &str) -> String {
    Stemmer::create(Algorithm::English).stem(word).into_owned()
}

const fn is_accent(c: char) -> bool {
    matches!(c, '\u{0300}'..='\u{036f}' | '\u{0591}'..='\u{05bd}' | '\u{05bf}' | '\u{05c1}' | '\u{05c2}' | '\u{05c4}'
        | '\u{05c5}' | '\u{05c7}' | '\u{0610}'..='\u{061a}' | '\u{064b}'..='\u{065f}' | '\u{0670}')
}

fn is_written_without_spaces(c: char) -> bool {
    matches!(c, '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{3096}' | '\u{309d}'..='\u{309f}' | '\u{30a1}'..='\u{30fa}'
        | '\u{30fc}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}' | '\u{0e01}'..='\u{0e30}' | '\u{0e32}' | '\u{0e33}'
        | '\u{0e40}'..='\u{0e46}' | '\u{0e81}'..='\u{0eb0}' | '\u{0eb2}' | '\u{0eb3}' | '\u{0ebd}'..='\u{0ec6}')
}

/// Vowel signs that are part of a word and no letters by themselves.
const fn is_indic_sign(c: char) -> bool {
    matches!(c, '\u{0900}'..='\u{0963}' | '\u{0966}'..='\u{0df4}')
}

/// Those of PostgreSQL's `english` that are without an apostrophe.
const STOP_WORDS: &str = "i me my myself we our ours ourselves you your yours yourself yourselves he him his himself she \
    her hers herself it its itself they them their theirs themselves what which who whom this that these those am is are \
    was were be been being have has had having do does did doing a an the and but if or because as until while of at by \
    for with about against between into through during before after above below to from up down in out on off over under \
    again further then once here there when where why how all any both each few more most other some such no nor not only \
    own same so than too very s t can will just don should now";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_forms_and_case_do_not_count() {
        assert_eq!(words("Übersetzt  Verträge, ﬁne C++ ½"), ["ubersetzt", "vertrage", "fine", "c", "1", "2"]);
        assert_eq!(words("信号 ガ ok信"), ["信", "号", "ガ", "ok", "信"]);
        assert_eq!(words("\u{1f9f6} % & |"), [""; 0]);
    }

    #[test]
    fn english_words_have_stems() {
        assert_eq!(lexed("translations".into()).stem.as_deref(), Some("translat"));
        assert_eq!(lexed("the".into()).stem, None);
    }
}
