//! The metrics' own server: what it answers, and what it says while the database is away.

use std::time::{Duration, Instant};

use crate::support::scrape::with_metrics;
use crate::support::{OwnDatabase, RawRequest, TestGateway};

/// Scrapers give up after ten seconds.
const SCRAPE_TIMEOUT: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn a_scraper_gets_the_format_that_it_asks_for() {
    let gateway = TestGateway::with(with_metrics).await;
    let metrics = gateway.metrics();
    let scrape = |accept: &str| RawRequest::outside(&metrics, "GET", "/metrics").header("Accept", accept).send();
    let openmetrics = scrape("application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5").await;
    assert_eq!(openmetrics.header("content-type"), Some("application/openmetrics-text; version=1.0.0; charset=utf-8"));
    assert!(openmetrics.text().ends_with("# EOF\n"));
    assert!(
        openmetrics.text().contains(
            "# TYPE crochet_settled_microdollars counter\n# UNIT crochet_settled_microdollars microdollars\n"
        )
    );
    for accept in ["*/*", "text/plain;version=0.0.4", "image/png"] {
        let text = scrape(accept).await;
        assert_eq!(text.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"), "{accept}");
        assert!(text.text().contains("# TYPE crochet_settled_microdollars_total counter\n"));
        assert!(!text.text().contains("# EOF"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_apart_from_the_api_and_nothing_else_is_where_they_are() {
    let gateway = TestGateway::with(with_metrics).await;
    let metrics = gateway.metrics();
    let ask = |method: &str, path: &str| RawRequest::outside(&metrics, method, path).send();
    let head = ask("HEAD", "/metrics").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!((ask("GET", "/health").await.status, ask("GET", "/health").await.text().as_str()), (200, "alive\n"));
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"] {
        let refused = ask(method, "/metrics").await;
        assert_eq!((refused.status, refused.header("allow")), (405, Some("GET, HEAD")), "{method}");
    }
    for path in ["/", "/metrics/", "/api/v1/health", "/api/v1/listings", "/metrics/../x"] {
        assert_eq!(ask("GET", path).await.status, 404, "{path}");
    }
    for path in ["/metrics", "/api/v1/metrics"] {
        assert_eq!(RawRequest::outside(&gateway.api, "GET", path).send().await.status, 404, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_off_unless_an_address_is_given_and_end_with_the_gateway() {
    assert_eq!(TestGateway::start().await.metrics_url(), None);
    let mut gateway = TestGateway::with(with_metrics).await;
    let address = gateway.metrics().base().trim_start_matches("http://").to_owned();
    assert!(tokio::net::TcpStream::connect(&address).await.is_ok());
    gateway.stop().await;
    assert!(tokio::net::TcpStream::connect(&address).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tables_are_looked_at_once_in_a_while_however_many_scrape() {
    let gateway = TestGateway::with(with_metrics).await;
    let waits = |scraped: &crate::support::scrape::Scraped| scraped.of("crochet_database_pool_wait_seconds_count");
    // Nothing else asks the database by itself but the sweeper, every five seconds, and the housekeeping of the start.
    let (first, began) = (gateway.scrape().await, Instant::now());
    for _ in 0..200 {
        gateway.scrape().await;
    }
    let rounds = began.elapsed().as_secs() / 5 + 2;
    let more = waits(&gateway.scrape().await) - waits(&first);
    assert!(more <= f64::from(u32::try_from(rounds * 4 + 20).unwrap()), "{more} uses of the database");
}

/// A server that hangs until this is dropped: what waits for it could not end before.
struct Stopped<'a>(&'a OwnDatabase);

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        self.0.signal("CONT");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_hangs_is_not_ready_by_a_bound_and_metrics_say_that_it_is_down() {
    let database = tokio::task::block_in_place(OwnDatabase::start);
    let url = database.url();
    let adapt = |settings: &mut crochet::config::Settings| {
        with_metrics(settings);
        settings.database_url = Some(url);
        settings.database_pool_size = Some(2);
    };
    let gateway = TestGateway::adapted(adapt, |config| config.metrics_sample_every = Duration::ZERO).await;
    let ready = || RawRequest::new(&gateway.api, "GET", "/ready").send();
    assert_eq!(ready().await.data(200)["status"], "ready");
    assert_eq!(gateway.scrape().await.of("crochet_database_up"), 1.0);

    database.signal("STOP");
    let stopped = Stopped(&database);
    // They take the whole pool: from then on it is full, and nothing in it ends.
    let reads = [(); 2].map(|()| tokio::spawn(RawRequest::new(&gateway.api, "GET", "/listings").send()));
    let (mut looks, stopped_at) = (0, Instant::now());
    while looks < 3 {
        let began = Instant::now();
        let answer = ready().await;
        assert!(began.elapsed() < SCRAPE_TIMEOUT, "{:?}", began.elapsed());
        if answer.status == 200 {
            // From before: a report is good for a second.
            assert!(looks == 0 && stopped_at.elapsed() < SCRAPE_TIMEOUT, "ready, with a database that hangs");
            continue;
        }
        answer.refuses(503, "SERVICE_UNAVAILABLE");
        assert!(answer.seconds("retry-after") >= 1);
        let report = &answer.json()["data"];
        assert_eq!((&report["status"], &report["database"]), (&"not_ready".into(), &"failing".into()));
        assert_eq!(report["provider"], "mock");
        // Others are answered from the same report.
        looks += u32::from(began.elapsed() > Duration::from_millis(500));
    }
    let began = Instant::now();
    let scraped = gateway.scrape().await;
    assert!(began.elapsed() < SCRAPE_TIMEOUT, "{:?}", began.elapsed());
    assert_eq!(scraped.of("crochet_database_up"), 0.0);
    assert!(!scraped.has("crochet_sweeper_lag_seconds") && !scraped.has("crochet_relay_requests{state=\"quoted\"}"));
    assert!(scraped.has("crochet_settlements_total") && scraped.has("process_open_fds"));
    assert_eq!(RawRequest::new(&gateway.api, "GET", "/health").send().await.data(200)["status"], "ok");

    drop(stopped);
    for read in reads {
        read.await.unwrap();
    }
    crate::edge_outages::until_ready(&gateway).await;
    crate::support::eventually("the database is up again", || async {
        gateway.scrape().await.of("crochet_database_up") == 1.0
    })
    .await;
}
