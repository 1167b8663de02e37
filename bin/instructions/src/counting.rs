//! Counting under valgrind, and what is held against what.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, bail, ensure};
use serde::Deserialize;

use crate::path::Path;

/// The start of the program is in both runs, and in their difference it is not.
const FEW: u32 = 200;
const MANY: u32 = 1_200;
/// How much more than the baseline a path may take, in percent.
const TOLERANCE: u64 = 5;

/// What was counted when it was last looked at.
#[derive(Debug, Deserialize)]
pub(crate) struct Baseline {
    /// The compiler: another one counts differently.
    rust: String,
    /// Instructions a call, by the path's name.
    instructions: BTreeMap<String, u64>,
}

impl Baseline {
    fn file() -> PathBuf {
        PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/baseline.toml"))
    }

    fn read() -> anyhow::Result<Self> {
        let file = Self::file();
        let text = std::fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
        toml::from_str(&text).with_context(|| format!("{} is no baseline", file.display()))
    }

    fn write(&self) -> anyhow::Result<()> {
        let mut text = format!(
            "# Instructions of a call; written by `just instructions --bless`.\nrust = {:?}\n\n[instructions]\n",
            self.rust
        );
        for (path, count) in &self.instructions {
            text.push_str(&format!("{path} = {count}\n"));
        }
        std::fs::write(Self::file(), text).context("the baseline cannot be written")
    }
}

/// Counts every path, and says how it compares; an error where one takes too much.
pub(crate) fn check(bless: bool, say: impl Fn(&str)) -> anyhow::Result<()> {
    let rust = rust_version()?;
    let mut counted = BTreeMap::new();
    for path in Path::ALL {
        counted.insert(path.name().to_owned(), of(path)?);
    }
    if bless {
        for (path, count) in &counted {
            say(&format!("{path}: {count} instructions a call"));
        }
        return Baseline { rust, instructions: counted }.write();
    }
    let baseline = Baseline::read()?;
    if baseline.rust != rust {
        say(&format!("the baseline was counted with {}, and this is {rust}", baseline.rust));
    }
    let mut too_many = Vec::new();
    for (path, count) in &counted {
        let Some(&before) = baseline.instructions.get(path) else { bail!("the baseline knows nothing of {path}") };
        say(&format!("{path}: {count} instructions a call, {} of the baseline's {before}", percent(*count, before)));
        if *count * 100 > before * (100 + TOLERANCE) {
            too_many.push(path.as_str());
        }
    }
    ensure!(
        too_many.is_empty(),
        "more than {TOLERANCE}% above the baseline: {}. Where that is worth it: just instructions --bless",
        too_many.join(", ")
    );
    Ok(())
}

fn percent(count: u64, before: u64) -> String {
    let thousandths = count.saturating_mul(1_000) / before.max(1);
    format!("{}.{}%", thousandths / 10, thousandths % 10)
}

/// Instructions of one call.
fn of(path: Path) -> anyhow::Result<u64> {
    let (few, many) = (total(path, FEW)?, total(path, MANY)?);
    Ok(many.saturating_sub(few) / u64::from(MANY - FEW))
}

/// Instructions of this program while it makes so many calls.
fn total(path: Path, calls: u32) -> anyhow::Result<u64> {
    let this = std::env::current_exe().context("this program does not know where it is")?;
    let folder = tempfile::tempdir()?;
    let counted = Command::new("valgrind")
        .arg("--tool=callgrind")
        .arg(format!("--callgrind-out-file={}", folder.path().join("out").display()))
        .arg(this)
        .args(["run", path.name(), &calls.to_string()])
        .stdin(Stdio::null())
        .output()
        .context("valgrind cannot be started: apt-get install valgrind")?;
    let said = String::from_utf8_lossy(&counted.stderr);
    ensure!(counted.status.success(), "the calls failed:\n{said}");
    collected(&said).with_context(|| format!("valgrind did not say what it counted:\n{said}"))
}

/// `==123== Collected : 456`
fn collected(said: &str) -> Option<u64> {
    said.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok())
}

fn rust_version() -> anyhow::Result<String> {
    let answer = Command::new("rustc").arg("--version").output().context("rustc cannot be started")?;
    Ok(String::from_utf8_lossy(&answer.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_valgrind_says_is_read() {
        assert_eq!(collected("==1== Events    : Ir\n==1== Collected : 424113066\n==1==\n"), Some(424_113_066));
        assert_eq!(collected("==1== Command: x\n"), None);
    }

    #[test]
    fn a_share_is_told_to_a_tenth_of_a_percent() {
        assert_eq!(
            (percent(1_050, 1_000), percent(999, 1_000), percent(1, 0)),
            ("105.0%".into(), "99.9%".into(), "100.0%".into())
        );
    }

    #[test]
    fn every_path_delivers_its_calls() {
        for path in Path::ALL {
            path.run(3).unwrap();
        }
    }
}
