//! The steps, in order, each with what has to come of it.

use std::time::Instant;

use anyhow::{Context, ensure};
use bytes::Bytes;
use crochet_pricing::{MARKETPLACE_FEE, MicroUsd, split};
use crochet_signing::SigningSecret;
use http::Method;
use serde_json::json;
use zeroize::Zeroizing;

use super::agent::{Agent, Wallet, bytes};
use super::client::{Answer, ApiClient};
use super::screen::{Screen, shown};
use super::seller::Seller;

const PRICE: &str = "0.01";
/// How often a poll is repeated before it counts as a failure.
const POLLS: u8 = 60;

/// What the story leaves behind: a seller that still answers, and a buyer that can call it.
#[derive(Debug)]
pub struct Played {
    seller: Seller,
    buyer: Agent,
    listing: Listing,
}

impl Played {
    /// What a shell needs for further calls, the buyer's API key included: to be shown only to whoever asked for it.
    #[must_use]
    pub fn variables(&self, base: &str) -> Zeroizing<String> {
        Zeroizing::new(format!("URL={base}\nKEY={}\nLISTING={}", self.buyer.key().expose(), self.listing.slug))
    }

    /// Stops the seller.
    pub async fn end(self) {
        self.seller.stop().await;
    }
}

/// Plays the story against the gateway at `base`.
///
/// # Errors
/// At the first outcome that is off.
pub async fn play(base: &str, screen: &Screen) -> anyhow::Result<Played> {
    let began = Instant::now();
    let api = ApiClient::new(base)?;
    let seller = Seller::start()?;
    match tell(&api, &seller, screen).await {
        Ok((buyer, listing)) => {
            screen.line(&format!("\nEvery outcome was as documented, in {}.", shown(began.elapsed())));
            Ok(Played { seller, buyer, listing })
        }
        Err(error) => {
            seller.stop().await;
            Err(error)
        }
    }
}

async fn tell(api: &ApiClient, seller: &Seller, screen: &Screen) -> anyhow::Result<(Agent, Listing)> {
    screen.line("\nTwo agents come in");
    let provider = register(api, "seller", Wallet::new_solana(), screen).await?;
    let buyer = register(api, "buyer", Wallet::new_evm()?, screen).await?;

    screen.line("\nThe seller lists a capability and keeps its endpoint private");
    let listing = publish(&provider, seller, screen).await?;
    test_endpoint(&provider, &listing, seller, screen).await?;
    let gateway = browse(api, &listing, screen).await?;

    screen.line("\nThe buyer calls, pays once, and gets the seller's answer");
    let runs = seller.runs();
    let body = bytes(&json!({ "task": "signal", "pair": "SOL/USDC" }));
    let call = Call { buyer: &buyer, gateway: &gateway, body: &body };
    let relay_id = call.ask(screen).await?;
    call.retry_unpaid(&relay_id, screen).await?;
    call.swap_body(&relay_id, screen).await?;
    call.pay(api, &relay_id, 300, screen).await?;
    call.wait_for_settlement(&relay_id, screen).await?;
    let first = call.deliver(&relay_id, screen).await?;
    ensure!(seller.runs() == runs + 1, "the seller ran {} times for one call", seller.runs() - runs);
    call.replay(&relay_id, &first, screen).await?;
    ensure!(seller.runs() == runs + 1, "the replay ran the seller again");

    screen.line("\nThe seller fails after payment, and the retry is free");
    let body = bytes(&json!({ "task": "signal", "pair": "ETH/USDC" }));
    let call = Call { buyer: &buyer, gateway: &gateway, body: &body };
    let failed_id = call.ask(screen).await?;
    call.pay(api, &failed_id, 0, screen).await?;
    seller.fail_next(1);
    call.meet_failure(&failed_id, screen).await?;
    call.retry_free(&failed_id, screen).await?;
    ensure!(seller.runs() == runs + 2, "the seller ran {} times for two calls", seller.runs() - runs);
    ensure!(seller.refused() == 0, "the seller refused {} requests", seller.refused());

    screen.line("\nThe books");
    check_ledger(&buyer, &provider, screen).await?;
    check_history(&buyer, &provider, &[relay_id, failed_id], screen).await?;
    Ok((buyer, listing))
}

async fn register(api: &ApiClient, role: &str, wallet: Wallet, screen: &Screen) -> anyhow::Result<Agent> {
    let (title, name, kind) = match wallet {
        Wallet::Solana(_) => ("register, Solana wallet", format!("demo-{role}"), "ed25519"),
        Wallet::Evm(_) => ("register, EVM wallet", format!("demo-{role}"), "EIP-191"),
    };
    let step = screen.step(title);
    let agent = Agent::register(api, &wallet, &name, screen).await?;
    let me = agent.send(Method::GET, "/me", &[], None).await?.expect(200)?;
    ensure!(me.text("/data/profile/id")? == agent.profile_id, "/me is somebody else");
    step.done(&format!("{name} is {}, {kind} proof accepted", agent.profile_id));
    Ok(agent)
}

async fn publish(provider: &Agent, seller: &Seller, screen: &Screen) -> anyhow::Result<Listing> {
    let step = screen.step("publish a listing");
    let body = json!({
        "name": "Demo Signal Router",
        "description": "Answers one trading signal for each paid call; a demonstration.",
        "pricing_model": "per_call",
        "pricing_amount": serde_json::from_str::<serde_json::Value>(PRICE)?,
        "pricing_currency": "USD",
        "delivery_type": "api",
        "formats": ["json"],
        "tags": ["demo", "signals"],
        "private_endpoint_url": seller.url(),
    });
    let created = provider.publish(body, screen).await?;
    let secret = SigningSecret::parse(created.text("/data/gateway_endpoint/signing_secret")?.to_owned())
        .context("the listing comes without a signing secret")?;
    seller.trust(secret);
    let shows_url = String::from_utf8_lossy(&created.raw).contains(super::seller::PRIVATE_PATH);
    ensure!(!shows_url, "the answer shows the private URL");
    let listing = Listing { id: created.text("/data/id")?.to_owned(), slug: created.text("/data/slug")?.to_owned() };
    step.done(&format!("{} at ${PRICE} a call", listing.slug));
    Ok(listing)
}

#[derive(Debug)]
struct Listing {
    id: String,
    slug: String,
}

async fn test_endpoint(provider: &Agent, listing: &Listing, seller: &Seller, screen: &Screen) -> anyhow::Result<()> {
    let step = screen.step("test the endpoint");
    let path = format!("/listings/{}/endpoint/test", listing.id);
    let tested = provider.send(Method::POST, &path, &[], Some(bytes(&json!({})))).await?.expect(200)?;
    ensure!(tested.at("/data/ok") == true, "the endpoint's test failed: {}", tested.at("/data/error"));
    ensure!(seller.runs() == 1 && seller.refused() == 0, "the seller did not accept the signature");
    step.done("the seller verified the HMAC signature");
    Ok(())
}

async fn browse(api: &ApiClient, listing: &Listing, screen: &Screen) -> anyhow::Result<String> {
    let step = screen.step("find it as a buyer");
    let found = api.send(Method::GET, "/listings?q=demo+signal&sort=newest&limit=100", &[], None).await?.expect(200)?;
    let ids: Vec<_> =
        found.at("/data").as_array().into_iter().flatten().filter_map(|item| item["id"].as_str()).collect();
    ensure!(ids.contains(&listing.id.as_str()), "the listing is not found");
    let detail = api.send(Method::GET, &format!("/listings/{}", listing.slug), &[], None).await?.expect(200)?;
    let gateway_url = detail.text("/data/gateway_url")?;
    step.done(gateway_url);
    // The gateway may be known under another name outside; this machine reaches it under its own.
    Ok(format!("/gateway/{}", listing.id))
}

struct Call<'a> {
    buyer: &'a Agent,
    gateway: &'a str,
    body: &'a Bytes,
}

impl Call<'_> {
    async fn send(&self, relay_id: Option<&str>, body: &Bytes) -> anyhow::Result<Answer> {
        let headers: Vec<_> = relay_id.map(|id| ("x-crochet-relay-request-id", id)).into_iter().collect();
        self.buyer.send(Method::POST, self.gateway, &headers, Some(body.clone())).await
    }

    async fn ask(&self, screen: &Screen) -> anyhow::Result<String> {
        let step = screen.step("call it: 402");
        let required = self.send(None, self.body).await?.expect(402)?;
        ensure!(required.text("/error/code")? == "PAYMENT_REQUIRED", "another code");
        ensure!(required.at("/data/amount_micros") == 10_000, "another price");
        let id = required.text("/data/relay_request_id")?.to_owned();
        step.done(&format!("{} USD, {}", required.text("/data/amount")?, id));
        Ok(id)
    }

    async fn retry_unpaid(&self, relay_id: &str, screen: &Screen) -> anyhow::Result<()> {
        let step = screen.step("retry without paying: 402");
        let again = self.send(Some(relay_id), self.body).await?.expect(402)?;
        ensure!(again.text("/data/relay_request_id")? == relay_id, "new terms were issued");
        ensure!(again.at("/data/payment_seen") == false, "a payment was seen that nobody made");
        step.done("the same terms");
        Ok(())
    }

    async fn swap_body(&self, relay_id: &str, screen: &Screen) -> anyhow::Result<()> {
        let step = screen.step("another body: 409");
        let other = bytes(&json!({ "task": "something else" }));
        let refused = self.send(Some(relay_id), &other).await?.expect(409)?;
        ensure!(refused.text("/error/code")? == "RELAY_REQUEST_MISMATCH", "another code");
        step.done("RELAY_REQUEST_MISMATCH, nothing forwarded");
        Ok(())
    }

    async fn pay(&self, api: &ApiClient, relay_id: &str, settle_after_ms: u32, screen: &Screen) -> anyhow::Result<()> {
        let step = screen.step("pay through the mock provider");
        let path = format!("/mock-provider/payments/{relay_id}/pay");
        let body = bytes(&json!({ "settle_after_ms": settle_after_ms }));
        let paid = api.send(Method::POST, &path, &[], Some(body)).await?.expect(200)?;
        step.done(paid.text("/data/provider_reference")?);
        Ok(())
    }

    async fn wait_for_settlement(&self, relay_id: &str, screen: &Screen) -> anyhow::Result<()> {
        let step = screen.step("retry too early: 202");
        let pending = self.send(Some(relay_id), self.body).await?.expect(202)?;
        ensure!(pending.text("/data/status")? == "pending", "another status");
        ensure!(pending.at("/data/retryable") == true, "it is not retryable");
        ensure!(pending.headers.contains_key("retry-after"), "no Retry-After");
        step.done(&format!("pending, {}", pending.text("/data/reason")?));
        Ok(())
    }

    async fn deliver(&self, relay_id: &str, screen: &Screen) -> anyhow::Result<Answer> {
        let step = screen.step("retry after settlement: 200");
        let delivered = self.poll(relay_id, 202).await?.expect(200)?;
        ensure!(delivered.text("/data/status")? == "delivered", "another status");
        ensure!(delivered.at("/data/replayed") == false, "the first delivery is called a replay");
        ensure!(delivered.at("/data/seller_response/signal") == "buy", "not the seller's answer");
        step.done(&format!("the seller answered in {} ms", delivered.at("/data/latency_ms")));
        Ok(delivered)
    }

    async fn replay(&self, relay_id: &str, first: &Answer, screen: &Screen) -> anyhow::Result<()> {
        let step = screen.step("the same again: 200, replayed");
        let replayed = self.send(Some(relay_id), self.body).await?.expect(200)?;
        ensure!(replayed.at("/data/replayed") == true, "it is not called a replay");
        ensure!(replayed.at("/data/seller_response") == first.at("/data/seller_response"), "another response");
        step.done("the same response, the seller did not run again");
        Ok(())
    }

    async fn meet_failure(&self, relay_id: &str, screen: &Screen) -> anyhow::Result<()> {
        let step = screen.step("the seller answers 500: 502");
        let failed = self.poll(relay_id, 202).await?.expect(502)?;
        ensure!(failed.text("/error/code")? == "SELLER_ERROR", "another code");
        ensure!(failed.text("/data/payment/amount")? == "0.010000", "no payment context");
        step.done("SELLER_ERROR with payment context, retryable");
        Ok(())
    }

    async fn retry_free(&self, relay_id: &str, screen: &Screen) -> anyhow::Result<()> {
        let step = screen.step("retry free of charge: 200");
        let delivered = self.poll(relay_id, 502).await?.expect(200)?;
        ensure!(delivered.at("/data/seller_response/attempt") == "2", "not the second attempt");
        step.done("delivered on attempt 2, nothing more to pay");
        Ok(())
    }

    /// Repeats the request, as its `Retry-After` says, while it is answered with `status`.
    async fn poll(&self, relay_id: &str, status: u16) -> anyhow::Result<Answer> {
        for _ in 0..POLLS {
            let answer = self.send(Some(relay_id), self.body).await?;
            if answer.status.as_u16() != status && answer.status.as_u16() != 202 {
                return Ok(answer);
            }
            let seconds = answer.headers.get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
            tokio::time::sleep(std::time::Duration::from_secs(seconds.unwrap_or(1).min(5))).await;
        }
        anyhow::bail!("still {status} after {POLLS} tries")
    }
}

async fn check_ledger(buyer: &Agent, provider: &Agent, screen: &Screen) -> anyhow::Result<()> {
    let step = screen.step("ledger");
    let expected = split(MicroUsd::parse_decimal(PRICE)?, MARKETPLACE_FEE);
    for (agent, entry_type, amount) in [
        (buyer, "gateway_payment", expected.gross),
        (provider, "marketplace_fee", expected.fee),
        (provider, "seller_credit", expected.seller_share),
    ] {
        let entries = agent.send(Method::GET, &format!("/ledger?type={entry_type}"), &[], None).await?.expect(200)?;
        let entries = entries.at("/data").as_array().context("the ledger is no list")?.clone();
        ensure!(entries.len() == 2, "{} {entry_type} entries for two calls", entries.len());
        for entry in &entries {
            ensure!(entry["amount_micros"] == amount.micros(), "{entry_type} of {}", entry["amount_micros"]);
        }
    }
    step.done(&format!("each call: {} = {} fee + {} seller", expected.gross, expected.fee, expected.seller_share));
    Ok(())
}

async fn check_history(buyer: &Agent, provider: &Agent, ids: &[String], screen: &Screen) -> anyhow::Result<()> {
    let step = screen.step("request history");
    for (agent, role) in [(buyer, "buyer"), (provider, "seller")] {
        let path = format!("/gateway-requests?role={role}&status=delivered");
        let history = agent.send(Method::GET, &path, &[], None).await?.expect(200)?;
        let calls = history.at("/data").as_array().context("the history is no list")?;
        for id in ids {
            let is_listed = calls.iter().any(|call| call["relay_request_id"] == id.as_str());
            ensure!(is_listed, "the {role} does not see {id}");
        }
    }
    step.done("both sides see both calls as delivered");
    Ok(())
}
