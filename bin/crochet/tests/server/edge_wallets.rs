//! Further wallets of a profile: two proofs to link one, one to change one, and never without a way back in.

use serde_json::{Value, json};

use crate::support::{Account, Signer, TestGateway};

/// Links a wallet as the account's own allows, and answers it.
async fn link(agent: &Account, new: &Signer, more: Value) -> Value {
    let allowed = agent.link_challenge(&agent.wallet, json!({ "new_wallet_address": new.address() })).await;
    let agreed = agent.link_challenge(new, json!({ "existing_wallet_address": agent.wallet.address() })).await;
    for address in [agent.wallet.address(), new.address()] {
        assert!(allowed.text("message").contains(&address), "the text to sign names both wallets");
        assert!(agreed.text("message").contains(&address), "the text to sign names both wallets");
    }
    assert!(allowed.text("message").contains(&agent.id), "the text to sign names the profile");
    let mut body = json!({ "wallet_address": new.address(), "existing_wallet": allowed.proof(&agent.wallet) });
    body["new_wallet"] = json!({ "nonce": agreed.0["nonce"], "signature": new.sign(agreed.text("message")) });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    agent.post("/me/wallets", &body).await.json()
}

/// Changes a wallet as the account's own allows.
async fn change(agent: &Account, id: &Value, mut body: Value) -> crate::support::RawAnswer {
    let allowed = agent.link_challenge(&agent.wallet, json!({})).await;
    body["wallet_proof"] = allowed.proof(&agent.wallet);
    agent.patch(&format!("/me/wallets/{}", id.as_str().unwrap()), &body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_of_the_other_chain_is_linked_listed_shown_and_changed() {
    let gateway = TestGateway::start().await;
    let agent = Account::register(&gateway.api, "agent").await;
    let solana = Signer::solana();
    let linked = link(&agent, &solana, json!({ "chain": "solana", "capabilities": ["payment"] })).await;
    let linked = &linked["data"];
    assert_eq!((&linked["chain"], &linked["address"]), (&json!("solana"), &json!(solana.address())));
    assert_eq!((&linked["is_primary"], &linked["capabilities"]), (&json!(true), &json!(["payment"])));

    let all = agent.get("/me/wallets").await.data(200);
    assert_eq!((all.as_array().unwrap().len(), &all[1]), (2, linked));
    let path = format!("/me/wallets/{}", linked["id"].as_str().unwrap());
    assert_eq!(&agent.get(&path).await.data(200), linked);
    assert_eq!(agent.get("/me").await.data(200)["wallets"], all);

    let changed = change(&agent, &linked["id"], json!({ "status": "disabled" })).await.data(200);
    assert_eq!(changed["status"], "disabled");
    let changed = change(&agent, &linked["id"], json!({ "status": "active", "capabilities": ["payout"] })).await;
    assert_eq!(changed.data(200)["capabilities"], json!(["payout"]));

    // Somebody else's wallet is no wallet.
    let other = Account::register(&gateway.api, "other").await;
    other.get(&path).await.refuses(404, "NOT_FOUND");
    change(&other, &linked["id"], json!({ "status": "disabled" })).await.refuses(404, "NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_linked_wallet_recovers_the_profile_that_it_was_linked_to() {
    let gateway = TestGateway::start().await;
    let agent = Account::register(&gateway.api, "agent").await;
    let solana = Signer::solana();
    link(&agent, &solana, json!({})).await;
    let challenge = crate::support::Challenge::ask(&gateway.api, &solana, "recover").await;
    let request = crate::support::RawRequest::new(&gateway.api, "POST", "/auth/recover");
    let recovered = request.json(challenge.answered_by(&solana).to_string()).send().await.data(200);
    assert_eq!(recovered["user_id"], agent.id.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_wallet_is_linked_without_its_own_signature() {
    let gateway = TestGateway::start().await;
    let agent = Account::register(&gateway.api, "agent").await;
    let victim = Account::with(&gateway.api, "victim", Signer::solana()).await;
    let new = Signer::solana();
    let proofs = |existing: Signer, signer: Signer| {
        let (agent, new) = (&agent, &new);
        async move {
            let allowed = agent.link_challenge(&agent.wallet, json!({ "new_wallet_address": new.address() })).await;
            let agreed = agent.link_challenge(new, json!({})).await;
            let mut allowed_proof = allowed.proof(&existing);
            allowed_proof["address"] = json!(agent.wallet.address());
            let body = json!({
                "wallet_address": new.address(),
                "existing_wallet": allowed_proof,
                "new_wallet": { "nonce": agreed.0["nonce"], "signature": signer.sign(agreed.text("message")) },
            });
            agent.post("/me/wallets", &body).await
        }
    };
    proofs(Signer::evm(), Signer::solana()).await.refuses(401, "UNAUTHORIZED");
    assert_eq!(agent.get("/me/wallets").await.data(200).as_array().unwrap().len(), 1);

    // A wallet that has a profile stays where it is, though it signs.
    let taken = link(&agent, &victim.wallet, json!({})).await;
    assert_eq!((&taken["error"]["code"], &taken["success"]), (&json!("CONFLICT"), &json!(false)));
    assert_eq!(agent.get("/me/wallets").await.data(200).as_array().unwrap().len(), 1);
    let without_key = json!({ "wallet_address": new.address(), "purpose": "link_wallet" });
    let request = crate::support::RawRequest::new(&gateway.api, "POST", "/auth/challenge");
    request.json(without_key.to_string()).send().await.refuses(401, "UNAUTHORIZED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_that_was_issued_to_one_profile_links_nothing_to_another() {
    let gateway = TestGateway::start().await;
    let (agent, thief) =
        (Account::register(&gateway.api, "agent").await, Account::register(&gateway.api, "thief").await);
    let new = Signer::solana();
    let allowed = agent.link_challenge(&agent.wallet, json!({ "new_wallet_address": new.address() })).await;
    let agreed = agent.link_challenge(&new, json!({})).await;
    let body = json!({
        "wallet_address": new.address(),
        "existing_wallet": allowed.proof(&agent.wallet),
        "new_wallet": { "nonce": agreed.0["nonce"], "signature": new.sign(agreed.text("message")) },
    });
    thief.post("/me/wallets", &body).await.refuses(400, "CHALLENGE_EXPIRED");
    agent.post("/me/wallets", &body).await.data(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_wallet_that_can_recover_a_profile_cannot_be_given_up() {
    let gateway = TestGateway::start().await;
    let agent = Account::register(&gateway.api, "agent").await;
    let first = agent.get("/me/wallets").await.data(200)[0]["id"].clone();
    for body in [json!({ "status": "disabled" }), json!({ "capabilities": ["auth", "payment"] })] {
        let error = change(&agent, &first, body).await.refuses(409, "LAST_RECOVERY_WALLET");
        assert_eq!(error["recovery"]["next_action"], "link_another_wallet");
    }
    link(&agent, &Signer::solana(), json!({})).await;
    let changed = change(&agent, &first, json!({ "capabilities": ["auth", "payment"] })).await.data(200);
    assert_eq!(changed["capabilities"], json!(["auth", "payment"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_a_wallet_names_what_is_wrong_with_it() {
    let gateway = TestGateway::start().await;
    let agent = Account::register(&gateway.api, "agent").await;
    let first = agent.get("/me/wallets").await.data(200)[0]["id"].clone();
    for (body, field) in [
        (json!({}), "is_primary"),
        (json!({ "capabilities": [] }), "capabilities"),
        (json!({ "capabilities": ["flying"] }), "capabilities[0]"),
        (json!({ "status": "gone" }), "status"),
        (json!({ "address": "0x1" }), "address"),
    ] {
        assert_eq!(change(&agent, &first, body).await.fields(), [field]);
    }
    let path = format!("/me/wallets/{}", first.as_str().unwrap());
    let unsigned = json!({ "wallet_proof": { "address": agent.wallet.address(), "nonce": "x", "signature": "0x" }, "status": "active" });
    agent.patch(&path, &unsigned).await.refuses(400, "CHALLENGE_EXPIRED");
}
