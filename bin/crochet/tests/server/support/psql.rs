//! SQL as the database's owner, past everything that the gateway allows.

use std::process::Command;
use std::time::{Duration, Instant};

use super::TestGateway;

impl TestGateway {
    /// Runs SQL through `psql`, and answers what it prints, without alignment or heads.
    pub(crate) fn sql(&self, sql: &str) -> String {
        let output = Command::new(self.database.cluster().bin_dir().join("psql"))
            .args(["-XAtqv", "ON_ERROR_STOP=1", "-c", sql, &self.database_url()])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// The same for what changes a row that gateways keep in memory: goes on when this one was told.
    pub(crate) fn change(&self, sql: &str) {
        let heard = || self.running().invalidations().map(|told| told.state());
        let before = heard();
        self.sql(sql);
        let began = Instant::now();
        // Where nobody listens, nothing is believed.
        while heard().is_some_and(|now| now.is_fresh && Some(now.changes) == before.map(|before| before.changes)) {
            assert!(began.elapsed() < Duration::from_secs(5), "it was not told of {sql}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
