//! Which limit a route counts against.

use std::fmt;

/// Which limit a route counts against. Each class has a quota of its own for every caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// What changes nothing.
    Read,
    /// What changes something.
    Write,
    /// Challenges, registration and recovery.
    Auth,
    /// Calls of listings: the product, not a write to the catalogue.
    Gateway,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Read, Self::Write, Self::Auth, Self::Gateway];

    /// Its name in headers and in keys of shared stores: lower-case letters.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Auth => "auth",
            Self::Gateway => "gateway",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
