//! The whole server over real HTTP with real PostgreSQL: every test has a gateway and a database of its own.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on says so by panicking"
)]

#[path = "../support/listening.rs"]
mod listening;
#[path = "../support/spellings.rs"]
mod spellings;
mod support;

mod backups;
mod documents_errors;
mod documents_paths;
mod documents_text;
mod documents_threats;
mod documents_words;
mod edge_endpoints;
mod edge_identity;
mod edge_keys;
mod edge_limits;
mod edge_listing_bounds;
mod edge_listings;
mod edge_manners;
mod edge_methods;
mod edge_outages;
mod edge_search;
mod edge_secrecy;
mod edge_upstream;
mod edge_wallets;
mod edge_wrong_input;
mod faults_connections;
mod faults_raised;
mod faults_read_only;
mod faults_restarts;
mod faults_wire;
mod limits_outages;
mod limits_shared;
mod lists_filters;
mod lists_pages;
mod metrics_scrape;
mod metrics_story;
mod money_binding;
mod money_books;
mod money_crashes;
mod money_idempotency;
mod money_late;
mod money_payments;
mod money_races;
mod money_relaying;
mod money_replicas;
mod money_routes;
mod money_sellers;
mod money_unrecorded;
mod money_vault;
mod reconcile_relay;
mod reconcile_x402;
mod relay_payments;
mod relay_payouts;
mod relay_webhooks;
mod smoke;
mod x402_foreign;
mod x402_hostile;
mod x402_payments;
mod x402_solana;
mod x402_strangers;
