//! Endpoints that were checked before.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use http::Uri;

use crate::guard::{GuardPolicy, GuardRefusal, check_url};

/// How many are remembered, of at most 2 KiB each; when there are more, all are forgotten.
const MAX_KNOWN: usize = 1024;

/// Checks endpoints by one policy, which never changes: so what was allowed once is not read anew for every call. Only
/// the text of a URL is judged here, and the same text is always judged the same; where its name leads to is checked
/// whenever a connection is made.
pub(crate) struct KnownUrls {
    policy: Arc<GuardPolicy>,
    allowed: Mutex<HashMap<Box<str>, Uri>>,
}

impl KnownUrls {
    pub(crate) fn new(policy: Arc<GuardPolicy>) -> Self {
        Self { policy, allowed: Mutex::default() }
    }

    pub(crate) const fn policy(&self) -> &Arc<GuardPolicy> {
        &self.policy
    }

    /// The target of a request to this URL.
    pub(crate) fn target(&self, url: &str) -> Result<Uri, GuardRefusal> {
        let mut allowed = self.allowed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(uri) = allowed.get(url) {
            return Ok(uri.clone());
        }
        let uri = check_url(url, &self.policy)?.uri().clone();
        if allowed.len() >= MAX_KNOWN {
            allowed.clear();
        }
        allowed.insert(url.into(), uri.clone());
        Ok(uri)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::Environment;

    #[test]
    fn what_is_remembered_is_bounded_and_what_is_refused_is_refused_each_time() {
        let urls = KnownUrls::new(Arc::new(GuardPolicy::new(Environment::Production)));
        for _ in 0..2 {
            assert_eq!(urls.target("https://seller.example./run").unwrap(), "https://seller.example/run");
            assert_eq!(urls.target("https://10.0.0.1/run"), urls.target("https://10.0.0.1/other"));
            assert!(urls.target("http://seller.example/run").is_err());
        }
        assert_eq!(urls.allowed.lock().unwrap().len(), 1);
        for number in 0..2 * MAX_KNOWN {
            urls.target(&format!("https://seller.example/{number}")).unwrap();
            assert!(urls.allowed.lock().unwrap().len() <= MAX_KNOWN);
        }
    }
}
