//! What each command does. Standard output carries what was asked for; standard error carries the log.

mod audit;
mod check_config;
mod demo;
mod migrate;
mod openapi;
mod reconcile;
mod rekey;
mod retention;
mod serve;

use std::io::Write;

use anyhow::Context;

pub use audit::audit;
pub use check_config::check_config;
pub use demo::demo;
pub use migrate::migrate;
pub use openapi::print_openapi;
pub use reconcile::{ReconcileArgs, reconcile};
pub use rekey::{RekeyArgs, rekey};
pub use retention::{RetentionArgs, retention};
pub use serve::serve;

/// Writes a line to standard output; a closed one is nobody's loss.
pub fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
        tracing::debug!("standard output is closed");
    }
}

/// Writes a line to standard error.
pub fn complain(line: &str) {
    let mut out = std::io::stderr().lock();
    if writeln!(out, "{line}").is_err() {
        tracing::debug!("standard error is closed");
    }
}

/// Shows a step that takes long.
fn progress(step: &str) {
    complain(&format!("  {step} ..."));
}

/// The runtime on which calls run; the threads that read requests have their own.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("crochet")
        .build()
        .context("the runtime cannot be started")
}
