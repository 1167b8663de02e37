//! Which resources were registered, for the test that holds them against the OpenAPI document.

use std::cell::RefCell;

thread_local! {
    static NOTED: RefCell<Vec<(String, &'static str)>> = const { RefCell::new(Vec::new()) };
}

/// Notes a resource of this thread's application.
pub(super) fn note(path: &str, allow: &'static str) {
    NOTED.with_borrow_mut(|noted| noted.push((path.to_owned(), allow)));
}

/// What was noted since this was last asked.
pub(crate) fn take() -> Vec<(String, &'static str)> {
    NOTED.take()
}
