//! PostgreSQL's own measure: the statements of a paid call, one transaction a step, by pgbench.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use crochet::system::SystemClock;
use crochet_primitives::Clock;

/// PostgreSQL takes a hundred connections, and the gateway has some of them.
const MOST_CLIENTS: usize = 64;

/// The statements, and how an id is made of a number.
const CYCLE: &str = include_str!("cycle.sql");

/// pgbench beside the server that a gateway uses.
#[derive(Debug)]
pub(crate) struct Pgbench {
    program: PathBuf,
    script: PathBuf,
    socket: String,
    port: String,
}

impl Pgbench {
    /// Of the server with this data directory, whose programs are where it is itself; `None` where pgbench is not.
    pub(crate) fn beside(server: u32, data_dir: &Path, folder: &Path) -> anyhow::Result<Option<Self>> {
        let running = std::fs::read_link(format!("/proc/{server}/exe")).context("the database does not run")?;
        let program = running.with_file_name("pgbench");
        if !program.exists() {
            return Ok(None);
        }
        let file = data_dir.join("postgres/data/postmaster.pid");
        let text = std::fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
        let mut lines = text.lines().skip(3).map(|line| line.trim().to_owned());
        let (port, socket) = lines.next().zip(lines.next()).context("the database is nowhere")?;
        let script = folder.join("cycle.sql");
        std::fs::write(&script, statements()).with_context(|| format!("{} cannot be written", script.display()))?;
        Ok(Some(Self { program, script, socket, port }))
    }

    /// How many cycles a second so many clients do, each after the other, for so long.
    pub(crate) fn cycles(&self, clients: usize, length: Duration) -> anyhow::Result<f64> {
        let seconds = length.as_secs().max(1).to_string();
        let clients = clients.min(MOST_CLIENTS);
        let output = Command::new(&self.program)
            .args(["--no-vacuum", "--protocol=prepared", "--jobs=2", "--username=app"])
            .args(["--client", &clients.to_string(), "--time", &seconds])
            .args(["--host", &self.socket, "--port", &self.port, "--file"])
            .arg(&self.script)
            .arg("crochet")
            .output()
            .context("pgbench cannot be started")?;
        let said = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success() && !errors.contains("aborted"), "pgbench failed: {errors}");
        let rate = said.lines().find_map(|line| line.strip_prefix("tps = ")?.split_whitespace().next()?.parse().ok());
        rate.with_context(|| format!("pgbench said no rate: {said}"))
    }
}

/// The script: ids are of today, as UUIDv7, so that they go where a gateway's go.
fn statements() -> String {
    let millis = SystemClock::default().now().timestamp_millis();
    let millis = format!("{millis:012x}");
    let (high, low) = millis.split_at(8);
    let number = |of: &str| format!("lpad(to_hex((:{of})::bigint), 12, '0')");
    CYCLE
        .replace("{ID}", &format!("('{high}-{low}-7000-8000-' || {})::uuid", number("call")))
        .replace("{BUYER}", &format!("('00000000-0000-7000-8000-' || {})::uuid", number("buyer")))
        .replace("{SELLER}", &format!("('00000000-0000-7000-9000-' || {})::uuid", number("buyer")))
}
