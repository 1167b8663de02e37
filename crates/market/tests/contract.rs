//! The in-memory ports keep the contract.

mod identities {
    use crochet_market::contract::MemoryWorld;

    crochet_market::identities_contract!(MemoryWorld::default());
}

mod catalogue {
    use crochet_market::contract::MemoryWorld;

    crochet_market::catalogue_contract!(MemoryWorld::default());
}
