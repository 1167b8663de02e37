//! From what was typed to what PostgreSQL looks for.

use crochet_market::search::{Lexed, Need, SearchPlan, SearchText, nearest};
use diesel::prelude::*;
use diesel::sql_types::{Integer, Nullable, Text};

use super::statement::{Statement, Value};

/// How many words of the vocabulary are looked at for one mistyped word, and how many of them count.
const LOOKED_AT: i64 = 100;
const NEAR: usize = 20;

#[derive(QueryableByName)]
struct LexedRow {
    #[diesel(sql_type = Integer)]
    place: i32,
    #[diesel(sql_type = Text)]
    word: String,
    #[diesel(sql_type = Nullable<Text>)]
    stem: Option<String>,
}

/// What a text asks for. The database takes it apart with the function that took the listings apart.
pub(super) fn plan(conn: &mut PgConnection, text: &str) -> QueryResult<Option<SearchPlan>> {
    let text = SearchText::parse(text);
    // No text of the database holds a NUL.
    let terms: Vec<String> = text.terms.iter().map(|term| term.text.replace('\0', " ")).collect();
    let mut lexed: Vec<Vec<Lexed>> = vec![Vec::new(); terms.len()];
    // A lexeme ends at 2,046 bytes; what is longer is in no listing, and would be an error here.
    let rows: Vec<LexedRow> = Statement::new(
        "SELECT place::integer, left(word, 400) AS word, (ts_lexize('pg_catalog.english_stem', left(word, 400)))[1] AS stem \
         FROM unnest(",
    )
    .bind(Value::Texts(terms))
    .sql(
        ") WITH ORDINALITY term (text, place) \
         CROSS JOIN LATERAL unnest(string_to_array(crochet_search_text(text), ' ')) WITH ORDINALITY part (word, nth) \
         WHERE word <> '' ORDER BY place, nth",
    )
    .load(conn)?;
    for row in rows {
        let term = usize::try_from(row.place).ok().and_then(|place| place.checked_sub(1));
        if let Some(words) = term.and_then(|term| lexed.get_mut(term)) {
            words.push(Lexed { word: row.word, stem: row.stem });
        }
    }
    Ok(SearchPlan::new(&text, &lexed))
}

#[derive(QueryableByName)]
struct NearRow {
    #[diesel(sql_type = Text)]
    word: String,
    #[diesel(sql_type = Text)]
    known: String,
}

/// The plan with what is near to its words, by trigrams first and then by what a slip of the keyboard is.
pub(super) fn widened(conn: &mut PgConnection, plan: &SearchPlan) -> QueryResult<Option<SearchPlan>> {
    let words: Vec<String> = plan.words().filter(|word| word.chars().count() >= 3).map(str::to_owned).collect();
    if words.is_empty() {
        return Ok(None);
    }
    let rows: Vec<NearRow> = Statement::new("SELECT wanted.word, near.known FROM unnest(")
        .bind(Value::Texts(words))
        .sql(
            ") wanted (word) CROSS JOIN LATERAL (\
             SELECT word AS known FROM listing_words \
             WHERE word % wanted.word OR word LIKE '%' || wanted.word || '%' \
             ORDER BY similarity(word, wanted.word) DESC, word LIMIT ",
        )
        .bind(Value::Number(LOOKED_AT))
        .sql(") near")
        .load(conn)?;
    Ok(plan.widened(|word| {
        let looked_at = rows.iter().filter(|row| row.word == word).map(|row| row.known.as_str());
        nearest(word, looked_at).into_iter().take(NEAR).map(str::to_owned).collect()
    }))
}

/// A plan as PostgreSQL writes queries.
#[derive(Debug, Clone)]
pub(super) struct Lookup {
    /// What has to be found.
    pub(super) wanted: String,
    /// The same without what must not be found.
    pub(super) matched: String,
    /// The same with the words of phrases anywhere; none, where there are no phrases.
    pub(super) loose: Option<String>,
    /// What a name is compared with.
    pub(super) key: String,
}

impl Lookup {
    pub(super) fn of(plan: &SearchPlan) -> Self {
        let all = |needs: &[Need], write: fn(&Need) -> String| needs.iter().map(write).collect::<Vec<_>>().join(" & ");
        let excluded: String = plan.excluded.iter().map(|need| format!(" & !{}", strict(need))).collect();
        let wanted = all(&plan.needed, strict);
        let has_phrase = plan.needed.iter().any(|need| matches!(need, Need::Phrase { words, .. } if words.len() > 1));
        Self {
            matched: format!("{wanted}{excluded}"),
            loose: has_phrase.then(|| all(&plan.needed, loose)),
            wanted,
            key: plan.key.clone(),
        }
    }
}

fn strict(need: &Need) -> String {
    match need {
        Need::Word { word, others, is_prefix } => {
            let others: String = others.iter().map(|other| format!(" | {}", lexeme(other))).collect();
            format!("({}{others})", begun(word, *is_prefix))
        }
        Need::Phrase { words, is_prefix } => format!("({})", joined(words, *is_prefix, " <-> ")),
    }
}

fn loose(need: &Need) -> String {
    match need {
        Need::Word { .. } => strict(need),
        Need::Phrase { words, is_prefix } => format!("({})", joined(words, *is_prefix, " & ")),
    }
}

fn joined(words: &[String], is_prefix: bool, sign: &str) -> String {
    let last = words.len().saturating_sub(1);
    let words = words.iter().enumerate().map(|(place, word)| begun(word, is_prefix && place == last));
    words.collect::<Vec<_>>().join(sign)
}

fn begun(word: &str, is_prefix: bool) -> String {
    if is_prefix { format!("{}:*", lexeme(word)) } else { lexeme(word) }
}

/// A lexeme, quoted. Lexemes hold letters and digits only; were it otherwise, nothing in them would be an operator.
fn lexeme(word: &str) -> String {
    format!("'{}'", word.replace('\\', r"\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(text: &str) -> Lookup {
        let text = SearchText::parse(text);
        let lexed = |word: &str| Lexed { word: word.to_owned(), stem: Some(word.trim_end_matches('s').to_owned()) };
        let terms: Vec<Vec<Lexed>> =
            text.terms.iter().map(|term| term.text.split_whitespace().map(lexed).collect()).collect();
        Lookup::of(&SearchPlan::new(&text, &terms).unwrap())
    }

    #[test]
    fn a_plan_is_written_in_quoted_lexemes() {
        let written = lookup("snows -rain \"ice cream\" ora");
        assert_eq!(written.wanted, "('snows' | 'snow') & ('ice' <-> 'cream') & ('ora':*)");
        assert_eq!(written.matched, "('snows' | 'snow') & ('ice' <-> 'cream') & ('ora':*) & !('rain')");
        assert_eq!(written.loose.as_deref(), Some("('snows' | 'snow') & ('ice' & 'cream') & ('ora':*)"));
    }

    #[test]
    fn nothing_in_a_lexeme_is_an_operator() {
        assert_eq!(lookup("a'b\\c|d:* x").wanted, r"('a''b\\c|d:*') & ('x')");
    }
}
