//! Registering, recovering, wallets and keys, as an agent does it.

use crochet_wallet::EvmSigner;
use serde_json::{Value, json};

use crate::world::World;

fn signer(seed: u8) -> EvmSigner {
    EvmSigner::from_bytes([seed; 32]).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_registers_and_its_authorization_header_works() {
    let world = World::new().await;
    let answer = world.register(&signer(1)).await;
    let data = answer.data(201);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let header = data["authorization_header"].as_str().unwrap();
    assert_eq!(header, format!("Bearer {}", data["api_key"].as_str().unwrap()));
    assert!(data["api_key"].as_str().unwrap().starts_with(data["api_key_prefix"].as_str().unwrap()));
    assert_eq!((&data["user_id"], &data["profile"]["role"]), (&data["profile"]["id"], &json!("both")));

    let me = world.get("/api/v1/me").header("Authorization", header).send().await.data(200);
    assert_eq!((&me["profile"]["id"], &me["profile"]["display_name"]), (&data["user_id"], &json!("signal-bot")));
    assert_eq!(me["wallets"][0]["address"], signer(1).address().to_string());
    assert_eq!(me["wallets"][0]["capabilities"], json!(["auth", "recovery", "payment", "payout"]));
    assert_eq!(me["api_key"]["scopes"], json!(["read", "write", "gateway"]));
    assert!(!me.to_string().contains(data["api_key"].as_str().unwrap()), "a key is shown once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_that_is_registered_is_recovered_instead() {
    let world = World::new().await;
    let first = world.register(&signer(1)).await.data(201);
    let json = world.register(&signer(1)).await.refuses(409, "CONFLICT");
    assert_eq!(json["error"]["recovery"]["next_action"], "recover_existing_wallet");

    let mut body = world.signed_challenge(&signer(1), "recover", None).await;
    body["revoke_existing_keys"] = json!(true);
    let data = world.post("/api/v1/auth/recover").json(body.to_string()).send().await.data(200);
    assert_eq!(data["user_id"], first["user_id"]);
    let old = world.get("/api/v1/me").bearer(first["api_key"].as_str().unwrap()).send().await;
    old.refuses(401, "UNAUTHORIZED");

    let body = world.signed_challenge(&signer(2), "recover", None).await;
    let json = world.post("/api/v1/auth/recover").json(body.to_string()).send().await.refuses(404, "NOT_FOUND");
    assert_eq!(json["error"]["recovery"]["next_action"], "register_wallet");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_thing_that_can_be_wrong_with_a_registration_has_its_code() {
    let world = World::new().await;
    let send = async |change: &dyn Fn(&mut Value)| {
        let mut body = world.signed_challenge(&signer(1), "register", None).await;
        body["display_name"] = json!("signal-bot");
        change(&mut body);
        world.post("/api/v1/register").json(body.to_string()).send().await
    };
    let json = send(&|body| body["nonce"] = json!("made-up")).await.refuses(400, "CHALLENGE_EXPIRED");
    assert_eq!(json["error"]["recovery"]["next_action"], "request_new_challenge");
    let unsolved = |body: &mut Value| body["pow_nonce"] = json!("not a solution, surely, is it");
    let answer = send(&unsolved).await;
    if answer.status != 403 {
        // One text in sixteen is a solution of difficulty 1.
        answer.data(201);
    } else {
        answer.refuses(403, "CAPTCHA_FAILED");
    }
    let other = format!("0x{}", "11".repeat(65));
    let answer = send(&|body| body["signature"] = json!(other)).await;
    let json = answer.refuses(401, "UNAUTHORIZED");
    assert_eq!(json["error"]["recovery"]["next_action"], "request_new_challenge");
    let json = send(&|body| body["display_name"] = json!("x")).await.refuses(400, "BAD_REQUEST");
    assert_eq!(json["error"]["details"]["fields"][0]["field"], "display_name");
    let json = send(&|body| body["role"] = json!("king")).await.refuses(400, "BAD_REQUEST");
    assert_eq!(json["error"]["details"]["path"], "role");
    let missing = send(&|body| drop(body.as_object_mut().unwrap().remove("nonce"))).await;
    assert!(missing.refuses(400, "BAD_REQUEST").to_string().contains("nonce"));
    let challenge = world.post("/api/v1/auth/challenge").json("{\"wallet_address\":\"0x12\"}").send().await;
    challenge.refuses(400, "BAD_REQUEST");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_further_wallet_is_linked_with_both_proofs() {
    let world = World::new().await;
    let me = world.register(&signer(1)).await.data(201);
    let key = me["api_key"].as_str().unwrap();
    let without = json!({ "wallet_address": signer(2).address().to_string(), "purpose": "link_wallet" });
    world.post("/api/v1/auth/challenge").json(without.to_string()).send().await.refuses(401, "UNAUTHORIZED");

    let old = world.signed_challenge(&signer(1), "link_wallet", Some(key)).await;
    let new = world.signed_challenge(&signer(2), "link_wallet", Some(key)).await;
    let body = json!({
        "wallet_address": signer(2).address().to_string(),
        "existing_wallet": { "address": old["wallet_address"], "nonce": old["nonce"], "signature": old["signature"] },
        "new_wallet": { "nonce": new["nonce"], "signature": new["signature"] },
        "capabilities": ["payment"],
    });
    let wallet = world.post("/api/v1/me/wallets").bearer(key).json(body.to_string()).send().await.data(201);
    assert_eq!((&wallet["chain"], &wallet["capabilities"]), (&json!("evm"), &json!(["payment"])));
    let wallets = world.get("/api/v1/me/wallets").bearer(key).send().await.data(200);
    assert_eq!(wallets.as_array().unwrap().len(), 2);

    let first = format!("/api/v1/me/wallets/{}", wallets[0]["id"].as_str().unwrap());
    assert_eq!(world.get(&first).bearer(key).send().await.data(200)["id"], wallets[0]["id"]);
    let proof = world.signed_challenge(&signer(1), "link_wallet", Some(key)).await;
    let body = json!({
        "wallet_proof": { "address": proof["wallet_address"], "nonce": proof["nonce"], "signature": proof["signature"] },
        "status": "disabled",
    });
    let answer = world.request("PATCH", &first).bearer(key).json(body.to_string()).send().await;
    answer.refuses(409, "LAST_RECOVERY_WALLET");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_made_listed_and_revoked() {
    let world = World::new().await;
    let body = "{\"name\":\"reader\",\"scopes\":[\"read\"]}";
    let made = world.post("/api/v1/api-keys").bearer(&world.buyer.key).json(body).send().await.data(201);
    let key = made["api_key"].as_str().unwrap();
    world.get("/api/v1/me").bearer(key).send().await.data(200);
    world.post("/api/v1/api-keys").bearer(key).json(body).send().await.refuses(403, "FORBIDDEN");

    let listed = world.get("/api/v1/api-keys").bearer(&world.buyer.key).send().await;
    assert_eq!(listed.data(200).as_array().unwrap().len(), 2);
    assert!(!listed.text().contains(key) && listed.text().contains(made["prefix"].as_str().unwrap()));

    let path = format!("/api/v1/api-keys/{}", made["id"].as_str().unwrap());
    let gone = world.request("DELETE", &path).bearer(&world.buyer.key).send().await.data(200);
    assert_eq!(gone["revoked"], true);
    world.get("/api/v1/me").bearer(key).send().await.refuses(401, "UNAUTHORIZED");
    world.request("DELETE", &path).bearer(&world.buyer.key).send().await.refuses(404, "NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_changes_what_it_says_of_itself() {
    let world = World::new().await;
    let patch = |body: &str| world.request("PATCH", "/api/v1/me").bearer(&world.buyer.key).json(body);
    let data = patch("{\"bio\":\"I buy signals.\",\"role\":\"both\"}").send().await.data(200);
    assert_eq!((&data["bio"], &data["role"]), (&json!("I buy signals."), &json!("both")));
    assert_eq!(patch("{\"bio\":null}").send().await.data(200)["bio"], Value::Null);
    patch("{\"score\":1000}").send().await.refuses(400, "BAD_REQUEST");
    patch("{\"website\":\"javascript:alert(1)\"}").send().await.refuses(400, "BAD_REQUEST");
}
