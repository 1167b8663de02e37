//! Documents, and the forms that they have.

use crate::client::Answer;
use crate::world::World;

/// Every document with its media type, and the form that browsers get.
const DOCUMENTS: &[(&str, &str, &str)] = &[
    ("/", "application/json", "text/html; charset=utf-8"),
    ("/llms.txt", "text/plain; charset=utf-8", "text/plain; charset=utf-8"),
    ("/SKILL.md", "text/markdown; charset=utf-8", "text/html; charset=utf-8"),
    ("/agent-skill", "text/markdown; charset=utf-8", "text/html; charset=utf-8"),
    ("/seller-onboarding", "text/markdown; charset=utf-8", "text/html; charset=utf-8"),
    ("/docs/api-reference.txt", "text/plain; charset=utf-8", "text/plain; charset=utf-8"),
    ("/docs/seller-integration.txt", "text/plain; charset=utf-8", "text/plain; charset=utf-8"),
    ("/docs/style.css", "text/css; charset=utf-8", "text/css; charset=utf-8"),
    ("/docs/errors", "application/json", "text/html; charset=utf-8"),
    ("/docs/errors/CONFLICT", "application/json", "text/html; charset=utf-8"),
    ("/.well-known/agent-protocol.json", "application/json", "application/json"),
];
const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";

async fn read(world: &World, path: &str, accept: &str) -> Answer {
    world.get(path).header("Accept", accept).send().await
}

#[tokio::test]
async fn programs_get_each_document_in_its_own_form_and_browsers_a_page_where_there_is_one() {
    let world = World::new().await;
    for (path, plain, browsers) in DOCUMENTS {
        let answers = [
            world.get(path).send().await,
            read(&world, path, "*/*").await,
            read(&world, path, "application/json").await,
        ];
        for answer in &answers {
            assert_eq!((answer.status, answer.header("content-type")), (200, Some(*plain)), "{path}");
            assert_eq!(answer.body, answers[0].body, "{path}");
        }
        let page = read(&world, path, BROWSER).await;
        assert_eq!((page.status, page.header("content-type")), (200, Some(*browsers)), "{path}");
        let varies =
            page.header("vary").is_some_and(|vary| vary.to_lowercase().split(", ").any(|name| name == "accept"));
        assert_eq!(varies, plain != browsers, "{path}");
    }
}

#[tokio::test]
async fn a_document_is_there_for_everybody_and_is_not_sent_again_unless_it_changed() {
    let world = World::new().await;
    for (path, _, _) in DOCUMENTS {
        let answer = world.get(path).send().await;
        assert_eq!(answer.header("cache-control"), Some("no-cache"), "{path}");
        let tag = answer.header("etag").unwrap();
        let again = world.get(path).header("If-None-Match", tag).send().await;
        assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
        let head = world.request("HEAD", path).send().await;
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        assert_eq!(head.header("content-type"), answer.header("content-type"), "{path}");
        let wrong_key = world.get(path).bearer("am_k_wrong").send().await;
        assert_eq!((wrong_key.status, &wrong_key.body), (200, &answer.body), "{path}");
        let posted = world.post(path).send().await;
        posted.refuses(405, "METHOD_NOT_ALLOWED");
    }
}

#[tokio::test]
async fn both_forms_of_a_page_have_their_own_tag() {
    let world = World::new().await;
    let json = world.get("/docs/errors").send().await;
    let page = read(&world, "/docs/errors", BROWSER).await;
    assert_ne!(json.header("etag"), page.header("etag"));
}

#[tokio::test]
async fn a_page_loads_its_style_and_nothing_else() {
    let world = World::new().await;
    for (path, _, browsers) in DOCUMENTS.iter().filter(|(_, _, browsers)| browsers.starts_with("text/html")) {
        let page = read(&world, path, BROWSER).await;
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("style-src 'self'"), "{browsers}: {policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("script-src"), "{path}: {policy}");
        let text = page.text();
        assert!(text.starts_with("<!doctype html>"), "{path}");
        assert!(text.contains("<h1>") && text.contains("/docs/style.css"), "{path}");
        for inline in ["<script", "style=", "onclick", "<img", "javascript:"] {
            assert!(!text.contains(inline), "{path}: {inline}");
        }
    }
}

#[tokio::test]
async fn an_error_page_is_json_a_page_or_text_and_its_code_may_be_in_lower_case() {
    let world = World::new().await;
    let json = world.get("/docs/errors/seller_timeout").send().await;
    let data = json.data(200);
    assert_eq!((&data["code"], &data["status"]), (&"SELLER_TIMEOUT".into(), &504.into()));
    assert_eq!(data["example"]["body"]["error"]["code"], "SELLER_TIMEOUT");
    assert!(data["causes"].as_array().is_some_and(|causes| !causes.is_empty()), "{data}");
    for (accept, sign) in
        [("text/plain", "# SELLER_TIMEOUT"), ("text/markdown", "# SELLER_TIMEOUT"), (BROWSER, "<h1>SELLER_TIMEOUT")]
    {
        let answer = read(&world, "/docs/errors/SELLER_TIMEOUT", accept).await;
        assert_eq!(answer.status, 200);
        assert!(answer.text().contains(sign), "{accept}: {}", answer.text());
    }
    let unknown = world.get("/docs/errors/NO_SUCH_CODE").send().await;
    let error = unknown.refuses(404, "NOT_FOUND");
    assert!(error["error"]["recovery"]["summary"].as_str().unwrap().contains("GET /docs/errors"), "{error}");
}

#[tokio::test]
async fn documents_of_production_leave_the_mock_provider_out() {
    let told = |environment| async move {
        let world = World::with(|config| config.environment = environment).await;
        let mut told = String::new();
        for (path, _, _) in DOCUMENTS.iter().filter(|(path, _, _)| !path.starts_with("/docs/errors")) {
            told.push_str(&world.get(path).send().await.text());
        }
        told
    };
    assert!(told(crochet_http::Environment::Development).await.contains("mock-provider"));
    assert!(!told(crochet_http::Environment::Production).await.contains("mock-provider"));
}

#[tokio::test]
async fn documents_carry_the_configured_url_and_no_other() {
    let world = World::new().await;
    let codes = crochet_http::Code::ALL.iter().map(|code| format!("/docs/errors/{}", code.as_str()));
    let documents = DOCUMENTS.iter().map(|(path, _, _)| (*path).to_owned()).filter(|path| !path.ends_with(".css"));
    for path in documents.chain(codes) {
        for accept in ["*/*", BROWSER, "text/markdown"] {
            let text = read(&world, &path, accept).await.text();
            assert!(text.contains("https://crochet.test"), "{path}");
            for foreign in ["getcrochet", "127.0.0.1", "localhost:", "{{", "{%", "PUBLIC_URL"] {
                assert!(!text.contains(foreign), "{path}: {foreign}");
            }
        }
    }
}
