//! What Relay says of a period: the requests that were made with our fee, and were filled.
//!
//! Its list can be asked for by referrer and time. Should it not heed that, nothing is taken for ours that is not: a
//! request has to name our referrer, or our address as the one that its fee goes to.

use async_trait::async_trait;
use crochet_primitives::{Timestamp, parse_timestamp};
use crochet_relay::ports::{Period, ProviderReports, ReportError, ReportPage, Reported};
use serde_json::Value;

use super::client::{CallError, Kind};
use super::{NAME, RelayProvider, UnhurriedRelay, arrived, chains, json as read};

/// How many requests are asked for at once.
const PAGE: u32 = 50;

impl RelayProvider {
    /// What requests of this gateway's are known by at Relay: its fee goes to one address.
    pub(super) fn referrer(&self) -> String {
        referrer(&self.fee_recipient)
    }

    async fn report(&self, period: Period, page: Option<&str>) -> Result<ReportPage, ReportError> {
        let mut path = format!("/requests/v3?referrer={}&limit={PAGE}", self.referrer());
        for (name, at) in [("startTimestamp", period.from), ("endTimestamp", period.to)] {
            if let Some(at) = at {
                // In whole seconds: one more at the end, of which nothing is taken that is not in the period.
                let more = i64::from(name == "endTimestamp");
                path.push_str(&format!("&{name}={}", at.timestamp().saturating_add(more)));
            }
        }
        if let Some(page) = page {
            path.push_str(&format!("&continuation={}", encoded(page)));
        }
        let deadline = self.client.deadline(Kind::Sweep);
        let answer = self.client.get(Kind::Sweep, &path, deadline).await.map_err(why)?;
        if !answer.get("requests").is_some_and(Value::is_array) {
            return Err(ReportError { why: "its list of requests cannot be read".to_owned() });
        }
        let next = read::text(&answer, &["continuation"]).map(str::to_owned);
        // A list that goes on from where it was would never end.
        if next.is_some() && next.as_deref() == page {
            return Err(ReportError { why: "its list of requests does not go on".to_owned() });
        }
        let requests = read::items(&answer, "requests").iter();
        let items = requests.filter(|request| self.is_ours(request)).filter_map(|request| reported(request, period));
        Ok(ReportPage { items: items.collect(), next })
    }

    fn is_ours(&self, request: &Value) -> bool {
        let is_referred = read::text(request, &["referrer"]).is_some_and(|referrer| referrer == self.referrer());
        let data = read::at(request, &["data"]).unwrap_or(request);
        let pays_us = read::items(data, "appFees")
            .iter()
            .any(|fee| read::text(fee, &["recipient"]).is_some_and(|to| to.eq_ignore_ascii_case(&self.fee_recipient)));
        is_referred || pays_us
    }
}

/// As the value of a query parameter.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

pub(super) fn referrer(fee_recipient: &str) -> String {
    format!("crochet-{}", fee_recipient.to_ascii_lowercase())
}

/// A request that was filled within the period; one that says no time may have been.
pub(super) fn reported(request: &Value, period: Period) -> Option<Reported> {
    let id = read::text(request, &["id"]).or_else(|| read::text(request, &["requestId"]))?;
    let is_filled = read::text(request, &["status"]) == Some("success");
    if !is_filled || !read::is_request_id(id) || created_at(request).is_some_and(|at| !period.contains(at)) {
        return None;
    }
    let id = id.to_ascii_lowercase();
    let data = read::at(request, &["data"]).unwrap_or(request);
    let output = ["actual", "quoted"]
        .into_iter()
        .find_map(|which| read::at(data, &["route", which, "destination", "outputCurrency"]));
    let units = output.and_then(|output| read::units_at(output, &["amount"]));
    let named = read::text(request, &["recipient"]).or_else(|| read::text(data, &["metadata", "recipient"]));
    let asset = output.and_then(arrived::asset);
    let chain = asset.as_deref().and_then(chains::chain_of);
    // An address that is none of its chain is a stranger's text.
    let recipient = named.zip(chain).and_then(|(named, chain)| chains::canonical(chain, named));
    Some(Reported {
        provider_request_id: id.clone(),
        reference: id,
        asset,
        recipient,
        base_units: units.map(|units| u64::try_from(units).unwrap_or(u64::MAX)),
    })
}

fn created_at(request: &Value) -> Option<Timestamp> {
    parse_timestamp(read::text(request, &["createdAt"])?)
}

fn why(error: CallError) -> ReportError {
    let why = match error {
        CallError::NotNow { .. } => "its limits are used up, or it does not answer at the moment".to_owned(),
        CallError::NoAnswer => "it gave no answer that can be read".to_owned(),
        CallError::Refused { status, .. } => format!("it refuses to list requests, with status {status}"),
    };
    ReportError { why }
}

#[async_trait]
impl ProviderReports for UnhurriedRelay {
    fn provider(&self) -> &'static str {
        NAME
    }

    async fn payments(&self, period: Period, page: Option<&str>) -> Result<ReportPage, ReportError> {
        self.0.report(period, page).await
    }
}
