//! Months of history that are written to files and taken out, by the program.

use std::path::Path;
use std::process::Command;

use crochet_postgres::testing::TestDatabase;
use secrecy::ExposeSecret;
use tempfile::TempDir;

use crate::support::{Outcome, crochet, folder, run};

/// Two months far back, cut off the beginning, with calls that are over.
const OLD_MONTHS: &str = "
ALTER TABLE gateway_requests DETACH PARTITION gateway_requests_before;
ALTER TABLE gateway_attempts DETACH PARTITION gateway_attempts_before;
CREATE TABLE gateway_requests_2026_01 PARTITION OF gateway_requests
    FOR VALUES FROM ('019b76da-a800-0000-0000-000000000000') TO ('019c1680-0000-0000-0000-000000000000');
CREATE TABLE gateway_attempts_2026_01 PARTITION OF gateway_attempts
    FOR VALUES FROM ('019b76da-a800-0000-0000-000000000000') TO ('019c1680-0000-0000-0000-000000000000');
DO $$
DECLARE first uuid := (SELECT from_id FROM history_partitions WHERE from_id > '019c1680-0000-0000-0000-000000000000' ORDER BY 1 LIMIT 1);
BEGIN
    EXECUTE format('CREATE TABLE gateway_requests_2026_02 PARTITION OF gateway_requests FOR VALUES FROM (%L) TO (%L)', '019c1680-0000-0000-0000-000000000000', crochet_first_id('2026-03-01T00:00:00Z'));
    EXECUTE format('CREATE TABLE gateway_attempts_2026_02 PARTITION OF gateway_attempts FOR VALUES FROM (%L) TO (%L)', '019c1680-0000-0000-0000-000000000000', crochet_first_id('2026-03-01T00:00:00Z'));
    EXECUTE format('CREATE TABLE gateway_requests_2026_03 PARTITION OF gateway_requests FOR VALUES FROM (%L) TO (%L)', crochet_first_id('2026-03-01T00:00:00Z'), first);
    EXECUTE format('CREATE TABLE gateway_attempts_2026_03 PARTITION OF gateway_attempts FOR VALUES FROM (%L) TO (%L)', crochet_first_id('2026-03-01T00:00:00Z'), first);
END
$$;
ALTER TABLE gateway_requests ATTACH PARTITION gateway_requests_before FOR VALUES FROM (MINVALUE) TO ('019b76da-a800-0000-0000-000000000000');
ALTER TABLE gateway_attempts ATTACH PARTITION gateway_attempts_before FOR VALUES FROM (MINVALUE) TO ('019b76da-a800-0000-0000-000000000000');
INSERT INTO gateway_requests (id, buyer_id, seller_id, listing_id, body_sha256, origin, state, quote_fence, attempt,
    payment_seen, failures, checks, created_at, updated_at)
SELECT id, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), sha256('x'), '{}', 'seller_failed', 0, 1, false, 1, 0, now(), now()
  FROM (SELECT crochet_first_id(at + n * interval '1 hour') AS id FROM generate_series(1, 300) n,
        (VALUES ('2026-01-02T00:00:00Z'::timestamptz), ('2026-02-02T00:00:00Z')) months (at)) ids;
INSERT INTO gateway_attempts (call_id, attempt, started_at) SELECT id, 1, now() FROM gateway_requests;
";

struct Place {
    database: TestDatabase,
    folder: TempDir,
}

impl Place {
    async fn new() -> Self {
        let place = Self { database: TestDatabase::new().await, folder: folder() };
        place.sql(OLD_MONTHS);
        place
    }

    fn sql(&self, statements: &str) -> String {
        let mut psql = Command::new(self.database.cluster().bin_dir().join("psql"));
        psql.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-d", self.database.url().expose_secret(), "-c", statements]);
        run(&mut psql).expect(0).stdout.trim().to_owned()
    }

    fn crochet(&self, args: &[&str]) -> Outcome {
        let mut command = crochet(args);
        command.env("DATABASE_URL", self.database.url().expose_secret()).env("CROCHET_DATA_DIR", self.folder.path());
        run(&mut command)
    }

    fn retention(&self, args: &[&str]) -> Outcome {
        self.crochet(&[&["retention"], args].concat())
    }

    fn export(&self, args: &[&str]) -> Outcome {
        let files = self.files();
        self.retention(&[&["--before", "2026-03", "--export", files.to_str().unwrap()], args].concat())
    }

    fn files(&self) -> std::path::PathBuf {
        self.folder.path().join("export")
    }
}

fn lines(path: &Path) -> Vec<serde_json::Value> {
    use std::io::Read;
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn old_months_are_shown_then_exported_then_dropped() {
    let place = Place::new().await;
    let shown = place.retention(&["--before", "2026-03"]).expect(0);
    for expected in ["2026_01 ", "2026_02 ", "300 calls", "can go", "Nothing was changed"] {
        assert!(shown.stdout.contains(expected), "{expected}: {}", shown.stdout);
    }
    assert_eq!(place.sql("SELECT count(*) FROM gateway_requests"), "600");
    assert!(!place.files().exists());

    let exported = place.export(&[]).expect(0);
    assert_eq!(exported.stdout.matches("exported and taken out").count(), 2, "{}", exported.stdout);
    assert_eq!(place.sql("SELECT count(*) FROM gateway_requests"), "0");
    let calls = lines(&place.files().join("gateway_requests_2026_01.ndjson.gz"));
    assert_eq!((calls.len(), &calls[0]["state"]), (300, &"seller_failed".into()));
    assert_eq!(lines(&place.files().join("gateway_attempts_2026_02.ndjson.gz")).len(), 300);
    let manifest = std::fs::read_to_string(place.files().join("2026_01.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    let recorded = place.sql("SELECT encode(calls_sha256, 'hex') FROM exported_partitions WHERE name = '2026_01'");
    assert_eq!((&manifest["files"][0]["rows"], &manifest["files"][0]["sha256"]), (&300.into(), &recorded.into()));
    place.crochet(&["audit"]).expect(0);
    // Again, there is nothing to do.
    place.export(&[]).expect(0);

    // A file that was touched keeps its table.
    let file = place.files().join("gateway_requests_2026_02.ndjson.gz");
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, b"else").unwrap();
    let refused = place.export(&["--drop"]).expect(2);
    assert!(refused.stderr.contains("is not what was exported"), "{}", refused.stderr);
    assert_eq!(place.sql("SELECT count(*) FROM gateway_requests_2026_02"), "300");
    std::fs::write(&file, whole).unwrap();
    assert!(place.export(&["--drop"]).expect(0).stdout.contains("2026_02          dropped"));
    assert_eq!(place.sql("SELECT to_regclass('gateway_requests_2026_01') IS NULL"), "t");
    place.crochet(&["audit"]).expect(0);
}

#[tokio::test]
async fn a_month_that_is_not_over_stays_and_others_go() {
    let place = Place::new().await;
    place.sql("UPDATE gateway_requests SET next_check_at = now() WHERE id < '019c1680-0000-0000-0000-000000000000'");
    let shown = place.retention(&["--keep-months", "7"]).expect(1);
    assert!(shown.stdout.contains("300 calls are asked about, for payments and refunds"), "{}", shown.stdout);
    let exported = place.export(&[]).expect(1);
    assert_eq!(exported.stdout.matches("exported and taken out").count(), 1, "{}", exported.stdout);
    assert_eq!(place.sql("SELECT count(*) FROM gateway_requests"), "300");
}

#[tokio::test]
async fn what_is_young_stays_and_files_are_not_written_over() {
    let place = Place::new().await;
    let refused = place.retention(&["--before", "2999-01"]).expect(2);
    assert!(refused.stderr.contains("less than 31 days ago"), "{}", refused.stderr);
    place.retention(&["--keep-months", "0"]).expect(2);
    std::fs::create_dir(place.files()).unwrap();
    std::fs::write(place.files().join("gateway_requests_2026_01.ndjson.gz"), b"somebody's").unwrap();
    let refused = place.export(&[]).expect(2);
    assert!(refused.stderr.contains("is there already"), "{}", refused.stderr);
    assert_eq!(place.sql("SELECT count(*) FROM gateway_requests"), "600");
}
