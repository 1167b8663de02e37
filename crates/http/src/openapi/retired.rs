//! The operations that are retired: deprecated, and answered 410 whatever is sent.

use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn, PathItem, PathsBuilder};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Deprecated, Info, OpenApi, Required};

use super::rules::{self, RULES};
use crate::code::Code;
use crate::routes::API;

/// Path, method, operation id and what it did.
const ALL: &[(&str, HttpMethod, &str, &str)] = &[
    ("/payments/setup", HttpMethod::Post, "setupPayments", "Set payments up"),
    ("/payments/verify", HttpMethod::Post, "verifyPayment", "Verify a payment"),
    ("/subscribe", HttpMethod::Post, "subscribe", "Subscribe"),
    ("/listings/{id}/subscribe", HttpMethod::Post, "subscribeToListing", "Subscribe to a listing"),
    ("/subscriptions", HttpMethod::Get, "listSubscriptions", "List subscriptions"),
    ("/subscriptions/{id}", HttpMethod::Get, "getSubscription", "Read a subscription"),
    ("/subscriptions/{id}", HttpMethod::Delete, "cancelSubscription", "End a subscription"),
    ("/balance", HttpMethod::Get, "getBalance", "Read a balance"),
    ("/deposits", HttpMethod::Get, "listDeposits", "List deposits"),
    ("/deposits", HttpMethod::Post, "createDeposit", "Make a deposit"),
];

const WHY: &str = "Funds are never held, so there are no subscriptions, deposits or balances. Any method and anything \
     below this path is answered so. Call `POST /api/v1/gateway/{listing}` and pay for that call.";

/// They all.
pub(super) fn operations() -> OpenApi {
    let paths = ALL.iter().fold(PathsBuilder::new(), |paths, (path, method, id, did)| {
        let mut operation = OperationBuilder::new()
            .operation_id(Some(*id))
            .tag("Retired")
            .summary(Some(format!("{did} (retired)")))
            .description(Some(WHY))
            .deprecated(Some(Deprecated::True))
            .extensions(Some(ExtensionsBuilder::new().add(RULES, rules_of_all()).build()));
        if path.contains("{id}") {
            let id = ParameterBuilder::new()
                .name("id")
                .parameter_in(ParameterIn::Path)
                .required(Required::True)
                .description(Some("Not looked at."))
                .schema(Some(ObjectBuilder::new().schema_type(Type::String)));
            operation = operation.parameter(id);
        }
        paths.path(format!("{API}{path}"), PathItem::new(method.clone(), operation))
    });
    OpenApi::new(Info::default(), paths.build())
}

fn rules_of_all() -> serde_json::Value {
    serde_json::to_value(rules::open(&[Code::Gone])).unwrap_or_default()
}
