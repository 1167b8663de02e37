//! Offers, as the gateway sees them.

use crochet_market::ports::{Catalogue, Identities, Removal, Saved};
use crochet_market::{Capability, EndpointStatus, ListingStatus, PreviousSecret, WalletPatch, WalletStatus};
use crochet_relay::ports::Directory;
use crochet_secrets::ExposeSecret;
use crochet_signing::SigningSecret;

use crate::support::{Market, at};

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
        let found = offer.endpoint.unwrap();
        assert_eq!(found.url.expose_secret(), endpoint.url.expose_secret());
        assert_eq!(found.timeout, endpoint.timeout());
        assert_eq!((found.max_request_bytes, found.max_response_bytes), (1_048_576, 8_388_608));
        assert_eq!(found.upstream_auth.unwrap().name, "X-Seller-Key");
        assert_eq!(found.signing_secrets.current.expose(), endpoint.signing_secret.expose());
        assert!(found.signing_secrets.next.is_none());
    }
    for name in ["", "unknown", "%", "off\0ered", "OFFERED", "0190a0b0-0000-7000-8000-000000000000"] {
        assert!(market.directory.offer(name).await.unwrap().is_none(), "{name:?}");
    }
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
        let secrets = market.directory.offer("rotating").await.unwrap().unwrap().endpoint.unwrap().signing_secrets;
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
    let payout = async || market.directory.offer("paying").await.unwrap().unwrap().payout_address;
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
