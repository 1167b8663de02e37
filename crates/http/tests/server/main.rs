//! The whole server over ports in memory: a real listener, and a client that writes bytes.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says so by panicking")]

mod accounts;
mod admission;
mod browsers;
mod caching;
mod client;
mod compression;
mod computing;
mod discovery;
mod documents;
mod edge;
mod examples;
mod failures;
mod framing;
mod gateway;
mod history;
mod hostile;
mod in_flight;
mod limits;
mod lists;
mod mock_provider;
mod paths;
mod payment_outcomes;
mod people;
mod relay_webhook;
mod retired;
mod selling;
mod stopping;
mod surroundings;
mod world;
