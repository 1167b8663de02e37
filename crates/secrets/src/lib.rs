//! Secrets that cannot print, encryption at rest, and the replay vault.
//!
//! **Invariants:** no type here shows its content through `Debug`, none has `PartialEq`; comparisons are
//! constant-time; nothing here draws randomness: nonces come in as arguments.
//!
//! ```
//! use crochet_secrets::{ApiKey, MasterKeys};
//!
//! let keys = MasterKeys::parse("k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
//! let sealed = keys.encrypt(b"https://seller.example/api", b"listing-1/private_endpoint_url", [1; 12]).unwrap();
//! assert_eq!(keys.decrypt(&sealed, b"listing-1/private_endpoint_url").unwrap().as_slice(), b"https://seller.example/api");
//! assert!(keys.decrypt(&sealed, b"listing-2/private_endpoint_url").is_err());
//!
//! let key = ApiKey::generate([7; 32]);
//! assert!(key.expose().starts_with("am_k_"));
//! assert!(!format!("{key:?}").contains(key.expose()));
//! ```

mod api_key;
mod master_keys;
mod vault;

pub use api_key::{ApiKey, ApiKeyHash, InvalidApiKey};
pub use master_keys::{DecryptError, EncryptError, MasterKeys, MasterKeysError};
pub use secrecy::{ExposeSecret, SecretString};
pub use vault::{VaultError, VaultSecret, open_response, seal_response};
