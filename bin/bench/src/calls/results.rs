//! What was measured, as a table and as drawings.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use plotters::prelude::*;

use super::load::Outcome;
use super::process::Usage;
use super::stage::Usages;
use super::workload::Workload;

/// Processor time of one request, in microseconds, by whom.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Share {
    gateway: f64,
    postgres: f64,
    nginx: f64,
    seller: f64,
    load: f64,
}

impl Share {
    /// Of `requests` requests between two moments.
    pub(crate) fn of(before: Usages, after: Usages, requests: u64) -> Self {
        let micros = |before: Usage, after: Usage| {
            let spent = after.cpu.checked_sub(before.cpu).unwrap_or(Duration::ZERO).as_secs_f64();
            #[expect(clippy::cast_precision_loss, reason = "a count of requests")]
            let each = spent * 1e6 / requests.max(1) as f64;
            each
        };
        Self {
            gateway: micros(before.gateway, after.gateway),
            postgres: micros(before.postgres, after.postgres),
            nginx: micros(before.nginx, after.nginx),
            seller: micros(before.seller, after.seller),
            load: micros(before.load, after.load),
        }
    }
}

/// All rounds.
#[derive(Debug, Default)]
pub(crate) struct Results {
    saturated: Vec<Saturated>,
    /// By workload and share: p50 and p99 of each round, in milliseconds, and how many were refused.
    offered: BTreeMap<(usize, u32), Vec<(f64, f64)>>,
    refused: u64,
    /// Of each round: paid cycles a second, and how often pgbench did their statements.
    statements: Vec<(f64, f64)>,
}

#[derive(Debug)]
struct Saturated {
    round: u32,
    workload: Workload,
    rate: f64,
    refused: u64,
    shares: Share,
}

impl Results {
    /// Adds how much could be done.
    pub(crate) fn saturated(&mut self, round: u32, workload: Workload, outcome: &Outcome, shares: Share) {
        self.saturated.push(Saturated { round, workload, rate: outcome.rate(), refused: outcome.refused, shares });
    }

    /// Adds how long it took at a part of that.
    pub(crate) fn offered(&mut self, workload: Workload, share: f64, outcome: &Outcome) {
        let both = (outcome.millis(0.5), outcome.millis(0.99));
        self.offered.entry((index(workload), percent(share))).or_default().push(both);
        self.refused += outcome.refused;
    }

    /// Adds how often a second the statements of a paid cycle were done by pgbench, beside the gateway's paid cycles.
    pub(crate) fn statements(&mut self, cycles: f64, by_pgbench: f64) {
        self.statements.push((cycles, by_pgbench));
    }

    /// The table.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!(
            "{:<12} {:>9} {:>17} {:>8} {:>8}   microseconds of processor time each: gateway, postgres, nginx, seller, load",
            "a second", "median", "least to most", "/ direct", "/ nginx"
        )];
        for workload in Workload::ALL {
            let mut rates = self.of(workload, |one| one.rate);
            if rates.is_empty() {
                continue;
            }
            let middle = median(&mut rates);
            let (least, most) = (rates.first().copied().unwrap_or(0.0), rates.last().copied().unwrap_or(0.0));
            let spent = [
                |share: &Share| share.gateway,
                |share: &Share| share.postgres,
                |share: &Share| share.nginx,
                |share: &Share| share.seller,
                |share: &Share| share.load,
            ]
            .map(|part| format!("{:>6.0}", median(&mut self.of(workload, |one| part(&one.shares)))));
            let ratio = |to| self.ratio(workload, to).map_or_else(String::new, |ratio| format!("{ratio:.3}"));
            lines.push(format!(
                "{:<12} {middle:>9.0} {:>17} {:>8} {:>8}   {}",
                workload.name(),
                format!("{least:.0} to {most:.0}"),
                ratio(Workload::Direct),
                ratio(Workload::Nginx),
                spent.join(" ")
            ));
        }
        let refused: u64 = self.saturated.iter().map(|one| one.refused).sum();
        lines.push(format!("refused since there was too much to do: {refused}, and {} below the most", self.refused));
        if let Some(ratio) = self.cycles_per_pgbench() {
            let mut rates: Vec<f64> = self.statements.iter().map(|both| both.1).collect();
            lines.push(format!(
                "statements of a paid cycle by pgbench, a transaction for each step: {:.0} a second; paid cycles / those: {ratio:.3}",
                median(&mut rates),
            ));
        }
        if !self.offered.is_empty() {
            lines.push(format!("{:<12} {:>17} {:>17} {:>17}", "milliseconds", "at 25%", "at 50%", "at 75%"));
            lines.push(format!("{:<12} {:>17} {:>17} {:>17}", "", "p50      p99", "p50      p99", "p50      p99"));
        }
        for workload in Workload::ALL {
            let cells: Vec<String> = [25, 50, 75]
                .iter()
                .filter_map(|share| self.latency(workload, *share))
                .map(|(p50, p99)| format!("{p50:>8.2} {p99:>8.2}"))
                .collect();
            if !cells.is_empty() {
                lines.push(format!("{:<12} {}", workload.name(), cells.join(" ")));
            }
        }
        if let Some((p50, p99)) = self.added() {
            lines.push(format!("added to a direct call by the gateway at 25%: p50 {p50:.2} ms, p99 {p99:.2} ms"));
        }
        lines
    }

    /// What the gateway adds to a direct call at 25%: p50 and p99, in milliseconds.
    pub(crate) fn added(&self) -> Option<(f64, f64)> {
        let ((p50, p99), (direct50, direct99)) =
            self.latency(Workload::Free, 25).zip(self.latency(Workload::Direct, 25))?;
        Some((p50 - direct50, p99 - direct99))
    }

    /// Paid cycles a second for each time that pgbench did their statements: the median of the rounds.
    pub(crate) fn cycles_per_pgbench(&self) -> Option<f64> {
        let mut ratios: Vec<f64> = self.statements.iter().map(|both| both.0 / both.1).collect();
        (!ratios.is_empty()).then(|| median(&mut ratios))
    }

    fn of(&self, workload: Workload, figure: impl Fn(&Saturated) -> f64) -> Vec<f64> {
        self.saturated.iter().filter(|one| one.workload == workload).map(figure).collect()
    }

    /// The median of the ratios within each round.
    pub(crate) fn ratio(&self, workload: Workload, to: Workload) -> Option<f64> {
        let mut ratios: Vec<f64> = self
            .saturated
            .iter()
            .filter(|one| one.workload == workload)
            .filter_map(|one| {
                let other = self.saturated.iter().find(|other| other.workload == to && other.round == one.round)?;
                Some(one.rate / other.rate)
            })
            .collect();
        (!ratios.is_empty()).then(|| median(&mut ratios))
    }

    /// Medians of p50 and p99.
    fn latency(&self, workload: Workload, share: u32) -> Option<(f64, f64)> {
        let rounds = self.offered.get(&(index(workload), share))?;
        let mut p50: Vec<f64> = rounds.iter().map(|both| both.0).collect();
        let mut p99: Vec<f64> = rounds.iter().map(|both| both.1).collect();
        Some((median(&mut p50), median(&mut p99)))
    }

    /// Draws how much can be done, and the latencies.
    pub(crate) fn draw(&self, path: &Path) -> anyhow::Result<()> {
        let area = SVGBackend::new(path, (1000, 760)).into_drawing_area();
        area.fill(&WHITE)?;
        let (above, below) = area.split_vertically(360);
        let bars: Vec<(Workload, f64)> = Workload::ALL
            .into_iter()
            .map(|workload| (workload, median(&mut self.of(workload, |one| one.rate))))
            .filter(|(_, rate)| *rate > 0.0)
            .collect();
        let rows = i32::try_from(bars.len()).context("too many workloads")?;
        let most = bars.iter().map(|(_, rate)| *rate).fold(1.0, f64::max);
        let mut chart = ChartBuilder::on(&above)
            .caption("As much as can be done (a second, medians)", ("sans-serif", 18))
            .margin(10)
            .x_label_area_size(30)
            .y_label_area_size(110)
            .build_cartesian_2d(0.0..most * 1.1, 0..rows)?;
        let name = |row: &i32| {
            let from_top = usize::try_from(rows - 1 - row).unwrap_or(usize::MAX);
            bars.get(from_top).map(|(workload, _)| workload.name().to_owned()).unwrap_or_default()
        };
        chart.configure_mesh().disable_y_mesh().y_labels(bars.len() + 1).y_label_formatter(&name).draw()?;
        for (row, (_, rate)) in (0..rows).rev().zip(&bars) {
            chart.draw_series([PathElement::new(vec![(0.0, row), (*rate, row)], BLUE.stroke_width(14))])?;
            chart.draw_series([Text::new(format!("{rate:.0}"), (*rate, row), ("sans-serif", 14))])?;
        }
        self.draw_latencies(&below)?;
        area.present().with_context(|| format!("{} cannot be written", path.display()))?;
        Ok(())
    }

    fn draw_latencies(&self, area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>) -> anyhow::Result<()> {
        let highest = self.offered.values().flatten().map(|both| both.1).fold(1.0, f64::max);
        let mut chart = ChartBuilder::on(area)
            .caption("Latency by load: p50 drawn through, p99 thin (milliseconds, log scale)", ("sans-serif", 18))
            .margin(10)
            .x_label_area_size(30)
            .y_label_area_size(60)
            .build_cartesian_2d(20.0..95.0, (0.05..highest * 1.5).log_scale())?;
        chart.configure_mesh().x_desc("percent of the most that can be done").draw()?;
        for workload in Workload::ALL {
            let points: Vec<(f64, (f64, f64))> = [25_u32, 50, 75]
                .iter()
                .filter_map(|share| Some((f64::from(*share), self.latency(workload, *share)?)))
                .collect();
            if points.is_empty() {
                continue;
            }
            let colour = Palette99::pick(index(workload)).to_rgba();
            let p50 = points.iter().map(|(share, both)| (*share, both.0.max(0.05)));
            let p99 = points.iter().map(|(share, both)| (*share, both.1.max(0.05)));
            chart
                .draw_series(LineSeries::new(p50, colour.stroke_width(3)))?
                .label(workload.name())
                .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 16, y)], colour.stroke_width(3)));
            chart.draw_series(LineSeries::new(p99, colour.stroke_width(1)))?;
        }
        chart.configure_series_labels().background_style(WHITE).border_style(BLACK).draw()?;
        Ok(())
    }
}

fn index(workload: Workload) -> usize {
    Workload::ALL.iter().position(|one| *one == workload).unwrap_or_default()
}

/// A share as a whole number of percent.
fn percent(share: f64) -> u32 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 100")]
    let percent = (share * 100.0).round() as u32;
    percent
}

/// The one in the middle, or the mean of the two; sorts them. Zero of none.
pub(crate) fn median(of: &mut [f64]) -> f64 {
    of.sort_by(f64::total_cmp);
    let middle = of.len() / 2;
    match of {
        [] => 0.0,
        of if of.len() % 2 == 1 => of.get(middle).copied().unwrap_or_default(),
        of => of.get(middle - 1).zip(of.get(middle)).map_or(0.0, |(low, high)| f64::midpoint(*low, *high)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_in_the_middle() {
        assert_eq!([median(&mut [3.0, 1.0, 2.0]), median(&mut [4.0, 1.0]), median(&mut [])], [2.0, 2.5, 0.0]);
    }
}
