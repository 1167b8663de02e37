//! `docs/security.md` names the tests that show its defences. Each of them is there.

use std::collections::BTreeSet;
use std::path::Path;

use regex::Regex;

/// The root of the workspace.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The names of all functions in the Rust files below a folder.
fn functions(folder: &Path, found: &mut BTreeSet<String>) {
    let function = Regex::new(r"\bfn ([a-z0-9_]+)").unwrap();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        // What tools have put there is no test of ours.
        if name == "node_modules" || name == "target" || name.starts_with('.') {
            continue;
        }
        if path.is_dir() {
            functions(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            found.extend(function.captures_iter(&text).map(|captures| captures[1].to_owned()));
        }
    }
}

#[test]
fn each_test_that_the_threat_model_names_exists() {
    let root = Path::new(ROOT);
    let text = std::fs::read_to_string(root.join("docs/security.md")).unwrap();
    let mut known = BTreeSet::new();
    for folder in ["bin", "crates"] {
        functions(&root.join(folder), &mut known);
    }
    let code = Regex::new("`([a-z0-9_]+)`").unwrap();
    // The last column of a row with three of them.
    let shown = text.lines().filter(|line| line.starts_with("| ") && line.matches(" | ").count() == 2);
    let named: BTreeSet<_> = shown
        .filter_map(|line| line.rsplit(" | ").next())
        .flat_map(|column| code.captures_iter(column).map(|captures| captures[1].to_owned()).collect::<Vec<_>>())
        .collect();
    assert!(named.len() > 40, "{named:?}");
    let missing: Vec<_> = named.difference(&known).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
