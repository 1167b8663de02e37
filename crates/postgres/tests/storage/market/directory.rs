//! Offers, as the gateway sees them.

use crochet_market::ports::{Catalogue, Identities, Removal, Saved};
use crochet_market::{Capability, EndpointStatus, Listing, ListingStatus, PreviousSecret, WalletPatch, WalletStatus};
use crochet_relay::ports::{Directory, PayablePage, PayableQuery};
use crochet_secrets::ExposeSecret;
use crochet_signing::SigningSecret;

use super::support::{Market, at};

#[tokio::test]
async fn an_offer_is_found_by_slug_and_by_id_with_all_that_a_call_needs() {
    let market = Market::new().await;
    let (seller, wallet, _) = market.register().await;
    let (listing, endpoint) = market.publish(seller.id, "offered").await;
    for name in ["offered".to_owned(), listing.id.to_string(), listing.id.to_string().to_uppercase()] {
        let offer = market.directory.offer(&name).await.unwrap().unwrap();
        assert_eq!((offer.listing, offer.seller, offer.price), (listing.id, seller.id, listing.price));
        assert!(offer.is_available);
        assert_eq!(offer.payout_address, Some(wallet.address.canonical()));
        let found = offer.endpoint.clone().unwrap();
        assert_eq!(found.url.expose_secret(), endpoint.url.expose_secret());
        assert_eq!(found.timeout, endpoint.timeout());
        assert_eq!((found.max_request_bytes, found.max_response_bytes), (1_048_576, 8_388_608));
        assert_eq!(found.upstream_auth.clone().unwrap().name, "X-Seller-Key");
        assert_eq!(found.signing_secrets.current.expose(), endpoint.signing_secret.expose());
        assert!(found.signing_secrets.next.is_none());
    }
    for name in ["", "unknown", "%", "off\0ered", "OFFERED", "0190a0b0-0000-7000-8000-000000000000"] {
        assert!(market.directory.offer(name).await.unwrap().is_none(), "{name:?}");
    }
}

#[tokio::test]
async fn what_can_be_paid_by_anybody_is_found_newest_first_and_counted() {
    let market = Market::new().await;
    let (seller, wallet, _) = market.register().await;
    let query = |limit, offset, is_brief| PayableQuery { limit, offset, is_brief };
    let found = async |query| market.directory.payable(query).await.unwrap();
    assert_eq!(found(query(10, 0, false)).await, PayablePage::default());
    let mut listings = Vec::new();
    for slug in ["one", "two", "three"] {
        listings.push(market.publish(seller.id, slug).await.0);
    }
    market.execute("UPDATE listings SET created_at = '2026-05-03T12:00:00Z' WHERE slug <> 'one'");
    market.execute("UPDATE listings SET created_at = '2026-05-03T13:00:00Z' WHERE slug = 'one'");
    let schema = serde_json::json!({ "type": "object" });
    let described = Listing { revision: 2, input_schema: Some(schema.clone()), ..listings[0].clone() };
    assert_eq!(market.catalogue.save(&described, None).await.unwrap(), Saved::Done);
    market.execute("UPDATE listings SET created_at = '2026-05-03T13:00:00Z' WHERE slug = 'one'");

    let of_two = [listings[1].id.max(listings[2].id), listings[1].id.min(listings[2].id)];
    let page = found(query(2, 0, false)).await;
    assert_eq!(page.total, 3);
    assert_eq!(page.items.iter().map(|item| item.listing).collect::<Vec<_>>(), [listings[0].id, of_two[0]]);
    let first = &page.items[0];
    assert_eq!((&first.name, &first.description), (&described.name, &described.description));
    assert_eq!(first.payout_wallets.evm, Some(wallet.address.canonical()));
    assert_eq!((first.input.schema.as_ref(), &first.input.example), (Some(&schema), &None));
    assert_eq!(market.directory.input(listings[0].id).await.unwrap(), first.input);
    assert!(market.directory.input(listings[1].id).await.unwrap().is_empty());
    let rest = found(query(2, 2, false)).await;
    assert_eq!((rest.items.len(), rest.items[0].listing, rest.total), (1, of_two[1], 3));
    assert_eq!(found(query(2, 3, false)).await, PayablePage { items: Vec::new(), total: 3 });
    let brief = &found(query(1, 0, true)).await.items[0];
    assert!(brief.description.is_empty() && brief.input.is_empty());

    for hidden in [
        "UPDATE listings SET status = 'draft' WHERE slug = 'one'",
        "UPDATE listing_gateway_endpoints SET status = 'disabled' WHERE listing_id = (SELECT id FROM listings WHERE slug = 'two')",
        "UPDATE listings SET deleted_at = now() WHERE slug = 'three'",
    ] {
        let before = found(query(10, 0, false)).await.total;
        market.execute(hidden);
        let after = found(query(10, 0, false)).await;
        assert_eq!((after.total, after.items.len()), (before - 1, usize::try_from(before - 1).unwrap()), "{hidden}");
    }
}

#[tokio::test]
async fn what_is_free_or_of_a_seller_without_a_payout_wallet_is_not_found() {
    let market = Market::new().await;
    let (seller, wallet, _) = market.register().await;
    market.publish(seller.id, "priced").await;
    let total = async || {
        let query = PayableQuery { limit: 1, offset: 0, is_brief: true };
        market.directory.payable(query).await.unwrap().total
    };
    assert_eq!(total().await, 1);
    market.execute("UPDATE listings SET pricing_model = 'free', price_micros = 0");
    assert_eq!(total().await, 0);
    market.execute("UPDATE listings SET pricing_model = 'per_call', price_micros = 5");
    assert_eq!(total().await, 1);
    let disabled = WalletPatch { status: Some(WalletStatus::Disabled), ..WalletPatch::default() };
    let solana = market.new_wallet(seller.id, true);
    market.identities.link_wallet(&solana).await.unwrap();
    market.identities.update_wallet(seller.id, wallet.id, disabled).await.unwrap();
    assert_eq!(total().await, 1);
    let query = PayableQuery { limit: 1, offset: 0, is_brief: true };
    let found = market.directory.payable(query).await.unwrap();
    let wallets = &found.items[0].payout_wallets;
    assert_eq!((&wallets.evm, &wallets.solana), (&None, &Some(solana.address.canonical())));
    market.execute("UPDATE profile_wallets SET capabilities = ARRAY['auth']");
    assert_eq!(total().await, 0);
}

#[tokio::test]
async fn a_listing_without_an_endpoint_or_with_a_disabled_one_is_still_an_offer() {
    let market = Market::new().await;
    let (seller, ..) = market.register().await;
    let bare = market.new_listing(seller.id, "bare");
    market.catalogue.insert(&bare, None).await.unwrap();
    let offer = market.directory.offer("bare").await.unwrap().unwrap();
    assert!(offer.is_available && offer.endpoint.is_none());
    assert!(!market.catalogue.find("bare").await.unwrap().unwrap().has_endpoint);

    let (_, mut endpoint) = market.publish(seller.id, "disabled").await;
    assert!(market.catalogue.find("disabled").await.unwrap().unwrap().has_endpoint);
    (endpoint.revision, endpoint.status) = (2, EndpointStatus::Disabled);
    assert_eq!(market.catalogue.save_endpoint(&endpoint).await.unwrap(), Saved::Done);
    let offer = market.directory.offer("disabled").await.unwrap().unwrap();
    assert!(offer.is_available && offer.endpoint.is_none());
    assert!(!market.catalogue.find("disabled").await.unwrap().unwrap().has_endpoint);
}

#[tokio::test]
async fn suspended_drafted_and_deleted_listings_take_no_new_calls_and_keep_their_endpoint() {
    let market = Market::new().await;
    let (seller, ..) = market.register().await;
    let (mut listing, _) = market.publish(seller.id, "leaving").await;
    let unavailable = async || {
        let offer = market.directory.offer("leaving").await.unwrap().unwrap();
        !offer.is_available && offer.endpoint.is_some()
    };
    assert_eq!(market.catalogue.remove(listing.id, seller.id).await.unwrap(), Removal::Suspended);
    assert!(unavailable().await);
    (listing.status, listing.revision) = (ListingStatus::Draft, 3);
    assert_eq!(market.catalogue.save(&listing, None).await.unwrap(), Saved::Done);
    assert!(unavailable().await);
    market.deliver(seller.id, &listing, at(0));
    assert_eq!(market.catalogue.remove(listing.id, seller.id).await.unwrap(), Removal::SoftDeleted);
    assert!(unavailable().await);
    market.execute("UPDATE listings SET status = 'active'");
    assert!(unavailable().await, "what is deleted takes no calls whatever its status");
}

#[tokio::test]
async fn the_overlap_of_two_signing_secrets_ends_by_the_databases_clock() {
    let market = Market::new().await;
    let (seller, ..) = market.register().await;
    let (_, mut endpoint) = market.publish(seller.id, "rotating").await;
    let (old, new) = (endpoint.signing_secret.clone(), SigningSecret::generate([8; 32]));
    let now = market.now();
    for (revision, minutes, current, next) in [(2, 5, &old, Some(&new)), (3, -5, &new, None)] {
        endpoint.revision = revision;
        endpoint.signing_secret = new.clone();
        endpoint.previous_secret =
            Some(PreviousSecret { secret: old.clone(), valid_until: now + chrono::TimeDelta::minutes(minutes) });
        assert_eq!(market.catalogue.save_endpoint(&endpoint).await.unwrap(), Saved::Done);
        let secrets = market
            .directory
            .offer("rotating")
            .await
            .unwrap()
            .unwrap()
            .endpoint
            .clone()
            .unwrap()
            .signing_secrets
            .clone();
        assert_eq!(secrets.current.expose(), current.expose());
        assert_eq!(secrets.next.as_ref().map(SigningSecret::expose), next.map(SigningSecret::expose));
    }
}

#[tokio::test]
async fn a_seller_is_paid_at_its_primary_active_payout_wallet() {
    let market = Market::new().await;
    let (seller, first, _) = market.register().await;
    market.publish(seller.id, "paying").await;
    let (second, solana) = (market.new_wallet(seller.id, false), market.new_wallet(seller.id, true));
    let payout = async || market.directory.offer("paying").await.unwrap().unwrap().payout_address.clone();
    market.identities.link_wallet(&solana).await.unwrap();
    // Both are primary: the listing prefers USDC.
    assert_eq!(payout().await, Some(first.address.canonical()));
    market.execute("UPDATE listings SET preferred_currency = 'SOL'");
    assert_eq!(payout().await, Some(solana.address.canonical()));
    market.execute("UPDATE listings SET preferred_currency = 'USDC'");
    market.identities.link_wallet(&second).await.unwrap();
    assert_eq!(payout().await, Some(second.address.canonical()));

    let no_payout: WalletPatch = WalletPatch {
        capabilities: Some([Capability::Recovery, Capability::Payment].into_iter().collect()),
        ..WalletPatch::default()
    };
    let disabled = WalletPatch { status: Some(WalletStatus::Disabled), ..WalletPatch::default() };
    market.identities.update_wallet(seller.id, second.id, no_payout).await.unwrap();
    assert_eq!(payout().await, Some(solana.address.canonical()));
    market.identities.update_wallet(seller.id, solana.id, disabled).await.unwrap();
    assert_eq!(payout().await, Some(first.address.canonical()));
    market.identities.update_wallet(seller.id, first.id, disabled).await.unwrap();
    assert_eq!(payout().await, None);

    let payers = market.directory.payment_wallets(seller.id).await.unwrap();
    assert_eq!(payers.len(), 1);
    assert_eq!((payers[0].id, payers[0].address.clone()), (second.id, second.address.canonical()));
    assert!(payers[0].is_primary);
}
