//! What is written down at the most talkative setting: enough to follow a request, and nothing that anybody could use.

use crochet_postgres::testing::TestDatabase;
use secrecy::ExposeSecret;
use serde_json::Value;

use crate::support::{Running, crochet, folder, play, run, search, serve};

/// Parts of the story that the demonstration tells: the seller's path, a body, an answer.
const CANARIES: &[&str] =
    &["hidden-from-buyers", "SOL/USDC", "ETH/USDC", "confidence", "played failure", "crochet_test"];

/// Whether a text holds something of which so many characters are secret.
fn holds_token(text: &str, prefix: &str, length: usize) -> bool {
    text.match_indices(prefix).any(|(at, _)| {
        let rest = &text.as_bytes()[at + prefix.len()..];
        rest.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count() >= length
    })
}

fn is_discreet(text: &str, further: &[&str]) {
    assert!(holds_token("Bearer am_k_0123abcd", "am_k_", 8), "the search finds what is there");
    for line in text.lines() {
        assert!(!holds_token(line, "am_k_", 8), "an API key: {line}");
        assert!(!holds_token(line, "whsec_", 4), "a signing secret: {line}");
        for canary in CANARIES.iter().chain(further) {
            assert!(!line.contains(canary), "{canary}: {line}");
        }
    }
}

/// Every line as JSON; each access line says of which request it is.
fn read(log: &str) -> Vec<Value> {
    let lines: Vec<Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect();
    assert!(!lines.is_empty());
    for line in &lines {
        for field in ["timestamp", "level", "target"] {
            assert!(line[field].is_string(), "no {field}: {line}");
        }
        assert_ne!(line["level"], "ERROR", "{line}");
    }
    let answered: Vec<_> = lines.iter().filter(|line| line["target"] == "crochet_http::access").collect();
    assert!(answered.len() > 20, "{} requests", answered.len());
    for line in answered {
        let id = line["span"]["request_id"].as_str().unwrap_or_else(|| panic!("no request id: {line}"));
        assert!(id.len() >= 16 && line["span"]["method"].is_string(), "{line}");
        for field in ["route", "status", "latency_ms"] {
            assert!(!line[field].is_null(), "no {field}: {line}");
        }
    }
    lines
}

#[test]
fn a_whole_demonstration_writes_no_secret_down() {
    let key = run(&mut crochet(&["keygen"])).expect(0).stdout.trim().to_owned();
    let secret = key.split_once(':').unwrap().1;
    let outcome = run(crochet(&["demo", "--log-format", "json"])
        .env("CROCHET_LOG", "trace")
        .env("CROCHET_MASTER_KEYS", &key)
        .env("CROCHET_POW_DIFFICULTY_AUTH", "1")
        .env("CROCHET_POW_DIFFICULTY_LISTING", "1"))
    .expect(0);
    assert!(outcome.stdout.contains("Every outcome was as documented"), "{}", outcome.stdout);
    read(&outcome.stderr);
    is_discreet(&outcome.stderr, &[secret]);
    is_discreet(&outcome.stdout, &[secret]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_on_a_database_with_a_password_writes_no_secret_down() {
    let database = TestDatabase::new().await;
    let url = database.url().expose_secret().replacen("app@", "app:password-canary@", 1);
    assert!(url.contains("password-canary"));
    let data_dir = folder();
    let mut command = serve(data_dir.path());
    command.env("DATABASE_URL", &url).env("CROCHET_LOG", "trace").env("CROCHET_LOG_FORMAT", "json");
    let mut gateway = Running::start(&mut command);
    let url = gateway.url();
    play(&url);
    let outcome = gateway.stop().expect(0);
    let key = std::fs::read_to_string(data_dir.path().join("master-keys")).unwrap();
    let secret = key.trim().split_once(':').unwrap().1.to_owned();
    let lines = read(&outcome.stderr);
    is_discreet(&outcome.stderr, &["password-canary", &secret]);
    is_discreet(&outcome.stdout, &["password-canary", &secret]);
    // hyper would name the seller's host.
    let named = lines.iter().find(|line| line["target"].as_str().unwrap().starts_with("hyper"));
    assert!(named.is_none(), "{named:?}");
    let forwarded = lines.iter().filter(|line| line["target"] == "crochet_forwarder::forwarder");
    let attempts: Vec<_> =
        forwarded.inspect(|line| assert!(line["span"]["request_id"].is_string(), "{line}")).collect();
    assert!(attempts.len() >= 3, "what was forwarded can be followed: {attempts:?}");
}

#[test]
fn no_file_of_a_private_database_holds_a_secret() {
    let data_dir = folder();
    let mut gateway = Running::start(&mut serve(data_dir.path()));
    let url = gateway.url();
    play(&url);
    gateway.stop().expect(0);
    let master = std::fs::read_to_string(data_dir.path().join("master-keys")).unwrap();
    let secret = master.trim().split_once(':').unwrap().1;
    let mut read = 0;
    search(&data_dir.path().join("postgres"), &mut |path, bytes| {
        read += bytes.len();
        let text = String::from_utf8_lossy(bytes);
        let name = path.display();
        assert!(!holds_token(&text, "am_k_", 20), "an API key is in {name}");
        assert!(!holds_token(&text, "whsec_", 20), "a signing secret is in {name}");
        for canary in ["hidden-from-buyers", "SOL/USDC", "played failure", secret] {
            assert!(!text.contains(canary), "{canary} is in {name}");
        }
    });
    assert!(read > 1_000_000, "{read} bytes are not a database");
}
