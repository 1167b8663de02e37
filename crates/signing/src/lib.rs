//! Request sealing: the HMAC headers by which a seller knows that a request came through Crochet, and their
//! verification.
//!
//! **Invariant:** a signing secret never appears in `Debug` output and is never compared byte by byte; signatures are
//! compared in constant time. No clock: the moment of sealing and of verification are arguments.
//!
//! ```
//! use std::time::Duration;
//!
//! use crochet_primitives::timestamp_from_millis;
//! use crochet_signing::{BodyHash, Received, SigningSecret, SigningSecrets, seal, verify};
//!
//! let secret = SigningSecret::generate([7; 32]);
//! let secrets = SigningSecrets { current: secret.clone(), next: None };
//! let body = br#"{"text":"hello"}"#;
//! let now = timestamp_from_millis(1_777_809_600_000).unwrap();
//!
//! // The gateway:
//! let seal = seal(&secrets, now, "gw_req_1", "listing-1", BodyHash::of(body));
//! // The seller, with what it received:
//! let hash = seal.body_sha256.to_string();
//! let received = Received {
//!     timestamp: &seal.timestamp,
//!     request_id: &seal.request_id,
//!     listing_id: &seal.listing_id,
//!     body_sha256: &hash,
//!     signature: &seal.signature,
//! };
//! verify(&secret, &received, body, now, Duration::from_secs(300))?;
//! # Ok::<(), crochet_signing::VerifyError>(())
//! ```

mod body_hash;
pub mod headers;
mod seal;
mod secret;
mod verify;

pub use body_hash::{BodyHash, ParseBodyHashError};
pub use seal::{Seal, seal};
pub use secret::{ParseSecretError, SigningSecret, SigningSecrets};
pub use verify::{Received, VerifyError, verify};
