//! What the document says before its operations: the whole flow in a page, and what its sections are about.

use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{Info, Tag};

use super::OpenApiConfig;

/// The page.
const DESCRIPTION: &str = include_str!("description.md");

/// The sections, in their order; those that annotations name and this list does not would have no description.
pub(super) const TAGS: &[(&str, &str)] = &[
    ("Identity", "A wallet is an account. Sign a challenge to register it or to recover it, and get an API key."),
    ("Wallets", "Further wallets of a profile: to pay, to be paid, and to recover it."),
    ("API keys", "Further keys, with fewer scopes, and their end."),
    ("Listings", "What is offered: found by everybody, published by sellers."),
    ("Endpoints", "A seller's private endpoint: where calls are forwarded, and what they are signed with."),
    ("Gateway", "The product: call a listing, pay for that call, get the seller's answer."),
    ("Calls and money", "What was called and what was paid: the history of calls, and the ledger."),
    (
        "Discovery",
        "For programs that pay by x402 and never heard of this server: what they can call, and for how much.",
    ),
    ("Mock provider", "Pays without money. There is no such thing in production."),
    ("Webhooks", "For payment providers: they say that it is time to look."),
    ("Documents", "For agents and people: this document, guides, and a page for each error code."),
    ("Health", "For operators: whether the server is alive, and whether it can do its work."),
    ("Retired", "Subscriptions, deposits and balances of the first version: 410, with the way that there is now."),
];

/// Title, version and the page.
pub(super) fn info() -> Info {
    let mut info = Info::new("Crochet", env!("CARGO_PKG_VERSION"));
    info.description = Some(DESCRIPTION.trim().to_owned());
    info
}

/// The sections that have operations.
pub(super) fn tags(config: &OpenApiConfig) -> Vec<Tag> {
    TAGS.iter()
        .filter(|(name, _)| config.has_mock || *name != "Mock provider")
        .filter(|(name, _)| config.has_relay || *name != "Webhooks")
        .filter(|(name, _)| config.has_x402 || *name != "Discovery")
        .map(|(name, description)| TagBuilder::new().name(*name).description(Some(*description)).build())
        .collect()
}
