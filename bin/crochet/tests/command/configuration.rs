//! Settings: where they come from, and what is said of wrong ones before anything starts.

use std::path::Path;
use std::process::Command;

use crochet_postgres::testing::TestDatabase;
use secrecy::ExposeSecret;

use crate::support::{Outcome, crochet, folder, run};

fn check(data_dir: &Path) -> Command {
    let mut command = crochet(&["check-config"]);
    command.env("CROCHET_DATA_DIR", data_dir);
    command
}

/// Each name is in the complaint, and nothing was started.
fn refuses(outcome: &Outcome, names: &[&str]) {
    assert_eq!(outcome.code, Some(2), "{}\n{}", outcome.stdout, outcome.stderr);
    for name in names {
        assert!(outcome.stderr.contains(&format!("  {name}: ")), "{name} is not in: {}", outcome.stderr);
    }
    let told = outcome.stderr.lines().filter(|line| line.starts_with("  ")).count();
    assert_eq!(told, names.len(), "{}", outcome.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_configuration_is_called_good_point_by_point() {
    let folder = folder();
    let database = TestDatabase::new().await;
    let outcome = run(check(folder.path()).env("DATABASE_URL", database.url().expose_secret())).expect(0);
    for point in ["settings", "keys", "database", "schema"] {
        assert!(outcome.stdout.contains(&format!("ok     {point}")), "{point}: {}", outcome.stdout);
    }
    assert!(outcome.stdout.contains("up to date"), "{}", outcome.stdout);
    assert!(!outcome.stdout.contains("WRONG"));
}

#[test]
fn everything_that_is_wrong_is_named_at_once_and_no_secret_is_shown() {
    let folder = folder();
    let outcome = run(check(folder.path())
        .env("CROCHET_MASTER_KEYS", "k1:c2VjcmV0LWNhbmFyeQ==")
        .env("DATABASE_URL", "mysql://app:password-canary@db/crochet")
        .env("CROCHET_PUBLIC_URL", "ftp://gateway.example")
        .env("CROCHET_POW_DIFFICULTY_AUTH", "17")
        .env("CROCHET_RATE_LIMIT_READ", "0")
        .env("CROCHET_DATABASE_POOL_SIZE", "0")
        .env("CROCHET_BIND", "0.0.0.0:8080"));
    refuses(
        &outcome,
        &[
            "CROCHET_MASTER_KEYS",
            "DATABASE_URL",
            "CROCHET_PUBLIC_URL",
            "CROCHET_POW_DIFFICULTY_AUTH",
            "CROCHET_RATE_LIMIT_READ",
            "CROCHET_DATABASE_POOL_SIZE",
            "CROCHET_BIND",
        ],
    );
    for canary in ["password-canary", "c2VjcmV0LWNhbmFyeQ"] {
        assert!(!outcome.stderr.contains(canary), "{}", outcome.stderr);
    }
}

#[test]
fn production_refuses_every_development_default_by_its_name_and_serves_nothing() {
    let folder = folder();
    for command in ["serve", "check-config", "migrate", "audit", "demo"] {
        let mut production = crochet(&[command, "--env", "production", "--rate-limits", "off"]);
        let outcome = run(production.env("CROCHET_DATA_DIR", folder.path()));
        let names = [
            "CROCHET_PAYMENT_PROVIDER",
            "CROCHET_MASTER_KEYS",
            "DATABASE_URL",
            "CROCHET_RATE_LIMITS",
            "CROCHET_PUBLIC_URL",
        ];
        refuses(&outcome, &names);
    }
    assert_eq!(folder.path().read_dir().unwrap().count(), 0, "nothing was made");
}

#[test]
fn half_a_relay_is_refused_by_name_and_its_key_is_not_shown() {
    let folder = folder();
    for command in ["serve", "check-config"] {
        let relay = || {
            let mut relay = crochet(&[command, "--payment-provider", "relay"]);
            relay.env("CROCHET_DATA_DIR", folder.path());
            relay
        };
        refuses(&run(&mut relay()), &["CROCHET_RELAY_API_KEY", "CROCHET_RELAY_FEE_RECIPIENT"]);
        let outcome = run(relay()
            .env("CROCHET_RELAY_API_KEY", "relay-key-canary")
            .env("CROCHET_RELAY_FEE_RECIPIENT", "2xRiSnKRWfFwwtkBPewQ6E4QA2SK9kzypVukLh35hiS8")
            .env("CROCHET_RELAY_URL", "http://api.relay.link")
            .env("CROCHET_RELAY_QUOTES_PER_MINUTE", "0"));
        refuses(&outcome, &["CROCHET_RELAY_QUOTES_PER_MINUTE", "CROCHET_RELAY_URL", "CROCHET_RELAY_FEE_RECIPIENT"]);
        assert!(!outcome.stderr.contains("relay-key-canary"), "{}", outcome.stderr);
    }
    assert_eq!(folder.path().read_dir().unwrap().count(), 0, "nothing was made");
}

#[test]
fn production_refuses_plain_http_and_a_database_elsewhere_in_the_clear() {
    let folder = folder();
    let outcome = run(check(folder.path())
        .env("CROCHET_ENV", "production")
        .env("CROCHET_PAYMENT_PROVIDER", "mock")
        .env("CROCHET_MASTER_KEYS", run(&mut crochet(&["keygen"])).expect(0).stdout.trim())
        .env("CROCHET_PUBLIC_URL", "http://gateway.example")
        .env("DATABASE_URL", "postgresql://app@db.example/crochet"));
    refuses(&outcome, &["CROCHET_PAYMENT_PROVIDER", "CROCHET_PUBLIC_URL", "DATABASE_URL"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_wins_over_the_environment_and_that_over_the_file() {
    let folder = folder();
    let database = TestDatabase::new().await;
    let file = folder.path().join("crochet.toml");
    let url = database.url();
    std::fs::write(&file, format!("bind = \"127.0.0.1:1111\"\ndatabase_url = \"{}\"\n", url.expose_secret())).unwrap();
    let listening = |args: &[&str], variable: Option<&str>| {
        let mut command = crochet(&[&["check-config"], args].concat());
        command.env("CROCHET_DATA_DIR", folder.path()).envs(variable.map(|bind| ("CROCHET_BIND", bind)));
        run(&mut command).expect(0).stdout
    };
    let config = ["--config", file.to_str().unwrap()];
    assert!(listening(&config, None).contains("127.0.0.1:1111"));
    assert!(listening(&config, Some("127.0.0.1:2222")).contains("127.0.0.1:2222"));
    let all = [&config[..], &["--bind", "127.0.0.1:3333"]].concat();
    assert!(listening(&all, Some("127.0.0.1:2222")).contains("127.0.0.1:3333"));
}

#[test]
fn a_file_that_is_wrong_or_not_there_is_named() {
    let folder = folder();
    let file = folder.path().join("crochet.toml");
    let with_file = || {
        let mut command = check(folder.path());
        run(command.env("CROCHET_CONFIG", &file))
    };
    let missing = with_file();
    assert_ne!(missing.code, Some(0));
    assert!(missing.stderr.contains("crochet.toml"), "{}", missing.stderr);
    for (text, word) in [
        ("binde = \"127.0.0.1:1\"\n", "binde"),
        ("bind = 8080\n", "line 1"),
        ("bind = \n", "crochet.toml"),
        ("[server]\nbind = \"127.0.0.1:1\"\n", "server"),
    ] {
        std::fs::write(&file, text).unwrap();
        let outcome = with_file();
        assert_ne!(outcome.code, Some(0), "{text}");
        assert!(outcome.stderr.contains("crochet.toml") && outcome.stderr.contains(word), "{text}: {}", outcome.stderr);
    }
    std::fs::write(&file, "database_url = \"postgresql://app:password-canary@db/crochet\"\nbind = 7\n").unwrap();
    let outcome = with_file();
    assert!(!outcome.stderr.contains("password-canary"), "{}", outcome.stderr);
}

#[test]
fn a_database_that_cannot_be_reached_is_a_finding_within_a_bound_and_its_password_is_not_shown() {
    let folder = folder();
    for url in
        ["postgresql://app:password-canary@127.0.0.1:9/crochet", "postgresql://app:password-canary@%2Fnowhere/crochet"]
    {
        let outcome = run(check(folder.path()).env("DATABASE_URL", url)).expect(1);
        assert!(outcome.stdout.contains("WRONG  database"), "{}", outcome.stdout);
        let all = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(!all.contains("password-canary"), "{all}");
        // Serving fails as clearly.
        let mut serve = crochet(&["serve", "--bind", "127.0.0.1:0", "--log", "trace"]);
        let outcome = run(serve.env("CROCHET_DATA_DIR", folder.path()).env("DATABASE_URL", url)).expect(1);
        assert!(outcome.stderr.contains("error: "), "{}", outcome.stderr);
        assert!(!outcome.stderr.contains("password-canary"), "{}", outcome.stderr);
    }
}
