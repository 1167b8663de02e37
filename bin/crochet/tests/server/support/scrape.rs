//! Metrics, as a scraper reads them.

use std::collections::{BTreeMap, BTreeSet};

use crochet::config::Settings;
use crochet::demo::client::ApiClient;

use super::{RawAnswer, RawRequest, TestGateway};

/// One scrape, in the text format.
#[derive(Debug)]
pub(crate) struct Scraped {
    pub(crate) text: String,
    /// By name and labels, as they are written.
    samples: BTreeMap<String, f64>,
    /// The types, by the family's name.
    pub(crate) types: BTreeMap<String, String>,
}

/// Metrics on a free port.
pub(crate) fn with_metrics(settings: &mut Settings) {
    settings.metrics_bind = Some(([127, 0, 0, 1], 0).into());
}

impl TestGateway {
    /// Its metrics' server.
    pub(crate) fn metrics(&self) -> ApiClient {
        let url = self.metrics_url().expect("metrics are shown");
        ApiClient::new(url.strip_suffix("/metrics").expect("the path")).unwrap()
    }

    /// What it shows now.
    pub(crate) async fn scrape(&self) -> Scraped {
        Scraped::parse(&RawRequest::outside(&self.metrics(), "GET", "/metrics").send().await)
    }
}

impl Scraped {
    fn parse(answer: &RawAnswer) -> Self {
        assert_eq!(answer.status, 200);
        let text = answer.text();
        let mut scraped = Self { text: text.clone(), samples: BTreeMap::new(), types: BTreeMap::new() };
        for line in text.lines() {
            if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
                assert!(scraped.types.insert(name.to_owned(), kind.to_owned()).is_none(), "{name} is there twice");
            } else if !line.starts_with('#') {
                let (name, value) = line.rsplit_once(' ').unwrap();
                assert!(scraped.samples.insert(name.to_owned(), value.parse().unwrap()).is_none(), "{name}: twice");
            }
        }
        scraped
    }

    /// One sample, as `name{label="value"}`.
    #[track_caller]
    pub(crate) fn of(&self, sample: &str) -> f64 {
        *self.samples.get(sample).unwrap_or_else(|| panic!("there is no {sample} in\n{}", self.text))
    }

    pub(crate) fn has(&self, sample: &str) -> bool {
        self.samples.contains_key(sample)
    }

    /// The names of the labels of a family, those of histograms' buckets left out.
    pub(crate) fn labels_of(&self, family: &str) -> BTreeSet<String> {
        let mut labels = BTreeSet::new();
        for sample in self.samples.keys() {
            let (name, rest) = sample.split_once('{').unwrap_or((sample, ""));
            let suffix = name.strip_prefix(family);
            if !matches!(suffix, Some("" | "_bucket" | "_count" | "_sum")) {
                continue;
            }
            let names = rest.split("=\"").filter_map(|part| part.rsplit(['"', ',']).next());
            labels.extend(names.filter(|name| !name.is_empty() && !name.ends_with('}')).map(str::to_owned));
        }
        labels.remove("le");
        labels
    }
}
