//! What the demonstration shows: a line for each step, with its time, and a bar where one has to wait.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Writes the story to standard output.
#[derive(Debug)]
pub struct Screen {
    is_terminal: bool,
}

impl Default for Screen {
    fn default() -> Self {
        Self { is_terminal: std::io::stderr().is_terminal() }
    }
}

impl Screen {
    /// Writes one line. A closed standard output does not stop the story.
    pub fn line(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        let written = writeln!(out, "{text}").and_then(|()| out.flush());
        if let Err(error) = written {
            tracing::debug!(%error, "standard output is closed");
        }
    }

    /// Begins a step.
    #[must_use]
    pub fn step(&self, title: &'static str) -> Step<'_> {
        Step { screen: self, title, began: Instant::now() }
    }

    /// A bar that fills up to what is expected on average; luck may end it sooner, or overfill it.
    #[must_use]
    pub fn progress(&self, expected: u64, what: &'static str) -> ProgressBar {
        let target = if self.is_terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(expected), target).with_message(what);
        if let Ok(style) =
            ProgressStyle::with_template("      {msg} [{bar:40}] {human_pos} of about {human_len} hashes, {per_sec}")
        {
            bar.set_style(style.progress_chars("=> "));
        }
        bar
    }
}

/// A step that is under way.
#[derive(Debug)]
pub struct Step<'a> {
    screen: &'a Screen,
    title: &'static str,
    began: Instant,
}

impl Step<'_> {
    /// Ends the step with what came of it.
    pub fn done(self, outcome: &str) {
        let took = shown(self.began.elapsed());
        self.screen.line(&format!("  ok  {took:>9}  {:<34}  {outcome}", self.title));
    }
}

/// A duration in milliseconds below ten seconds, in seconds above.
#[must_use]
pub fn shown(duration: Duration) -> String {
    let millis = duration.as_millis();
    if millis < 10_000 {
        format!("{millis}.{} ms", duration.subsec_micros() % 1_000 / 100)
    } else {
        format!("{}.{} s", duration.as_secs(), duration.subsec_millis() / 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_shown_with_one_decimal() {
        assert_eq!(shown(Duration::from_micros(1_234)), "1.2 ms");
        assert_eq!(shown(Duration::from_millis(12_345)), "12.3 s");
        assert_eq!(shown(Duration::ZERO), "0.0 ms");
    }
}
