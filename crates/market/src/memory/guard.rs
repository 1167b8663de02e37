//! A guard that knows one bad host.

use crate::ports::EndpointGuard;

/// Allows everything but URLs that contain `forbidden`, `localhost` or `127.0.0.1`.
#[derive(Debug, Clone, Copy, Default)]
pub struct MemoryGuard;

impl EndpointGuard for MemoryGuard {
    fn check(&self, url: &str) -> Result<(), String> {
        let is_bad = ["forbidden", "localhost", "127.0.0.1"].iter().any(|part| url.contains(part));
        if is_bad { Err("the host is not allowed".to_owned()) } else { Ok(()) }
    }
}
