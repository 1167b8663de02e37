//! What a gateway has done is what its metrics say, and what its metrics are called is what the documentation lists.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use crochet::config::Switch;
use crochet::demo::agent::bytes;
use http::Method;
use serde_json::{Value, json};

use crate::support::scrape::{Scraped, with_metrics};
use crate::support::{Behaviour, Market, RawRequest, TestGateway, eventually, publish};

/// A free call, a paid one and its replay, one that its seller fails, and a reader who asks too often.
async fn played() -> (Market, Scraped) {
    let gateway = TestGateway::adapted(
        |settings| {
            with_metrics(settings);
            settings.rate_limits = Some(Switch::On);
            settings.rate_limit_read = Some(20);
            settings.rate_limit_write = Some(1_000);
            settings.rate_limit_auth = Some(1_000);
            settings.sweep_interval_millis = Some(50);
        },
        |config| config.metrics_sample_every = Duration::ZERO,
    )
    .await;
    let market = Market::with(gateway, json!({ "pricing_model": "per_call", "pricing_amount": 0.01 })).await;

    let free = publish(&market.provider, market.seller.url(), json!({ "pricing_model": "free" })).await;
    let path = format!("/gateway/{}", free["id"].as_str().unwrap());
    let body = bytes(&json!({ "task": "free" }));
    market.buyer.send(Method::POST, &path, &[], Some(body)).await.unwrap().expect(200).unwrap();

    let call = market.paid("delivered").await;
    market.settle(&call).await.expect(200).unwrap();
    market.retry(&call).await.expect(200).unwrap();

    market.seller.next(Behaviour::Json(500, "{}"));
    let failed = market.paid("failed").await;
    market.settle(&failed).await.expect(502).unwrap();

    let categories = || RawRequest::new(&market.gateway.api, "GET", "/categories").send();
    while categories().await.status != 429 {}
    eventually("a round of the sweeper", || async {
        market.gateway.scrape().await.of("crochet_sweeper_rounds_total{outcome=\"done\"}") > 0.0
    })
    .await;
    let scraped = market.gateway.scrape().await;
    (market, scraped)
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_tell_the_story_that_was_played() {
    let (market, scraped) = played().await;
    for (sample, expected) in [
        // Two calls at $0.01, of which 4.9 % is the marketplace's.
        ("crochet_settlements_total", 2.0),
        ("crochet_settled_microdollars_total", 20_000.0),
        ("crochet_fees_microdollars_total", 980.0),
        ("crochet_seller_credits_microdollars_total", 19_020.0),
        ("crochet_refunds_total", 0.0),
        ("crochet_gateway_replies_total{outcome=\"payment_required\",price=\"paid\"}", 2.0),
        ("crochet_gateway_replies_total{outcome=\"delivered\",price=\"paid\"}", 1.0),
        ("crochet_gateway_replies_total{outcome=\"delivered\",price=\"free\"}", 1.0),
        ("crochet_gateway_replies_total{outcome=\"replayed\",price=\"paid\"}", 1.0),
        ("crochet_gateway_replies_total{outcome=\"seller_failed\",price=\"paid\"}", 1.0),
        ("crochet_response_vault_writes_total{outcome=\"sealed\"}", 1.0),
        ("crochet_response_vault_reads_total{outcome=\"opened\"}", 1.0),
        ("crochet_seller_forwards_total{purpose=\"call\",outcome=\"answered\",reason=\"2xx\"}", 2.0),
        ("crochet_seller_forwards_total{purpose=\"call\",outcome=\"answered\",reason=\"5xx\"}", 1.0),
        ("crochet_seller_forward_duration_seconds_count{purpose=\"call\",outcome=\"answered\"}", 3.0),
        ("crochet_seller_forwards_in_flight", 0.0),
        ("crochet_provider_calls_total{provider=\"mock\",operation=\"quote\",outcome=\"issued\"}", 2.0),
        ("crochet_relay_request_transitions_total{state=\"quoted\"}", 2.0),
        ("crochet_relay_request_transitions_total{state=\"forwarding\"}", 3.0),
        ("crochet_relay_request_transitions_total{state=\"delivered\"}", 2.0),
        ("crochet_relay_request_transitions_total{state=\"seller_failed\"}", 1.0),
        ("crochet_relay_requests{state=\"seller_failed\"}", 1.0),
        ("crochet_relay_requests{state=\"forwarding\"}", 0.0),
        ("crochet_relay_request_leases{state=\"held\"}", 0.0),
        ("crochet_orphan_payments{reason=\"second_payment\"}", 0.0),
        ("crochet_http_rate_limited_total{class=\"read\"}", 1.0),
        ("crochet_http_errors_total{route=\"/api/v1/categories\",code=\"RATE_LIMITED\"}", 1.0),
        ("crochet_http_requests_total{method=\"POST\",route=\"/api/v1/register\",status=\"201\"}", 2.0),
        ("crochet_http_requests_total{method=\"POST\",route=\"/api/v1/gateway/{listing}\",status=\"402\"}", 2.0),
        ("crochet_http_requests_in_flight", 0.0),
        ("crochet_gateway_calls_in_flight", 0.0),
        ("crochet_gateway_calls_limit", 512.0),
        ("crochet_database_up", 1.0),
        ("crochet_database_pool_limit", 8.0),
        ("crochet_cache_believed", 1.0),
        ("crochet_cache_listener_connections_total", 1.0),
        ("crochet_database_pool_timeouts_total", 0.0),
    ] {
        assert_eq!(scraped.of(sample), expected, "{sample}");
    }
    let checks = "crochet_provider_calls_total{provider=\"mock\",operation=\"check\",outcome=\"arrived\"}";
    assert!(scraped.of(checks) >= 2.0);
    assert!(scraped.of("crochet_database_pool_wait_seconds_count") > 10.0);
    assert!(scraped.of("crochet_cache_look_ups_total{cache=\"keys\",outcome=\"hit\"}") > 5.0);
    assert!(scraped.of("crochet_cache_look_ups_total{cache=\"offers\",outcome=\"miss\"}") > 0.0);
    assert!(scraped.of("process_resident_memory_bytes") > 1e6);
    let gross = "SELECT sum(amount_micros) FROM ledger_entries WHERE entry_type = 'gateway_payment'";
    assert_eq!(market.gateway.sql(gross).parse::<f64>().unwrap(), scraped.of("crochet_settled_microdollars_total"));
}

/// What the tables of `docs/operations.md` list: names, types and labels.
fn documented() -> BTreeMap<String, (String, BTreeSet<String>)> {
    let page = include_str!("../../../../docs/operations.md");
    let mut listed = BTreeMap::new();
    for row in page.lines().filter(|line| line.starts_with("| `crochet_") || line.starts_with("| `process_")) {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [name, kind, labels, meaning] = cells[..] else { panic!("four cells: {row}") };
        assert!(meaning.len() > 10, "{row}");
        let labels = labels.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        let known = listed.insert(name.trim_matches('`').to_owned(), (kind.to_owned(), labels));
        assert!(known.is_none(), "{name} is listed twice");
    }
    listed
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_is_documented_and_every_documented_metric_is_there() {
    let (_market, scraped) = played().await;
    let found: BTreeMap<_, _> =
        scraped.types.iter().map(|(name, kind)| (name.clone(), (kind.clone(), scraped.labels_of(name)))).collect();
    let documented = documented();
    for name in found.keys().chain(documented.keys()) {
        assert_eq!(found.get(name), documented.get(name), "{name}: the server (left), docs/operations.md (right)");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_label_holds_what_a_client_chose_or_what_is_secret() {
    let (market, _) = played().await;
    let api = &market.gateway.api;
    for (method, path) in
        [("GET", "/canary-path"), ("PROPFIND", "/me"), ("GET", "/listings/canary-slug?q=canary-query")]
    {
        RawRequest::new(api, method, path).header("X-Canary", "canary-header").send().await;
    }
    let scraped = market.gateway.scrape().await;
    assert_eq!(scraped.of("crochet_http_requests_total{method=\"GET\",route=\"unmatched\",status=\"404\"}"), 1.0);
    assert!(scraped.text.contains("method=\"other\""));
    let text = scraped.text.to_lowercase();
    for secret in
        ["canary", "am_k_", market.listing_id(), "relay_0", "gw_req", "127.0.0.1", "0x", "propfind", "postgresql"]
    {
        assert!(!text.contains(&secret.to_lowercase()), "{secret}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_own_linter_finds_nothing() {
    let Ok(mut promtool) =
        Command::new("promtool").args(["check", "metrics"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn()
    else {
        // Debian has it in the package `prometheus`.
        return;
    };
    let (_market, scraped) = played().await;
    promtool.stdin.take().unwrap().write_all(scraped.text.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The metrics that a text of PromQL or JSON names.
fn named(text: &str) -> BTreeSet<String> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    text.split(|letter| !is_part(letter))
        .filter(|word| word.starts_with("crochet_") || word.starts_with("process_"))
        .map(|word| ["_bucket", "_count", "_sum"].iter().find_map(|suffix| word.strip_suffix(suffix)).unwrap_or(word))
        .map(str::to_owned)
        .collect()
}

#[test]
fn alerts_and_dashboard_name_metrics_that_are_documented() {
    let documented = documented();
    let alerts = include_str!("../../../../docs/monitoring/alerts.yml");
    let dashboard = include_str!("../../../../docs/monitoring/dashboard.json");
    let dashboard_json: Value = serde_json::from_str(dashboard).unwrap();
    assert!(dashboard_json["panels"].as_array().unwrap().len() > 5);
    for text in [alerts, dashboard] {
        let named = named(text);
        assert!(named.len() > 5);
        for name in named {
            assert!(documented.contains_key(&name), "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_back_and_what_is_paid_twice_is_counted() {
    let gateway = TestGateway::adapted(with_metrics, |config| config.metrics_sample_every = Duration::ZERO).await;
    let market = Market::with(gateway, json!({ "pricing_model": "per_call", "pricing_amount": 0.01 })).await;
    let twice = market.paid("twice").await;
    market.pay(&twice, json!({})).await;
    market.deliver(&twice).await;

    let refunded = market.paid("refunded").await;
    market.seller.next(Behaviour::Json(500, "{}"));
    market.settle(&refunded).await.expect(502).unwrap();
    market.pay(&refunded, json!({ "outcome": "refund" })).await;
    market.gateway.advance_clock(Duration::from_secs(60));
    market.settle(&refunded).await.expect(402).unwrap();

    let scraped = market.gateway.scrape().await;
    for (sample, expected) in [
        ("crochet_settled_microdollars_total", 20_000.0),
        ("crochet_refunds_total", 1.0),
        ("crochet_refunded_microdollars_total", 10_000.0),
        ("crochet_orphan_payments{reason=\"second_payment\"}", 1.0),
        ("crochet_relay_request_transitions_total{state=\"payment_failed\"}", 1.0),
        ("crochet_relay_requests{state=\"seller_failed\"}", 0.0),
    ] {
        assert_eq!(scraped.of(sample), expected, "{sample}");
    }
}
