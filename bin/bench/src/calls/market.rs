//! Who calls, and what there is to call: agents that register, and listings that they publish, over the API.

use anyhow::Context;
use crochet::demo::agent::{Agent, Wallet};
use crochet::demo::client::ApiClient;
use crochet::demo::screen::Screen;
use crochet_secrets::ApiKey;
use indicatif::ProgressBar;
use serde_json::json;

use super::stage::Stage;

/// How many agents register at once.
const AT_ONCE: usize = 8;

/// Everybody, with the paths that they ask for.
#[derive(Debug)]
pub(crate) struct Market {
    /// What stands in `Authorization`.
    buyers: Vec<String>,
    free: Vec<String>,
    paid: Vec<String>,
    catalogue: Vec<String>,
    history: Vec<String>,
}

impl Market {
    /// Registers `buyers` and `sellers`, each of whom publishes a free listing and one at a cent.
    pub(crate) async fn open(stage: &Stage, buyers: usize, sellers: usize, bar: &ProgressBar) -> anyhow::Result<Self> {
        let api = ApiClient::new(&stage.gateway_url)?;
        let url = format!("http://{}/", stage.seller_address);
        let mut market = Self {
            buyers: Vec::with_capacity(buyers),
            free: Vec::with_capacity(sellers),
            paid: Vec::with_capacity(sellers),
            catalogue: ["", "?page=2", "?sort=price_low", "?q=signal", "?q=trading%20signals"]
                .map(|query| format!("/api/v1/listings{query}"))
                .to_vec(),
            history: ["/gateway-requests?limit=20", "/ledger?limit=20", "/gateway-requests?limit=100"]
                .map(|path| format!("/api/v1{path}"))
                .to_vec(),
        };
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..buyers + sellers {
            if tasks.len() >= AT_ONCE {
                market.add(tasks.join_next().await.context("nobody registers")??, bar)?;
            }
            let (api, url) = (api.clone(), url.clone());
            tasks.spawn(async move {
                if number < buyers { Registered::buyer(&api).await } else { Registered::seller(&api, &url).await }
            });
        }
        while let Some(registered) = tasks.join_next().await {
            market.add(registered?, bar)?;
        }
        Ok(market)
    }

    fn add(&mut self, registered: anyhow::Result<Registered>, bar: &ProgressBar) -> anyhow::Result<()> {
        bar.inc(1);
        match registered? {
            Registered::Buyer(authorization) => self.buyers.push(authorization),
            Registered::Seller { free, paid } => {
                self.free.push(free);
                self.paid.push(paid);
            }
        }
        Ok(())
    }

    pub(crate) fn buyer(&self, number: u64) -> &str {
        nth(&self.buyers, number)
    }

    pub(crate) fn free(&self, number: u64) -> &str {
        nth(&self.free, number)
    }

    pub(crate) fn paid(&self, number: u64) -> &str {
        nth(&self.paid, number)
    }

    pub(crate) fn catalogue(&self, number: u64) -> &str {
        nth(&self.catalogue, number)
    }

    pub(crate) fn history(&self, number: u64) -> &str {
        nth(&self.history, number)
    }
}

/// One of them, round and round.
fn nth(of: &[String], number: u64) -> &str {
    let count = u64::try_from(of.len()).unwrap_or(1).max(1);
    usize::try_from(number % count).ok().and_then(|index| of.get(index)).map_or("", String::as_str)
}

enum Registered {
    Buyer(String),
    Seller { free: String, paid: String },
}

impl Registered {
    async fn buyer(api: &ApiClient) -> anyhow::Result<Self> {
        let agent = Agent::register(api, &Wallet::new_evm()?, "buyer", &Screen::default()).await?;
        Ok(Self::Buyer(authorization(agent.key())))
    }

    async fn seller(api: &ApiClient, url: &str) -> anyhow::Result<Self> {
        let agent = Agent::register(api, &Wallet::new_solana(), "seller", &Screen::default()).await?;
        let mut paths = Vec::with_capacity(2);
        for price in
            [json!({ "pricing_model": "free" }), json!({ "pricing_model": "per_call", "pricing_amount": 0.01 })]
        {
            let mut listing = price;
            listing["name"] = json!("Trading signals");
            listing["description"] = json!("Answers each request with a signal for a pair of currencies.");
            listing["private_endpoint_url"] = json!(url);
            let published = agent.publish(listing, &Screen::default()).await?;
            paths.push(format!("/api/v1/gateway/{}", published.text("/data/id")?));
        }
        let mut paths = paths.into_iter();
        let (free, paid) = paths.next().zip(paths.next()).context("two listings were published")?;
        Ok(Self::Seller { free, paid })
    }
}

fn authorization(key: &ApiKey) -> String {
    format!("Bearer {}", key.expose())
}
