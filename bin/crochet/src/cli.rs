//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use crochet_local_postgres::{Host, default_data_dir};

use crate::config::{Config, Problem, Settings, read_file, resolve};
use crate::system::{SystemEntropy, keep_memory_private, share_arenas};
use crate::{commands, keys, telemetry};

/// Crochet: a payment gateway and marketplace for software agents.
///
/// Without a command it serves: on a machine with PostgreSQL's programs, `crochet` alone starts a working gateway
/// with a database of its own, seeded categories and a mock payment provider.
#[derive(Debug, Parser)]
#[command(name = "crochet", version, about, long_about, max_term_width = 110, disable_help_subcommand = true)]
pub struct Cli {
    /// A TOML file with settings, named as the options are: public_url = "https://…"
    #[arg(long, env = "CROCHET_CONFIG", global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway until Ctrl-C (the default)
    Serve,
    /// Bring the database's schema up to date, and stop
    Migrate,
    /// Re-add the books; exits with 1 when anything does not add up
    Audit,
    /// Compare the books with what the payment providers say of a period; exits with 1 when something differs, with 2
    /// when something could not be asked
    Reconcile(commands::ReconcileArgs),
    /// Seal everything anew with the first master key, while gateways run; exits with 1 while another one is needed
    Rekey(commands::RekeyArgs),
    /// Say which months of history can go, and with --export write them to files and take them out; the ledger stays.
    /// Exits with 1 when something is in the way, with 2 when it could not be done
    Retention(commands::RetentionArgs),
    /// Say what is wrong with the configuration and the database before anything starts
    CheckConfig,
    /// Print the API as an OpenAPI document, for generators and linters; --public-url says where it is served
    Openapi,
    /// Print a new master key for CROCHET_MASTER_KEYS
    Keygen {
        /// The key's name; a rotation needs another one than before
        #[arg(long, default_value = "k1", value_parser = keys::read_id)]
        id: String,
    },
    /// Play the whole story over real HTTP, and check every outcome
    Demo {
        /// Play it with a gateway that runs already, instead of one made for it
        #[arg(long, value_name = "URL")]
        url: Option<String>,
        /// Leave gateway and seller running afterwards, until Ctrl-C, and show the buyer's API key for calls by hand
        #[arg(long)]
        keep: bool,
    },
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    run_with(std::env::args_os())
}

/// Runs a command line, whose first part is the program's name: for programs that are a gateway among other things.
pub fn run_with(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = Cli::parse_from(arguments);
    if matches!(cli.command, None | Some(Command::Serve)) {
        share_arenas();
    }
    keep_memory_private();
    match dispatch(cli) {
        Ok(code) => code,
        Err(error) => {
            commands::complain(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn dispatch(cli: Cli) -> anyhow::Result<ExitCode> {
    if let Some(Command::Keygen { id }) = &cli.command {
        commands::say(&keys::generate(id, &SystemEntropy));
        return Ok(ExitCode::SUCCESS);
    }
    let mut settings = match &cli.config {
        Some(path) => cli.settings.or(read_file(path)?),
        None => cli.settings,
    };
    // The demonstration's own lines are what one wants to see, not those of the gateway that it plays with.
    if matches!(cli.command, Some(Command::Demo { .. })) {
        settings.log.get_or_insert_with(|| "warn".to_owned());
    }
    let host = Host::from_variables(std::env::vars_os());
    let command = cli.command.unwrap_or(Command::Serve);
    let config = match configure(settings, &host) {
        Ok(config) => config,
        Err(problems) => {
            commands::complain("The configuration does not work:");
            for problem in problems {
                commands::complain(&format!("  {problem}"));
            }
            return Ok(ExitCode::from(2));
        }
    };
    if matches!(command, Command::Openapi) {
        commands::print_openapi(&config)?;
        return Ok(ExitCode::SUCCESS);
    }
    telemetry::start(config.log_format, &config.log_filter)?;
    match command {
        Command::Serve => commands::serve(&config, &host),
        Command::Migrate => commands::migrate(&config, &host),
        Command::Audit => commands::audit(&config, &host),
        Command::Reconcile(args) => Ok(commands::reconcile(&config, &host, &args)),
        Command::Rekey(args) => Ok(commands::rekey(&config, &host, &args)),
        Command::Retention(args) => Ok(commands::retention(&config, &host, &args)),
        Command::CheckConfig => commands::check_config(&config, &host),
        Command::Demo { url, keep } => commands::demo(&config, &host, url.as_deref(), keep),
        Command::Openapi | Command::Keygen { .. } => Ok(ExitCode::SUCCESS),
    }
}

fn configure(settings: Settings, host: &Host) -> Result<Config, Vec<Problem>> {
    // The private database is a folder in the data directory, beside the keys.
    let data_dir = default_data_dir(host).and_then(|postgres| postgres.parent().map(PathBuf::from));
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    resolve(settings, data_dir, cfg!(feature = "tls"), cores)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn without_a_command_it_serves() {
        assert!(Cli::try_parse_from(["crochet"]).unwrap().command.is_none());
        assert!(matches!(Cli::try_parse_from(["crochet", "audit"]).unwrap().command, Some(Command::Audit)));
    }

    #[test]
    fn a_key_is_named_simply() {
        assert!(Cli::try_parse_from(["crochet", "keygen", "--id", "2026-11"]).is_ok());
        assert!(Cli::try_parse_from(["crochet", "keygen", "--id", "a:b"]).is_err());
    }
}
