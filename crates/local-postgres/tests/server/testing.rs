//! The test cluster: one per process, gone with the process.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test ends at the first surprise")]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::ptr;

use crate::support::{await_that, is_running, sql};
use crochet_local_postgres::testing::{TestCluster, cluster};

fn admin(cluster: &TestCluster, query: &str) -> String {
    sql(cluster.bin_dir(), &cluster.admin_url(), query)
}

/// Not a test: a process with a cluster, for the tests below. It stays until its input ends.
#[test]
#[ignore = "a helper process of the other tests"]
fn test_process() {
    let data = admin(cluster(), "SHOW data_directory");
    writeln!(std::io::stdout(), "\ncluster {} {data}", cluster().server_pid()).unwrap();
    assert!(std::io::stdin().lines().next().is_none());
}

/// A process with a cluster, its server's process id, and its folder.
fn test_process_with_a_cluster() -> (Child, u32, PathBuf) {
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "testing::test_process", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap);
    let line = lines.find(|line| line.starts_with("cluster ")).expect("the helper process has failed");
    // The rest of its output must have somewhere to go.
    std::thread::spawn(move || lines.count());
    let words: Vec<_> = line.split(' ').collect();
    (process, words[1].parse().unwrap(), Path::new(words[2]).parent().unwrap().to_owned())
}

#[test]
fn all_tests_of_a_process_share_one_cluster() {
    assert!(ptr::eq(cluster(), cluster()));
    assert!(is_running(cluster().server_pid()));
    assert_eq!(admin(cluster(), "SHOW max_connections"), "200");
    assert_eq!(admin(cluster(), "SHOW fsync"), "off");
}

#[test]
fn every_test_can_have_a_database_made_from_a_template() {
    let cluster = cluster();
    admin(cluster, "CREATE DATABASE migrated");
    sql(cluster.bin_dir(), &cluster.url_for("migrated"), "CREATE TABLE marker AS SELECT 42 AS value");
    admin(cluster, "CREATE DATABASE one TEMPLATE migrated");
    assert_eq!(sql(cluster.bin_dir(), &cluster.url_for("one"), "SELECT value FROM marker"), "42");
}

#[test]
fn processes_have_clusters_of_their_own() {
    let (mut one, first, _) = test_process_with_a_cluster();
    let (mut two, second, _) = test_process_with_a_cluster();
    assert_ne!(first, second);
    assert!(is_running(first) && is_running(second));
    for process in [&mut one, &mut two] {
        drop(process.stdin.take());
        assert!(process.wait().unwrap().success());
    }
}

#[test]
fn a_cluster_and_its_folder_go_with_a_process_that_ends() {
    let (mut process, server, folder) = test_process_with_a_cluster();
    drop(process.stdin.take());
    assert!(process.wait().unwrap().success());
    await_that("server and folder are gone", || !is_running(server) && !folder.exists());
}

#[test]
fn a_cluster_and_its_folder_go_with_a_process_that_is_killed() {
    let (mut process, server, folder) = test_process_with_a_cluster();
    assert!(folder.join("data").exists());
    process.kill().unwrap();
    process.wait().unwrap();
    await_that("server and folder are gone", || !is_running(server) && !folder.exists());
}
