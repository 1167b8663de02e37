//! Nothing secret is stored in the clear, and no ciphertext opens where it does not belong.

use crochet_market::PreviousSecret;
use crochet_market::ports::{Catalogue, Saved};
use crochet_primitives::StorageError;
use crochet_relay::ports::Directory;
use crochet_secrets::ExposeSecret;
use crochet_signing::SigningSecret;

use super::support::{Market, at};

#[tokio::test]
async fn no_secret_can_be_read_in_any_column_of_any_table() {
    let market = Market::new().await;
    let (seller, _, key) = market.register().await;
    let (listing, endpoint) = market.publish(seller.id, "secretive").await;
    let mut rotated = endpoint.clone();
    rotated.revision = 2;
    rotated.previous_secret = Some(PreviousSecret { secret: endpoint.signing_secret.clone(), valid_until: at(60) });
    rotated.signing_secret = SigningSecret::generate([9; 32]);
    assert_eq!(market.catalogue.save_endpoint(&rotated).await.unwrap(), Saved::Done);

    let everything = market.everything();
    assert!(everything.contains("secretive") && everything.contains(&hex::encode(key.hash().as_bytes())));
    for secret in [
        endpoint.url.expose_secret(),
        "private.seller",
        "very-private",
        "X-Seller-Key",
        "upstream-",
        endpoint.signing_secret.expose(),
        rotated.signing_secret.expose(),
        key.expose(),
    ] {
        assert!(!everything.contains(secret), "{secret} is stored in the clear");
        assert!(!everything.contains(&hex::encode(secret)), "{secret} is stored as plain bytes");
    }
    // And yet it is all there.
    let read = market.catalogue.endpoint(listing.id).await.unwrap().unwrap();
    assert_eq!(read.url.expose_secret(), endpoint.url.expose_secret());
    let header = read.upstream_auth_header.unwrap();
    assert_eq!((header.name.as_str(), header.value.expose_secret()), ("X-Seller-Key", "upstream-\"value\"-äöü"));
    assert_eq!(read.signing_secret.expose(), rotated.signing_secret.expose());
    let previous = read.previous_secret.unwrap();
    assert_eq!(previous.secret.expose(), endpoint.signing_secret.expose());
    assert_eq!(previous.valid_until, at(60));
}

#[tokio::test]
async fn the_same_secret_never_has_the_same_ciphertext() {
    let market = Market::new().await;
    let (seller, ..) = market.register().await;
    let (_, mut endpoint) = market.publish(seller.id, "first").await;
    for revision in 2..5 {
        endpoint.revision = revision;
        let query =
            "SELECT hashtextextended(private_url::text || signing_secret::text, 0) FROM listing_gateway_endpoints";
        let before = market.number(query);
        assert_eq!(market.catalogue.save_endpoint(&endpoint).await.unwrap(), Saved::Done);
        assert_ne!(market.number(query), before);
    }
}

#[tokio::test]
async fn a_ciphertext_opens_in_its_own_row_and_column_only() {
    let market = Market::new().await;
    let (seller, ..) = market.register().await;
    let (victim, _) = market.publish(seller.id, "victim").await;
    let (thief, _) = market.publish(seller.id, "thief").await;
    for moved in [
        "private_url = (SELECT private_url FROM listing_gateway_endpoints WHERE listing_id = '{victim}')",
        "signing_secret = (SELECT signing_secret FROM listing_gateway_endpoints WHERE listing_id = '{victim}')",
        "upstream_auth = (SELECT upstream_auth FROM listing_gateway_endpoints WHERE listing_id = '{victim}')",
        "private_url = upstream_auth",
        "private_url = signing_secret",
        "upstream_auth = private_url",
        "signing_secret = private_url",
        "private_url = ''",
        "private_url = set_byte(private_url, 40, get_byte(private_url, 40) # 1)",
    ] {
        let column = moved.split(' ').next().unwrap();
        market.execute("CREATE TABLE kept AS SELECT * FROM listing_gateway_endpoints");
        let moved = moved.replace("{victim}", &victim.id.to_string());
        market.execute(&format!("UPDATE listing_gateway_endpoints SET {moved} WHERE listing_id = '{}'", thief.id));
        let refused = market.catalogue.endpoint(thief.id).await.map(drop);
        let Err(StorageError::Corrupt(said)) = refused else {
            panic!("{moved}: {refused:?}");
        };
        assert_eq!(said, format!("{column} of {}", thief.id), "{moved}");
        // Nothing is forwarded, and what was paid for before can still be replayed.
        let offer = market.directory.offer(&thief.id.to_string()).await.unwrap().unwrap();
        assert!(offer.is_available && offer.endpoint.is_none(), "{moved}");
        assert!(market.catalogue.endpoint(victim.id).await.unwrap().is_some());
        market.execute("DELETE FROM listing_gateway_endpoints");
        market.execute("INSERT INTO listing_gateway_endpoints SELECT * FROM kept");
        market.execute("DROP TABLE kept");
    }
}

#[tokio::test]
async fn rows_of_an_older_master_key_are_read_and_rewritten_under_the_newest() {
    let market = Market::new().await;
    let (seller, ..) = market.register().await;
    let (listing, endpoint) = market.publish(seller.id, "rotating").await;
    let others: Vec<_> = {
        let mut others = Vec::new();
        for slug in ["second", "third"] {
            others.push(market.publish(seller.id, slug).await.0.id);
        }
        others
    };

    let (catalogue, directory) = market.under(&[("b", 2), ("a", 1)]);
    let read = catalogue.endpoint(listing.id).await.unwrap().unwrap();
    assert_eq!(read.url.expose_secret(), endpoint.url.expose_secret());
    assert!(directory.offer("rotating").await.unwrap().unwrap().endpoint.is_some());

    let (without_old, _) = market.under(&[("b", 2)]);
    assert!(matches!(without_old.endpoint(listing.id).await, Err(StorageError::Corrupt(_))));
    let seen = catalogue.survey_keys().await.unwrap();
    assert_eq!((seen.opened["a"], seen.opened.len(), seen.endpoints_to_reseal), (9, 1, 3));
    let lacking = without_old.survey_keys().await.unwrap();
    assert_eq!((lacking.missing["a"], lacking.opened.len(), lacking.endpoints_to_reseal), (9, 0, 0));
    // Without the key it changes nothing; interrupted, it goes on with what is left.
    assert_eq!(without_old.rekey(None, 10).await.unwrap().unwrap().secrets, 0);
    let first = catalogue.rekey(None, 2).await.unwrap().unwrap();
    assert_eq!((first.endpoints, first.secrets), (2, 6));
    let rest = catalogue.rekey(None, 2).await.unwrap().unwrap();
    assert_eq!((rest.endpoints, rest.secrets), (1, 3));
    assert_eq!(catalogue.rekey(None, 2).await.unwrap(), None);
    let done = without_old.survey_keys().await.unwrap();
    assert_eq!((done.opened["b"], done.missing.len(), done.endpoints_to_reseal, done.broken), (9, 0, 0, 0));
    for id in others.into_iter().chain([listing.id]) {
        let read = without_old.endpoint(id).await.unwrap().unwrap();
        assert_eq!(read.url.expose_secret(), endpoint.url.expose_secret());
        assert_eq!(read.revision, 1);
    }
    let read = without_old.endpoint(listing.id).await.unwrap().unwrap();
    assert_eq!(read.signing_secret.expose(), endpoint.signing_secret.expose(), "sellers verify as before");
}

#[tokio::test]
async fn a_secret_that_does_not_open_is_named_and_keeps_no_other_from_being_rewritten() {
    let market = Market::new().await;
    let (seller, ..) = market.register().await;
    let (broken, _) = market.publish(seller.id, "broken").await;
    let (whole, _) = market.publish(seller.id, "whole").await;
    market.execute(&format!(
        "UPDATE listing_gateway_endpoints SET private_url = signing_secret WHERE listing_id = '{}'",
        broken.id
    ));
    let (catalogue, _) = market.under(&[("b", 2), ("a", 1)]);
    assert_eq!(catalogue.rekey(None, 10).await.unwrap().unwrap().secrets, 5);
    let seen = catalogue.survey_keys().await.unwrap();
    assert_eq!((seen.opened["b"], seen.endpoints_to_reseal, seen.broken), (5, 0, 1));
    assert_eq!((seen.examples[0].listing, seen.examples[0].column), (broken.id, "private_url"));
    assert!(market.under(&[("b", 2)]).0.endpoint(whole.id).await.unwrap().is_some());
    // A key that has the id and not the bytes opens nothing.
    let impostor = market.under(&[("b", 3)]).0.survey_keys().await.unwrap();
    assert_eq!((impostor.opened.len(), impostor.broken), (0, 5));
    assert_eq!(impostor.missing["a"], 1);
}
