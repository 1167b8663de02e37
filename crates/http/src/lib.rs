//! The HTTP side: routes, authentication, rate limits, and the one place where outcomes become status codes.
//!
//! **Invariant:** nothing is decided here about money or listings; requests become typed values, and outcomes become
//! answers. Every answer has the envelope and an `X-Request-Id`, errors say what to do next, and no header, body,
//! query value or internal text reaches a log line or an error message. A gateway call runs in a task of its own: a
//! client that hangs up does not cut it in half.

mod accept;
mod admit;
mod app;
mod caching;
mod client;
mod code;
mod compress;
mod computing;
mod conditional;
mod config;
mod cors;
mod documents;
mod edge;
mod envelope;
mod error;
mod extract;
mod in_flight;
mod json_text;
mod limit_headers;
mod limits;
mod lines;
mod market_error;
mod metrics_server;
mod observer;
mod openapi;
mod query;
mod recovery;
mod represent;
mod routes;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod wrong_keys;
mod x402;

pub use app::{AppParts, serve};
pub use code::Code;
pub use computing::{BoundedComputing, ComputingLimits};
pub use config::{CallLimits, Environment, HttpConfig, Rate, RateLimits};
pub use error::ApiError;
pub use limits::LocalLimits;
pub use metrics_server::{Exposed, Exposition, serve_metrics};
pub use observer::{Answered, Observer};
pub use openapi::{OpenApiConfig, openapi};
pub use recovery::{NextAction, Recovery};
pub use routes::health::{Condition, Readiness, ReadinessReport};
pub use routes::mock_provider::{MockPay, MockReceipt, MockStatus};
pub use x402::X402;
