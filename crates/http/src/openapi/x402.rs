//! The 402 of x402, whose shape is that protocol's, not ours.

use serde_json::json;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

/// The component's name.
pub(super) const REQUIRED: &str = "X402PaymentRequired";

/// What is said of it beside our own errors.
pub(super) const DESCRIPTION: &str = "\nTo a caller without an API key, or one that asks for the scheme `exact`, the body is \
    the one of x402 v1, and `PAYMENT-REQUIRED` has the terms of v2. Where no network of v1 is offered, the body is that of v2.";

/// The body.
pub(super) fn required() -> RefOr<Schema> {
    let text = |description: &str| ObjectBuilder::new().schema_type(Type::String).description(Some(description));
    let way = ObjectBuilder::new()
        .property("scheme", text("Always `exact`."))
        .required("scheme")
        .property("network", text("v1: a name, as `base`; v2: CAIP-2."))
        .required("network")
        .property("maxAmountRequired", text("v1: how much, in base units of the asset."))
        .property("amount", text("v2: the same."))
        .property("resource", text("v1: what is paid for."))
        .property("description", text("v1: what that is."))
        .property("mimeType", text("v1: what it answers."))
        .property("payTo", text("Who is to receive it: the seller's payout wallet."))
        .required("payTo")
        .property(
            "maxTimeoutSeconds",
            ObjectBuilder::new()
                .schema_type(Type::Integer)
                .minimum(Some(1))
                .description(Some("For how long the authorization is to be good.")),
        )
        .required("maxTimeoutSeconds")
        .property("asset", text("The token's contract, or on Solana its mint."))
        .required("asset")
        .property(
            "extra",
            ObjectBuilder::new()
                .property("name", text("On EVM chains: the name in the token's EIP-712 domain."))
                .property("version", text("On EVM chains: the version in it."))
                .property(
                    "feePayer",
                    text("On Solana: who pays the network's fees, and signs the transaction for that."),
                )
                .description(Some("What a payment has to say besides.")),
        )
        .required("extra");
    let any = || ObjectBuilder::new().schema_type(Type::Object);
    ObjectBuilder::new()
        .description(Some("Terms by x402. See https://github.com/coinbase/x402."))
        .property(
            "x402Version",
            ObjectBuilder::new()
                .schema_type(Type::Integer)
                .enum_values(Some([1, 2]))
                .description(Some("Which version.")),
        )
        .required("x402Version")
        .property(
            "error",
            text("Why there is a 402: a sentence, or one word of the protocol where a payment was refused."),
        )
        .required("error")
        .property("accepts", ArrayBuilder::new().items(way).min_items(Some(1)).description(Some("The ways to pay.")))
        .required("accepts")
        .property("resource", any().description(Some("v2: what is paid for.")))
        .property("extensions", any().description(Some("v2: what to send back with the payment, as it came.")))
        .into()
}

/// The extension by which indexers know of what is paid for.
const PAYMENT_INFO: &str = "x-payment-info";

/// Says of the operation that calls a listing what that costs: between the bounds of a price.
pub(super) fn price(operation: &mut Operation) {
    if operation.operation_id.as_deref() != Some("callListing") {
        return;
    }
    let info = json!({
        "price": { "mode": "dynamic", "currency": "USD", "min": "0.000001", "max": "1000000.000000" },
        "protocols": [{ "x402": {} }],
    });
    // One alone: the library keeps extensions in no order, and the document is the same byte for byte. That a key needs
    // a scope stands in the description, too.
    operation.extensions = Some([(PAYMENT_INFO.to_owned(), info)].into_iter().collect::<Extensions>());
}
