//! The in-memory journal keeps every rule of the contract.

use crochet_relay::contract::MemoryWorld;

crochet_relay::journal_contract!(MemoryWorld::default());

/// A rule that nobody runs is no rule.
#[test]
fn every_rule_is_on_the_list() {
    let sources = [
        include_str!("../src/contract/admission.rs"),
        include_str!("../src/contract/books.rs"),
        include_str!("../src/contract/closing.rs"),
        include_str!("../src/contract/forwarding.rs"),
        include_str!("../src/contract/lists.rs"),
        include_str!("../src/contract/mock_payments.rs"),
        include_str!("../src/contract/observing.rs"),
        include_str!("../src/contract/paying.rs"),
        include_str!("../src/contract/quoting.rs"),
        include_str!("../src/contract/superseding.rs"),
        include_str!("../src/contract/sweeping.rs"),
        include_str!("../src/contract/vault.rs"),
    ];
    let list = include_str!("../src/contract/list.rs");
    let mut rules = 0;
    for line in sources.iter().flat_map(|source| source.lines()) {
        if let Some(rest) = line.strip_prefix("pub async fn ") {
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            assert!(list.contains(&format!(" {name},\n")), "{name}");
            rules += 1;
        }
    }
    assert!(rules > 70, "{rules}");
}
