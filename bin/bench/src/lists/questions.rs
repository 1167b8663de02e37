//! What is asked: each thing that an agent, a buyer or a seller asks of a list.

use std::time::Duration;

use crochet::demo::agent::Agent;
use crochet_primitives::{CallId, format_timestamp, timestamp_from_millis};
use uuid::Uuid;

use super::fill::{Accounts, Filled};
use crate::measure::{Paths, Question};

/// The median that search and deep pages stay below.
const TARGET: Option<Duration> = Some(Duration::from_millis(20));

/// Every question, catalogue first.
pub(crate) fn all(accounts: &Accounts, filled: &Filled) -> Vec<Question> {
    let mut questions = [catalogue(), search(filled), ledger(accounts, filled), history(accounts, filled)].concat();
    if !filled.is_large {
        // What is rare, or far down, may not be there at all.
        for question in &mut questions {
            question.finds = false;
        }
    }
    questions
}

fn question(name: &'static str, key: Option<&Agent>, paths: Vec<String>, target: Option<Duration>) -> Question {
    let key = key.map(|agent| agent.key().expose().to_owned());
    Question { name, key, paths: Paths::Cycle(paths), target, finds: true }
}

fn catalogue() -> Vec<Question> {
    let ask = |name, path: &str| question(name, None, vec![format!("/listings{path}")], TARGET);
    vec![
        ask("catalogue: first page", ""),
        ask("catalogue: page 50", "?page=50&limit=20"),
        ask("catalogue: popular", "?sort=popular"),
        ask("catalogue: a category, cheapest first", "?category=market-data&sort=price_low"),
    ]
}

fn search(filled: &Filled) -> Vec<Question> {
    let ask = |name, searches: &[&str]| {
        let paths = searches.iter().map(|text| format!("/listings?q={text}")).collect();
        question(name, None, paths, TARGET)
    };
    let rare: Vec<&str> = filled.rare_words.iter().map(String::as_str).collect();
    let filters = "&category=market-data&pricing_model=per_call";
    let filtered = |word: &str, sort: &str| format!("{word}{filters}{sort}");
    vec![
        // Drawn words: a few of them were drawn for no listing.
        Question { finds: false, ..ask("search: a rare word", &rare) },
        ask("search: a common word", &["data", "api", "agent", "market", "real"]),
        ask("search: two words", &["market+data", "price+signal", "token+risk", "real+time"]),
        ask("search: the words of a name", &["zurich+snow+oracle"]),
        ask("search: a prefix", &["trans", "mark", "forec", "ana", "da"]),
        ask("search: a typo", &["tranlsation", "wether", "sanctons", "forcast", "marekt"]),
        ask("search: with filters", &[&filtered("data", ""), &filtered("price", "")]),
        ask("search: with filters, cheapest first", &[&filtered("data", "&sort=price_low")]),
        ask("search: page 10", &["data&page=10", "market&page=10"]),
        Question { finds: false, ..ask("search: nothing to be found", &["qqqqxzzw", "xkqjvwz"]) },
    ]
}

/// Of the seller who has most of it, unless it says otherwise.
fn ledger(accounts: &Accounts, filled: &Filled) -> Vec<Question> {
    let ask = |name, query: &str| question(name, Some(&accounts.seller), vec![format!("/ledger{query}")], TARGET);
    let walk = |name, place: &Uuid| Question {
        paths: Paths::Walk { path: "/ledger?limit=100".to_owned(), from: place.simple().to_string() },
        ..ask(name, "")
    };
    let [tenth, half, most] = &filled.ledger_places;
    vec![
        ask("ledger: first page", ""),
        ask("ledger: page 100 of 100 entries", "?page=100&limit=100"),
        walk("ledger: by cursor, a tenth down", tenth),
        walk("ledger: by cursor, half down", half),
        walk("ledger: by cursor, nine tenths down", most),
        ask("ledger: one type", "?type=marketplace_fee"),
        ask("ledger: a rare type", "?type=adjustment"),
        Question { finds: false, ..ask("ledger: a type that there is none of", "?type=gateway_payment") },
        ask("ledger: a direction", "?direction=credit"),
        ask("ledger: a busy listing", &format!("?listing_id={}", filled.busy_listing)),
        ask("ledger: a rare listing", &format!("?listing_id={}", filled.rare_listing)),
        ask("ledger: a call", &format!("?relay_request_id={}", CallId::from(filled.call).relay_request_id())),
        ask("ledger: a settlement", &format!("?settlement_id={}", filled.settlement)),
        ask("ledger: a day", &format!("?{}", day(filled))),
        ask(
            "ledger: a week, one type, one listing",
            &format!("?{}&type=seller_credit&listing_id={}", week(filled), filled.busy_listing),
        ),
        question("ledger: of who has little", Some(&accounts.quiet), vec!["/ledger".to_owned()], TARGET),
    ]
}

/// Of the seller, unless it says otherwise.
fn history(accounts: &Accounts, filled: &Filled) -> Vec<Question> {
    let of = |agent, name, query: &str| question(name, Some(agent), vec![format!("/gateway-requests{query}")], TARGET);
    let ask = |name, query: &str| of(&accounts.seller, name, query);
    let walk = |name, path: &str| Question {
        paths: Paths::Walk {
            path: format!("/gateway-requests{path}"),
            from: filled.history_place.simple().to_string(),
        },
        ..ask(name, "")
    };
    let quiet = &accounts.quiet.profile_id;
    vec![
        ask("history: first page", ""),
        ask("history: as seller", "?role=seller"),
        Question { finds: false, ..ask("history: as buyer, who never bought", "?role=buyer") },
        of(&accounts.buyer, "history: of the busy buyer", ""),
        ask("history: page 100 of 100 calls", "?page=100&limit=100"),
        walk("history: by cursor, half down", "?limit=100"),
        walk("history: by cursor, half down, one state", "?limit=100&status=delivered"),
        ask("history: one state", "?status=delivered"),
        ask("history: a rare state", "?status=mispaid"),
        ask("history: three states", "?status=seller_failed,payment_failed,mispaid"),
        Question { finds: false, ..ask("history: a state that there is none of", "?status=pending") },
        ask("history: a busy listing", &format!("?listing_id={}", filled.busy_listing)),
        ask("history: a rare listing", &format!("?listing_id={}", filled.rare_listing)),
        ask("history: a rare buyer", &format!("?buyer_id={quiet}")),
        ask("history: superseded", "?superseded=true"),
        ask("history: not superseded", "?superseded=false"),
        ask("history: a day", &format!("?{}", day(filled))),
        ask(
            "history: a week, one state, one listing",
            &format!("?role=seller&{}&status=delivered&listing_id={}", week(filled), filled.busy_listing),
        ),
        of(&accounts.quiet, "history: of who has little", ""),
        of(&accounts.quiet, "history: of who has little, one state", "?status=delivered&role=buyer"),
    ]
}

const DAY: i64 = 24 * 3600 * 1000;

/// A day half down.
fn day(filled: &Filled) -> String {
    period(filled.middle_millis, DAY)
}

/// A week half down.
fn week(filled: &Filled) -> String {
    period(filled.middle_millis, 7 * DAY)
}

fn period(from: i64, length: i64) -> String {
    let at = |millis| timestamp_from_millis(millis).map(format_timestamp).unwrap_or_default();
    format!("created_from={}&created_to={}", at(from), at(from + length))
}
