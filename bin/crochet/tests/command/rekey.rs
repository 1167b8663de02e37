//! Rotation of the master key, while sellers and buyers go on.

use std::collections::HashMap;
use std::process::Command;
use std::time::Instant;

use bytes::Bytes;
use crochet::demo::client::ApiClient;
use crochet_postgres::testing::TestDatabase;
use http::Method;
use secrecy::ExposeSecret;
use tempfile::TempDir;

use crate::support::{LIMIT, Outcome, Running, crochet, folder, run, serve};

const OLD: &str = "2026-05:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const NEW: &str = "2026-11:HxwdGhsYGRYXFBUSExAREg8ODQwLCgkIBwYFBAMCAQA=";

struct Place {
    database: TestDatabase,
    folder: TempDir,
}

impl Place {
    async fn new() -> Self {
        Self { database: TestDatabase::new().await, folder: folder() }
    }

    fn with<'a>(&self, command: &'a mut Command, keys: &[&str]) -> &'a mut Command {
        command
            .env("DATABASE_URL", self.database.url().expose_secret())
            .env("CROCHET_DATA_DIR", self.folder.path())
            .env("CROCHET_MASTER_KEYS", keys.join(","))
    }

    fn gateway(&self, keys: &[&str]) -> (Running, String) {
        let mut gateway = Running::start(self.with(&mut serve(self.folder.path()), keys));
        let url = gateway.url();
        (gateway, url)
    }

    fn rekey(&self, keys: &[&str], args: &[&str]) -> Outcome {
        run(self.with(&mut crochet(&[&["rekey"], args].concat()), keys))
    }

    fn psql(&self, statements: &[&str]) -> Command {
        let mut psql = Command::new(self.database.cluster().bin_dir().join("psql"));
        psql.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-d", self.database.url().expose_secret()]);
        psql.args(statements.iter().flat_map(|statement| ["-c", *statement]));
        psql
    }

    fn sql(&self, statement: &str) -> String {
        run(&mut self.psql(&[statement])).expect(0).stdout.trim().to_owned()
    }

    /// How many endpoints are sealed with the new key.
    fn sealed_anew(&self) -> String {
        self.sql(
            "SELECT count(*) FROM listing_gateway_endpoints \
             WHERE substring(signing_secret FROM 3 FOR 7) = '2026-11' AND substring(private_url FROM 3 FOR 7) = '2026-11'",
        )
    }
}

/// A demonstration that is kept: its seller goes on, and takes nothing that its own secret has not signed.
struct Kept {
    demo: Running,
    variables: HashMap<String, String>,
}

impl Kept {
    fn play(url: &str) -> Self {
        let mut demo = Running::start(&mut crochet(&["demo", "--url", url, "--keep"]));
        demo.until("it shows how to call", |demo| demo.stdout().contains("LISTING="));
        let shown = demo.stdout();
        let variables = shown.lines().filter_map(|line| line.split_once('='));
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { demo, variables }
    }

    /// Pays for a call through the gateway at `url`, and sees that the seller took and answered it.
    async fn call(&self, url: &str, body: &'static str) {
        let api = ApiClient::new(url).unwrap();
        let authorization = format!("Bearer {}", self.variables["KEY"]);
        let path = format!("/gateway/{}", self.variables["LISTING"]);
        let send = |id: Option<String>| {
            let (api, authorization, path) = (api.clone(), authorization.clone(), path.clone());
            async move {
                let mut headers = vec![("authorization", authorization.as_str())];
                headers.extend(id.as_deref().map(|id| ("x-crochet-relay-request-id", id)));
                api.send(Method::POST, &path, &headers, Some(Bytes::from_static(body.as_bytes()))).await.unwrap()
            }
        };
        let id = send(None).await.expect(402).unwrap().text("/data/relay_request_id").unwrap().to_owned();
        let pay = Some(Bytes::from_static(b"{\"settle_after_ms\":0}"));
        let paid = api.send(Method::POST, &format!("/mock-provider/payments/{id}/pay"), &[], pay).await.unwrap();
        paid.expect(200).unwrap();
        let began = Instant::now();
        loop {
            let answer = send(Some(id.clone())).await;
            if answer.status != 202 {
                let answer = answer.expect(200).unwrap();
                assert_eq!(answer.at("/data/seller_response/signal"), "buy", "the seller did not know the signature");
                return;
            }
            assert!(began.elapsed() < LIMIT, "the payment never settles");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_is_killed_goes_on_where_it_was_and_no_call_notices() {
    let place = Place::new().await;
    let (gateway, url) = place.gateway(&[OLD]);
    let sellers = [Kept::play(&url), Kept::play(&url)];
    gateway.stop().expect(0);
    let (gateway, url) = place.gateway(&[NEW, OLD]);

    // Without the old key nothing is done, and it is named.
    let refused = place.rekey(&[NEW], &[]).expect(1).stdout;
    assert!(refused.contains("master key \"2026-05\", which is not configured"), "{refused}");
    assert!(refused.contains("Nothing was changed"), "{refused}");
    let check = place.rekey(&[NEW, OLD], &["--check"]).expect(1).stdout;
    assert!(check.contains("sealed with 2026-05, older") && check.contains("run `crochet rekey`"), "{check}");
    assert_eq!(place.sealed_anew(), "0");

    // Somebody holds the second endpoint, and the rotation is killed while it waits for it.
    let mut holder = Running::start(&mut place.psql(&[
        "BEGIN",
        "SELECT 1 FROM listing_gateway_endpoints ORDER BY listing_id DESC LIMIT 1 FOR UPDATE",
        "SELECT pg_sleep(600)",
    ]));
    let sleeping = "FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)' AND datname = current_database()";
    holder.until("the endpoint is held", |_| place.sql(&format!("SELECT count(*) {sleeping}")) == "1");
    let mut rotation = Running::start(place.with(&mut crochet(&["rekey", "--batch", "1"]), &[NEW, OLD]));
    rotation.until("the first endpoint is done", |_| place.sealed_anew() == "1");
    rotation.signal("KILL");
    rotation.wait();
    for seller in &sellers {
        seller.call(&url, "{\"half\":\"way\"}").await;
    }
    place.sql(&format!("SELECT pg_terminate_backend(pid) {sleeping}"));
    holder.wait();
    place.rekey(&[NEW, OLD], &["--check"]).expect(1);
    assert_eq!(place.sealed_anew(), "1");

    // Started again it does the rest, and then there is nothing to do.
    let rest = place.rekey(&[NEW, OLD], &["--batch", "1"]).expect(0).stdout;
    assert!(rest.contains("No other master key than 2026-11 is needed"), "{rest}");
    assert_eq!(place.sealed_anew(), "2");
    let row = "SELECT md5(string_agg(e::text, ',' ORDER BY listing_id)) FROM listing_gateway_endpoints e";
    let before = place.sql(row);
    place.rekey(&[NEW, OLD], &[]).expect(0);
    assert_eq!(place.sql(row), before, "what is sealed with the first key is left alone");
    place.rekey(&[NEW], &["--check"]).expect(0);

    // The old key is dropped.
    gateway.stop().expect(0);
    let (gateway, url) = place.gateway(&[NEW]);
    for seller in sellers {
        seller.call(&url, "{\"all\":\"done\"}").await;
        seller.demo.stop().expect(0);
    }
    let config = run(place.with(&mut crochet(&["check-config"]), &[NEW])).expect(0).stdout;
    assert!(config.contains("ok     secrets    4 open\n"), "{config}");
    gateway.stop().expect(0);
    let lacking = run(place.with(&mut crochet(&["check-config"]), &[OLD])).expect(1).stdout;
    assert!(lacking.contains("WRONG  secrets") && lacking.contains("2026-11"), "{lacking}");
    for args in [&["--check"][..], &[]] {
        let lost = place.rekey(&[OLD], &[args, &["--lost", "2026-11"]].concat()).expect(0).stdout;
        assert!(lost.contains("WRONG  4 secrets are sealed with master key \"2026-11\""), "{lost}");
    }
    assert_eq!(place.sealed_anew(), "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_cannot_begin_says_why() {
    let place = Place { database: TestDatabase::unmigrated().await, folder: folder() };
    assert!(place.rekey(&[NEW], &[]).expect(2).stderr.contains("crochet migrate"));
    assert!(place.rekey(&[NEW, NEW], &[]).expect(2).stderr.contains("twice"));
}
