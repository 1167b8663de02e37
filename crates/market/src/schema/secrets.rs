//! Keys, secrets, signatures and proofs of work.

use crochet_pow::MAX_POW_NONCE_BYTES;
use crochet_primitives::schema::text;
use crochet_wallet::MAX_SIGNATURE_BYTES;

use super::form;
use crate::catalogue::{MAX_HEADER_NAME, MAX_HEADER_VALUE};

/// An example of a [`ChallengeNonce`].
pub(crate) const CHALLENGE_NONCE: &str =
    "5ac0f3b6a1de4b0f8e6d2c1b0a9f8e7d0000019df1a2b3c4000493e0041f2e3d4c5b6a79889726a5b4c3d2e1f0";
/// An example of a [`PowChallenge`].
pub(crate) const POW_CHALLENGE: &str = "9f2c1e7b5a3d4f6081a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708";
/// An example of a [`Signature`].
pub(crate) const SIGNATURE: &str = "0x2b5d1f0a9c8e7d6b5a493827160514233241506978879fa6b5c4d3e2f10f1e2d3c4b\
     5a69788796a5b4c3d2e1f00112233445566778899aabbccddeeff00112231b";

form! {
    /// A raw API key: shown this once, and stored nowhere.
    ApiKeyText => |doc| text(doc, "^am_k_[0-9A-Za-z]{43}$", "am_k_Ab12Cd34Ef56Gh78Ij90Kl12Mn34Op56Qr78St90Uv1")
}

form! {
    /// The value of the `Authorization` header, as it is to be sent. Shown this once.
    AuthorizationHeader => |doc| {
        text(doc, "^Bearer am_k_[0-9A-Za-z]{43}$", "Bearer am_k_Ab12Cd34Ef56Gh78Ij90Kl12Mn34Op56Qr78St90Uv1")
    }
}

form! {
    /// The first characters of an API key, to tell keys apart by.
    ApiKeyPrefix => |doc| text(doc, "^am_k_[0-9A-Za-z]{4}$", "am_k_Ab12")
}

form! {
    /// A listing's signing secret: shown this once. The HMAC key is the UTF-8 bytes of the whole text, prefix included.
    SigningSecretText => |doc| {
        text(doc, "^whsec_[0-9A-Za-z+/]{43}=$", "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
    }
}

form! {
    /// The nonce of a challenge, as it was issued: it names the challenge and uses it up.
    ChallengeNonce => |doc| {
        text(doc, "^[0-9a-f]{90}$", CHALLENGE_NONCE)
    }
}

form! {
    /// A wallet's signature of a challenge's message: hexadecimal, with or without `0x` (EVM); base58 or base64
    /// (Solana).
    Signature => |doc| {
        text(
            doc,
            "^[0-9A-Za-z+/=]*$",
            SIGNATURE,
        )
        .max_length(Some(MAX_SIGNATURE_BYTES))
    }
}

form! {
    /// What the proof of work is done on.
    PowChallenge => |doc| {
        text(doc, "^[0-9a-f]{64}$", POW_CHALLENGE)
    }
}

form! {
    /// A solution: SHA-256 of the challenge followed by this, in hexadecimal, starts with `difficulty` zeros.
    PowNonce => |doc| text(doc, "^[ -~]*$", "48213").max_length(Some(MAX_POW_NONCE_BYTES))
}

/// Whether this is a [`PowNonce`], its length aside: what a schema can say, and every client can send.
pub(crate) fn is_pow_nonce(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

form! {
    /// The name of the header that authenticates at the seller: `Authorization`, or `X-` and a name of its own.
    HeaderName => |doc| {
        text(
            doc,
            "^([Aa][Uu][Tt][Hh][Oo][Rr][Ii][Zz][Aa][Tt][Ii][Oo][Nn]|\
             [Xx]-(?![Cc][Rr][Oo][Cc][Hh][Ee][Tt]-)(?![Ff][Oo][Rr][Ww][Aa][Rr][Dd][Ee][Dd]-)\
             [0-9A-Za-z!#$%&'*+.^_`|~-]+)$",
            "X-Seller-Key",
        )
        .max_length(Some(MAX_HEADER_NAME))
    }
}

form! {
    /// The value of the header that authenticates at the seller. Never shown again.
    HeaderValue => |doc| {
        text(doc, "^[!-~]([ -~]*[!-~])?$", "Bearer seller-internal-token")
            .min_length(Some(1))
            .max_length(Some(MAX_HEADER_VALUE))
            .write_only(true)
    }
}
