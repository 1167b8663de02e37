//! `crochet openapi`.

use crochet_http::{OpenApiConfig, openapi};

use super::say;
use crate::config::{Config, Environment};

/// Prints the OpenAPI document of a gateway that is configured so. Nothing is started, and no database is asked.
///
/// # Errors
/// When the document cannot be written, which is a fault of this program.
pub fn print_openapi(config: &Config) -> anyhow::Result<()> {
    let document = openapi(&OpenApiConfig {
        public_url: config.public_url.as_ref().map_or_else(|| format!("http://{}", config.bind), ToString::to_string),
        has_mock: config.environment == Environment::Development && config.relay.is_none(),
        has_relay: config.relay.is_some(),
        has_x402: config.x402.is_some(),
    });
    say(&document.to_pretty_json()?);
    Ok(())
}
