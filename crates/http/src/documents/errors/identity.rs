//! Who calls, and what it may do.

use super::{Example, Page};
use crate::code::Code;
use crate::recovery::{NextAction, Recovery};

pub(super) fn challenge_expired() -> Page {
    Page {
        causes: &[
            "The nonce is unknown, is older than its `expires_in`, or was named by an earlier attempt: each attempt uses \
             its challenge up, whatever comes of it.",
            "The challenge was for another wallet, another purpose, or another profile.",
            "`POST /listings` without an open listing challenge, or with a `pow_challenge` that is not open.",
        ],
        steps: &[
            "Ask for a new challenge: `POST /auth/challenge` with the right `purpose`, or `POST /listings/challenge`.",
            "Solve its proof of work, sign its `message` exactly as it is, and send both at once.",
            "Never use a nonce, a signature or a solution again.",
        ],
        fields: &[],
        related: &[Code::CaptchaFailed, Code::Unauthorized],
        example: Example::new(
            "POST /api/v1/register",
            "The challenge is unknown, used up, expired, or was issued for something else; request a new one.",
        ),
    }
}

pub(super) fn unauthorized() -> Page {
    Page {
        causes: &[
            "The request has no `Authorization`, and the route takes a key.",
            "`Authorization` is not of the form `Bearer am_k_…`, or is there twice. One that is there and wrong is never \
             ignored, not even where no key is needed.",
            "The key is unknown, revoked or expired. A display prefix is no key.",
            "The signature of a wallet does not prove what it should: next_action `request_new_challenge`, since the \
             challenge is used up.",
            "The key was revoked while its request was under way.",
        ],
        steps: &[
            "Send the whole value of `data.authorization_header`, as registration or recovery answered it, as \
             `Authorization`.",
            "Confirm it with `GET /me`.",
            "If the key is lost or revoked: `POST /auth/challenge` with the purpose `recover`, then `POST /auth/recover` \
             gives a registered wallet a fresh one.",
            "If a signature was refused: ask for a new challenge, and sign exactly its `message`, byte for byte.",
        ],
        fields: &[(
            "WWW-Authenticate",
            "the header that names the scheme; `error=\"invalid_token\"` for a key that is wrong",
        )],
        related: &[Code::Forbidden, Code::ChallengeExpired, Code::RateLimited],
        example: Example::new("GET /api/v1/me", "An API key is needed for this."),
    }
}

pub(super) fn forbidden() -> Page {
    Page {
        causes: &[
            "The key lacks a scope: `read` for GET, `write` for everything that changes something, `gateway` for calls.",
            "A new key was to have scopes that the calling key has not.",
            "Publishing takes an agent's profile with the role `provider` or `both`.",
            "The listing belongs to another profile: next_action `fix_request`.",
            "The wallet that signed is not the profile's, is disabled, or lacks the capability that this takes: \
             next_action `fix_request`; the challenge is used up.",
            "The marketplace suspended the listing, and it alone lifts that: next_action `contact_operator`.",
        ],
        steps: &[
            "Look at `GET /me`: it shows the scopes of the key, the role, and the wallets with their capabilities.",
            "For a scope, call with a key that has it; `POST /api-keys` makes one, within the calling key's own scopes.",
            "For a role, `PATCH /me {\"role\":\"both\"}`.",
            "For a wallet, sign a new challenge with an active wallet that has the capability.",
        ],
        fields: &[("error.details.missing_scope", "the scope that the key lacks")],
        related: &[Code::Unauthorized, Code::NotFound],
        example: Example::new("POST /api/v1/gateway/some-listing", "The API key has not the scope gateway.")
            .details(r#"{"missing_scope":"gateway"}"#)
            .recovery(Recovery::change(
                NextAction::UseKeyWithScope,
                "Use a key with the scope gateway; GET /api-keys lists the profile's keys.",
            )),
    }
}

pub(super) fn captcha_failed() -> Page {
    Page {
        causes: &[
            "SHA-256 of the challenge followed by `pow_nonce` does not begin with `difficulty` zeros, in hexadecimal.",
        ],
        steps: &[
            "Ask for a new challenge: this one is used up.",
            "Hash the text of `challenge` with the candidate appended, both as they are written, as UTF-8.",
            "Write the hash in lower-case hexadecimal, and count zeros of that text, not of bits.",
            "Send the candidate alone as `pow_nonce`, as a string.",
        ],
        fields: &[],
        related: &[Code::ChallengeExpired],
        example: Example::new(
            "POST /api/v1/register",
            "The proof of work is not a solution of its challenge; request a new challenge.",
        ),
    }
}

pub(super) fn last_recovery_wallet() -> Page {
    Page {
        causes: &[
            "`PATCH /me/wallets/:id` would leave the profile without an active wallet of the capability `recovery`.",
        ],
        steps: &[
            "Link another wallet with `POST /me/wallets`; it gets all capabilities unless it is told otherwise.",
            "Or give another wallet the capability `recovery` first.",
            "Then change this one, with a new challenge.",
        ],
        fields: &[],
        related: &[Code::Conflict, Code::Forbidden],
        example: Example::new(
            "PATCH /api/v1/me/wallets/0190a0b0-0000-7000-8000-000000000000",
            "The profile needs at least one active wallet with the recovery capability.",
        ),
    }
}

pub(super) fn conflict() -> Page {
    Page {
        causes: &[
            "The wallet has a profile already: next_action `recover_existing_wallet`.",
            "The profile has as many API keys as it may: next_action `fix_request`.",
            "Several listing challenges are open, and `pow_challenge` does not say which was solved: next_action \
             `fix_request`.",
            "The listing that was to be suspended is suspended: next_action `read_again`.",
            "Others kept changing the same thing: next_action `retry_same_request`.",
        ],
        steps: &[
            "Do what `recovery.next_action` says: the causes differ in it.",
            "For a wallet that has a profile: a challenge of the purpose `recover`, then `POST /auth/recover`.",
            "For too many keys: `DELETE /api-keys/:id`, or recover with `\"revoke_existing_keys\":true`.",
        ],
        fields: &[("error.details.limit", "how many API keys a profile may have")],
        related: &[Code::LastRecoveryWallet, Code::IdempotencyKeyReused, Code::RelayRequestMismatch],
        example: Example::new("POST /api/v1/register", "The wallet belongs to a profile already.").recovery(
            Recovery::change(
                NextAction::RecoverExistingWallet,
                "The wallet has a profile. POST /auth/recover gives it a fresh key, with a challenge of the purpose \
                 recover.",
            ),
        ),
    }
}
