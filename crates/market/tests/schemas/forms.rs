//! Single values: every text means the same to the schema's pattern as to the check in the code.

use crochet_market::catalogue::{EndpointBody, ListingBody};
use proptest::prelude::*;
use serde_json::json;

use crate::bodies::{ENDPOINT_CHANGE, LISTING_CHANGE};
use crate::world::{World, agree, fate};

/// Texts of characters that some rule or some engine of regular expressions may see in another way.
fn odd_texts() -> impl Strategy<Value = String> {
    let odd = prop_oneof![
        4 => prop::char::ranges(vec!['a'..='z', ' '..=' ', '0'..='9'].into()),
        2 => prop::char::ranges(
            vec!['\0'..='\u{a1}', '\u{1680}'..='\u{1680}', '\u{180e}'..='\u{180e}', '\u{2000}'..='\u{2070}'].into()
        ),
        1 => prop::sample::select(vec!['\u{3000}', '\u{feff}', '\u{fffd}', '\u{10ffff}', '\u{e000}', 'ß']),
    ];
    prop::collection::vec(odd, 0..24).prop_map(|characters| characters.into_iter().collect())
}

/// Mostly URLs, with here and there a character changed.
fn odd_urls() -> impl Strategy<Value = String> {
    let url = "https?://([a-z0-9_-]{1,6}\\.){0,2}[a-z0-9-]{1,6}(:[0-9]{0,6})?(/[a-z%0-9~]{0,6}){0,2}(\\?[a-z=&]{0,6})?(#[a-z]{0,4})?";
    let change = prop::option::weighted(0.5, (any::<prop::sample::Index>(), odd_texts()));
    (url, change).prop_map(|(url, change): (String, _)| match change {
        Some((at, text)) => {
            let at = at.index(url.len());
            let text: String = text.chars().take(2).collect();
            format!("{}{text}{}", &url[..at], &url[at + 1..])
        }
        None => url,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_text_is_seen_alike_by_schema_and_check(
        field in prop::sample::select(vec!["name", "description", "docs", "expected_delivery", "tags", "formats"]),
        text in odd_texts(),
    ) {
        let text = if matches!(field, "tags" | "formats") { json!([text]) } else { json!(text) };
        let body = json!({ field: text });
        let fate = fate(&body, async |world: &'static World, body: ListingBody| {
            world.catalogue.update(world.caller.profile.id, &world.listing, &body).await
        });
        agree(&LISTING_CHANGE, &body, &fate)?;
    }

    #[test]
    fn every_url_is_seen_alike_by_schema_and_check(
        field in prop::sample::select(vec!["demo_endpoint", "logo_url", "private_endpoint_url"]),
        url in odd_urls(),
    ) {
        // Whether what follows this prefix is a name is for IDNA to say.
        prop_assume!(!url.contains("xn--"));
        let body = json!({ field: url });
        let fate = fate(&body, async |world: &'static World, body: ListingBody| {
            world.catalogue.update(world.caller.profile.id, &world.listing, &body).await
        });
        agree(&LISTING_CHANGE, &body, &fate)?;
    }

    #[test]
    fn every_header_is_seen_alike_by_schema_and_check(
        name in "(?i)(x-|authorization|x-crochet-|x-forwarded-)?[ -~é]{0,3}",
        value in prop_oneof!["[ -~]{0,4}", odd_texts()],
    ) {
        let body = json!({
            "private_endpoint_url": "https://seller.example/x",
            "upstream_auth_header": { "name": name, "value": value }
        });
        let fate = fate(&body, async |world: &'static World, body: EndpointBody| {
            world.catalogue.put_endpoint(world.caller.profile.id, &world.listing, &body).await
        });
        agree(&ENDPOINT_CHANGE, &body, &fate)?;
    }
}
