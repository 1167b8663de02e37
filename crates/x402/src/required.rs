//! What a 402 offers: in a header for v2 clients, in the body for v1 clients.

use crochet_wallet::WalletAddress;
use serde_json::{Map, Value, json};

use crate::asset::Asset;
use crate::{EXACT, base64, extensions};

/// The longest `PAYMENT-REQUIRED` that is made, as long as its offers fit: clients and proxies bound their headers.
pub const MAX_REQUIRED_BYTES: usize = 4095;
/// A description that does not fit is cut to so many characters, and then left out.
const SHORT_DESCRIPTION: usize = 160;
const JSON: &str = "application/json";

/// What is paid for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    url: String,
    description: String,
}

/// One way to pay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// In what, and with it where.
    pub asset: Asset,
    /// To whom: a wallet on the asset's network.
    pub pay_to: WalletAddress,
    /// Who pays the network's fees: on Solana alone, and there always.
    pub fee_payer: Option<WalletAddress>,
    /// How much.
    pub base_units: u64,
    /// For how long the payer's authorization is to be good, which is how long the payment may take; at least 1.
    pub max_timeout_seconds: u32,
}

/// The offers of one 402. The same offers are made to v2 and to v1 clients, as far as v1 can express them.
#[derive(Debug, Clone, PartialEq)]
pub struct PaymentRequired {
    resource: Resource,
    offers: Vec<Offer>,
    error: String,
    extensions: Map<String, Value>,
}

impl Resource {
    /// Something at an absolute URL, which answers JSON.
    #[must_use]
    pub fn new(url: &str, description: &str) -> Self {
        Self { url: url.to_owned(), description: description.to_owned() }
    }

    /// Its absolute URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What it is, for people.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }
}

impl PaymentRequired {
    /// Offers, the preferred one first, and a sentence that says why there is a 402. Both protocols want at least one
    /// offer.
    #[must_use]
    pub fn new(resource: &Resource, offers: &[Offer], error: &str) -> Self {
        let (resource, offers) = (resource.clone(), offers.to_vec());
        Self { resource, offers, error: error.to_owned(), extensions: Map::new() }
    }

    /// With an extension; see [`crate::extensions`].
    #[must_use]
    pub fn with_extension(mut self, key: &str, value: Value) -> Self {
        self.extensions.insert(key.to_owned(), value);
        self
    }

    /// `PaymentRequired` of v2.
    #[must_use]
    pub fn v2(&self) -> Value {
        let accepts: Vec<Value> = self.offers.iter().map(v2_requirements).collect();
        let mut resource = json!({ "url": self.resource.url, "mimeType": JSON });
        if !self.resource.description.is_empty() {
            resource["description"] = self.resource.description.as_str().into();
        }
        let mut required = json!({ "x402Version": 2, "error": self.error, "resource": resource, "accepts": accepts });
        if !self.extensions.is_empty() {
            required["extensions"] = self.extensions.clone().into();
        }
        required
    }

    /// The value of `PAYMENT-REQUIRED`. To stay within [`MAX_REQUIRED_BYTES`], the description is shortened, then left
    /// out, and then what only discovery needs is left out.
    #[must_use]
    pub fn header(&self) -> String {
        let mut shorter = self.clone();
        let steps: [fn(&mut Self); 4] = [
            |required| required.resource.description = shortened(&required.resource.description),
            |required| required.resource.description.clear(),
            |required| {
                required.extensions.remove(extensions::BAZAAR);
            },
            |required| {
                required.extensions.remove(extensions::PAYMENT_IDENTIFIER);
            },
        ];
        let mut header = base64::encode(shorter.v2().to_string());
        for step in steps {
            if header.len() <= MAX_REQUIRED_BYTES {
                break;
            }
            step(&mut shorter);
            header = base64::encode(shorter.v2().to_string());
        }
        header
    }

    /// The body for v1 clients: the offers on networks that they all know, or, where there are none, those on networks
    /// that v1 has a name for. `None` where there are none of either. It is a whole body: v1 clients refuse an `error`
    /// that is no text.
    #[must_use]
    pub fn v1(&self) -> Option<Value> {
        let are_known = self.offers.iter().any(|offer| offer.asset.network().is_safe_in_v1());
        let accepts: Vec<Value> = self
            .offers
            .iter()
            .filter(|offer| !are_known || offer.asset.network().is_safe_in_v1())
            .filter_map(|offer| v1_requirements(offer, &self.resource))
            .collect();
        if accepts.is_empty() {
            return None;
        }
        Some(json!({ "x402Version": 1, "error": self.error, "accepts": accepts }))
    }
}

/// `PaymentRequirements` of v2.
pub(crate) fn v2_requirements(offer: &Offer) -> Value {
    json!({
        "scheme": EXACT,
        "network": offer.asset.network().to_string(),
        "amount": offer.base_units.to_string(),
        "asset": offer.asset.address().to_string(),
        "payTo": offer.pay_to.to_string(),
        "maxTimeoutSeconds": offer.max_timeout_seconds.max(1),
        "extra": extra(offer),
    })
}

/// `PaymentRequirements` of v1, for networks that it has a name for.
pub(crate) fn v1_requirements(offer: &Offer, resource: &Resource) -> Option<Value> {
    Some(json!({
        "scheme": EXACT,
        "network": offer.asset.network().v1_name()?,
        "maxAmountRequired": offer.base_units.to_string(),
        "resource": resource.url,
        "description": resource.description,
        "mimeType": JSON,
        "payTo": offer.pay_to.to_string(),
        "maxTimeoutSeconds": offer.max_timeout_seconds.max(1),
        "asset": offer.asset.address().to_string(),
        "extra": extra(offer),
    }))
}

/// What a client has to know besides: of the token's signing domain, or who pays for the transaction.
fn extra(offer: &Offer) -> Value {
    let asset = &offer.asset;
    if asset.network().is_solana() {
        return json!({ "feePayer": offer.fee_payer.map(|fee_payer| fee_payer.to_string()) });
    }
    json!({ "name": asset.eip712_name(), "version": asset.eip712_version() })
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHORT_DESCRIPTION) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.to_owned(),
    }
}
