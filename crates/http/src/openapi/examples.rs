//! Examples: answers of a real run, with stable values. The files are named for operation, status and what they show.

use serde_json::Value;
use utoipa::openapi::RefOr;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::path::Operation;

/// How the server is seen in the files.
const SEEN_AS: &str = "https://crochet.example";

macro_rules! examples {
    ($($operation:literal $status:literal $name:literal $summary:literal;)*) => {
        /// Operation, status, name, what it shows, and the JSON.
        const ALL: &[(&str, &str, &str, &str, &str)] = &[
            $(($operation, $status, $name, $summary,
                include_str!(concat!("examples/", $operation, ".", $status, ".", $name, ".json")))),*
        ];
    };
}

examples! {
    "createChallenge" "200" "register" "To register an EVM wallet";
    "register" "201" "registered" "A new profile and its key";
    "recoverAccount" "200" "recovered" "A fresh key";
    "register" "409" "registered_already" "The wallet has a profile already";
    "updateMe" "200" "changed" "With a text and a website";
    "linkWallet" "201" "linked" "A Solana wallet to pay with";
    "listWallets" "200" "two_wallets" "An EVM and a Solana wallet";
    "getWallet" "200" "wallet" "A wallet";
    "updateWallet" "200" "changed" "It may recover the profile from now on";
    "getMe" "200" "caller" "A buyer";
    "createApiKey" "201" "made" "A key for a worker";
    "listApiKeys" "200" "keys" "Three keys";
    "createApiKey" "403" "scope_missing" "A key without the scope write";
    "revokeApiKey" "200" "revoked" "A revoked key";
    "getMe" "401" "key_revoked" "A key that was revoked";
    "createListingChallenge" "200" "challenge" "A challenge";
    "createListing" "201" "published" "A paid listing, with its signing secret";
    "listCategories" "200" "categories" "Two of them";
    "searchListings" "200" "found" "One listing";
    "searchListings" "400" "wrong_parameter" "An order that there is not";
    "getListing" "200" "listing" "A listing";
    "getListing" "404" "unknown" "No such listing";
    "updateListing" "200" "changed" "With another tag";
    "updateListing" "400" "unknown_field" "A field that there is not";
    "getEndpoint" "200" "endpoint" "An endpoint";
    "putEndpoint" "200" "changed" "With more time to answer";
    "testEndpoint" "200" "well" "It answers well";
    "testEndpoint" "200" "not_well" "It answers 500";
    "callListing" "402" "terms" "Terms of payment for a new call";
    "callListing" "409" "another_body" "The id was made for another body";
    "callListing" "422" "below_minimum" "The price is below what the route takes";
    "payMock" "200" "pending" "Under way";
    "callListing" "202" "not_final" "The payment is not final";
    "callListing" "200" "delivered" "The seller's answer";
    "callListing" "200" "replayed" "The same answer again";
    "callListing" "402" "mispaid" "Too little was paid: new terms";
    "callListing" "402" "x402" "Without an API key, where x402 is taken";
    "getHeaderPayment" "200" "pending" "The payment is not decided";
    "getGatewayRequest" "200" "with_orphan" "A call that was mispaid";
    "payMock" "200" "paid" "Arrived";
    "callListing" "502" "seller_error" "The seller answered 500; the call stays paid";
    "listGatewayRequests" "200" "page" "One delivered call";
    "getGatewayRequest" "200" "delivered" "A delivered call";
    "listLedgerEntries" "200" "seller" "A seller's entries for one settlement";
    "rotateSigningSecret" "200" "overlap" "With an hour of overlap";
    "deleteListing" "200" "suspended" "An active listing is suspended";
    "takeRelayWebhook" "200" "taken" "It was taken";
    "getX402Manifest" "200" "manifest" "One listing";
    "listX402Resources" "200" "page" "One listing, with a schema of what it takes";
    "getHealth" "200" "alive" "It is alive";
    "getReadiness" "200" "ready" "It is ready";
    "subscribe" "410" "retired" "The answer to a retired route";
    "getFront" "200" "front" "The front";
    "listErrors" "200" "codes" "In part";
    "getError" "200" "page" "A page";
    "getAgentProtocol" "200" "protocol" "In part";
    "listCategories" "429" "too_many" "Too many requests";
    "getOpenApi" "200" "document" "How it begins";
}

/// Puts the examples of an operation where they belong.
pub(super) fn add(operation: &mut Operation, public_url: &str) {
    let id = operation.operation_id.clone().unwrap_or_default();
    for (_, status, name, summary, json) in ALL.iter().filter(|(of, ..)| *of == id) {
        let Ok(value) = serde_json::from_str::<Value>(&json.replace(SEEN_AS, public_url)) else { continue };
        let content = match *status {
            "request" => operation.request_body.as_mut().and_then(|body| match body {
                RefOr::T(body) => body.content.get_mut("application/json"),
                RefOr::Ref(_) => None,
            }),
            status => operation.responses.responses.get_mut(status).and_then(|response| match response {
                RefOr::T(response) => response.content.get_mut("application/json"),
                RefOr::Ref(_) => None,
            }),
        };
        if let Some(RefOr::T(content)) = content {
            let example = ExampleBuilder::new().summary(*summary).value(Some(value)).build();
            content.examples.insert((*name).to_owned(), example.into());
        }
    }
}
