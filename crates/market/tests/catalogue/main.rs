//! Publishing, changing, finding and removing listings, over the ports in memory.

mod any_json;
mod bounds;
mod challenge;
mod create;
mod endpoint;
mod find;
mod price;
mod remove;
mod support;
mod update;
