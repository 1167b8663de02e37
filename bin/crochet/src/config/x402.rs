//! The settings of payments by x402.

use std::num::NonZeroU32;

use crochet_facilitator::{
    FacilitatorConfig, FacilitatorConfigError, FacilitatorEndpoint, FacilitatorTimes, LONGEST_WINDOW, PaidNetwork,
    SHORTEST_WINDOW, VerificationLimits,
};
use crochet_x402::{Asset, Network, TokenProgram};
use secrecy::SecretString;

use super::X402Config;
use super::check::Problems;
use super::settings::Settings;

const NETWORKS: &str = "CROCHET_X402_NETWORKS";
const RPC_URLS: &str = "CROCHET_X402_RPC_URLS";
const FACILITATORS: &str = "CROCHET_X402_FACILITATOR_URLS";
const TOKENS: &str = "CROCHET_X402_FACILITATOR_TOKENS";
const VERIFICATIONS: &str = "CROCHET_X402_VERIFICATIONS_PER_MINUTE";
const MAX_TIMEOUT: &str = "CROCHET_X402_MAX_TIMEOUT_SECONDS";
/// Stands for the gateway's own URL until that is known.
const LATER: &str = "http://127.0.0.1";

/// Reads them; `None` where no facilitator is named.
pub(super) fn read(settings: &Settings, problems: &mut Problems) -> Option<X402Config> {
    let urls = settings.x402_facilitator_urls.clone()?;
    let tokens = listed(settings.x402_facilitator_tokens.as_deref());
    if tokens.len() > urls.len() {
        problems.add(TOKENS, "has more tokens than there are facilitators");
    }
    let mut tokens = tokens.into_iter();
    let facilitators = urls
        .into_iter()
        .map(|url| FacilitatorEndpoint {
            url: url.trim().to_owned(),
            bearer_token: tokens
                .next()
                .filter(|token| !token.is_empty())
                .map(|token| SecretString::from(token.to_owned())),
        })
        .collect();
    let names = settings.x402_networks.clone().unwrap_or_default();
    let rpc_urls = listed(settings.x402_rpc_urls.as_deref());
    if rpc_urls.len() != names.len() {
        problems.add(RPC_URLS, "names one node for each of the networks, in their order");
    }
    let finality_seconds = settings.x402_finality_seconds.unwrap_or(60).min(86_400);
    let mut networks = Vec::with_capacity(names.len());
    for (name, rpc_url) in names.iter().zip(rpc_urls) {
        match asset(name.trim()) {
            Ok(asset) => {
                networks.push(PaidNetwork { asset, rpc_url: SecretString::from(rpc_url.to_owned()), finality_seconds });
            }
            Err(problem) => problems.add(NETWORKS, format!("{name}: {problem}")),
        }
    }
    let mut verifications = VerificationLimits::default();
    if let Some(per_minute) = settings.x402_verifications_per_minute {
        match NonZeroU32::new(per_minute) {
            Some(per_minute) => verifications.per_minute = per_minute,
            None => problems.add(VERIFICATIONS, "has to be at least 1"),
        }
    }
    let config = FacilitatorConfig {
        facilitators,
        networks,
        resource_url: LATER.to_owned(),
        times: FacilitatorTimes::default(),
        verifications,
    };
    for problem in config.problems() {
        let setting = match problem {
            FacilitatorConfigError::NoFacilitator
            | FacilitatorConfigError::FacilitatorUrl(_)
            | FacilitatorConfigError::SameFacilitator(_)
            | FacilitatorConfigError::ResourceUrl
            | FacilitatorConfigError::Tls => FACILITATORS,
            FacilitatorConfigError::BearerToken(_) => TOKENS,
            FacilitatorConfigError::NoNetwork | FacilitatorConfigError::SameAsset(_) => NETWORKS,
            FacilitatorConfigError::RpcUrl(_) => RPC_URLS,
        };
        problems.add(setting, problem.to_string());
    }
    let max_timeout_seconds = settings.x402_max_timeout_seconds.unwrap_or(60);
    // With time for the way, and for clocks that differ by a minute.
    let taken = SHORTEST_WINDOW.as_secs() + 9..=LONGEST_WINDOW.as_secs() - 60;
    if !taken.contains(&u64::from(max_timeout_seconds)) {
        problems.add(MAX_TIMEOUT, format!("is {} to {}", taken.start(), taken.end()));
    }
    Some(X402Config { facilitator: config, max_timeout_seconds })
}

fn listed(text: Option<&str>) -> Vec<&str> {
    text.map(|text| text.split(',').map(str::trim).collect()).unwrap_or_default()
}

/// `eip155:8453`, or `eip155:8453=0x…;SYMBOL;DECIMALS;NAME;VERSION`; on Solana `…=MINT;SYMBOL;DECIMALS`, with
/// `;token-2022` where it is of that program.
fn asset(text: &str) -> Result<Asset, String> {
    let (network, token) = text.split_once('=').map_or((text, None), |(network, token)| (network, Some(token)));
    let network = Network::parse(network).map_err(|error| error.to_string())?;
    let Some(token) = token else {
        return Asset::usdc(network).ok_or_else(|| "whose USDC is not known: name a token".to_owned());
    };
    let parts: Vec<&str> = token.split(';').map(str::trim).collect();
    if network.is_solana() {
        let (decimals, program) = match parts.as_slice() {
            [_, _, decimals] => (decimals, TokenProgram::Token),
            [_, _, decimals, "token-2022"] => (decimals, TokenProgram::Token2022),
            _ => return Err("a token on Solana is MINT;SYMBOL;DECIMALS, or MINT;SYMBOL;DECIMALS;token-2022".to_owned()),
        };
        let decimals = decimals.parse().map_err(|_| "DECIMALS is a whole number up to 255".to_owned())?;
        return Asset::on_solana(network, parts[0], parts[1], decimals, program).map_err(|error| error.to_string());
    }
    let [address, symbol, decimals, name, version] = parts.as_slice() else {
        return Err("a token is ADDRESS;SYMBOL;DECIMALS;NAME;VERSION".to_owned());
    };
    let decimals = decimals.parse().map_err(|_| "DECIMALS is a whole number up to 255".to_owned())?;
    Asset::new(network, address, symbol, decimals, name, version).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(settings: Settings) -> Result<Option<X402Config>, Vec<&'static str>> {
        let mut problems = Problems::default();
        let config = super::read(&settings, &mut problems);
        let settings = problems.settings();
        if settings.is_empty() { Ok(config) } else { Err(settings) }
    }

    fn on_base() -> Settings {
        Settings {
            x402_facilitator_urls: Some(vec!["https://facilitator.example".into()]),
            x402_networks: Some(vec!["eip155:8453".into()]),
            x402_rpc_urls: Some("https://rpc.example/a-key".into()),
            ..Settings::default()
        }
    }

    #[test]
    fn nothing_is_taken_where_no_facilitator_is_named() {
        assert!(read(Settings::default()).unwrap().is_none());
    }

    #[test]
    fn a_facilitator_a_network_and_a_node_are_enough() {
        let config = read(on_base()).unwrap().unwrap();
        assert_eq!(
            config.facilitator.networks[0].asset.caip19(),
            "eip155:8453/erc20:0x833589fcd6edb6e08f4c7c32d4f71b54bda02913"
        );
        assert_eq!((config.max_timeout_seconds, config.facilitator.networks[0].finality_seconds), (60, 60));
        assert_eq!(config.facilitator.verifications.per_minute.get(), 300);
        assert!(!format!("{config:?}").contains("a-key"));
    }

    #[test]
    fn another_token_is_named_with_its_signing_domain() {
        let token = "eip155:31337=0x036CbD53842c5426634e7929541eC2318f3dCF7e;TST;6;Test Token;1";
        let config = read(Settings { x402_networks: Some(vec![token.into()]), ..on_base() }).unwrap().unwrap();
        let asset = &config.facilitator.networks[0].asset;
        assert_eq!((asset.symbol(), asset.eip712_name(), asset.eip712_version()), ("TST", "Test Token", "1"));
    }

    #[test]
    fn on_solana_usdc_is_known_and_another_token_has_no_signing_domain() {
        let devnet = Network::SOLANA_DEVNET.to_string();
        let read_as = |name: String| {
            let config = read(Settings { x402_networks: Some(vec![name]), ..on_base() }).unwrap().unwrap();
            config.facilitator.networks[0].asset.clone()
        };
        assert_eq!(read_as(devnet.clone()), Asset::usdc(Network::SOLANA_DEVNET).unwrap());
        let mint = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v";
        let asset = read_as(format!("{devnet}={mint};TST;9;token-2022"));
        assert_eq!(
            (asset.symbol(), asset.decimals(), asset.token_program()),
            ("TST", 9, Some(TokenProgram::Token2022))
        );
        for wrong in ["=x;TST;9", "=;TST;9;token", "=0x036CbD53842c5426634e7929541eC2318f3dCF7e;TST;6"] {
            let settings = Settings { x402_networks: Some(vec![format!("{devnet}{wrong}")]), ..on_base() };
            assert_eq!(read(settings).unwrap_err(), [NETWORKS, NETWORKS], "{wrong}");
        }
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let refused = |settings| read(settings).unwrap_err();
        assert_eq!(refused(Settings { x402_rpc_urls: None, ..on_base() }), [RPC_URLS, NETWORKS]);
        let names = |names: &[&str]| Settings {
            x402_networks: Some(names.iter().map(|name| (*name).into()).collect()),
            ..on_base()
        };
        for wrong in ["eip155:31337", "base", "eip155:8453=0x01;TST;6;Test;1", "eip155:8453=0x01"] {
            assert_eq!(refused(names(&[wrong])), [NETWORKS, NETWORKS], "{wrong}");
        }
        assert_eq!(refused(names(&["eip155:8453", "eip155:84532"])), [RPC_URLS]);
        let http = Settings { x402_facilitator_urls: Some(vec!["http://facilitator.example".into()]), ..on_base() };
        assert_eq!(refused(http), [FACILITATORS]);
        let http = Settings { x402_rpc_urls: Some("http://rpc.example".into()), ..on_base() };
        assert_eq!(refused(http), [RPC_URLS]);
        assert_eq!(refused(Settings { x402_facilitator_tokens: Some("a,b".into()), ..on_base() }), [TOKENS]);
        assert_eq!(refused(Settings { x402_max_timeout_seconds: Some(5), ..on_base() }), [MAX_TIMEOUT]);
        assert_eq!(refused(Settings { x402_verifications_per_minute: Some(0), ..on_base() }), [VERIFICATIONS]);
    }
}
