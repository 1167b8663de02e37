//! For tests: whether answers are what the OpenAPI document says of them.
//!
//! [`Contract`] is stricter than the document: a client must put up with fields that it does not know, but what the
//! server sends and the document does not name is a gap in the document. So the test clients of this workspace pass
//! every exchange through it. [`readers`] are what requests are read with.

mod contract;
mod operations;
pub mod readers;
mod strict;

pub use contract::{Contract, Exchange};
