//! Named points in the path of money, at which a process can be made to die as by SIGKILL. They exist in builds with the
//! feature `fail-points` alone: in those for tests.
//!
//! There is a point before and one after each step, and a step is one call of a port: a transaction, a question to the
//! provider, a request to the seller. What lies between two points changes nothing that anybody else can see, so that
//! dying there is dying at one of them.
//!
//! `FAILPOINTS=journal.admit.after=2*off->return` lets the process die at the third call that has just been admitted;
//! the form is that of the crate `fail`.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use crochet_pricing::MicroUsd;
use crochet_primitives::{CallId, ListingId, ProfileId, StorageError, Timestamp};
use crochet_relay::ports::{
    Admission, Advanced, CheckClaim, Claimant, HeaderPayments, Journal, MockPayment, MockPayments, MockQuote, Payers,
    PaymentProvider, PayoutWallets, Period, QuoteLease, Seen, Successor, Sweeps, Upstream,
};
use crochet_relay::transition::Closed;
use crochet_relay::{
    Arrival, Closing, Dispatch, HeaderOffer, HeaderPayment, IdempotencyKey, NewCall, Observation, QuoteAsk,
    QuoteOutcome, SealedResponse, Terms, Verification,
};
use crochet_wallet::WalletAddress;

/// Takes `FAILPOINTS` from the environment for as long as it is kept.
#[must_use]
pub fn armed() -> impl Sized {
    fail::FailScenario::setup()
}

/// A port whose every use passes two points.
struct Mortal<T: ?Sized>(Arc<T>);

/// What can be wrapped so.
pub(super) trait Port {
    /// The same port, with a point before and one after each use.
    fn mortal(port: Arc<Self>) -> Arc<Self>;
}

/// The same port, with a point before and one after each use.
pub(super) fn mortal<T: Port + ?Sized>(port: Arc<T>) -> Arc<T> {
    T::mortal(port)
}

fn pass(point: &str) {
    // Without a word, as the kernel would do it: nothing is flushed, nothing is dropped.
    let die = |_| rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    if fail::eval(point, die).is_some() {
        // The signal is on its way: nothing more may happen here.
        loop {
            std::thread::park();
        }
    }
}

/// One step: a point before it, and one after it.
macro_rules! step {
    ($port:literal, $self:ident.$method:ident($($argument:expr),*)) => {{
        pass(concat!($port, ".", stringify!($method), ".before"));
        let answer = $self.0.$method($($argument),*).await;
        pass(concat!($port, ".", stringify!($method), ".after"));
        answer
    }};
}

#[async_trait]
impl Journal for Mortal<dyn Journal> {
    async fn admit(&self, call: &NewCall) -> Result<Admission, StorageError> {
        step!("journal", self.admit(call))
    }

    async fn retake_quote(&self, call: CallId) -> Result<Option<QuoteLease>, StorageError> {
        step!("journal", self.retake_quote(call))
    }

    async fn find_by_reference(&self, provider: &str, reference: &str) -> Result<Claimant, StorageError> {
        step!("journal", self.find_by_reference(provider, reference))
    }

    async fn retake_submission(&self, call: CallId) -> Result<Option<Seen>, StorageError> {
        step!("journal", self.retake_submission(call))
    }

    async fn issue(&self, lease: QuoteLease, outcome: &QuoteOutcome) -> Result<Seen, StorageError> {
        step!("journal", self.issue(lease, outcome))
    }

    async fn find(&self, call: CallId) -> Result<Option<Seen>, StorageError> {
        step!("journal", self.find(call))
    }

    async fn find_by_key(
        &self,
        buyer: ProfileId,
        listing: ListingId,
        key: &IdempotencyKey,
    ) -> Result<Option<(Seen, [u8; 32])>, StorageError> {
        step!("journal", self.find_by_key(buyer, listing, key))
    }

    async fn bind_key(&self, call: CallId, key: &IdempotencyKey, fingerprint: [u8; 32]) -> Result<bool, StorageError> {
        step!("journal", self.bind_key(call, key, fingerprint))
    }

    async fn predecessors(&self, call: CallId) -> Result<Vec<Seen>, StorageError> {
        step!("journal", self.predecessors(call))
    }

    async fn claim_check(&self, call: CallId, interval: Duration) -> Result<Option<CheckClaim>, StorageError> {
        step!("journal", self.claim_check(call, interval))
    }

    async fn advance(
        &self,
        call: CallId,
        observation: Option<&Observation>,
        lease: Option<Duration>,
    ) -> Result<Option<Advanced>, StorageError> {
        step!("journal", self.advance(call, observation, lease))
    }

    async fn advance_after_check(
        &self,
        call: CallId,
        asked_at: Timestamp,
        observation: &Observation,
        lease: Option<Duration>,
    ) -> Result<Option<Advanced>, StorageError> {
        step!("journal", self.advance_after_check(call, asked_at, observation, lease))
    }

    async fn supersede(&self, dead: CallId, successor: &NewCall) -> Result<Option<Successor>, StorageError> {
        step!("journal", self.supersede(dead, successor))
    }

    async fn close(&self, closing: &Closing) -> Result<Option<(Closed, Seen)>, StorageError> {
        step!("journal", self.close(closing))
    }

    fn is_writing(&self) -> bool {
        self.0.is_writing()
    }

    async fn record_ended(&self, call: &NewCall, closing: &Closing, took: Duration) -> Result<Seen, StorageError> {
        step!("journal", self.record_ended(call, closing, took))
    }

    async fn sealed_response(&self, call: CallId) -> Result<Option<SealedResponse>, StorageError> {
        step!("journal", self.sealed_response(call))
    }
}

#[async_trait]
impl PaymentProvider for Mortal<dyn PaymentProvider> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    async fn quote(&self, ask: &QuoteAsk) -> QuoteOutcome {
        step!("provider", self.quote(ask))
    }

    async fn check(&self, call: CallId, terms: &Terms) -> Observation {
        step!("provider", self.check(call, terms))
    }
}

#[async_trait]
impl HeaderPayments for Mortal<dyn HeaderPayments> {
    async fn offers(&self, gross: MicroUsd, wallets: &PayoutWallets) -> Vec<HeaderOffer> {
        self.0.offers(gross, wallets).await
    }

    async fn verify(&self, payment: &HeaderPayment, way: &HeaderOffer) -> Verification {
        step!("header_payments", self.verify(payment, way))
    }

    async fn submit(&self, payment: &HeaderPayment, terms: &Terms) -> Observation {
        step!("header_payments", self.submit(payment, terms))
    }

    async fn check(&self, terms: &Terms) -> Observation {
        step!("header_payments", self.check(terms))
    }
}

#[async_trait]
impl Payers for Mortal<dyn Payers> {
    async fn profile_of(&self, payer: &WalletAddress) -> Result<ProfileId, StorageError> {
        step!("payers", self.profile_of(payer))
    }
}

#[async_trait]
impl Sweeps for Mortal<dyn Sweeps> {
    async fn claim_due(&self, limit: u32, hold: Duration) -> Result<Vec<Seen>, StorageError> {
        step!("sweeps", self.claim_due(limit, hold))
    }

    async fn check_soon(&self, provider: &str, provider_request_id: &str) -> Result<bool, StorageError> {
        step!("sweeps", self.check_soon(provider, provider_request_id))
    }

    async fn claim_wanted(&self, limit: u32, hold: Duration) -> Result<Vec<Seen>, StorageError> {
        step!("sweeps", self.claim_wanted(limit, hold))
    }

    async fn count_check(&self, call: CallId) -> Result<(), StorageError> {
        step!("sweeps", self.count_check(call))
    }

    async fn purge(&self) -> Result<u64, StorageError> {
        step!("sweeps", self.purge())
    }
}

#[async_trait]
impl Upstream for Mortal<dyn Upstream> {
    async fn forward(&self, dispatch: Dispatch) -> Arrival {
        step!("upstream", self.forward(dispatch))
    }
}

#[async_trait]
impl MockPayments for Mortal<dyn MockPayments> {
    async fn keep_quote(&self, quote: &MockQuote) -> Result<MockQuote, StorageError> {
        step!("mock_payments", self.keep_quote(quote))
    }

    async fn quote(&self, call: CallId) -> Result<Option<MockQuote>, StorageError> {
        step!("mock_payments", self.quote(call))
    }

    async fn keep_payment(&self, payment: &MockPayment) -> Result<(), StorageError> {
        step!("mock_payments", self.keep_payment(payment))
    }

    async fn payments(&self, call: CallId) -> Result<Vec<MockPayment>, StorageError> {
        step!("mock_payments", self.payments(call))
    }

    async fn settling(
        &self,
        period: Period,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<MockPayment>, StorageError> {
        step!("mock_payments", self.settling(period, after, limit))
    }
}

macro_rules! ports {
    ($($port:ident),+) => {$(
        impl Port for dyn $port {
            fn mortal(port: Arc<Self>) -> Arc<Self> {
                Arc::new(Mortal(port))
            }
        }
    )+};
}

ports!(Journal, PaymentProvider, HeaderPayments, Payers, Sweeps, Upstream, MockPayments);
