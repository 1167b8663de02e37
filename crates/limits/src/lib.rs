//! Rate limits: classes of routes, their quotas, who is counted, and the port that counts.
//!
//! A quota is counted by GCRA, the generic cell rate algorithm: a caller may use it up at once, and gets it back evenly
//! over the window. One number a caller is all that is kept, so replicas can share it.
//!
//! **Invariant:** nothing here reads a clock or keeps a count; [`Gcra`] is integer arithmetic on moments that come in as
//! arguments. Over any stretch of time a caller is admitted at most one quota more often than the rate alone allows.
//!
//! ```
//! use crochet_limits::{Class, Gcra, Rate};
//!
//! let gcra = Gcra::new(Rate::per_minute(3));
//! let (mut kept, now) = (None, 1_000_000);
//! for left in [2, 1, 0] {
//!     let (verdict, keep) = gcra.count(kept, now);
//!     assert_eq!(gcra.standing(Class::Read, verdict).remaining, left);
//!     kept = Some(keep);
//! }
//! let (verdict, _) = gcra.count(kept, now);
//! assert_eq!(gcra.standing(Class::Read, verdict).exceeded, Some(20));
//! ```

mod class;
#[cfg(feature = "testing")]
pub mod contract;
mod gcra;
mod ports;
mod rate;
mod standing;
mod subject;

pub use class::Class;
pub use gcra::{Gcra, Verdict};
pub use ports::{Limiter, Unlimited};
pub use rate::{Rate, Rates};
pub use standing::{Standing, whole_seconds};
pub use subject::Subject;
