//! What a search needs to find, decided once for every implementation.

use std::collections::BTreeSet;

use super::SearchText;

/// Shorter words are whole words: nearly every text has one that begins with any given letter.
const MIN_PREFIX: usize = 2;

/// A word as an implementation sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lexed {
    /// In lower case, without accents.
    pub word: String,
    /// Its stem, if it is English; none when it is one of the words that nearly every English text has.
    pub stem: Option<String>,
}

/// What has to be found in a listing, and what must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchPlan {
    /// All wanted words with single spaces between them: what a name is compared with.
    pub key: String,
    /// Each has to be found; there is one at least.
    pub needed: Vec<Need>,
    /// None must be found.
    pub excluded: Vec<Need>,
}

/// One thing to be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// A word.
    Word {
        /// As it was typed.
        word: String,
        /// Its stem and what is near to it, any of which will do as well.
        others: BTreeSet<String>,
        /// Whether any word will do that begins with it.
        is_prefix: bool,
    },
    /// These words, one directly after the other, as they are written.
    Phrase {
        /// Two at least, or a single one that stood in quotes.
        words: Vec<String>,
        /// Whether the last of them may be the beginning of a word.
        is_prefix: bool,
    },
}

impl SearchPlan {
    /// Of a text and the words of each of its terms. `None`: there is no word in it to look for, and so nothing to find.
    ///
    /// - An unquoted word is found in any of its English forms, a quoted one only as it is written.
    /// - Several words in one term (`"snow height"`, `web-search`, scripts without spaces) are a phrase.
    /// - Words that nearly every English text has (`the`, `of`) are left out while another one is left.
    #[must_use]
    pub fn new(text: &SearchText, lexed: &[Vec<Lexed>]) -> Option<Self> {
        let terms = || text.terms.iter().zip(lexed).filter(|(_, words)| !words.is_empty());
        let wanted = || terms().filter(|(term, _)| !term.is_excluded);
        let is_common = |(term, words): &(&super::Term, &Vec<Lexed>)| {
            !term.is_quoted && matches!(words.as_slice(), [Lexed { stem: None, .. }])
        };
        let has_only_common = wanted().all(|entry| is_common(&entry));
        let needed: Vec<Need> = wanted()
            .filter(|entry| has_only_common || !is_common(entry))
            .map(|(term, words)| need(term, words))
            .collect();
        let excluded = terms().filter(|(term, _)| term.is_excluded).map(|(term, words)| need(term, words)).collect();
        let key: Vec<&str> = wanted().flat_map(|(_, words)| words).map(|lexed| lexed.word.as_str()).collect();
        (!needed.is_empty()).then(|| Self { key: key.join(" "), needed, excluded })
    }

    /// The single words that are needed, and not quoted: those that may be misspelt.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.needed.iter().filter_map(|need| match need {
            Need::Word { word, .. } => Some(word.as_str()),
            Need::Phrase { .. } => None,
        })
    }

    /// The same with what is near to its words; `near` answers that for each. `None` when there is nothing near.
    #[must_use]
    pub fn widened(&self, near: impl Fn(&str) -> Vec<String>) -> Option<Self> {
        let widen = |need: &Need| match need {
            Need::Word { word, others, is_prefix } => {
                let others =
                    near(word).into_iter().filter(|other| other != word).chain(others.iter().cloned()).collect();
                Need::Word { word: word.clone(), others, is_prefix: *is_prefix }
            }
            Need::Phrase { .. } => need.clone(),
        };
        let wider = Self { needed: self.needed.iter().map(widen).collect(), ..self.clone() };
        (wider != *self).then_some(wider)
    }
}

fn need(term: &super::Term, words: &[Lexed]) -> Need {
    let can_begin = |word: &str| term.is_prefix && word.chars().count() >= MIN_PREFIX;
    match words {
        [only] if !term.is_quoted => Need::Word {
            word: only.word.clone(),
            others: only.stem.iter().filter(|stem| **stem != only.word).cloned().collect(),
            is_prefix: can_begin(&only.word),
        },
        _ => Need::Phrase {
            words: words.iter().map(|lexed| lexed.word.clone()).collect(),
            is_prefix: words.last().is_some_and(|last| can_begin(&last.word)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words without spaces between them are lexed as they are; `the` is common, and a stem has no `s` at its end.
    fn plan(text: &str) -> Option<SearchPlan> {
        let text = SearchText::parse(text);
        let lexed = |word: &str| Lexed {
            word: word.to_owned(),
            stem: (word != "the").then(|| word.trim_end_matches('s').to_owned()),
        };
        let of_term = |term: &super::super::Term| {
            term.text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(lexed).collect()
        };
        SearchPlan::new(&text, &text.terms.iter().map(of_term).collect::<Vec<_>>())
    }

    fn word(word: &str, others: &[&str], is_prefix: bool) -> Need {
        Need::Word { word: word.to_owned(), others: others.iter().map(|&other| other.to_owned()).collect(), is_prefix }
    }

    fn phrase(words: &[&str], is_prefix: bool) -> Need {
        Need::Phrase { words: words.iter().map(|&word| word.to_owned()).collect(), is_prefix }
    }

    #[test]
    fn words_have_their_stems_and_the_last_may_be_a_beginning() {
        let plan = plan("snows falls").unwrap();
        assert_eq!(plan.needed, [word("snows", &["snow"], false), word("falls", &["fall"], true)]);
        assert_eq!(plan.key, "snows falls");
        assert_eq!(self::plan("snow a").unwrap().needed[1], word("a", &[], false));
    }

    #[test]
    fn what_is_quoted_or_written_together_is_a_phrase() {
        assert_eq!(plan("\"snow falls\"").unwrap().needed, [phrase(&["snow", "falls"], false)]);
        assert_eq!(plan("web-search").unwrap().needed, [phrase(&["web", "search"], true)]);
        assert_eq!(plan("\"falls\"").unwrap().needed, [phrase(&["falls"], false)]);
    }

    #[test]
    fn common_words_count_only_by_themselves_or_in_quotes() {
        assert_eq!(plan("the snow").unwrap().needed, [word("snow", &[], true)]);
        assert_eq!(plan("the snow").unwrap().key, "the snow");
        assert_eq!(plan("the").unwrap().needed, [word("the", &[], true)]);
        assert_eq!(plan("\"the\" snow").unwrap().needed.len(), 2);
    }

    #[test]
    fn without_a_word_to_find_there_is_no_plan() {
        for text in ["", "% & | ! ( :*", "-snow", "\"\"", "- -"] {
            assert_eq!(plan(text), None, "{text}");
        }
        assert_eq!(plan("rain -snow").unwrap().excluded, [word("snow", &[], false)]);
    }

    #[test]
    fn only_single_words_are_widened() {
        let plan = plan("wether \"snow falls\"").unwrap();
        assert_eq!(plan.words().collect::<Vec<_>>(), ["wether"]);
        let wider = plan.widened(|_| vec!["weather".to_owned()]).unwrap();
        assert_eq!(wider.needed, [word("wether", &["weather"], false), phrase(&["snow", "falls"], false)]);
        assert_eq!(plan.widened(|_| Vec::new()), None);
    }
}
