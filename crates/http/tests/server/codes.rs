//! The error codes, and the tests that provoke them.

use std::fs;
use std::path::Path;

use crochet_http::Code;

/// The text of every test below a folder.
fn tests_in(folder: &Path) -> String {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let text = |path: std::path::PathBuf| match path.is_dir() {
        true => tests_in(&path),
        false => fs::read_to_string(&path).unwrap_or_default(),
    };
    entries.map(text).collect()
}

#[test]
fn every_code_is_expected_by_some_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tests = tests_in(&root.join("tests")) + &tests_in(&root.join("../../bin/crochet/tests"));
    for code in Code::ALL {
        let quoted = format!("\"{}\"", code.as_str());
        assert!(tests.contains(&quoted), "no test expects {quoted}");
    }
}
