//! `crochet check-config`, before anything has ever started.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use tempfile::Builder;

#[test]
fn a_database_without_a_schema_is_looked_at_all_the_same() {
    // PostgreSQL does not run as root: the folder has to be open to the user that it runs as.
    let folder = Builder::new().permissions(std::fs::Permissions::from_mode(0o755)).tempdir().unwrap();
    let checked = Command::new(env!("CARGO_BIN_EXE_crochet"))
        .arg("check-config")
        .env_remove("DATABASE_URL")
        .env_remove("CROCHET_CONFIG")
        .env("CROCHET_DATA_DIR", folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8(checked.stdout).unwrap();
    assert!(checked.status.success(), "{said}");
    assert!(said.contains("migrations run at the next start"), "{said}");
}
