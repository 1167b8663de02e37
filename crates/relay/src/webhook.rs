//! Webhooks: a provider says that something is new about a quote, and the sweeper goes to look. What the provider says
//! of the payment is not read, so one webhook is as good as ten, in whatever order, and a lost one costs time alone.

use std::sync::Arc;

use crochet_primitives::StorageError;
use thiserror::Error;

use crate::ports::{Sweeps, WebhookRefused, Webhooks};

/// The use case: takes a provider's webhooks.
pub struct WebhookIntake {
    /// Who can tell them from anybody's.
    pub webhooks: Arc<dyn Webhooks>,
    /// Where it is noted that a look is wanted.
    pub sweeps: Arc<dyn Sweeps>,
}

/// Why a webhook was not taken.
#[derive(Debug, Error)]
pub enum WebhookError {
    /// Nobody knows who sent it, or it is too old.
    #[error("the webhook is not signed by the payment provider")]
    Unsigned,
    /// Signed, and not about a quote.
    #[error("the webhook does not name a payment request")]
    NotAboutAQuote,
    /// It could not be noted: it has to be sent again.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl WebhookIntake {
    /// Verifies a webhook and has the call looked at soon. Taking one twice is taking it once. An id that no call has
    /// is taken as well: it may be a quote that nobody was ever shown, or one of another gateway with the same key.
    ///
    /// # Errors
    /// When it is not the provider's, is not about a quote, or cannot be noted.
    pub async fn take(&self, header: &dyn Fn(&str) -> Option<String>, body: &[u8]) -> Result<(), WebhookError> {
        let id = self.webhooks.verify(header, body).map_err(|refused| match refused {
            WebhookRefused::Unsigned => WebhookError::Unsigned,
            WebhookRefused::NotAboutAQuote => WebhookError::NotAboutAQuote,
        })?;
        let provider = self.webhooks.provider();
        if !self.sweeps.check_soon(provider, &id).await? {
            tracing::debug!(provider, "a webhook is about a payment request of no call");
        }
        Ok(())
    }
}
