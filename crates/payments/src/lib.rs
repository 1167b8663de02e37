//! Payment providers behind the relay's `PaymentProvider` port.
//!
//! **Invariant:** a provider says only what it knows. What it cannot find out is `Observation::Unknown`, and a final
//! word is final. The mock provider here moves no money: whoever knows a call's id decides what becomes of its
//! payment, which is why production refuses it.

mod mock;
mod relay;
#[cfg(feature = "testing")]
pub mod testing;
mod time_limited;

pub use mock::{MAX_SETTLE_AFTER, MockPayError, MockProvider, PayReceipt, PayRequest, PaymentStatus, ROUTE_MINIMUM};
#[cfg(feature = "testing")]
pub use relay::reading;
pub use relay::{
    RelayConfig, RelayConfigError, RelayProvider, RelayTimes, UnhurriedRelay, WEBHOOK_TOLERANCE, WebhookError,
    WebhookEvent, verify_webhook,
};
pub use time_limited::{CHECK_LIMIT, QUOTE_LIMIT, TimeLimited};
