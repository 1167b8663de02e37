//! What listings are sorted into.

use crochet_primitives::CategoryId;

/// A marketplace category. Seeded by a migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category {
    /// UUIDv7.
    pub id: CategoryId,
    /// For people.
    pub name: String,
    /// For URLs.
    pub slug: String,
    /// One sentence.
    pub description: String,
    /// Where it stands in lists.
    pub sort_order: i32,
}
