//! Who may keep an answer: entity tags, 304, `Cache-Control` and `Vary`.

use serde_json::json;

use crate::client::Answer;
use crate::selling::{listing, publish};
use crate::world::{FREE, World};

const PUBLIC: [&str; 5] = ["/api/v1/listings", "/api/v1/categories", "/", "/docs/errors", "/docs/errors/GONE"];

fn tag(answer: &Answer) -> &str {
    answer.header("etag").unwrap_or_else(|| panic!("no tag: {:?}", answer.lasting_headers()))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_not_changed_is_a_304_with_the_headers_of_the_200() {
    let world = World::new().await;
    let listed = publish(&world, listing()).await.data(201)["id"].as_str().unwrap().to_owned();
    let listed = format!("/api/v1/listings/{listed}");
    for target in PUBLIC.into_iter().chain([listed.as_str(), "/api/v1/listings?q=signal&limit=5"]) {
        let whole = world.get(target).send().await;
        assert!(tag(&whole).starts_with('"') && tag(&whole).len() == 34, "{target}: {}", tag(&whole));
        assert_eq!(whole.header("cache-control"), Some("no-cache"), "{target}");
        for method in ["GET", "HEAD"] {
            let weak = format!("W/{}", tag(&whole));
            let list = format!("\"x\", {weak} , \"y\"");
            for known in [tag(&whole), &weak, &list, "*"] {
                let same = world.request(method, target).header("If-None-Match", known).send().await;
                assert_eq!((same.status, same.body.len()), (304, 0), "{method} {target} {known}");
                // Those of the body are left out: there is none.
                let describing = ["content-type", "content-length"];
                let kept: Vec<_> = whole.lasting_headers();
                let kept: Vec<_> = kept.into_iter().filter(|(name, _)| !describing.contains(name)).collect();
                assert_eq!(same.lasting_headers(), kept, "{method} {target}");
                same.has_request_id();
            }
        }
        for other in ["\"x\"", "x", "", "W/\"\""] {
            let again = world.get(target).header("If-None-Match", other).send().await;
            assert_eq!((again.status, again.body == whole.body), (200, true), "{target} {other}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tag_of_a_coded_answer_is_weak_and_matches_that_of_the_plain_one() {
    let world = World::new().await;
    let plain = world.get("/docs/errors").send().await;
    let coded = world.get("/docs/errors").header("Accept-Encoding", "br").send().await;
    assert_eq!(tag(&coded), format!("W/{}", tag(&plain)));
    for (known, coding) in [(tag(&plain), "br"), (tag(&coded), "identity"), (tag(&coded), "gzip")] {
        let again = world.get("/docs/errors").header("If-None-Match", known).header("Accept-Encoding", coding);
        let again = again.send().await;
        assert_eq!((again.status, again.header("content-encoding")), (304, None));
        assert_eq!(tag(&again).starts_with("W/"), coding != "identity", "as the 200 would have it");
        assert_eq!(again.header("vary"), coded.header("vary"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_a_listing_changes_its_tag_and_that_of_the_list() {
    let world = World::new().await;
    let id = publish(&world, listing()).await.data(201)["id"].as_str().unwrap().to_owned();
    let (one, list) = (format!("/api/v1/listings/{id}"), "/api/v1/listings");
    let before = (world.get(&one).send().await, world.get(list).send().await);
    let change = world.request("PATCH", &one).bearer(&world.seller.key).json("{\"pricing_amount\":0.02}");
    let changed = change.send().await;
    assert_eq!((changed.status, changed.header("etag")), (200, None), "a change is not kept");
    for (target, before) in [(one.as_str(), &before.0), (list, &before.1)] {
        let after = world.get(target).header("If-None-Match", tag(before)).send().await;
        assert_eq!(after.status, 200, "{target}");
        assert_ne!(tag(&after), tag(before));
        assert!(after.text().contains("0.02"), "{}", after.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_key_shows_is_private_and_never_matches_what_others_see() {
    let world = World::new().await;
    let mut draft = listing();
    draft["status"] = json!("draft");
    publish(&world, draft).await.data(201);
    let open = world.get("/api/v1/listings").send().await;
    assert_eq!(open.header("vary"), Some("authorization, accept-encoding"));
    let mine = |known: &str| {
        let request = world.get("/api/v1/listings?mine=true").bearer(&world.seller.key);
        request.header("If-None-Match", known).send()
    };
    let seen = mine(tag(&open)).await;
    assert_eq!((seen.status, seen.header("cache-control")), (200, Some("private, no-cache")));
    assert_eq!(seen.header("vary"), Some("authorization, accept-encoding"));
    assert_eq!(mine(tag(&seen)).await.status, 304);
    // An error is never a 304, whatever is known.
    let wrong = world.get("/api/v1/listings").header("Authorization", "Bearer x").header("If-None-Match", "*");
    wrong.send().await.refuses(401, "UNAUTHORIZED");
    let none = world.get("/api/v1/listings/nothing").header("If-None-Match", "*").send().await;
    none.refuses(404, "NOT_FOUND");
    assert_eq!((none.header("etag"), none.header("cache-control")), (None, Some("no-store")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_or_is_somebodys_own_is_not_kept() {
    let world = World::new().await;
    for target in ["health", "ready", "me", "me/wallets", "api-keys", "ledger", "gateway-requests"] {
        let ask = world.get(&format!("/api/v1/{target}")).bearer(&world.buyer.key).header("If-None-Match", "*");
        let answer = ask.send().await;
        assert_eq!((answer.status, answer.header("etag")), (200, None), "{target}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{target}");
    }
    let call = world.post(FREE).bearer(&world.buyer.key).json("{}").header("If-None-Match", "*").send().await;
    assert_eq!((call.status, call.header("cache-control")), (200, Some("no-store")));
    for target in ["/nowhere", "/api/v1/me", "/api/v1/deposits"] {
        assert_eq!(world.get(target).send().await.header("cache-control"), Some("no-store"), "{target}");
    }
}
