//! SQL as the database's owner, past everything that the gateway allows.

use std::process::Command;

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
}
