//! The Crochet gateway as a program: configuration, wiring, telemetry, command line.
//!
//! **Invariant:** this is the only room that knows all others. It decides nothing about calls, money or identity; it
//! brings adapters and use cases together, and reads the environment, the clock and randomness for them.

pub mod cli;
pub mod commands;
pub mod config;
pub mod database;
pub mod demo;
mod descriptors;
pub mod keys;
pub mod system;
pub mod telemetry;
pub mod wiring;
