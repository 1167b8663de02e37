//! The two text formats that scrapers read.

use std::fmt::Write;

/// A text format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// Prometheus' text format 0.0.4, which everything reads.
    Text,
}

impl Format {
    /// The value of `Content-Type`.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// The format for a request with these values of `Accept`: OpenMetrics only where it is asked for by name, and no
/// other is liked better.
#[must_use]
pub fn encode_for<'a>(accept: impl IntoIterator<Item = &'a str>) -> Format {
    let (mut openmetrics, mut text) = (0, 0);
    for range in accept.into_iter().flat_map(|value| value.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(1000, thousandths);
        match name.as_str() {
            "application/openmetrics-text" => openmetrics = quality.max(openmetrics),
            "text/plain" | "text/*" | "*/*" => text = quality.max(text),
            _ => {}
        }
    }
    if openmetrics > 0 && openmetrics >= text { Format::OpenMetrics } else { Format::Text }
}

/// `0.75` as 750; what is no quality counts as none.
fn thousandths(text: &str) -> u16 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits: String = fraction.chars().chain("000".chars()).take(3).collect();
    match (whole, digits.parse::<u16>()) {
        ("1", _) => 1000,
        ("0", Ok(thousandths)) => thousandths,
        _ => 0,
    }
}

/// OpenMetrics, as 0.0.4 says it: a counter's or an info's family has the name of its samples, there are no units, and
/// no mark at the end.
pub(crate) fn to_text(openmetrics: &str) -> String {
    let mut text = String::with_capacity(openmetrics.len());
    let mut help = None;
    for line in openmetrics.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            help = rest.split_once(' ');
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            let (suffix, kind) = match kind {
                "counter" => ("_total", "counter"),
                "info" => ("_info", "gauge"),
                "unknown" => ("", "untyped"),
                other => ("", other),
            };
            if let Some((_, help)) = help.take() {
                // Writing to a String does not fail.
                let _ = writeln!(text, "# HELP {name}{suffix} {help}");
            }
            let _ = writeln!(text, "# TYPE {name}{suffix} {kind}");
        } else if !line.starts_with("# UNIT ") && line != "# EOF" {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prometheus_gets_openmetrics_and_whoever_does_not_ask_for_it_gets_text() {
        let prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                          text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        for accept in [prometheus, "application/openmetrics-text", "text/plain; q=0.5, Application/OpenMetrics-Text"] {
            assert_eq!(encode_for([accept]), Format::OpenMetrics, "{accept}");
        }
        for accept in [
            "",
            "*/*",
            "text/plain",
            "text/html,*/*;q=0.8",
            "application/openmetrics-text;q=0",
            "application/openmetrics-text;q=0.4,text/plain;q=0.5",
            "application/openmetrics-text;q=x",
            "application/openmetrics-text;q=;;,,é",
        ] {
            assert_eq!(encode_for([accept]), Format::Text, "{accept}");
        }
        assert_eq!(encode_for([]), Format::Text);
    }

    #[test]
    fn a_counters_family_is_named_as_its_samples_are() {
        let openmetrics = "# HELP a_seconds Some help.\n# TYPE a_seconds counter\n# UNIT a_seconds seconds\n\
                           a_seconds_total{b=\"# TYPE\"} 1\n# HELP i Help.\n# TYPE i info\ni_info 1\n# EOF\n";
        assert_eq!(
            to_text(openmetrics),
            "# HELP a_seconds_total Some help.\n# TYPE a_seconds_total counter\na_seconds_total{b=\"# TYPE\"} 1\n\
             # HELP i_info Help.\n# TYPE i_info gauge\ni_info 1\n"
        );
    }
}
