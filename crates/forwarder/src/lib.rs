//! The way to sellers: one signed POST to a private URL, and a truthful account of what came of it.
//!
//! **Invariant:** a connection is only ever opened to an address that the [`guard`] has checked, and the name of a
//! seller is resolved once for each connection: what was checked is what is connected to. No redirect is followed, no
//! proxy is used, everything that is read and every wait has a bound, and [`Arrival::NeverSent`] is said only where
//! not one byte of the request can have left. No URL, credential or body is logged.
//!
//! [`Arrival::NeverSent`]: crochet_relay::Arrival::NeverSent
//!
//! ```
//! use crochet_forwarder::guard::{Environment, GuardPolicy, GuardRefusal, check_url};
//!
//! let policy = GuardPolicy::new(Environment::Production);
//! let checked = check_url("https://seller.example/api/crochet", &policy).unwrap();
//! assert_eq!(checked.expose(), "https://seller.example/api/crochet");
//!
//! // Any notation of a private address is refused, and so is what is not encrypted.
//! assert_eq!(check_url("https://0x7f.1/", &policy).unwrap_err(), GuardRefusal::Address);
//! assert_eq!(check_url("http://seller.example/", &policy).unwrap_err(), GuardRefusal::NotHttps);
//! ```

mod answer;
mod connect;
mod dial;
mod forwarder;
pub mod guard;
mod known;
mod quiet;
mod request;
mod resolve;
mod tls;

pub use dial::{Dial, SystemDialer};
pub use forwarder::{BuildError, Forwarder, ForwarderConfig};
pub use resolve::{Resolve, SystemResolver};
pub use tls::{CertificateDer, certificates_from_pem};
