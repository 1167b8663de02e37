//! Asking a question often enough to say how long it takes.

use std::time::Duration;

use anyhow::ensure;
use indicatif::ProgressBar;

use crate::client::Client;

/// Asked before anything is counted: caches are warm, as they are in a gateway that runs.
const WARM_UP: usize = 10;

/// What is asked.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// What it is called in the report.
    pub(crate) name: &'static str,
    /// The API key to ask with.
    pub(crate) key: Option<String>,
    /// What to ask for.
    pub(crate) paths: Paths,
    /// The median to stay below, where there is one.
    pub(crate) target: Option<Duration>,
    /// Whether there has to be something in every answer.
    pub(crate) finds: bool,
}

/// Which paths a question goes through.
#[derive(Debug, Clone)]
pub(crate) enum Paths {
    /// These, again and again.
    Cycle(Vec<String>),
    /// The pages of a list from a cursor on, each where the one before ended; at the end from the start again.
    Walk {
        /// Without the cursor.
        path: String,
        /// Where to begin.
        from: String,
    },
}

/// How long a question took.
#[derive(Debug)]
pub(crate) struct Latencies {
    /// What it is called.
    pub(crate) name: &'static str,
    /// The median to stay below, where there is one.
    pub(crate) target: Option<Duration>,
    /// Each request's time, in order of length; never empty.
    sorted: Vec<Duration>,
}

impl Latencies {
    /// The time within which this share of the requests was answered: the nearest rank.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.sorted.len() * percent).div_ceil(100).max(1);
        self.sorted.get(rank - 1).or(self.sorted.last()).copied().unwrap_or_default()
    }

    /// How many requests it was.
    pub(crate) fn count(&self) -> usize {
        self.sorted.len()
    }

    /// Whether the median is not below its target.
    pub(crate) fn misses(&self) -> bool {
        self.target.is_some_and(|target| self.percentile(50) >= target)
    }
}

/// Asks a question `requests` times.
pub(crate) async fn ask(
    client: &Client,
    question: &Question,
    requests: usize,
    bar: &ProgressBar,
) -> anyhow::Result<Latencies> {
    let mut times = Vec::with_capacity(requests);
    let mut cursor = None;
    for number in 0..WARM_UP + requests {
        let path = question.path(number, cursor.as_deref());
        let answer = client.get(&path, question.key.as_deref()).await?;
        let (items, next) = answer.page()?;
        ensure!(items > 0 || !question.finds, "{}: {path} has nothing", question.name);
        cursor = next;
        if number >= WARM_UP {
            times.push(answer.took);
            bar.inc(1);
        }
    }
    times.sort_unstable();
    Ok(Latencies { name: question.name, target: question.target, sorted: times })
}

impl Question {
    /// The `number`-th path, or the one after `cursor`.
    pub(crate) fn path(&self, number: usize, cursor: Option<&str>) -> String {
        match &self.paths {
            Paths::Cycle(paths) => paths.get(number % paths.len().max(1)).cloned().unwrap_or_default(),
            Paths::Walk { path, from } => {
                let joint = if path.contains('?') { '&' } else { '?' };
                format!("{path}{joint}cursor={}", cursor.unwrap_or(from))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latencies(millis: &[u64]) -> Latencies {
        let sorted = millis.iter().map(|millis| Duration::from_millis(*millis)).collect();
        Latencies { name: "x", target: Some(Duration::from_millis(20)), sorted }
    }

    #[test]
    fn a_percentile_is_the_nearest_rank() {
        let hundred: Vec<u64> = (1..=100).collect();
        let all = latencies(&hundred);
        assert_eq!([50, 95, 99, 100].map(|percent| all.percentile(percent).as_millis()), [50, 95, 99, 100]);
        assert_eq!(latencies(&[7]).percentile(50).as_millis(), 7);
        assert_eq!(latencies(&[1, 3]).percentile(50).as_millis(), 1);
    }

    #[test]
    fn a_median_has_to_be_below_its_target() {
        assert!(latencies(&[20]).misses());
        assert!(!latencies(&[19, 19, 500]).misses());
    }

    #[test]
    fn a_walk_begins_again_at_its_end() {
        let paths = Paths::Walk { path: "/ledger?limit=2".to_owned(), from: "a".to_owned() };
        let question = Question { name: "x", key: None, paths, target: None, finds: true };
        assert_eq!(question.path(0, None), "/ledger?limit=2&cursor=a");
        assert_eq!(question.path(1, Some("b")), "/ledger?limit=2&cursor=b");
    }
}
