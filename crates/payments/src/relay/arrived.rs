//! What really arrived, out of Relay's record of a request.

use crochet_relay::{Payment, Terms};
use serde_json::Value;

use super::chains;
use super::json as read;

/// What the record proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Record {
    /// This arrived; whether it is enough, and for whom it should be, the relay decides.
    Arrived(Payment),
    /// Nothing: the words say what is missing.
    Incomplete(&'static str),
}

/// Reads an answer of `/requests/v3?id=`.
///
/// Where the record says nothing of what arrived, what was quoted speaks in its place, but only with `may_be_quoted`:
/// the quote was made for us, its output is exact or given back, and Relay calls it filled.
pub(super) fn read(answer: &Value, terms: &Terms, may_be_quoted: bool) -> Record {
    let id = terms.provider_request_id.as_str();
    // One request is documented as a list of it; an answer that is the request itself is read as well.
    let mut requests = read::items(answer, "requests").iter().chain([answer]);
    let is_ours = |request: &&Value| {
        let named = read::text(request, &["id"]).or_else(|| read::text(request, &["requestId"]));
        named.is_some_and(|named| named.eq_ignore_ascii_case(id))
    };
    let Some(request) = requests.find(is_ours) else {
        return Record::Incomplete("it has no record of this request");
    };
    if read::text(request, &["status"]).is_some_and(|status| status != "success") {
        return Record::Incomplete("its record does not say success");
    }
    let Some(data) = read::at(request, &["data"]) else { return Record::Incomplete("its record is empty") };
    let actual = read::at(data, &["route", "actual", "destination", "outputCurrency"]);
    let quoted = || read::at(data, &["route", "quoted", "destination", "outputCurrency"]).filter(|_| may_be_quoted);
    let Some(output) = actual.or_else(quoted) else {
        return Record::Incomplete("its record does not say what arrived");
    };
    let Some(recipient) = recipient(request, data, terms) else {
        return Record::Incomplete("its record does not say who received it");
    };
    let Some(asset) = asset(output) else { return Record::Incomplete("its record does not say in which currency") };
    let Some(units) = read::units_at(output, &["amount"]) else {
        return Record::Incomplete("its record does not say how much");
    };
    Record::Arrived(Payment {
        reference: id.to_owned(),
        provider_request_id: id.to_owned(),
        asset,
        recipient,
        // More than fits is no less than what was asked for.
        base_units: u64::try_from(units).unwrap_or(u64::MAX),
        transaction: None,
    })
}

/// Who received it, in the one spelling of the destination chain. Where the record names several, they have to be the
/// same one: of two that differ, neither is proved.
fn recipient(request: &Value, data: &Value, terms: &Terms) -> Option<String> {
    let chain_id = chains::chain_of(&terms.asset)?;
    let named = [
        read::text(request, &["recipient"]),
        read::text(data, &["metadata", "recipient"]),
        read::text(data, &["route", "actual", "destination", "recipient"]),
    ];
    let mut all = named.into_iter().flatten().map(|text| {
        // An address of another family is somebody else, and is reported as it is spelt.
        chains::canonical(chain_id, text).unwrap_or_else(|| text.to_owned())
    });
    let first = all.next()?;
    all.all(|other| other == first).then_some(first)
}

/// The asset, with its chain; Relay nests the currency's facts in an object of their own.
pub(super) fn asset(output: &Value) -> Option<String> {
    let currency = read::at(output, &["currency"]).filter(|currency| currency.is_object()).unwrap_or(output);
    let chain_id = read::whole(currency, &["chainId"])?;
    chains::asset(chain_id, read::text(currency, &["address"])?)
}

#[cfg(test)]
mod tests {
    use crochet_primitives::timestamp_from_millis;
    use crochet_relay::{FeeStatus, OriginCurrency};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const ID: &str = "0xcb422162ba0a775cadcdc7983fc2108e761840446fe3f241fd8f72286fd3b4f8";
    const USDC: &str = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913";
    const SELLER: &str = "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed";

    fn terms() -> Terms {
        Terms {
            provider: "relay".into(),
            provider_request_id: ID.into(),
            scheme: "relay".into(),
            network: "eip155:8453".into(),
            origin_currency: OriginCurrency::Usdc,
            origin_chain_id: 8453,
            instructions: json!({}),
            asset: chains::asset(8453, USDC).unwrap(),
            recipient: SELLER.into(),
            expected_base_units: 951_000,
            fee_status: FeeStatus::Accrued,
            expires_at: timestamp_from_millis(1_777_809_600_000).unwrap(),
            claimed: None,
        }
    }

    fn output(amount: &str) -> Value {
        json!({ "currency": { "chainId": 8453, "address": USDC }, "amount": amount })
    }

    fn record() -> Value {
        json!({ "requests": [{ "id": ID, "status": "success", "recipient": SELLER.to_uppercase().replace("0X", "0x"),
            "data": { "route": {
                "actual": { "destination": { "outputCurrency": output("951000") } },
                "quoted": { "destination": { "outputCurrency": output("951001") } },
            } } }] })
    }

    fn request(change: impl FnOnce(&mut Value)) -> Record {
        let mut record = record();
        change(&mut record["requests"][0]);
        read(&record, &terms(), true)
    }

    fn units(record: &Record) -> Option<u64> {
        match record {
            Record::Arrived(payment) => Some(payment.base_units),
            Record::Incomplete(_) => None,
        }
    }

    #[test]
    fn what_arrived_is_compared_in_one_spelling() {
        let Record::Arrived(payment) = request(|_| {}) else { panic!("nothing arrived") };
        assert!(terms().is_covered_by(&payment), "{payment:?}");
        assert_eq!(payment.reference, ID);
    }

    #[test]
    fn too_little_another_chain_and_another_recipient_are_reported_as_they_are() {
        let destination = "/data/route/actual/destination/outputCurrency";
        for (pointer, value) in [
            (format!("{destination}/amount"), json!("950999")),
            (format!("{destination}/currency/chainId"), json!(1)),
            (format!("{destination}/currency/address"), json!("0x0000000000000000000000000000000000000000")),
            ("/recipient".to_owned(), json!("0x0000000000000000000000000000000000000001")),
        ] {
            let record = request(|request| *request.pointer_mut(&pointer).unwrap() = value.clone());
            let Record::Arrived(payment) = record else { panic!("{pointer}: {record:?}") };
            assert!(!terms().is_covered_by(&payment), "{pointer}");
        }
    }

    #[test]
    fn what_is_missing_proves_nothing() {
        for pointer in ["/id", "/recipient", "/data"] {
            let record = request(|request| *request.pointer_mut(pointer).unwrap() = Value::Null);
            assert_eq!(units(&record), None, "{pointer}");
        }
        for key in ["amount", "currency"] {
            let pointer = format!("/data/route/actual/destination/outputCurrency/{key}");
            assert_eq!(units(&request(|request| *request.pointer_mut(&pointer).unwrap() = Value::Null)), None, "{key}");
        }
        assert_eq!(units(&request(|request| request["status"] = "pending".into())), None);
        assert_eq!(units(&read(&json!({ "requests": [] }), &terms(), true)), None);
    }

    #[test]
    fn recipients_that_differ_prove_nobody() {
        let record = request(|request| request["data"]["metadata"]["recipient"] = USDC.into());
        assert_eq!(record, Record::Incomplete("its record does not say who received it"));
    }

    #[test]
    fn the_quote_speaks_only_where_nothing_else_does_and_only_when_it_may() {
        let mut record = record();
        assert_eq!(units(&read(&record, &terms(), true)), Some(951_000));
        record["requests"][0]["data"]["route"]["actual"] = Value::Null;
        assert_eq!(units(&read(&record, &terms(), true)), Some(951_001));
        assert_eq!(units(&read(&record, &terms(), false)), None);
    }

    #[test]
    fn a_record_that_comes_without_a_list_is_read_as_well() {
        assert_eq!(units(&read(&record()["requests"][0], &terms(), false)), Some(951_000));
    }

    #[test]
    fn the_record_of_another_request_is_not_ours() {
        assert_eq!(units(&request(|request| request["id"] = format!("0x{}", "0".repeat(64)).into())), None);
    }

    proptest! {
        #[test]
        fn nothing_but_a_whole_record_of_ours_arrives(
            amount in prop_oneof![any::<u128>().prop_map(|n| Value::from(n.to_string())), any::<f64>().prop_map(Value::from), ".*".prop_map(Value::from)],
            chain_id in prop_oneof![any::<u64>().prop_map(Value::from), ".*".prop_map(Value::from)],
            address in ".*",
            recipient in ".*",
        ) {
            let record = request(|request| {
                request["recipient"] = recipient.clone().into();
                request["data"]["route"]["actual"]["destination"]["outputCurrency"] =
                    json!({ "currency": { "chainId": chain_id, "address": address }, "amount": amount });
            });
            if let Record::Arrived(payment) = record {
                prop_assert!(!terms().is_covered_by(&payment));
            }
        }
    }
}
