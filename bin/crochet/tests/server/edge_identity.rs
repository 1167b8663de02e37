//! Who registers, who recovers, and what a challenge is good for.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::future::join_all;
use serde_json::{Value, json};

use crate::support::{Account, Challenge, RawAnswer, RawRequest, Signer, TestGateway};

async fn post(gateway: &TestGateway, path: &str, body: &Value) -> RawAnswer {
    RawRequest::new(&gateway.api, "POST", path).json(body.to_string()).send().await
}

/// A body that registers this wallet.
async fn registration(gateway: &TestGateway, wallet: &Signer) -> Value {
    let mut body = Challenge::ask(&gateway.api, wallet, "register").await.answered_by(wallet);
    body["display_name"] = json!("agent");
    body
}

async fn recovery(gateway: &TestGateway, wallet: &Signer) -> Value {
    Challenge::ask(&gateway.api, wallet, "recover").await.answered_by(wallet)
}

#[tokio::test(flavor = "multi_thread")]
async fn wallets_of_both_chains_register_and_are_who_their_key_says() {
    let gateway = TestGateway::start().await;
    for (wallet, chain) in [(Signer::evm(), "evm"), (Signer::solana(), "solana")] {
        let mut body = registration(&gateway, &wallet).await;
        body["bio"] = json!("Finds things out.");
        body["website"] = json!("https://agent.example");
        body["avatar_url"] = json!("https://agent.example/face.png");
        body["role"] = json!("provider");
        let answer = post(&gateway, "/register", &body).await;
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let data = answer.data(201);
        let key = data["api_key"].as_str().unwrap();
        assert!(key.starts_with("am_k_") && key.len() == 48, "the key has an unexpected form");
        assert!(key.starts_with(data["api_key_prefix"].as_str().unwrap()));
        assert_eq!(data["authorization_header"], format!("Bearer {key}"));

        let me = RawRequest::new(&gateway.api, "GET", "/me").bearer(key).send().await.data(200);
        assert_eq!(me["profile"], data["profile"]);
        assert_eq!((&me["profile"]["id"], &me["profile"]["role"]), (&data["user_id"], &json!("provider")));
        assert_eq!(me["profile"]["account_type"], "agent");
        assert_eq!(me["wallets"][0]["address"], wallet.address());
        assert_eq!((&me["wallets"][0]["chain"], &me["wallets"][0]["is_primary"]), (&json!(chain), &json!(true)));
        assert_eq!(me["wallets"][0]["capabilities"], json!(["auth", "recovery", "payment", "payout"]));
        assert_eq!(me["api_key"]["prefix"], data["api_key_prefix"]);
        assert_eq!(me["api_key"]["scopes"], json!(["read", "write", "gateway"]));
        assert!(!me.to_string().contains(key), "a key is shown once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signatures_are_taken_in_every_documented_spelling() {
    let gateway = TestGateway::start().await;
    let evm = Signer::evm();
    let mut body = registration(&gateway, &evm).await;
    body["wallet_address"] = json!(evm.address().to_lowercase());
    post(&gateway, "/register", &body).await.data(201);
    // The other spelling of an EVM address is the same wallet.
    post(&gateway, "/register", &registration(&gateway, &evm).await).await.refuses(409, "CONFLICT");

    let solana = Signer::solana();
    let mut body = registration(&gateway, &solana).await;
    let signature = bs58::decode(body["signature"].as_str().unwrap()).into_vec().unwrap();
    body["signature"] = json!(STANDARD.encode(signature));
    post(&gateway, "/register", &body).await.data(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn recovery_issues_a_fresh_key_and_revokes_the_old_ones_only_when_asked_to() {
    let gateway = TestGateway::start().await;
    let agent = Account::register(&gateway.api, "agent").await;
    let second = agent.with_scopes(&["read"]).await;
    let me = |key: String| RawRequest::new(&gateway.api, "GET", "/me").bearer(&key).send();

    let fresh = post(&gateway, "/auth/recover", &recovery(&gateway, &agent.wallet).await).await.data(200);
    assert_eq!(fresh["user_id"], agent.id.as_str());
    let fresh_key = fresh["api_key"].as_str().unwrap().to_owned();
    for key in [&agent.key, &second, &fresh_key] {
        assert_eq!(me(key.clone()).await.data(200)["profile"]["id"], agent.id.as_str());
    }

    let mut body = recovery(&gateway, &agent.wallet).await;
    body["revoke_existing_keys"] = json!(true);
    let last = post(&gateway, "/auth/recover", &body).await.data(200);
    for key in [agent.key, second, fresh_key] {
        let answer = me(key).await;
        answer.refuses(401, "UNAUTHORIZED");
        assert!(answer.header("www-authenticate").unwrap().contains("invalid_token"));
    }
    me(last["api_key"].as_str().unwrap().to_owned()).await.data(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registered_wallet_is_sent_to_recovery_and_an_unknown_one_to_registration() {
    let gateway = TestGateway::start().await;
    let agent = Account::register(&gateway.api, "agent").await;
    let error =
        post(&gateway, "/register", &registration(&gateway, &agent.wallet).await).await.refuses(409, "CONFLICT");
    assert_eq!(error["recovery"]["next_action"], "recover_existing_wallet");
    let stranger = recovery(&gateway, &Signer::solana()).await;
    let error = post(&gateway, "/auth/recover", &stranger).await.refuses(404, "NOT_FOUND");
    assert_eq!(error["recovery"]["next_action"], "register_wallet");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_proofs_are_refused_and_use_up_their_challenge() {
    let gateway = TestGateway::start().await;
    let wallet = Signer::evm();
    let good = registration(&gateway, &wallet).await;
    let api = &gateway;
    let again = |body: Value| async move {
        let error = post(api, "/register", &body).await.refuses(400, "CHALLENGE_EXPIRED");
        assert_eq!(error["recovery"]["next_action"], "request_new_challenge");
        assert_eq!(error["recovery"]["retryable"], true);
    };

    let mut forged = good.clone();
    forged["signature"] = json!(Signer::evm().sign("something else"));
    let answer = post(&gateway, "/register", &forged).await;
    assert_eq!(answer.refuses(401, "UNAUTHORIZED")["recovery"]["next_action"], "request_new_challenge");
    assert!(answer.header("www-authenticate").is_some());
    again(good).await;

    let challenge = Challenge::ask(&gateway.api, &wallet, "register").await;
    let mut lazy = challenge.answered_by(&wallet);
    lazy["display_name"] = json!("agent");
    let good = lazy.clone();
    lazy["pow_nonce"] = json!(challenge.unsolved());
    let error = post(&gateway, "/register", &lazy).await.refuses(403, "CAPTCHA_FAILED");
    assert_eq!(error["recovery"]["next_action"], "request_new_challenge");
    again(good).await;

    for signature in ["", "0x", "0x00", "nonsense", &"1".repeat(5_000), "🙈"] {
        let mut body = registration(&gateway, &wallet).await;
        body["signature"] = json!(signature);
        post(&gateway, "/register", &body).await.refuses(401, "UNAUTHORIZED");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_is_good_once_for_its_purpose_and_its_wallet() {
    let gateway = TestGateway::start().await;
    let wallet = Signer::solana();
    let expired = |path: &'static str, body: Value| {
        let gateway = &gateway;
        async move {
            let error = post(gateway, path, &body).await.refuses(400, "CHALLENGE_EXPIRED");
            assert_eq!(error["recovery"]["next_action"], "request_new_challenge");
        }
    };
    // For another purpose.
    let mut body = recovery(&gateway, &wallet).await;
    body["display_name"] = json!("agent");
    expired("/register", body).await;
    // For another wallet.
    let mut body = registration(&gateway, &wallet).await;
    body["wallet_address"] = json!(Signer::solana().address());
    expired("/register", body).await;
    // One that nobody issued, or that was changed on its way.
    let good = registration(&gateway, &wallet).await;
    let nonce = good["nonce"].as_str().unwrap().to_owned();
    for nonce in ["", "x", &"0".repeat(nonce.len()), &format!("{nonce}0"), &nonce[1..], &"9".repeat(100_000), "é"] {
        let mut body = good.clone();
        body["nonce"] = json!(nonce);
        expired("/register", body).await;
    }
    // Once.
    post(&gateway, "/register", &good).await.data(201);
    expired("/register", good).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_registrations_with_one_challenge_exactly_one_succeeds() {
    let gateway = TestGateway::start().await;
    let body = registration(&gateway, &Signer::evm()).await;
    let answers = join_all((0..50).map(|_| post(&gateway, "/register", &body))).await;
    let (done, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    assert_eq!(done.len(), 1);
    for answer in refused {
        answer.refuses(400, "CHALLENGE_EXPIRED");
    }
    assert_eq!(gateway.sql("SELECT count(*) FROM profiles"), "1");
    assert_eq!(gateway.sql("SELECT count(*) FROM api_keys"), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_twenty_registrations_of_one_wallet_exactly_one_succeeds() {
    let gateway = TestGateway::start().await;
    let wallet = Signer::evm();
    let bodies = join_all((0..20).map(|_| registration(&gateway, &wallet))).await;
    let answers = join_all(bodies.iter().map(|body| post(&gateway, "/register", body))).await;
    let (done, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    assert_eq!(done.len(), 1);
    for answer in refused {
        answer.refuses(409, "CONFLICT");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_looks_the_same_for_known_and_unknown_wallets_and_writes_nothing() {
    let gateway = TestGateway::start().await;
    let agent = Account::register(&gateway.api, "agent").await;
    let before = gateway.sql("SELECT count(*) FROM consumed_challenges");
    for purpose in ["register", "recover"] {
        let shape = |challenge: &Challenge, wallet: &Signer| {
            let mut data = challenge.0.clone();
            let message = challenge.text("message").replace(&wallet.address(), "W");
            let lengths = (challenge.text("nonce").len(), challenge.0["pow"]["challenge"].as_str().unwrap().len());
            let message = message.replace(challenge.text("nonce"), "N");
            // Times differ from one to the other.
            let message: Vec<_> = message.lines().filter(|line| !line.contains("202")).map(str::to_owned).collect();
            for volatile in ["message", "nonce", "expires_at"] {
                data[volatile] = Value::Null;
            }
            data["pow"]["challenge"] = Value::Null;
            (data, message, lengths)
        };
        let stranger = Signer::evm();
        let known = Challenge::ask(&gateway.api, &agent.wallet, purpose).await;
        let unknown = Challenge::ask(&gateway.api, &stranger, purpose).await;
        assert_eq!(shape(&known, &agent.wallet), shape(&unknown, &stranger));
        assert_eq!((&known.0["expires_in"], &known.0["purpose"]), (&json!(300), &json!(purpose)));
        assert_eq!(known.0["pow"]["algorithm"], "sha256");
    }
    assert_eq!(gateway.sql("SELECT count(*) FROM consumed_challenges"), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_changed_by_its_owner_within_bounds() {
    let gateway = TestGateway::start().await;
    let agent = Account::register(&gateway.api, "agent").await;
    let change = json!({ "display_name": " Ada ", "bio": "b", "website": "https://ada.example", "role": "buyer" });
    let changed = agent.patch("/me", &change).await.data(200);
    assert_eq!((&changed["display_name"], &changed["role"]), (&json!("Ada"), &json!("buyer")));
    assert_eq!(agent.get("/me").await.data(200)["profile"], changed);
    // What is absent stays; null clears.
    let changed = agent.patch("/me", &json!({ "bio": null })).await.data(200);
    assert_eq!((&changed["bio"], &changed["website"]), (&Value::Null, &json!("https://ada.example")));
    for (body, field) in [
        (json!({ "display_name": "a" }), "display_name"),
        (json!({ "display_name": "a".repeat(51) }), "display_name"),
        (json!({ "display_name": "a\nb" }), "display_name"),
        (json!({ "bio": "b".repeat(501) }), "bio"),
        (json!({ "website": "ftp://ada.example" }), "website"),
        (json!({ "website": "https://user:secret@ada.example" }), "website"),
        (json!({ "avatar_url": "javascript:alert(1)" }), "avatar_url"),
        (json!({ "role": "king" }), "role"),
        (json!({ "score": 1000 }), "score"),
        (json!({ "is_verified": true }), "is_verified"),
    ] {
        assert_eq!(agent.patch("/me", &body).await.fields(), [field]);
    }
    assert_eq!(agent.get("/me").await.data(200)["profile"], changed);
    // A buyer publishes nothing until it says that it wants to.
    agent.request("POST", "/listings/challenge").send().await.refuses(403, "FORBIDDEN");
    agent.patch("/me", &json!({ "role": "both" })).await.data(200);
    agent.request("POST", "/listings/challenge").send().await.data(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_names_every_field_that_is_wrong_and_uses_nothing_up() {
    let gateway = TestGateway::start().await;
    let good = registration(&gateway, &Signer::evm()).await;
    let mut bad = good.clone();
    for (field, value) in [
        ("wallet_address", json!("0x12")),
        ("display_name", json!("x")),
        ("bio", json!("b".repeat(501))),
        ("website", json!("no url")),
        ("avatar_url", json!("data:,")),
    ] {
        bad[field] = value;
    }
    let named = post(&gateway, "/register", &bad).await.fields();
    assert_eq!(named, ["wallet_address", "display_name", "bio", "website", "avatar_url"]);
    let error = post(&gateway, "/auth/challenge", &json!({ "wallet_address": "0x12" })).await.fields();
    assert_eq!(error, ["wallet_address"]);
    post(&gateway, "/register", &good).await.data(201);
}
