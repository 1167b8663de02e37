//! What a payer is told of its payment, beside the answer to its call.

use actix_web::HttpResponse;
use actix_web::http::header::{HeaderName, HeaderValue};
use crochet_relay::{Record, Reply};
use crochet_x402::{DecodedPayment, PAYMENT_RESPONSE, Receipt, Version, X_PAYMENT_RESPONSE};

use crate::error::ApiError;

/// What is known of the payment when the reply is.
pub(crate) enum Paid {
    /// It was made, by this transaction.
    Made { transaction: String },
    /// It was not, and will not be.
    Refused { reason: String },
    /// It is not decided, or was not touched: nothing is said.
    Undecided,
}

impl Paid {
    /// What the reply says of it.
    pub(crate) fn of(reply: &Reply) -> Self {
        match reply {
            Reply::NotPaid { reason, .. } => Self::Refused { reason: reason.clone() },
            Reply::Delivered { record, .. }
            | Reply::SellerFailed { record, .. }
            | Reply::ResponseNoLongerAvailable { record, .. }
            | Reply::Unrecorded { record, .. }
            | Reply::Accepted { record, .. }
            | Reply::ListingUnavailable { record: Some(record) } => Self::by(record),
            _ => Self::Undecided,
        }
    }

    fn by(record: &Record) -> Self {
        match &record.settlement {
            Some(settlement) if !settlement.refunded => {
                Self::Made { transaction: settlement.transaction.clone().unwrap_or_default() }
            }
            Some(_) | None => Self::Undecided,
        }
    }

    fn receipt(&self, payment: &DecodedPayment) -> Option<Receipt> {
        let (success, transaction, error_reason) = match self {
            Self::Made { transaction } => (true, transaction.clone(), None),
            Self::Refused { reason } => (false, String::new(), Some(reason.clone())),
            Self::Undecided => return None,
        };
        Some(Receipt { success, payer: payment.payer.canonical(), transaction, network: payment.network, error_reason })
    }
}

/// The same answer, with a receipt in the words of the client's version.
pub(crate) fn with_receipt(
    answer: Result<HttpResponse, ApiError>,
    paid: &Paid,
    payment: &DecodedPayment,
) -> Result<HttpResponse, ApiError> {
    let Some(receipt) = paid.receipt(payment) else { return answer };
    let (name, value) = match payment.version {
        Version::V2 => (PAYMENT_RESPONSE, receipt.v2_header()),
        Version::V1 => (X_PAYMENT_RESPONSE, receipt.v1_header()),
    };
    let name = HeaderName::from_static(name);
    let Ok(value) = HeaderValue::from_str(&value) else { return answer };
    match answer {
        Ok(mut response) => {
            response.headers_mut().insert(name, value);
            Ok(response)
        }
        Err(error) => Err(error.header(name, value)),
    }
}
