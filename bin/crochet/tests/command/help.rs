//! What the program says of itself, and the keys that it makes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::CommandFactory;
use crochet::cli::Cli;
use crochet_postgres::testing::TestDatabase;
use secrecy::ExposeSecret;

use crate::support::{crochet, folder, run};

const COMMANDS: &[&str] =
    &["serve", "migrate", "audit", "reconcile", "rekey", "retention", "check-config", "openapi", "keygen", "demo"];

#[test]
fn every_command_explains_every_setting_with_its_variable() {
    let overview = run(&mut crochet(&["--help"])).expect(0).stdout;
    let short = run(&mut crochet(&["-h"])).expect(0).stdout;
    for name in COMMANDS {
        assert!(overview.contains(name) && short.contains(name), "{name}");
    }
    let cli = Cli::command();
    let known: Vec<_> = cli.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    assert_eq!(known, COMMANDS);
    for command in COMMANDS {
        let help = run(&mut crochet(&[command, "--help"])).expect(0).stdout;
        for argument in cli.get_arguments().filter(|argument| argument.is_global_set()) {
            let long = format!("--{}", argument.get_long().unwrap());
            let variable = argument.get_env().unwrap().to_str().unwrap();
            assert!(help.contains(&long), "{command} --help leaves {long} out");
            assert!(help.contains(&format!("[env: {variable}")), "{command} --help leaves {variable} out");
            assert!(argument.get_help().is_some_and(|text| text.to_string().len() > 10), "{long} is not explained");
        }
        for heading in ["Server:", "Limits:", "Storage:", "Security:", "Payments:", "Telemetry:"] {
            assert!(help.contains(heading), "{command} --help has no {heading}");
        }
    }
}

#[test]
fn help_shows_no_secret_of_the_environment() {
    let help = run(crochet(&["serve", "--help"])
        .env("DATABASE_URL", "postgresql://app:password-canary@db/crochet")
        .env("CROCHET_DIRECT_DATABASE_URL", "postgresql://app:password-canary@db/crochet")
        .env("CROCHET_MASTER_KEYS", "k1:key-canary"));
    for canary in ["password-canary", "key-canary"] {
        assert!(!help.stdout.contains(canary), "{canary}");
    }
}

#[test]
fn what_it_does_not_know_it_refuses_by_name() {
    assert!(run(&mut crochet(&["--version"])).expect(0).stdout.starts_with("crochet "));
    for (args, word) in [
        (&["server"][..], "serve"),
        (&["--prot", "1"], "--prot"),
        (&["--bind", "nowhere"], "--bind"),
        (&["--env", "staging"], "production"),
        (&["--rate-limit-read", "many"], "--rate-limit-read"),
        (&["--trusted-proxies", "10.0.0.0/99"], "--trusted-proxies"),
        (&["keygen", "--id", "a:b"], "letters"),
        (&["keygen", "--id", ""], "--id"),
    ] {
        let outcome = run(&mut crochet(args)).expect(2);
        assert!(outcome.stderr.contains(word), "{args:?}: {}", outcome.stderr);
        assert_eq!(outcome.stdout, "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_generated_key_is_one_and_each_is_another() {
    let keygen = |args: &[&str]| run(&mut crochet(args)).expect(0).stdout.trim_end().to_owned();
    let (first, second) = (keygen(&["keygen"]), keygen(&["keygen", "--id", "2026-11"]));
    let (id, key) = first.split_once(':').unwrap();
    assert_eq!((id, STANDARD.decode(key).unwrap().len()), ("k1", 32));
    assert!(second.starts_with("2026-11:"));
    assert_ne!(key, second.split_once(':').unwrap().1);

    // What it prints is what the gateway takes: one, or several with the newest in front.
    let (folder, database) = (folder(), TestDatabase::new().await);
    let check = |keys: &str| {
        let mut check = crochet(&["check-config"]);
        check.env("CROCHET_DATA_DIR", folder.path()).env("DATABASE_URL", database.url().expose_secret());
        run(check.env("CROCHET_MASTER_KEYS", keys))
    };
    for keys in [first.clone(), format!("{second},{first}")] {
        let outcome = check(&keys).expect(0);
        assert!(outcome.stdout.contains("ok     keys"), "{}", outcome.stdout);
        assert!(!outcome.stdout.contains(key), "the key is shown");
    }
    let outcome = check(&format!("{first},{first}")).expect(2);
    assert!(outcome.stderr.contains("CROCHET_MASTER_KEYS"), "{}", outcome.stderr);
}
