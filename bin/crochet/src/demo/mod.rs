//! The whole story over real HTTP: two agents, a listing, a paid call, a replay, a failure and its free retry.
//!
//! Every outcome is checked: the story ends with an error at the first one that is off.

pub mod agent;
pub mod client;
pub mod screen;
pub mod seller;
mod story;

pub use story::{Played, play};
