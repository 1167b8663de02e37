//! HTTP's manners on every route of the whole server: what is refused by its form, what need not be sent again, and
//! what every answer says to whoever keeps or reads it.

use serde_json::json;

use crate::support::routes::{Body, ROUTES, Route, Server, shows_nothing_internal};
use crate::support::{Account, RawAnswer, RawRequest};

/// Every route but probes, which ask for nothing.
fn admitted() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().filter(|route| route.path != "/health" && route.path != "/ready")
}

fn is_open_to_pages(answer: &RawAnswer, what: &str) {
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{what}");
    assert_eq!(answer.header("access-control-allow-credentials"), None, "{what}");
    assert!(answer.header("access-control-expose-headers").unwrap().contains("ETag"), "{what}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accept_without_json_is_refused_on_every_route_before_anything_is_done() {
    let server = Server::open().await;
    let own = server.own_listing().await;
    for route in admitted() {
        for accept in ["text/html", "application/json;q=0, */*"] {
            let what = format!("{} {} {accept}", route.method, route.path);
            let answer = server.to(route, &own).json("{}").header("Accept", accept).send().await;
            assert_eq!(answer.status, 406, "{what}: {}", answer.text());
            answer.refuses(406, "NOT_ACCEPTABLE");
            is_open_to_pages(&answer, &what);
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
        }
    }
    assert_eq!(server.market.seller.runs(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_come_twice_are_refused_by_their_path_on_every_route_that_reads_its_body() {
    let server = Server::open().await;
    let own = server.own_listing().await;
    for route in ROUTES {
        let (Body::Typed(fields) | Body::Optional(fields)) = route.body else { continue };
        let field = fields[0];
        for (body, path) in [
            (format!("{{\"{field}\":1,\n\"{field}\":1}}"), field.to_owned()),
            (format!("{{\"{field}\":{{\"a\":[0,{{\"b\":1,\"b\":2}}]}}}}"), format!("{field}.a[1].b")),
        ] {
            let what = format!("{} {} {body}", route.method, route.path);
            let answer = server.to(route, &own).json(body).send().await;
            assert_eq!(answer.status, 400, "{what}: {}", answer.text());
            let error = answer.refuses(400, "BAD_REQUEST");
            assert_eq!(error["details"]["path"], path, "{what}");
            assert!(error["details"]["line"].is_u64() && error["details"]["column"].is_u64(), "{what}: {error}");
            shows_nothing_internal(&answer, &what);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_says_what_the_get_says_on_every_route() {
    let server = Server::open().await;
    let own = server.own_listing().await;
    for route in ROUTES.iter().filter(|route| route.method == "GET") {
        let path = server.path(route, &own);
        for coding in ["identity", "gzip"] {
            let ask = |method: &str| {
                let request =
                    RawRequest::new(&server.market.gateway.api, method, &path).header("Accept-Encoding", coding);
                if route.needs_key { request.bearer(&server.agent.key) } else { request }
            };
            let (get, head) = (ask("GET").send().await, ask("HEAD").send().await);
            assert_eq!((head.status, head.body.len()), (get.status, 0), "{path}");
            for name in ["content-type", "content-length", "content-encoding", "etag", "cache-control", "vary", "allow"]
            {
                assert_eq!(head.header(name), get.header(name), "{path} {coding} {name}");
            }
            is_open_to_pages(&head, &path);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalogue_is_sent_again_only_when_it_changed() {
    let server = Server::open().await;
    let api = &server.market.gateway.api;
    let id = server.own_listing().await;
    let one = format!("/listings/{id}");
    let known =
        async |path: &str, tag: &str| RawRequest::new(api, "GET", path).header("If-None-Match", tag).send().await;
    let mut tags = Vec::new();
    for path in ["/categories", "/listings", &one] {
        let first = RawRequest::new(api, "GET", path).send().await;
        first.data(200);
        let tag = first.header("etag").unwrap().to_owned();
        assert_eq!(
            (first.header("cache-control"), first.header("vary")),
            (Some("no-cache"), Some("authorization, accept-encoding"))
        );
        let again = known(path, &tag).await;
        assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, Some(tag.as_str())), "{path}");
        is_open_to_pages(&again, path);
        let private = server.agent.request("GET", path).header("If-None-Match", &tag).send().await;
        assert_eq!(private.header("cache-control"), Some("private, no-cache"), "{path}");
        tags.push(tag);
    }
    let patch = json!({ "description": "Another description of the same thing." });
    server.agent.request("PATCH", &one).json(patch.to_string()).send().await.data(200);
    assert_eq!(known("/categories", &tags[0]).await.status, 304);
    assert_eq!(known("/listings", &tags[1]).await.status, 200);
    let changed = known(&one, &tags[2]).await;
    assert_eq!(changed.data(200)["description"], patch["description"]);
    server.agent.request("DELETE", &one).send().await.data(200);
    known(&one, changed.header("etag").unwrap()).await.refuses(404, "NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_shows_a_secret_is_not_compressed_and_a_long_list_is() {
    let server = Server::open().await;
    let api = &server.market.gateway.api;
    let listed = RawRequest::new(api, "GET", "/listings").header("Accept-Encoding", "br, gzip;q=0.5").send().await;
    assert_eq!((listed.status, listed.header("content-encoding")), (200, Some("br")));
    assert!(listed.header("etag").unwrap().starts_with("W/"));
    let key = json!({ "name": "plain", "scopes": ["read"] });
    let made = server.agent.request("POST", "/api-keys").header("Accept-Encoding", "gzip, identity;q=0");
    let made = made.json(key.to_string()).send().await;
    assert!(made.data(201)["api_key"].is_string());
    assert_eq!((made.header("content-encoding"), made.header("cache-control")), (None, Some("no-store")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_development_server_asks_nobody_for_https() {
    let server = Server::open().await;
    let stranger = Account::register(&server.market.gateway.api, "stranger").await;
    for path in ["/me", "/categories", "/nothing"] {
        let answer = stranger.get(path).await;
        assert_eq!(answer.header("strict-transport-security"), None);
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    }
}
