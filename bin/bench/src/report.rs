//! What was measured, as a table and as a drawing.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use plotters::prelude::*;

use crate::measure::Latencies;

/// Lines of a table, in milliseconds.
pub(crate) fn table(measured: &[Latencies]) -> Vec<String> {
    let width = measured.iter().map(|latencies| latencies.name.len()).max().unwrap_or_default();
    let mut lines =
        vec![format!("{:width$}  {:>8}  {:>8}  {:>8}  {:>8}  target", "milliseconds", "p50", "p95", "p99", "longest")];
    for latencies in measured {
        let [p50, p95, p99, longest] = [50, 95, 99, 100].map(|percent| millis(latencies.percentile(percent)));
        let target = match latencies.target {
            Some(target) if latencies.misses() => format!("p50 < {}: MISSED", target.as_millis()),
            Some(target) => format!("p50 < {}: met", target.as_millis()),
            None => String::new(),
        };
        let line = format!("{:width$}  {p50:>8.2}  {p95:>8.2}  {p99:>8.2}  {longest:>8.2}  {target}", latencies.name);
        lines.push(line.trim_end().to_owned());
    }
    lines
}

/// The targets that were missed.
pub(crate) fn missed(measured: &[Latencies]) -> Vec<String> {
    let missed = measured.iter().filter(|latencies| latencies.misses());
    missed
        .map(|latencies| {
            let target = latencies.target.unwrap_or_default().as_millis();
            format!("{}: {:.2} ms instead of {target}", latencies.name, millis(latencies.percentile(50)))
        })
        .collect()
}

/// Draws each question as a line from its median to its 99th percentile, with a mark at the 95th.
pub(crate) fn draw(measured: &[Latencies], path: &Path) -> anyhow::Result<()> {
    let rows = i32::try_from(measured.len()).context("there are too many questions")?;
    let height = u32::try_from(rows).unwrap_or_default() * 24 + 90;
    let longest = measured.iter().map(|latencies| millis(latencies.percentile(99))).fold(1.0, f64::max);
    let area = SVGBackend::new(path, (1000, height)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption("Latency: p50 to p99, p95 marked (milliseconds, log scale)", ("sans-serif", 16))
        .margin(10)
        .x_label_area_size(30)
        .y_label_area_size(300)
        .build_cartesian_2d((0.1..longest * 1.2).log_scale(), 0..rows)?;
    let name = |row: &i32| {
        let from_top = usize::try_from(rows - 1 - row).unwrap_or(usize::MAX);
        measured.get(from_top).map(|latencies| latencies.name.to_owned()).unwrap_or_default()
    };
    chart.configure_mesh().disable_y_mesh().y_labels(measured.len() + 1).y_label_formatter(&name).draw()?;
    for (row, latencies) in (0..rows).rev().zip(measured) {
        let [p50, p95, p99] = [50, 95, 99].map(|percent| millis(latencies.percentile(percent)).max(0.1));
        let colour = if latencies.misses() { RED } else { BLUE };
        chart.draw_series([PathElement::new(vec![(p50, row), (p99, row)], colour.stroke_width(2))])?;
        chart.draw_series([Circle::new((p50, row), 5, colour.filled())])?;
        chart.draw_series([Circle::new((p95, row), 3, colour.filled())])?;
    }
    area.present().with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(())
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// Hidden where standard error is no terminal.
pub(crate) fn progress_bar(length: u64, unit: &str) -> ProgressBar {
    let bar = ProgressBar::new(length);
    let template = format!("  {{msg:40}} [{{bar:40}}] {{human_pos}} of {{human_len}} {unit}, {{elapsed}}");
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}

/// What a figure is to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

impl Bound {
    /// Whether a figure is; one that is no number is not.
    pub(crate) fn is_kept(self, figure: f64) -> bool {
        match self {
            Self::AtLeast(least) => figure >= least,
            Self::AtMost(most) => figure <= most,
        }
    }

    /// The bound in words, and its figure.
    pub(crate) const fn parts(self) -> (&'static str, f64) {
        match self {
            Self::AtLeast(least) => ("at least", least),
            Self::AtMost(most) => ("at most", most),
        }
    }
}
