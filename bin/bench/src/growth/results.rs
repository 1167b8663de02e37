//! The same figures of two databases, beside one another.

use super::place::Size;
use crate::calls::median;
use crate::report::Bound;

/// All rounds.
#[derive(Debug, Default)]
pub(super) struct Results {
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    name: String,
    /// What the large one may be of the small one.
    bound: Option<Bound>,
    /// One of each round: small, large.
    rounds: Vec<(f64, f64)>,
}

impl Row {
    /// Of the ratios within each round.
    fn ratio(&self) -> f64 {
        median(&mut self.rounds.iter().map(|(small, large)| large / small).collect::<Vec<_>>())
    }

    fn is_kept(&self) -> bool {
        self.bound.is_none_or(|bound| bound.is_kept(self.ratio()))
    }
}

impl Results {
    /// Adds what one round gave.
    pub(super) fn add(&mut self, name: &str, small: f64, large: f64, bound: Option<Bound>) {
        match self.rows.iter_mut().find(|row| row.name == name) {
            Some(row) => row.rounds.push((small, large)),
            None => self.rows.push(Row { name: name.to_owned(), bound, rounds: vec![(small, large)] }),
        }
    }

    /// The table: medians of the figures, and of the ratios within each round.
    pub(super) fn lines(&self, small: &Size, large: &Size) -> Vec<String> {
        let width = self.rows.iter().map(|row| row.name.chars().count()).max().unwrap_or_default();
        let mut lines = vec![
            format!("small: {small}; large: {large}"),
            format!("{:width$}  {:>9}  {:>9}  {:>7}  target", "medians", "small", "large", "ratio"),
        ];
        for row in &self.rows {
            let [small, large] = [|round: &(f64, f64)| round.0, |round: &(f64, f64)| round.1]
                .map(|side| median(&mut row.rounds.iter().map(side).collect::<Vec<_>>()));
            let target =
                row.bound.map(|bound| format!("{}: {}", target(bound), if row.is_kept() { "met" } else { "MISSED" }));
            let line = format!(
                "{:width$}  {small:>9.2}  {large:>9.2}  {:>7.3}  {}",
                row.name,
                row.ratio(),
                target.unwrap_or_default()
            );
            lines.push(line.trim_end().to_owned());
        }
        lines
    }

    /// What grew more than it may.
    pub(super) fn missed(&self) -> Vec<String> {
        let missed = self.rows.iter().filter(|row| !row.is_kept());
        missed
            .map(|row| {
                let target = row.bound.map(target).unwrap_or_default();
                format!("{}: {:.3} instead of {target}", row.name, row.ratio())
            })
            .collect()
    }
}

fn target(bound: Bound) -> String {
    let (bound, figure) = bound.parts();
    format!("{bound} {figure:.2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_of_figures_of_the_same_round() {
        let mut results = Results::default();
        // The machine was ten times slower in the second and third round.
        for (small, large) in [(100.0, 95.0), (10.0, 9.4), (10.0, 9.6)] {
            results.add("calls", small, large, Some(Bound::AtLeast(0.9)));
        }
        results.add("search", 1.0, 2.5, Some(Bound::AtMost(2.0)));
        assert!((results.rows[0].ratio() - 0.95).abs() < 1e-9);
        assert_eq!(results.missed(), ["search: 2.500 instead of at most 2.00"]);
    }
}
