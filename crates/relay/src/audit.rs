//! Re-adding the books.

/// What an audit found. The books balance when `findings` is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditReport {
    /// How many settlements were re-added.
    pub settlements: u64,
    /// How many ledger entries they have.
    pub entries: u64,
    /// How many calls were compared with them.
    pub calls: u64,
    /// Payments that bought nothing: for an operator to look at, not a fault of the books.
    pub orphans: u64,
    /// Payments for quotes that there is no record of: for an operator to look at, likewise.
    pub unknown_payments: u64,
    /// The sum of all payments, adjustments taken off, in micro-dollars.
    pub gross_micros: i128,
    /// The sum of all fees, adjustments taken off, in micro-dollars.
    pub fee_micros: i128,
    /// The sum of all seller credits, adjustments taken off, in micro-dollars.
    pub seller_micros: i128,
    /// What does not add up.
    pub findings: Vec<Finding>,
}

/// One thing that does not add up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// A stable name of the check that failed.
    pub check: &'static str,
    /// What it failed on: ids and amounts, no secrets.
    pub detail: String,
}

impl AuditReport {
    /// Whether everything adds up.
    #[must_use]
    pub fn balances(&self) -> bool {
        self.findings.is_empty()
    }
}
