//! One component for each error code: the envelope, with what `details` and `data` can hold beside that code.
//!
//! A response's schema is one of them, or `oneOf` several, so that a generated client knows exactly which codes an
//! operation can answer at a status, and what comes with each.

use crochet_primitives::schema;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::vocabulary::{ErrorCode, always_false, text};
use crate::code::Code;
use crate::recovery::NextAction;
use crate::routes::gateway_answer::{
    Delivered, NamedCall, PaymentRequired, RefusedQuote, SellerFailed, UnavailableCall,
};
use crate::routes::health::Ready;

/// The name of a code's component: `BAD_REQUEST` is `BadRequestError`.
pub(crate) fn component(code: Code) -> String {
    let mut name = String::new();
    for word in code.as_str().split('_') {
        let (first, rest) = word.split_at(1);
        name.push_str(first);
        name.push_str(&rest.to_ascii_lowercase());
    }
    if !name.ends_with("Error") {
        name.push_str("Error");
    }
    name
}

/// The schema of a response that has one of these codes.
pub(super) fn one_of(codes: &[Code]) -> RefOr<Schema> {
    let mut refs: Vec<RefOr<Schema>> =
        codes.iter().map(|code| Ref::from_schema_name(component(*code)).into()).collect();
    match refs.len() {
        1 => refs.remove(0),
        _ => refs.into_iter().fold(OneOfBuilder::new(), OneOfBuilder::item).into(),
    }
}

/// Every component that this module has.
pub(super) fn components() -> Vec<(String, RefOr<Schema>)> {
    let mut all: Vec<(String, RefOr<Schema>)> = Code::ALL.iter().map(|code| (component(*code), error(*code))).collect();
    all.push((SentRecovery::name().into_owned(), recovery()));
    all.push((ErrorCode::name().into_owned(), ErrorCode::schema()));
    all.push((NextAction::name().into_owned(), NextAction::schema()));
    all.push((FieldProblem::name().into_owned(), FieldProblem::schema()));
    with::<PaymentRequired<'_>>(&mut all);
    with::<Delivered<'_>>(&mut all);
    with::<NamedCall>(&mut all);
    with::<RefusedQuote>(&mut all);
    with::<SellerFailed<'_>>(&mut all);
    with::<UnavailableCall<'_>>(&mut all);
    with::<Ready>(&mut all);
    all
}

/// A type's schema, and those that it refers to.
fn with<T: ToSchema>(all: &mut Vec<(String, RefOr<Schema>)>) {
    all.push((T::name().into_owned(), T::schema()));
    T::schemas(all);
}

fn of<T: ToSchema>() -> Ref {
    Ref::from_schema_name(T::name())
}

fn error(code: Code) -> RefOr<Schema> {
    let body = ObjectBuilder::new()
        .property("code", ObjectBuilder::new().schema_type(Type::String).enum_values(Some([code.as_str()])))
        .required("code")
        .property("message", string("What went wrong, for people. Its text may change.").min_length(Some(6)))
        .required("message");
    let body = match details(code) {
        Some(details) => body.property("details", details.description(Some("Further facts, for programs."))),
        None => body,
    };
    let body = body.property("recovery", of::<SentRecovery>()).required("recovery");
    let whole = ObjectBuilder::new()
        .description(Some(code.meaning()))
        .property("success", always_false())
        .required("success")
        .property("error", body)
        .required("error");
    let whole = match data(code) {
        Data::None => whole,
        Data::Sometimes(schema) => whole.property("data", schema),
        Data::Always(schema) => whole.property("data", schema).required("data"),
    };
    whole.into()
}

/// What stands in `data` beside an error.
enum Data {
    None,
    Sometimes(RefOr<Schema>),
    Always(RefOr<Schema>),
}

fn data(code: Code) -> Data {
    match code {
        Code::PaymentRequired | Code::PaymentMismatch | Code::PaymentFailed | Code::QuoteExpired => {
            Data::Always(of::<PaymentRequired<'_>>().into())
        }
        Code::SellerError
        | Code::SellerInvalidResponse
        | Code::SellerResponseTooLarge
        | Code::SellerUnreachable
        | Code::SellerTimeout => Data::Always(of::<SellerFailed<'_>>().into()),
        Code::ResponseNoLongerAvailable => Data::Always(of::<Delivered<'_>>().into()),
        // A payment that could not be verified has no call yet.
        Code::PaymentProviderUnavailable => Data::Sometimes(of::<NamedCall>().into()),
        Code::PaymentRouteMinimumNotMet => Data::Always(of::<RefusedQuote>().into()),
        Code::PaymentRouteUnavailable | Code::OriginWalletInvalid => Data::Sometimes(of::<RefusedQuote>().into()),
        Code::ListingUnavailable => Data::Sometimes(of::<UnavailableCall<'_>>().into()),
        // A call whose end could not be recorded, or what is not ready.
        Code::ServiceUnavailable => {
            Data::Sometimes(OneOfBuilder::new().item(of::<NamedCall>()).item(of::<Ready>()).into())
        }
        Code::BadRequest
        | Code::ChallengeExpired
        | Code::PricingModelUnavailable
        | Code::UseCursor
        | Code::Unauthorized
        | Code::Forbidden
        | Code::CaptchaFailed
        | Code::NotFound
        | Code::MethodNotAllowed
        | Code::NotAcceptable
        | Code::RequestTimeout
        | Code::Conflict
        | Code::RelayRequestMismatch
        | Code::IdempotencyKeyReused
        | Code::ListingHasNoEndpoint
        | Code::LastRecoveryWallet
        | Code::Gone
        | Code::PayloadTooLarge
        | Code::UnsupportedMediaType
        | Code::EndpointNotAllowed
        | Code::RateLimited
        | Code::TooManyOpenQuotes
        | Code::InternalError => Data::None,
    }
}

/// What stands in `error.details`. None of it is there always.
fn details(code: Code) -> Option<ObjectBuilder> {
    let object = ObjectBuilder::new();
    Some(match code {
        Code::BadRequest => object
            .property("fields", field_problems())
            .property("path", string("Where in the body, as in `tags[3]`; `.` is the whole."))
            .property("line", position("The line in the body, from 1."))
            .property("column", position("The column in that line."))
            .property("unknown_field", string("A field that there is not."))
            .property("did_you_mean", string("The field that may have been meant."))
            .property("parameter", string("The query parameter that is wrong."))
            .property("known", strings("The query parameters that there are."))
            .property("allowed", strings("The values that the query parameter can have."))
            .property("header", string("The header that is wrong.")),
        Code::PricingModelUnavailable => object
            .property("pricing_model", string("The model that was asked for."))
            .property("available", strings("The models that can be published.")),
        Code::PaymentFailed => object.property("provider_reason", string("Why, in the payment provider's words.")),
        Code::Forbidden => object.property("missing_scope", string("The scope that the key has not.")),
        Code::MethodNotAllowed => object.property("allow", string("The methods that there are, as in `Allow`.")),
        Code::NotAcceptable => object.property("available", strings("The media types that there are.")),
        Code::UnsupportedMediaType => object.property("accepted", strings("The media types that are taken.")),
        Code::Conflict => object.property("limit", count("How many there can be.")),
        Code::RelayRequestMismatch => object.property("relay_request_id", of::<schema::RelayRequestId>()).property(
            "differs",
            word("What is another than the id was made for.", &["listing", "body", "payer", "price"]),
        ),
        Code::ResponseNoLongerAvailable => object.property("api_key_prefix", {
            let prefix = text("^am_k_[0-9A-Za-z]+$").schema_type(SchemaType::from_iter([Type::String, Type::Null]));
            prefix.description(Some("The first characters of the key that can open it; null when nobody can."))
        }),
        Code::PayloadTooLarge => object.property("limit_bytes", count("The longest body that is taken, in bytes.")),
        Code::PaymentRouteMinimumNotMet => object
            .property("minimum", super::vocabulary::usd())
            .property("minimum_micros", super::vocabulary::usd_micros()),
        Code::PaymentRouteUnavailable => object
            .property("accepted", strings("The values that are taken."))
            .property("missing_capability", word("What a wallet of the seller's has to have.", &["payout"]))
            .property("chains", strings("The chains of which such a wallet has to be one.")),
        Code::RateLimited | Code::TooManyOpenQuotes => object.property("limit", count("How many there can be.")),
        Code::ChallengeExpired
        | Code::UseCursor
        | Code::Unauthorized
        | Code::PaymentRequired
        | Code::PaymentMismatch
        | Code::QuoteExpired
        | Code::CaptchaFailed
        | Code::NotFound
        | Code::RequestTimeout
        | Code::IdempotencyKeyReused
        | Code::ListingUnavailable
        | Code::ListingHasNoEndpoint
        | Code::LastRecoveryWallet
        | Code::Gone
        | Code::OriginWalletInvalid
        | Code::EndpointNotAllowed
        | Code::InternalError
        | Code::SellerError
        | Code::SellerInvalidResponse
        | Code::SellerResponseTooLarge
        | Code::SellerUnreachable
        | Code::SellerTimeout
        | Code::ServiceUnavailable
        | Code::PaymentProviderUnavailable => return None,
    })
}

fn field_problems() -> ArrayBuilder {
    let fields = ArrayBuilder::new().items(of::<FieldProblem>()).min_items(Some(1));
    fields.description(Some("Every field that breaks a rule."))
}

/// A field of a request that breaks a rule.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the market's refusals become")]
struct FieldProblem {
    /// The field's path in the body, as in `tags[3]`; or a query parameter.
    field: String,
    /// What is wrong with it. It completes a sentence that begins with the field.
    message: String,
}

/// `error.recovery`, wherever it is sent.
pub(crate) struct SentRecovery;

impl PartialSchema for SentRecovery {
    fn schema() -> RefOr<Schema> {
        recovery()
    }
}

impl ToSchema for SentRecovery {
    fn name() -> std::borrow::Cow<'static, str> {
        "Recovery".into()
    }
}

fn recovery() -> RefOr<Schema> {
    let wait = ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Integer, Type::Null]))
        .minimum(Some(1))
        .description(Some("How long to wait first, as in `Retry-After`; null when there is no need."));
    let object = ObjectBuilder::new()
        .description(Some("What a client can do about an error."))
        .property(
            "retryable",
            ObjectBuilder::new()
                .schema_type(Type::Boolean)
                .description(Some("Whether sending a request again can help, once `next_action` is done.")),
        )
        .property("next_action", of::<NextAction>())
        .property("summary", string("The same in a sentence.").min_length(Some(6)))
        .property("preserve", strings("What to keep for the next request."))
        .property("discard", strings("What not to use again."))
        .property("retry_after_seconds", wait)
        .property("docs_url", url("The page of this code."))
        .property("reference_url", url("The page of all codes."));
    let names = [
        "retryable",
        "next_action",
        "summary",
        "preserve",
        "discard",
        "retry_after_seconds",
        "docs_url",
        "reference_url",
    ];
    names.into_iter().fold(object, ObjectBuilder::required).into()
}

fn string(description: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).description(Some(description))
}

fn url(description: &str) -> ObjectBuilder {
    let format = utoipa::openapi::SchemaFormat::Custom("uri".to_owned());
    string(description).format(Some(format))
}

fn strings(description: &str) -> ArrayBuilder {
    ArrayBuilder::new().items(ObjectBuilder::new().schema_type(Type::String)).description(Some(description))
}

fn word(description: &str, words: &[&'static str]) -> ObjectBuilder {
    string(description).enum_values(Some(words.iter().copied()))
}

fn count(description: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).description(Some(description))
}

fn position(description: &str) -> ObjectBuilder {
    count(description)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_code_has_a_component_of_its_own() {
        let names: HashSet<_> = Code::ALL.iter().map(|code| component(*code)).collect();
        assert_eq!(names.len(), Code::ALL.len());
        assert!(names.contains("BadRequestError") && names.contains("InternalError"), "{names:?}");
    }
}
