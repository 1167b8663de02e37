use std::time::Duration;

use crochet_market::catalogue::ListingBody;
use crochet_market::{AccountType, MarketError, ProfileRole};
use crochet_pow::{Difficulty, verify};

use crate::support::{Bench, assert_refused, fields, listing};

#[tokio::test]
async fn a_listing_challenge_says_what_to_do() {
    let bench = Bench::new();
    let seller = bench.seller().await;
    let challenge = bench.service.listing_challenge(&seller).await.unwrap();
    let json = serde_json::to_value(&challenge).unwrap();
    assert_eq!(
        (&json["difficulty"], &json["algorithm"], &json["expires_in"]),
        (&1.into(), &"sha256".into(), &300.into())
    );
    assert!(json["hint"].as_str().unwrap().contains("SHA-256(challenge + nonce)"));
    assert_eq!(challenge.challenge.len(), 64);
}

#[tokio::test]
async fn only_agents_that_provide_may_publish() {
    let bench = Bench::new();
    for (account_type, role, may) in [
        (AccountType::Agent, ProfileRole::Provider, true),
        (AccountType::Agent, ProfileRole::Both, true),
        (AccountType::HumanClaimedAgent, ProfileRole::Both, true),
        (AccountType::Agent, ProfileRole::Buyer, false),
        (AccountType::Human, ProfileRole::Both, false),
    ] {
        let profile = bench.profile(account_type, role).await;
        if may {
            bench.free(&profile).await;
        } else {
            assert_refused!(bench.service.listing_challenge(&profile).await, MarketError::Forbidden { .. });
            assert_refused!(bench.service.create(&profile, &listing("{}")).await, MarketError::Forbidden { .. });
        }
    }
}

#[tokio::test]
async fn a_listing_challenge_is_good_once() {
    let bench = Bench::new();
    let seller = bench.seller().await;
    let body = bench.worked(&seller, listing("{}")).await;
    bench.service.create(&seller, &body).await.unwrap();
    assert_refused!(bench.service.create(&seller, &body).await, MarketError::ChallengeExpired);
}

#[tokio::test]
async fn a_listing_challenge_is_good_for_five_minutes_and_its_profile() {
    let bench = Bench::new();
    let (seller, other) = (bench.seller().await, bench.seller().await);
    let body = bench.worked(&seller, listing("{}")).await;
    assert_refused!(bench.service.create(&other, &body).await, MarketError::ChallengeExpired);
    bench.clock.advance(Duration::from_secs(300));
    assert_refused!(bench.service.create(&seller, &body).await, MarketError::ChallengeExpired);
}

#[tokio::test]
async fn wrong_work_uses_a_listing_challenge_up() {
    let bench = Bench::new();
    let seller = bench.seller().await;
    let good = bench.worked(&seller, listing("{}")).await;
    let challenge = good.pow_challenge.clone().unwrap();
    let idle = (0..).map(|n: u32| n.to_string()).find(|n| !verify(&challenge, n, Difficulty::new(1).unwrap()));
    let wrong = ListingBody { pow_nonce: idle, ..good.clone() };
    assert_refused!(bench.service.create(&seller, &wrong).await, MarketError::ProofOfWorkFailed);
    assert_refused!(bench.service.create(&seller, &good).await, MarketError::ChallengeExpired);
}

#[tokio::test]
async fn the_one_open_challenge_needs_no_name_and_several_do() {
    let bench = Bench::new();
    let seller = bench.seller().await;
    let first = bench.worked(&seller, listing("{}")).await;
    let unnamed = ListingBody { pow_challenge: None, ..first.clone() };
    for name in ["", "\0", "another"] {
        let other = ListingBody { pow_challenge: Some(name.to_owned()), ..first.clone() };
        assert_refused!(bench.service.create(&seller, &other).await, MarketError::ChallengeExpired);
    }
    let second = bench.worked(&seller, listing("{}")).await;
    assert_refused!(bench.service.create(&seller, &unnamed).await, MarketError::SeveralChallengesOpen);
    bench.service.create(&seller, &second).await.unwrap();
    bench.service.create(&seller, &unnamed).await.unwrap();
}

#[tokio::test]
async fn five_listing_challenges_may_be_open() {
    let bench = Bench::new();
    let seller = bench.seller().await;
    for _ in 0..5 {
        bench.service.listing_challenge(&seller).await.unwrap();
    }
    assert_refused!(bench.service.listing_challenge(&seller).await, MarketError::TooManyOpenChallenges { limit: 5 });
    bench.clock.advance(Duration::from_secs(300));
    bench.service.listing_challenge(&seller).await.unwrap();
}

#[tokio::test]
async fn invalid_fields_use_no_listing_challenge_up() {
    let bench = Bench::new();
    let seller = bench.seller().await;
    let good = bench.worked(&seller, listing("{}")).await;
    let invalid = ListingBody { name: Some("x".to_owned()), ..good.clone() };
    assert_eq!(fields(bench.service.create(&seller, &invalid).await), ["name"]);
    bench.service.create(&seller, &good).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_twenty_listings_with_one_challenge_one_is_published() {
    let bench = Bench::new();
    let seller = bench.seller().await;
    let body = bench.worked(&seller, listing("{}")).await;
    let attempts: Vec<_> = (0..20)
        .map(|_| {
            let (service, seller, body) = (bench.service.clone(), seller.clone(), body.clone());
            tokio::spawn(async move { service.create(&seller, &body).await })
        })
        .collect();
    let mut published = 0;
    for attempt in attempts {
        match attempt.await.unwrap() {
            Ok(_) => published += 1,
            Err(error) => assert!(matches!(error, MarketError::ChallengeExpired), "{error:?}"),
        }
    }
    assert_eq!(published, 1);
}
