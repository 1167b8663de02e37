//! What OpenAPI says of the market's JSON, held against what the market really takes and gives.

mod bodies;
mod document;
mod examples;
