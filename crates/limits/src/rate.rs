//! How often is too often.

use std::time::Duration;

use crate::Class;

/// So many requests in so much time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many, at least 1; 0 counts as 1.
    pub requests: u32,
    /// In how much time.
    pub window: Duration,
}

impl Rate {
    /// So many requests a minute.
    #[must_use]
    pub const fn per_minute(requests: u32) -> Self {
        Self { requests, window: Duration::from_secs(60) }
    }
}

/// The rates of all classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// Of [`Class::Read`].
    pub read: Rate,
    /// Of [`Class::Write`].
    pub write: Rate,
    /// Of [`Class::Auth`].
    pub auth: Rate,
    /// Of [`Class::Gateway`].
    pub gateway: Rate,
}

impl Rates {
    /// The rate of one class.
    #[must_use]
    pub const fn of(&self, class: Class) -> Rate {
        match class {
            Class::Read => self.read,
            Class::Write => self.write,
            Class::Auth => self.auth,
            Class::Gateway => self.gateway,
        }
    }
}

/// 60 reads and 20 writes a minute, 10 in five minutes for signing in, 600 calls of listings a minute.
impl Default for Rates {
    fn default() -> Self {
        Self {
            read: Rate::per_minute(60),
            write: Rate::per_minute(20),
            auth: Rate { requests: 10, window: Duration::from_secs(300) },
            gateway: Rate::per_minute(600),
        }
    }
}
