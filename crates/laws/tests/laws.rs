//! Every law, over what fuzzing has kept and over what is made of that at random: what `just fuzz` does for long, for a
//! moment and without its tools.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, panic};

use crochet_laws::{LAWS, Law};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

/// More than this of a corpus is for nobody to read or to clone.
const MOST_FILES: usize = 200;
const MOST_BYTES: u64 = 300 * 1024;
/// How many inputs are made of what is kept, for each law.
const CASES: u32 = 1_000;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

fn names_in(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(fuzz().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with('.'))
        .collect()
}

/// The files for a law in a folder, the shortest first.
fn files(folder: &str, name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(fuzz().join(folder).join(name)).into_iter().flatten();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = paths.map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    files.sort_by_key(|(path, bytes)| (bytes.len(), path.clone()));
    files
}

/// What is kept for a law: its corpus, and what has broken it once.
fn kept(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    [files("corpus", name), files("broke", name)].concat()
}

#[test]
fn each_law_has_a_target_of_its_name_and_a_corpus_and_there_are_no_others() {
    let laws: BTreeSet<String> = LAWS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names_in("fuzz_targets"), laws);
    assert_eq!(names_in("corpus"), laws);
    assert!(names_in("broke").is_subset(&laws));
    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    for name in &laws {
        let target = fs::read_to_string(fuzz().join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(target.contains(&format!("crochet_laws::{name}(")), "{name} fuzzes another law");
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is not in fuzz/Cargo.toml");
    }
}

#[test]
fn corpora_stay_small() {
    for (name, _) in LAWS {
        let files = files("corpus", name);
        let bytes: u64 = files.iter().map(|(_, bytes)| u64::try_from(bytes.len()).unwrap()).sum();
        assert!(!files.is_empty() && files.len() <= MOST_FILES && bytes <= MOST_BYTES, "{name}: {} files", files.len());
    }
}

#[test]
fn everything_that_is_kept_obeys_its_law() {
    for (name, law) in LAWS {
        for (path, bytes) in kept(name) {
            // The laws say what is wrong; which input it is about is said here.
            let kept = panic::catch_unwind(|| law(&bytes));
            assert!(kept.is_ok(), "{name} is broken by {}", path.display());
        }
    }
}

/// Something that is kept, with a few things done to it.
#[derive(Debug, Clone)]
enum Edit {
    Turn { at: Index, bit: u8 },
    Replace { at: Index, byte: u8 },
    Insert { at: Index, text: String },
    Remove { at: Index, length: usize },
    Repeat { at: Index, length: usize },
    Splice { at: Index, other: Index, from: Index },
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let edit = prop_oneof![
        (any::<Index>(), 0..8_u8).prop_map(|(at, bit)| Edit::Turn { at, bit }),
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Edit::Replace { at, byte }),
        (any::<Index>(), "\\PC{1,4}|[0-9.eE+-]{1,8}|[\\[\\]{}:,\"\\\\n]{1,4}|\n")
            .prop_map(|(at, text)| Edit::Insert { at, text }),
        (any::<Index>(), 1..20_usize).prop_map(|(at, length)| Edit::Remove { at, length }),
        (any::<Index>(), 1..20_usize).prop_map(|(at, length)| Edit::Repeat { at, length }),
        (any::<Index>(), any::<Index>(), any::<Index>()).prop_map(|(at, other, from)| Edit::Splice { at, other, from }),
    ];
    proptest::collection::vec(edit, 0..5)
}

fn edited(all: &[(PathBuf, Vec<u8>)], of: Index, edits: &[Edit]) -> Vec<u8> {
    let mut bytes = of.get(all).1.clone();
    for edit in edits {
        let place = |at: &Index| at.index(bytes.len() + 1);
        match edit {
            Edit::Turn { at, bit } => {
                let at = place(at);
                bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << bit);
            }
            Edit::Replace { at, byte: by } => {
                let at = place(at);
                bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = *by);
            }
            Edit::Insert { at, text } => {
                let at = place(at);
                bytes.splice(at..at, text.bytes());
            }
            Edit::Remove { at, length } => {
                let at = place(at);
                bytes.drain(at..(at + length).min(bytes.len()));
            }
            Edit::Repeat { at, length } => {
                let at = place(at);
                let part = bytes[at..(at + length).min(bytes.len())].to_vec();
                bytes.splice(at..at, part);
            }
            Edit::Splice { at, other, from } => {
                let at = place(at);
                let other = &other.get(all).1;
                bytes.splice(at.., other[from.index(other.len() + 1)..].iter().copied());
            }
        }
    }
    bytes
}

/// For a moment: [`CASES`] inputs, or as many as `PROPTEST_CASES` says.
fn obeys(name: &str) {
    let law: Law = LAWS.iter().find(|(other, _)| *other == name).unwrap().1;
    let all = kept(name);
    let mut config = Config::default();
    // proptest's own number, unless the environment says another.
    if config.cases == 256 {
        config.cases = CASES;
    }
    config.failure_persistence = None;
    let made = prop_oneof![
        6 => (any::<Index>(), edits()).prop_map(|(of, edits)| edited(&all, of, &edits)),
        1 => proptest::collection::vec(any::<u8>(), 0..200),
        1 => "\\PC{0,100}".prop_map(String::into_bytes),
    ];
    let mut runner = TestRunner::new(config);
    let outcome = runner.run(&made, |bytes| {
        let kept = panic::catch_unwind(|| law(&bytes));
        kept.map_err(|_| TestCaseError::fail(format!("{name} is broken by {:?}", String::from_utf8_lossy(&bytes))))
    });
    outcome.unwrap();
}

macro_rules! obey {
    ($(fn $test:ident() { $name:literal })+) => {
        $(
            #[test]
            fn $test() {
                obeys($name);
            }
        )+

        #[test]
        fn every_law_is_held_against_random_inputs() {
            let held = BTreeSet::from([$($name),+]);
            assert_eq!(held, LAWS.iter().map(|(name, _)| *name).collect());
        }
    };
}

obey! {
    fn any_address_is_one_or_none() { "addresses" }
    fn any_amount_is_one_or_none() { "amounts" }
    fn any_body_is_read_in_one_way_or_refused() { "bodies" }
    fn any_answer_of_facilitators_and_nodes_says_no_more_than_it_says() { "facilitator_answers" }
    fn any_headers_of_a_call_are_read_whole_or_refused() { "gateway_headers" }
    fn any_url_that_is_allowed_is_public() { "guard_urls" }
    fn any_listing_is_kept_as_it_was_said_or_refused() { "listings" }
    fn any_name_has_one_spelling() { "names" }
    fn any_payment_header_claims_one_payment_or_none() { "payment_headers" }
    fn any_query_stays_within_its_bounds() { "queries" }
    fn any_answer_of_relay_makes_the_terms_that_were_asked_for_or_none() { "relay_answers" }
    fn any_webhook_is_signed_or_refused() { "relay_webhooks" }
    fn any_seal_is_ours_or_refused() { "seals" }
    fn any_signature_proves_one_message_or_nothing() { "signatures" }
    fn any_transaction_of_solana_is_read_in_one_way_or_refused() { "solana_transactions" }
}
