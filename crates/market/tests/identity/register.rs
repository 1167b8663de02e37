use std::time::Duration;

use crochet_market::identity::{ChallengePurpose, ChallengeRequest, RegisterBody};
use crochet_market::view::{IssuedJson, MeJson};
use crochet_market::{AccountType, Capabilities, MarketError, ProfileRole, Scopes};
use crochet_primitives::timestamp_from_millis;
use crochet_wallet::Chain;

use crate::support::{Bench, assert_refused, evm, fields, idleness, request, solana, work};

#[tokio::test]
async fn a_wallet_of_either_chain_registers_and_its_key_works() {
    let bench = Bench::new();
    for (signer, chain) in [(evm(1), Chain::Evm), (solana(1), Chain::Solana)] {
        let issued = bench.register(&signer).await;
        assert_eq!((issued.wallet.address, issued.wallet.address.chain()), (signer.address(), chain));
        assert!(issued.wallet.is_primary);
        assert_eq!(issued.wallet.capabilities, Capabilities::all());
        assert_eq!((issued.profile.account_type, issued.profile.role), (AccountType::Agent, ProfileRole::Both));
        let caller = bench.caller(&issued).await;
        assert_eq!(caller.profile, issued.profile);
        assert_eq!((caller.key.id, caller.key.scopes), (issued.stored.id, Scopes::all()));
    }
}

#[tokio::test]
async fn a_challenge_is_a_sign_in_message_with_its_work() {
    let bench = Bench::new();
    let challenge = bench.challenge(&evm(1), ChallengePurpose::Register).await;
    assert_eq!(
        challenge.message,
        format!(
            "crochet.example wants you to sign in with your Ethereum account:\n{}\n\n\
             Register this wallet with Crochet. This costs nothing.\n\n\
             URI: https://crochet.example\nVersion: 1\nChain ID: 1\nNonce: {}\n\
             Issued At: 2026-05-03T12:00:00.000Z\nExpiration Time: 2026-05-03T12:05:00.000Z",
            evm(1).text(),
            challenge.nonce
        )
    );
    let json = serde_json::to_value(&challenge).unwrap();
    assert_eq!(json["expires_in"], 300);
    assert_eq!(json["expires_at"], "2026-05-03T12:05:00.000Z");
    assert_eq!((&json["purpose"], &json["chain"]), (&"register".into(), &"evm".into()));
    assert_eq!((&json["pow"]["difficulty"], &json["pow"]["algorithm"]), (&1.into(), &"sha256".into()));
    assert_eq!(challenge.expires_at, timestamp_from_millis(1_777_809_900_000).unwrap());
}

#[tokio::test]
async fn a_challenge_looks_the_same_for_known_and_unknown_wallets() {
    let bench = Bench::new();
    bench.register(&evm(1)).await;
    for purpose in [ChallengePurpose::Register, ChallengePurpose::Recover] {
        let masked = [evm(1), evm(2)].map(|signer| {
            let bench = &bench;
            async move {
                let mut json = serde_json::to_value(bench.challenge(&signer, purpose).await).unwrap();
                let nonce = json["nonce"].as_str().unwrap().to_owned();
                let message = json["message"].as_str().unwrap().replace(&nonce, "N").replace(&signer.text(), "W");
                json["message"] = message.into();
                json["nonce"] = nonce.len().into();
                json["pow"]["challenge"] = json["pow"]["challenge"].as_str().unwrap().len().into();
                json
            }
        });
        let [known, unknown] = masked;
        assert_eq!(known.await, unknown.await);
    }
}

#[tokio::test]
async fn a_challenge_refuses_what_its_purpose_has_no_use_for() {
    let bench = Bench::new();
    let profile = bench.register(&evm(1)).await.profile.id;
    let refused = |request: ChallengeRequest| {
        let bench = &bench;
        async move { fields(bench.service.challenge(&request, None).await) }
    };
    let register = request(&evm(2), ChallengePurpose::Register);
    assert_eq!(
        refused(ChallengeRequest { wallet_address: "0x12".into(), ..register.clone() }).await,
        ["wallet_address"]
    );
    assert_eq!(refused(ChallengeRequest { profile_id: Some(profile), ..register.clone() }).await, ["profile_id"]);
    let other = Some(evm(3).text());
    assert_eq!(
        refused(ChallengeRequest { new_wallet_address: other.clone(), ..register }).await,
        ["new_wallet_address"]
    );
    assert_eq!(refused(request(&evm(2), ChallengePurpose::ClaimAgent)).await, ["profile_id"]);
    let linking = request(&evm(2), ChallengePurpose::LinkWallet);
    let both =
        ChallengeRequest { new_wallet_address: other.clone(), existing_wallet_address: other, ..linking.clone() };
    assert_eq!(refused(both).await, ["existing_wallet_address"]);
    assert_refused!(bench.service.challenge(&linking, None).await, MarketError::KeyRequired);
}

#[tokio::test]
async fn a_claim_names_the_profile_that_is_claimed() {
    let bench = Bench::new();
    let profile = bench.register(&evm(1)).await.profile.id;
    let claim = ChallengeRequest { profile_id: Some(profile), ..request(&evm(1), ChallengePurpose::ClaimAgent) };
    let challenge = bench.service.challenge(&claim, None).await.unwrap();
    assert!(challenge.message.ends_with(&format!("\nRequest ID: {profile}")));
}

#[tokio::test]
async fn a_challenge_is_good_once() {
    let bench = Bench::new();
    let body = bench.registration(&evm(1)).await;
    bench.service.register(&body).await.unwrap();
    assert_refused!(bench.service.register(&body).await, MarketError::ChallengeExpired);
}

#[tokio::test]
async fn a_challenge_is_good_for_five_minutes() {
    let bench = Bench::new();
    let (late, in_time) = (bench.registration(&evm(1)).await, bench.registration(&evm(2)).await);
    bench.clock.advance(Duration::from_millis(299_999));
    bench.service.register(&in_time).await.unwrap();
    bench.clock.advance(Duration::from_millis(1));
    assert_refused!(bench.service.register(&late).await, MarketError::ChallengeExpired);
}

#[tokio::test]
async fn a_challenge_is_good_for_its_purpose_and_its_wallet_only() {
    let bench = Bench::new();
    let recovery = bench.recovery(&evm(1)).await;
    let other_purpose = RegisterBody {
        nonce: recovery.nonce,
        pow_nonce: recovery.pow_nonce,
        signature: recovery.signature,
        ..bench.registration(&evm(1)).await
    };
    assert_refused!(bench.service.register(&other_purpose).await, MarketError::ChallengeExpired);
    let other_wallet = RegisterBody { wallet_address: evm(2).text(), ..bench.registration(&evm(1)).await };
    assert_refused!(bench.service.register(&other_wallet).await, MarketError::ChallengeExpired);
}

#[tokio::test]
async fn a_nonce_that_was_tampered_with_is_unknown() {
    let bench = Bench::new();
    let body = bench.registration(&evm(1)).await;
    for index in [0, 40, 57, 58, 89] {
        let mut nonce = body.nonce.clone();
        let digit = if nonce.as_bytes()[index] == b'0' { "1" } else { "0" };
        nonce.replace_range(index..=index, digit);
        let tampered = RegisterBody { nonce, ..body.clone() };
        assert_refused!(bench.service.register(&tampered).await, MarketError::ChallengeExpired);
    }
    for nonce in [String::new(), "x".to_owned(), body.nonce.to_uppercase(), format!("{} ", body.nonce)] {
        let tampered = RegisterBody { nonce, ..body.clone() };
        assert_refused!(bench.service.register(&tampered).await, MarketError::ChallengeExpired);
    }
    bench.service.register(&body).await.unwrap();
}

#[tokio::test]
async fn wrong_work_uses_the_challenge_up() {
    let bench = Bench::new();
    let challenge = bench.challenge(&evm(1), ChallengePurpose::Register).await;
    let body = RegisterBody {
        wallet_address: evm(1).text(),
        signature: evm(1).sign(&challenge.message).into(),
        nonce: challenge.nonce.clone(),
        pow_nonce: idleness(&challenge.pow.challenge),
        display_name: "idle".to_owned(),
        ..RegisterBody::default()
    };
    assert_refused!(bench.service.register(&body).await, MarketError::ProofOfWorkFailed);
    let worked = RegisterBody { pow_nonce: work(&challenge), ..body };
    assert_refused!(bench.service.register(&worked).await, MarketError::ChallengeExpired);
}

#[tokio::test]
async fn a_wrong_signature_uses_the_challenge_up() {
    let bench = Bench::new();
    let body = bench.registration(&evm(1)).await;
    let forged = RegisterBody { signature: evm(2).sign("anything").into(), ..body.clone() };
    assert_refused!(bench.service.register(&forged).await, MarketError::SignatureInvalid { .. });
    assert_refused!(bench.service.register(&body).await, MarketError::ChallengeExpired);
}

#[tokio::test]
async fn the_signature_of_a_contract_wallet_is_refused_with_the_reason() {
    let bench = Bench::new();
    let erc_6492 = format!("0x{}{}", "00".repeat(300), "6492".repeat(16));
    let body = RegisterBody { signature: erc_6492.into(), ..bench.registration(&evm(1)).await };
    match bench.service.register(&body).await {
        Err(MarketError::SignatureInvalid { detail }) => assert!(detail.contains("smart-contract wallet"), "{detail}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn invalid_fields_use_nothing_up_and_are_all_named() {
    let bench = Bench::new();
    let body = bench.registration(&evm(1)).await;
    let invalid = RegisterBody {
        display_name: " x ".to_owned(),
        bio: Some("b".repeat(501)),
        website: Some("ftp://x.example".to_owned()),
        avatar_url: Some("https://".to_owned()),
        wallet_address: format!("{}0", evm(1).text()),
        ..body.clone()
    };
    let refused = fields(bench.service.register(&invalid).await);
    assert_eq!(refused, ["wallet_address", "display_name", "bio", "website", "avatar_url"]);
    bench.service.register(&body).await.unwrap();
}

#[tokio::test]
async fn what_a_profile_says_of_itself_is_bounded() {
    let bench = Bench::new();
    let attempt = |change: fn(&mut RegisterBody)| {
        let bench = &bench;
        async move {
            let mut body = RegisterBody { nonce: "none".to_owned(), ..bench.registration(&evm(9)).await };
            change(&mut body);
            // Without a nonce, what passes the fields is refused for its challenge.
            match bench.service.register(&body).await {
                Err(MarketError::ChallengeExpired) => Vec::new(),
                other => fields(other),
            }
        }
    };
    assert!(attempt(|body| body.display_name = "ab".into()).await.is_empty());
    assert!(attempt(|body| body.display_name = "ü".repeat(50)).await.is_empty());
    assert_eq!(attempt(|body| body.display_name = "a".repeat(51)).await, ["display_name"]);
    assert_eq!(attempt(|body| body.display_name = "a\nb".into()).await, ["display_name"]);
    assert!(attempt(|body| body.bio = Some("ü".repeat(500))).await.is_empty());
    assert_eq!(attempt(|body| body.bio = Some("a\0".into())).await, ["bio"]);
    assert_eq!(
        attempt(|body| body.website = Some(format!("https://a.example/{}", "x".repeat(2048)))).await,
        ["website"]
    );
}

#[tokio::test]
async fn a_wallet_registers_once() {
    let bench = Bench::new();
    bench.register(&evm(1)).await;
    let again = bench.registration(&evm(1)).await;
    assert_refused!(bench.service.register(&again).await, MarketError::WalletTaken);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_registrations_with_one_challenge_one_succeeds() {
    let bench = Bench::new();
    let body = bench.registration(&evm(1)).await;
    let attempts: Vec<_> = (0..50)
        .map(|_| {
            let (service, body) = (bench.service.clone(), body.clone());
            tokio::spawn(async move { service.register(&body).await })
        })
        .collect();
    let mut succeeded = 0;
    for attempt in attempts {
        match attempt.await.unwrap() {
            Ok(_) => succeeded += 1,
            Err(error) => assert!(matches!(error, MarketError::ChallengeExpired), "{error:?}"),
        }
    }
    assert_eq!(succeeded, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_registrations_of_one_wallet_that_race_one_succeeds() {
    let bench = Bench::new();
    let mut attempts = Vec::new();
    for _ in 0..20 {
        let (service, body) = (bench.service.clone(), bench.registration(&solana(1)).await);
        attempts.push(tokio::spawn(async move { service.register(&body).await }));
    }
    let mut succeeded = 0;
    for attempt in attempts {
        match attempt.await.unwrap() {
            Ok(_) => succeeded += 1,
            Err(error) => assert!(matches!(error, MarketError::WalletTaken), "{error:?}"),
        }
    }
    assert_eq!(succeeded, 1);
}

#[tokio::test]
async fn the_raw_key_is_in_the_answer_and_in_no_debug_output() {
    let bench = Bench::new();
    let body = bench.registration(&evm(1)).await;
    let issued = bench.service.register(&body).await.unwrap();
    let answer = IssuedJson::from(&issued);
    let raw = issued.api_key.expose();
    let debug = format!("{issued:?} {answer:?} {body:?} {:?}", bench.caller(&issued).await);
    assert!(!debug.contains(raw) && !debug.contains(body.signature.expose()));
    let json = serde_json::to_value(&answer).unwrap();
    assert_eq!(json["api_key"], raw);
    assert_eq!(json["authorization_header"], format!("Bearer {raw}"));
    assert_eq!(json["api_key_prefix"], raw[..9]);
    assert_eq!(json["user_id"], issued.profile.id.to_string());
    assert_eq!(json["wallet"]["address"], evm(1).text());
}

#[tokio::test]
async fn me_is_the_caller_with_its_wallets_and_its_key() {
    let bench = Bench::new();
    let issued = bench.register(&solana(1)).await;
    let caller = bench.caller(&issued).await;
    let wallets = bench.service.wallets(caller.profile.id).await.unwrap();
    let json = serde_json::to_value(MeJson::new(&caller, &wallets)).unwrap();
    assert_eq!(json["profile"]["display_name"], "signal-bot");
    assert_eq!(json["profile"]["account_type"], "agent");
    assert_eq!(json["wallets"][0]["chain"], "solana");
    assert_eq!(json["wallets"][0]["capabilities"], serde_json::json!(["auth", "recovery", "payment", "payout"]));
    assert_eq!(json["api_key"]["prefix"], issued.stored.prefix);
}

#[test]
fn a_body_with_an_unknown_field_is_refused() {
    let json = r#"{"wallet_address":"0x","signature":"","nonce":"","pow_nonce":"","display_name":"ab","admin":true}"#;
    assert!(serde_json::from_str::<RegisterBody>(json).is_err());
    assert!(serde_json::from_str::<RegisterBody>(&json.replace(r#","admin":true"#, "")).is_ok());
}
