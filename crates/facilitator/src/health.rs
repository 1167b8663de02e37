//! Whether payments can be taken, by what was seen lately.

/// Who has answered lately, as far as anybody has asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// By URL.
    pub facilitators: Vec<(String, bool)>,
    /// The nodes, by the CAIP-19 name of what is paid in.
    pub chains: Vec<(String, bool)>,
}

impl Health {
    /// Whether payments can be taken: some facilitator answers, and all chains can be read.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.facilitators.iter().any(|(_, answers)| *answers) && self.chains.iter().all(|(_, answers)| *answers)
    }
}
