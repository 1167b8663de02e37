//! Hostile sellers and URLs, as tables. Each row runs with production's policy, over TLS, on a [`stage`] that sees every
//! name that is looked up and every address that is connected to: what comes of a row is either a refusal before any
//! connection, or a connection to exactly the address that the row names, which some bound ends.

mod answers;
mod any_url;
mod certificates;
mod kinds;
mod names;
mod special;
mod stage;
mod urls;
