//! What every parser that meets strangers promises, as functions of bytes: whatever the bytes are, the parser answers,
//! and what it answers obeys the laws that are asserted here. A fuzzer runs them (`just fuzz`, targets of the same names
//! in `fuzz/fuzz_targets`), and `cargo test` does: over the corpora in `fuzz/corpus`, and over what is made of them at
//! random.
//!
//! **Invariant:** a law never refuses an input of its own accord: no bytes may make it panic. Laws compare with a second
//! opinion (another library, or the rule written down in another way) wherever there is one.
//!
//! Many laws take several texts, one a line: see `input`.
//!
//! ```
//! crochet_laws::amounts(b"0.010000");
//! assert!(crochet_laws::LAWS.iter().any(|(name, _)| *name == "amounts"));
//! ```
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "laws are broken by panicking")]

mod addresses;
mod amounts;
mod bodies;
mod facilitator_answers;
mod gateway_headers;
mod guard_urls;
mod input;
mod listings;
mod names;
mod payment_headers;
mod queries;
mod relay_answers;
mod relay_webhooks;
mod seals;
mod signatures;
mod solana_transactions;

pub use addresses::addresses;
pub use amounts::amounts;
pub use bodies::bodies;
pub use facilitator_answers::facilitator_answers;
pub use gateway_headers::gateway_headers;
pub use guard_urls::guard_urls;
pub use listings::listings;
pub use names::names;
pub use payment_headers::payment_headers;
pub use queries::queries;
pub use relay_answers::relay_answers;
pub use relay_webhooks::relay_webhooks;
pub use seals::seals;
pub use signatures::signatures;
pub use solana_transactions::solana_transactions;

/// The laws of one parser or of a few that belong together: panics where one is broken.
pub type Law = fn(&[u8]);

/// All of them, by the names of their targets and corpora.
pub const LAWS: &[(&str, Law)] = &[
    ("addresses", addresses),
    ("amounts", amounts),
    ("bodies", bodies),
    ("facilitator_answers", facilitator_answers),
    ("gateway_headers", gateway_headers),
    ("guard_urls", guard_urls),
    ("listings", listings),
    ("names", names),
    ("payment_headers", payment_headers),
    ("queries", queries),
    ("relay_answers", relay_answers),
    ("relay_webhooks", relay_webhooks),
    ("seals", seals),
    ("signatures", signatures),
    ("solana_transactions", solana_transactions),
];
