//! Finding listings in memory, as PostgreSQL finds them.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crochet_primitives::Total;

use super::catalogue::Stored;
use super::words::{MAX_DOCS, lexed, stem, words};
use crate::category::Category;
use crate::listing::{ListingStatus, Sort};
use crate::search::{
    FEW, Lexed, ListingCursor, ListingQuery, MAX_RANKED, Need, SearchPlan, SearchText, Window, nearest,
};

/// The part of a list that is wanted, how long the whole is, and where it goes on.
pub(super) struct Part<'a> {
    pub(super) items: Vec<&'a Stored>,
    pub(super) total: Option<Total>,
    pub(super) next: Option<ListingCursor>,
}

/// Of all listings that are not deleted, those that are wanted.
pub(super) fn find<'a>(all: &[&'a Stored], query: &ListingQuery, categories: &[Category]) -> Part<'a> {
    let wanted: Vec<&Stored> = all.iter().filter(|stored| is_wanted(stored, query, categories)).copied().collect();
    let matches = Matches::of(all, &wanted, query);
    if query.sort == Sort::Relevance && query.text.is_some() {
        return ranked(&matches, query);
    }
    let mut list: Vec<&Stored> = matches.exact.into_iter().chain(matches.near).collect();
    list.sort_by_key(|stored| Reverse((key(stored, query.sort), stored.listing.id)));
    let total = counted(list.len(), query.counted_to());
    if let Window::After(cursor) = query.window {
        list.retain(|stored| (key(stored, query.sort), stored.listing.id) < (cursor.key.into(), cursor.id));
    }
    let (items, has_more) = window(&list, query);
    let last = items.last().filter(|_| has_more).map(|last| (key(last, query.sort), last.listing.id));
    Part {
        items,
        total: matches!(query.window, Window::Page(_)).then_some(total),
        next: last
            .and_then(|(key, id)| Some(ListingCursor::new(query, matches.is_fuzzy, i64::try_from(key).ok()?, id))),
    }
}

/// Greater comes first. Prices from the lowest count down.
fn key(stored: &Stored, sort: Sort) -> i128 {
    let listing = &stored.listing;
    match sort {
        Sort::Newest | Sort::Relevance => listing.created_at.timestamp_micros().into(),
        Sort::Popular => stored.delivered.into(),
        Sort::PriceLow => -i128::from(listing.pricing_amount().micros()),
        Sort::PriceHigh => listing.pricing_amount().micros().into(),
    }
}

fn is_wanted(stored: &Stored, query: &ListingQuery, categories: &[Category]) -> bool {
    let listing = &stored.listing;
    let is_visible = match query.owner {
        Some(owner) => listing.provider == owner,
        None => listing.status == ListingStatus::Active,
    };
    let is_in_category = query.category.as_deref().is_none_or(|wanted| {
        let category = categories.iter().find(|category| Some(category.id) == listing.category);
        category.is_some_and(|category| category.slug == wanted || category.id.to_string() == wanted.to_lowercase())
    });
    let has_tag = |wanted: &String| listing.tags.iter().any(|tag| tag.to_lowercase() == wanted.to_lowercase());
    let price = listing.pricing_amount();
    is_visible
        && is_in_category
        && query.tags.iter().all(has_tag)
        && query.status.is_none_or(|status| status == listing.status)
        && query.pricing_model.is_none_or(|model| model == listing.pricing_model())
        && query.delivery_type.is_none_or(|delivery| delivery == listing.delivery_type)
        && query.provider.is_none_or(|provider| provider == listing.provider)
        && query.min_price.is_none_or(|min| price >= min)
        && query.max_price.is_none_or(|max| price <= max)
}

/// What a text finds: everything, when there is no text.
struct Matches<'a> {
    exact: Vec<&'a Stored>,
    near: Vec<&'a Stored>,
    is_fuzzy: bool,
    plan: Option<SearchPlan>,
}

impl<'a> Matches<'a> {
    fn of(all: &[&'a Stored], wanted: &[&'a Stored], query: &ListingQuery) -> Self {
        let Some(text) = query.text.as_deref() else {
            return Self { exact: wanted.to_vec(), near: Vec::new(), is_fuzzy: false, plan: None };
        };
        let text = SearchText::parse(text);
        let of_terms: Vec<Vec<Lexed>> =
            text.terms.iter().map(|term| words(&term.text).into_iter().map(lexed).collect()).collect();
        let Some(plan) = SearchPlan::new(&text, &of_terms) else {
            return Self { exact: Vec::new(), near: Vec::new(), is_fuzzy: false, plan: None };
        };
        let found = |plan: &SearchPlan| -> Vec<&Stored> {
            wanted.iter().filter(|stored| class(stored, plan) > 0).copied().collect()
        };
        let exact = found(&plan);
        let is_fuzzy = match query.window {
            Window::After(cursor) => cursor.is_fuzzy,
            Window::Page(_) => exact.len() < FEW,
        };
        let vocabulary: BTreeSet<String> =
            all.iter().flat_map(|stored| Texts::of(stored).fields.into_iter().take(3).flatten().flatten()).collect();
        let near_words =
            |word: &str| nearest(word, vocabulary.iter().map(String::as_str)).into_iter().map(str::to_owned).collect();
        let mut near =
            is_fuzzy.then(|| plan.widened(near_words)).flatten().map(|plan| found(&plan)).unwrap_or_default();
        near.retain(|stored| !exact.iter().any(|exact| exact.listing.id == stored.listing.id));
        Self { exact, near, is_fuzzy, plan: Some(plan) }
    }
}

fn ranked<'a>(matches: &Matches<'a>, query: &ListingQuery) -> Part<'a> {
    let rank = |stored: &&Stored| {
        let class = matches.plan.as_ref().map_or(0, |plan| class(stored, plan));
        Reverse((class, stored.delivered, stored.listing.id))
    };
    let mut list = matches.exact.clone();
    list.sort_by_key(rank);
    let mut near = matches.near.clone();
    near.sort_by_key(rank);
    list.extend(near);
    let total = counted(list.len(), MAX_RANKED);
    list.truncate(MAX_RANKED);
    Part { items: window(&list, query).0, total: Some(total), next: None }
}

fn counted(length: usize, cap: usize) -> Total {
    Total { count: u64::try_from(length.min(cap)).unwrap_or(u64::MAX), is_capped: length > cap }
}

/// What of a list is wanted, and whether more follows.
fn window<'a>(list: &[&'a Stored], query: &ListingQuery) -> (Vec<&'a Stored>, bool) {
    let skipped = usize::try_from(query.offset()).unwrap_or(usize::MAX);
    let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
    let rest = list.get(skipped..).unwrap_or_default();
    (rest.iter().take(limit).copied().collect(), rest.len() > limit)
}

/// How well a listing fits: 5 for its very name, 4 for the beginning of its name, 3 when all is in name and tags, 2 with
/// the description, 1 with the documentation, 0 not at all.
fn class(stored: &Stored, plan: &SearchPlan) -> u8 {
    let texts = Texts::of(stored);
    let fits = |fields| plan.needed.iter().all(|need| texts.hold(need, fields));
    if !fits(4) || plan.excluded.iter().any(|need| texts.hold(need, 4)) {
        return 0;
    }
    let name = words(&stored.listing.name).join(" ");
    match () {
        () if name == plan.key => 5,
        () if name.starts_with(&plan.key) => 4,
        () if fits(2) => 3,
        () if fits(3) => 2,
        () => 1,
    }
}

/// The words of name, tags, description and documentation. Of each field, parts that no phrase reaches across.
struct Texts {
    fields: [Vec<Vec<String>>; 4],
}

impl Texts {
    fn of(stored: &Stored) -> Self {
        let listing = &stored.listing;
        let docs: String = listing.docs.iter().flat_map(|docs| docs.chars()).take(MAX_DOCS).collect();
        Self {
            fields: [
                vec![words(&listing.name)],
                listing.tags.iter().map(|tag| words(tag)).collect(),
                vec![words(&listing.description)],
                vec![words(&docs)],
            ],
        }
    }

    /// Whether the first so many fields hold it.
    fn hold(&self, need: &Need, fields: usize) -> bool {
        let mut parts = self.fields.iter().take(fields).flatten();
        match need {
            Need::Word { word: wanted, others, is_prefix } => parts.flatten().any(|word| {
                word == wanted
                    || others.contains(word)
                    || !others.is_empty() && others.contains(&stem(word))
                    || *is_prefix && word.starts_with(wanted.as_str())
            }),
            Need::Phrase { words, is_prefix } => parts.any(|part| {
                part.windows(words.len()).any(|window| {
                    window.iter().zip(words).enumerate().all(|(place, (word, wanted))| {
                        word == wanted || *is_prefix && place + 1 == words.len() && word.starts_with(wanted.as_str())
                    })
                })
            }),
        }
    }
}
