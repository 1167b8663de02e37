//! From the market's refusals to answers: one match.

use crochet_market::{FieldProblem, MarketError};
use serde::Serialize;

use crate::code::Code;
use crate::error::ApiError;
use crate::recovery::{NextAction, Recovery};

/// How long a seller waits for a listing challenge to expire, in seconds.
const CHALLENGE_WAIT: u32 = 60;

/// How long a wallet waits when too many signatures are checked, in seconds.
const SIGNATURES_WAIT: u32 = 1;

/// How long a client waits when others keep changing the same thing, in seconds.
const CHANGED_WAIT: u32 = 1;

#[derive(Serialize)]
struct Field<'a> {
    field: &'a str,
    message: &'a str,
}

#[derive(Serialize)]
struct Fields<'a> {
    fields: Vec<Field<'a>>,
}

impl From<MarketError> for ApiError {
    fn from(error: MarketError) -> Self {
        let text = sentence(&error.to_string());
        match error {
            MarketError::Invalid(problems) => invalid(&problems),
            MarketError::PricingModelUnavailable { model } => Self::new(Code::PricingModelUnavailable, text)
                .details(&serde_json::json!({ "pricing_model": model.as_str(), "available": ["free", "per_call"] })),
            MarketError::KeyRequired => Self::new(Code::Unauthorized, "An API key is needed for this."),
            MarketError::KeyNoLongerValid => Self::new(Code::Unauthorized, text),
            MarketError::TooManyApiKeys { limit } => Self::new(Code::Conflict, text)
                .details(&serde_json::json!({ "limit": limit }))
                .recovery(Recovery::change(
                    NextAction::FixRequest,
                    "Revoke a key with DELETE /api-keys/:id; POST /auth/recover with revoke_existing_keys revokes all.",
                )),
            MarketError::ChallengeExpired => Self::new(Code::ChallengeExpired, text),
            MarketError::ProofOfWorkFailed => Self::new(Code::CaptchaFailed, text),
            MarketError::SignatureInvalid { .. } => Self::new(Code::Unauthorized, text).recovery(
                Recovery::retry(
                    NextAction::RequestNewChallenge,
                    "The challenge is used up. Ask for a new one and sign exactly its data.message with the wallet.",
                )
                .discard(&["nonce", "pow_nonce", "signature"]),
            ),
            MarketError::TooManySignatures => Self::new(Code::ServiceUnavailable, text)
                .recovery(
                    Recovery::retry(
                        NextAction::RequestNewChallenge,
                        "The challenge is used up, and nothing was changed. Wait, ask for a new one and sign that.",
                    )
                    .discard(&["nonce", "pow_nonce", "signature"]),
                )
                .retry_after(SIGNATURES_WAIT),
            MarketError::Forbidden { .. } => Self::new(Code::Forbidden, text),
            MarketError::NotOwner => Self::new(Code::Forbidden, text).recovery(Recovery::change(
                NextAction::FixRequest,
                "The listing belongs to another profile. GET /listings?mine=true lists those of the caller.",
            )),
            MarketError::WalletNotOwn | MarketError::WalletDisabled | MarketError::WalletLacks { .. } => {
                Self::new(Code::Forbidden, text).recovery(
                    Recovery::change(
                        NextAction::FixRequest,
                        "Sign with another wallet of the profile: an active one that has the capability. The challenge \
                         is used up; ask for a new one.",
                    )
                    .discard(&["nonce", "pow_nonce", "signature"]),
                )
            }
            MarketError::NotFound { what: "endpoint" } => Self::not_found(text).recovery(Recovery::change(
                NextAction::FixRequest,
                "The listing has no private endpoint. PUT /listings/:id/endpoint sets one.",
            )),
            MarketError::NotFound { what: "profile" } => Self::not_found(text).recovery(Recovery::change(
                NextAction::RegisterWallet,
                "No profile owns this wallet. POST /register makes one, with a challenge of the purpose register.",
            )),
            MarketError::NotFound { .. } => Self::not_found(text),
            MarketError::WalletTaken => Self::new(Code::Conflict, text).recovery(Recovery::change(
                NextAction::RecoverExistingWallet,
                "The wallet has a profile. POST /auth/recover gives it a fresh key, with a challenge of the purpose \
                 recover.",
            )),
            MarketError::ChangedMeanwhile => Self::new(Code::Conflict, text)
                .recovery(Recovery::retry(NextAction::RetrySameRequest, "Nothing was changed. Send it again."))
                .retry_after(CHANGED_WAIT),
            MarketError::AlreadySuspended => Self::new(Code::Conflict, text),
            MarketError::LastRecoveryWallet => Self::new(Code::LastRecoveryWallet, text),
            MarketError::SuspendedByOperator => Self::new(Code::Forbidden, text).recovery(Recovery::change(
                NextAction::ContactOperator,
                "The marketplace suspended this listing, and it alone can lift that.",
            )),
            MarketError::EndpointNotAllowed { .. } => Self::new(Code::EndpointNotAllowed, text),
            MarketError::ListingHasNoEndpoint => Self::new(Code::ListingHasNoEndpoint, text).recovery(
                Recovery::change(NextAction::FixRequest, "Set private_endpoint_url with PUT /listings/:id/endpoint."),
            ),
            MarketError::NoPayoutWallet { chains } => {
                let chains: Vec<&str> = chains.iter().map(|chain| chain.as_str()).collect();
                Self::new(Code::PaymentRouteUnavailable, text)
                    .details(&serde_json::json!({ "missing_capability": "payout", "chains": chains }))
                    .recovery(Recovery::change(
                        NextAction::LinkPayoutWallet,
                        "Link a wallet with POST /me/wallets, or give one the capability payout with PATCH \
                         /me/wallets/:id. Until then the listing can be a draft, or free.",
                    ))
            }
            MarketError::TooManyOpenChallenges { limit } => Self::new(Code::RateLimited, text)
                .recovery(Recovery::retry(
                    NextAction::RetryLater,
                    "Solve a listing challenge that is open, or wait until one expires.",
                ))
                .details(&serde_json::json!({ "limit": limit }))
                .retry_after(CHALLENGE_WAIT),
            MarketError::SeveralChallengesOpen => Self::new(Code::Conflict, text).recovery(Recovery::change(
                NextAction::FixRequest,
                "Send the challenge that was solved as pow_challenge.",
            )),
            MarketError::PagesEnd { .. } => Self::new(Code::UseCursor, text),
            MarketError::Storage(error) => error.into(),
        }
    }
}

fn invalid(problems: &[FieldProblem]) -> ApiError {
    let message = match problems {
        [only] => format!("{} {}.", only.field, only.message),
        [first, rest @ ..] => format!("{} {}; and {} more.", first.field, first.message, rest.len()),
        [] => "A value in the request breaks a rule.".to_owned(),
    };
    let fields = problems.iter().map(|problem| Field { field: &problem.field, message: &problem.message }).collect();
    ApiError::bad_request(message).details(&Fields { fields })
}

/// The error's text as a sentence: a capital at its start, a full stop at its end.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", characters.as_str().trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use crochet_market::Capability;

    use super::*;

    #[test]
    fn who_is_refused_is_not_sent_for_another_key_unless_that_would_help() {
        for error in [
            MarketError::NotOwner,
            MarketError::WalletNotOwn,
            MarketError::WalletDisabled,
            MarketError::WalletLacks { capability: Capability::Auth },
            MarketError::NotFound { what: "endpoint" },
        ] {
            let told = recovery(error);
            assert_eq!((told["retryable"].as_bool(), told["next_action"].as_str()), (Some(false), Some("fix_request")));
        }
        let told = recovery(MarketError::Forbidden { detail: "no".to_owned() });
        assert_eq!(told["next_action"], "use_key_with_scope");
        let told = recovery(MarketError::ChangedMeanwhile);
        assert_eq!((told["retryable"].as_bool(), told["retry_after_seconds"].as_u64()), (Some(true), Some(1)));
        let told = recovery(MarketError::NotFound { what: "endpoint" });
        assert!(told["summary"].as_str().unwrap().contains("PUT"));
    }

    fn recovery(error: MarketError) -> serde_json::Value {
        let code = ApiError::from(error);
        let body = actix_web::body::to_bytes(code.render("").into_body());
        let body = futures::executor::block_on(body).ok().unwrap();
        let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
        json["error"]["recovery"].clone()
    }
}
