use crochet_pricing::{MicroUsd, Price};

use crate::support::{Bench, URL, fields};

/// The price, or the fields that were refused.
async fn priced(model: &str, amount: &str) -> Result<Price, Vec<String>> {
    let bench = Bench::new();
    let seller = bench.seller().await;
    let amount = if amount.is_empty() { String::new() } else { format!(r#","pricing_amount":{amount}"#) };
    let json = format!(r#"{{"pricing_model":"{model}","private_endpoint_url":"{URL}"{amount}}}"#);
    match bench.create(&seller, &json).await {
        Ok(published) => Ok(published.view.listing.price),
        refused => Err(fields(refused)),
    }
}

#[tokio::test]
async fn an_amount_is_read_from_its_own_text() {
    for (amount, micros) in [
        ("0.000001", 1),
        ("0.01", 10_000),
        ("1", 1_000_000),
        ("0.1", 100_000),
        ("123456.789012", 123_456_789_012),
        ("1000000", 1_000_000_000_000),
        ("1000000.000000", 1_000_000_000_000),
    ] {
        assert_eq!(priced("per_call", amount).await, Ok(Price::PerCall(MicroUsd::from_micros(micros))), "{amount}");
    }
}

#[tokio::test]
async fn an_amount_out_of_bounds_is_refused() {
    let field = || Err(vec!["pricing_amount".to_owned()]);
    for amount in [
        "",
        "null",
        "0",
        "0.0",
        "-1",
        "1000000.000001",
        "0.0000001",
        "1e2",
        "1E-3",
        "\"1\"",
        "\"0.01\"",
        "true",
        "[1]",
        "{}",
    ] {
        assert_eq!(priced("per_call", amount).await, field(), "{amount}");
    }
}

#[tokio::test]
async fn a_free_listing_costs_nothing() {
    for amount in ["", "0", "0.00", "null"] {
        assert_eq!(priced("free", amount).await, Ok(Price::Free), "{amount}");
    }
    assert_eq!(priced("free", "0.01").await, Err(vec!["pricing_amount".to_owned()]));
}

#[tokio::test]
async fn prices_are_in_us_dollars() {
    let bench = Bench::new();
    let seller = bench.seller().await;
    bench.create(&seller, r#"{"pricing_currency":"USD"}"#).await.unwrap();
    for currency in ["EUR", "usd", ""] {
        let json = format!(r#"{{"pricing_currency":"{currency}"}}"#);
        assert_eq!(fields(bench.create(&seller, &json).await), ["pricing_currency"]);
    }
}

#[tokio::test]
async fn a_change_of_price_keeps_the_rules() {
    let bench = Bench::new();
    let seller = bench.seller().await;
    let paid = bench.paid(&seller).await;
    let price = |json: &'static str| {
        let (bench, seller, paid) = (&bench, &seller, &paid);
        async move { bench.update(seller, paid, json).await.map(|published| published.view.listing.price) }
    };
    let per_call = |micros| Price::PerCall(MicroUsd::from_micros(micros));
    assert_eq!(price(r#"{"pricing_amount":75}"#).await.unwrap(), per_call(75_000_000));
    assert_eq!(price(r#"{"pricing_model":"per_call"}"#).await.unwrap(), per_call(75_000_000));
    assert_eq!(price(r#"{"name":"Renamed"}"#).await.unwrap(), per_call(75_000_000));
    assert_eq!(fields(price(r#"{"pricing_amount":0}"#).await), ["pricing_amount"]);
    assert_eq!(fields(price(r#"{"pricing_model":"free","pricing_amount":1}"#).await), ["pricing_amount"]);
    assert_eq!(price(r#"{"pricing_model":"free"}"#).await.unwrap(), Price::Free);
    assert_eq!(fields(price(r#"{"pricing_amount":1}"#).await), ["pricing_amount"]);
    assert_eq!(fields(price(r#"{"pricing_model":"per_call"}"#).await), ["pricing_amount"]);
    assert_eq!(price(r#"{"pricing_model":"per_call","pricing_amount":2}"#).await.unwrap(), per_call(2_000_000));
}

#[tokio::test]
async fn a_free_listing_becomes_paid_only_with_an_endpoint() {
    let bench = Bench::new();
    let seller = bench.seller().await;
    let free = bench.free(&seller).await;
    let json = r#"{"pricing_model":"per_call","pricing_amount":1}"#;
    assert_eq!(fields(bench.update(&seller, &free, json).await), ["private_endpoint_url"]);
    let json = format!(r#"{{"pricing_model":"per_call","pricing_amount":1,"private_endpoint_url":"{URL}"}}"#);
    let paid = bench.update(&seller, &free, &json).await.unwrap();
    assert!(paid.is_new_secret && paid.view.has_endpoint);
    assert_eq!(paid.view.listing.revision, 2);
}
