//! Listings and their endpoints: slugs for ever, revisions, removal, popularity.

use crochet_market::ListingStatus;
use crochet_market::ports::{Catalogue, Identities, OpenChallenge, Removal, Saved, Taken};
use crochet_market::{ListingQuery, Sort};
use crochet_primitives::StorageError;
use crochet_relay::ports::Directory;

use super::support::{Market, at};

#[tokio::test]
async fn the_slug_of_a_deleted_draft_is_never_used_again() {
    let market = Market::new().await;
    let (seller, ..) = market.register().await;
    let mut draft = market.new_listing(seller.id, "once");
    draft.status = ListingStatus::Draft;
    assert_eq!(market.catalogue.insert(&draft, Some(&market.new_endpoint(draft.id))).await.unwrap(), Saved::Done);
    assert_eq!(market.catalogue.remove(draft.id, seller.id).await.unwrap(), Removal::Deleted);
    assert!(market.catalogue.find("once").await.unwrap().is_none());
    let again = market.new_listing(seller.id, "once");
    assert_eq!(market.catalogue.insert(&again, None).await.unwrap(), Saved::SlugTaken);
    let (mut other, _) = market.publish(seller.id, "other").await;
    (other.slug, other.revision) = ("once".into(), 2);
    assert_eq!(market.catalogue.save(&other, None).await.unwrap(), Saved::SlugTaken);
    assert_eq!(market.catalogue.find("other").await.unwrap().unwrap().listing.revision, 1);
}

#[tokio::test]
async fn a_call_that_was_admitted_while_its_draft_was_deleted_keeps_its_listing() {
    let market = Market::new().await;
    let (seller, ..) = market.register().await;
    let mut draft = market.new_listing(seller.id, "raced");
    draft.status = ListingStatus::Draft;
    assert_eq!(market.catalogue.insert(&draft, Some(&market.new_endpoint(draft.id))).await.unwrap(), Saved::Done);
    assert_eq!(market.catalogue.remove(draft.id, seller.id).await.unwrap(), Removal::Deleted);
    // The admission had read the listing before, and writes now.
    market.deliver(seller.id, &draft, at(0));
    let offer = market.directory.offer("raced").await.unwrap().expect("the paid call needs its listing");
    assert_eq!((offer.listing, offer.is_available, offer.endpoint.is_some()), (draft.id, false, true));
    assert_eq!(market.catalogue.remove(draft.id, seller.id).await.unwrap(), Removal::NotFound);
}

#[tokio::test]
async fn slugs_that_look_like_ids_are_refused_by_the_database_itself() {
    let market = Market::new().await;
    let (seller, ..) = market.register().await;
    let listing = market.new_listing(seller.id, "0190a0b0-0000-7000-8000-000000000000");
    let Err(StorageError::Corrupt(said)) = market.catalogue.insert(&listing, None).await else {
        panic!("an id was taken for a slug");
    };
    assert!(said.contains("listing_slugs_are_no_uuids"), "{said}");
}

#[tokio::test]
async fn a_draft_with_calls_is_kept_out_of_sight() {
    let market = Market::new().await;
    let (seller, ..) = market.register().await;
    let (mut listing, _) = market.publish(seller.id, "called").await;
    market.deliver(seller.id, &listing, at(0));
    (listing.status, listing.revision) = (ListingStatus::Draft, 2);
    assert_eq!(market.catalogue.save(&listing, None).await.unwrap(), Saved::Done);
    assert_eq!(market.catalogue.remove(listing.id, seller.id).await.unwrap(), Removal::SoftDeleted);
    assert!(market.catalogue.find("called").await.unwrap().is_none());
    assert_eq!(market.catalogue.remove(listing.id, seller.id).await.unwrap(), Removal::NotFound);
    listing.revision = 4;
    assert_eq!(market.catalogue.save(&listing, None).await.unwrap(), Saved::Stale);
    let mine = ListingQuery { owner: Some(seller.id), limit: 10, ..ListingQuery::default() };
    assert_eq!(market.catalogue.search(&mine).await.unwrap().items.len(), 0);
}

#[tokio::test]
async fn of_changes_based_on_one_revision_one_is_written() {
    let market = Market::new().await;
    let (seller, ..) = market.register().await;
    let (listing, endpoint) = market.publish(seller.id, "contested").await;
    // Several rounds: in the first one, most of the time goes into connecting.
    for revision in 2..8 {
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..8_u32 {
            let (mut listing, mut endpoint) = (listing.clone(), endpoint.clone());
            (listing.revision, listing.name) = (revision, format!("Number {number}"));
            (endpoint.revision, endpoint.timeout_ms) = (revision, 1_000 + number);
            let catalogue = market.catalogue.clone();
            tasks.spawn(async move { (number, catalogue.save(&listing, Some(&endpoint)).await.unwrap()) });
        }
        let outcomes = tasks.join_all().await;
        let written: Vec<u32> =
            outcomes.iter().filter(|(_, saved)| *saved == Saved::Done).map(|(number, _)| *number).collect();
        assert_eq!(written.len(), 1, "revision {revision}: {outcomes:?}");
        let stored = market.catalogue.find("contested").await.unwrap().unwrap().listing;
        assert_eq!(stored.name, format!("Number {}", written[0]));
        let stored = market.catalogue.endpoint(listing.id).await.unwrap().unwrap();
        assert_eq!(stored.timeout_ms, 1_000 + written[0]);
    }
}

#[tokio::test]
async fn a_stale_endpoint_keeps_its_listing_from_being_written() {
    let market = Market::new().await;
    let (seller, ..) = market.register().await;
    let (mut listing, endpoint) = market.publish(seller.id, "both").await;
    (listing.revision, listing.slug) = (2, "both-renamed".into());
    assert_eq!(market.catalogue.save(&listing, Some(&endpoint)).await.unwrap(), Saved::Stale);
    assert!(market.catalogue.find("both").await.unwrap().is_some());
    assert_eq!(market.number("SELECT count(*) FROM listing_slugs"), 1);
}

#[tokio::test]
async fn a_listing_is_read_back_as_it_was_written() {
    let market = Market::new().await;
    let (seller, ..) = market.register().await;
    let category = market.catalogue.categories().await.unwrap().swap_remove(3);
    let mut listing = market.new_listing(seller.id, "whole");
    listing.category = Some(category.id);
    listing.tags = vec!["emoji \u{1f9f6}".into(), "comma,quote\"brace{}".into(), "NULL".into()];
    listing.docs = Some("line\nline".into());
    listing.sla = Some("99%".into());
    assert_eq!(market.catalogue.insert(&listing, None).await.unwrap(), Saved::Done);
    let view = market.catalogue.find(&listing.id.to_string()).await.unwrap().unwrap();
    assert_eq!((view.listing, view.provider), (listing, seller));
    assert_eq!((view.category, view.has_endpoint), (Some(category), false));
}

#[tokio::test]
async fn popular_counts_what_was_delivered_of_the_last_thirty_days() {
    let market = Market::new().await;
    let (seller, ..) = market.register().await;
    let (old, _) = market.publish(seller.id, "old").await;
    let (new, _) = market.publish(seller.id, "new").await;
    let (newer, _) = market.publish(seller.id, "newer").await;
    let now = market.now();
    for _ in 0..3 {
        market.deliver(seller.id, &old, now - chrono::TimeDelta::days(31));
    }
    market.deliver(seller.id, &old, now - chrono::TimeDelta::days(29));
    for _ in 0..2 {
        market.deliver(seller.id, &new, now);
    }
    assert_eq!(market.catalogue.refresh_popularity().await.unwrap(), 2);
    assert_eq!(market.catalogue.refresh_popularity().await.unwrap(), 0);
    let query = ListingQuery { sort: Sort::Popular, limit: 10, ..ListingQuery::default() };
    let found = market.catalogue.search(&query).await.unwrap().items;
    let slugs: Vec<&str> = found.iter().map(|view| view.listing.slug.as_str()).collect();
    assert_eq!(slugs, ["new", "old", newer.slug.as_str()]);
    // No revision: owners' changes are not disturbed.
    assert!(found.iter().all(|view| view.listing.revision == 1));
}

/// What the one listing that there is counts, after a round.
async fn counted(market: &Market) -> i64 {
    market.catalogue.refresh_popularity().await.unwrap();
    market.number("SELECT delivered_30d FROM listings")
}

/// As if all had been so many hours earlier.
fn wait(market: &Market, hours: u32) {
    // In two steps: in one, an hour would meet another on its way.
    for change in
        ["hour = hour + interval '100 years'".to_owned(), format!("hour = hour - interval '100 years {hours} hours'")]
    {
        market.execute(&format!("UPDATE counted_hours SET {change}"));
        market.execute(&format!("UPDATE listing_deliveries SET {change}"));
    }
    market.execute(&format!("UPDATE counted_hours SET counted_at = counted_at - interval '{hours} hours'"));
    market.execute(&format!(
        "UPDATE gateway_requests SET id = (left(crochet_first_id(crochet_moment_of(id) - interval '{hours} hours')::text, 13) \
         || right(id::text, 23))::uuid"
    ));
}

#[tokio::test]
async fn what_is_delivered_late_counts_within_hours_and_at_the_latest_after_a_day() {
    let market = Market::new().await;
    let (seller, ..) = market.register().await;
    let (one, _) = market.publish(seller.id, "one").await;
    let now = market.now();
    let late = "UPDATE gateway_requests SET state = 'delivered', delivery = '{}'";
    let fail = "UPDATE gateway_requests SET state = 'seller_failed', delivery = NULL";
    market.deliver(seller.id, &one, now);
    market.deliver(seller.id, &one, now - chrono::TimeDelta::hours(20));
    assert_eq!(counted(&market).await, 2);
    // Of a young hour at once, of an older one not yet.
    market.execute(fail);
    assert_eq!(counted(&market).await, 1);
    market.execute(late);
    assert_eq!(counted(&market).await, 2);
    market.execute(fail);
    wait(&market, 25);
    assert_eq!(counted(&market).await, 0);
    market.execute(late);
    // Nothing is counted twice, whoever counts again.
    wait(&market, 25);
    assert_eq!(counted(&market).await, 2);
    assert_eq!(counted(&market).await, 2);
    // The thirty days are over: what was counted goes, whether the calls are there or were taken out.
    wait(&market, 700);
    market.execute("DELETE FROM gateway_requests");
    assert_eq!(counted(&market).await, 0);
    assert_eq!(market.number("SELECT count(*) FROM listing_deliveries"), 0);
}

#[tokio::test]
async fn replicas_that_count_at_once_and_calls_that_are_gone_leave_what_there_is() {
    let market = Market::new().await;
    let (seller, ..) = market.register().await;
    let (one, _) = market.publish(seller.id, "one").await;
    let now = market.now();
    for hours in [0, 1, 30, 300] {
        market.deliver(seller.id, &one, now - chrono::TimeDelta::hours(hours));
    }
    // What was counted before there were hours goes too.
    market.execute("UPDATE listings SET delivered_30d = 7");
    market.execute("INSERT INTO listing_deliveries SELECT id, '-infinity', 7 FROM listings");
    let mut replicas = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let catalogue = market.catalogue.clone();
        replicas.spawn(async move { catalogue.refresh_popularity().await });
    }
    while let Some(counted) = replicas.join_next().await {
        counted.unwrap().unwrap();
    }
    assert_eq!(counted(&market).await, 4);
    market.execute("DELETE FROM gateway_requests");
    market.execute("UPDATE counted_hours SET counted_at = counted_at - interval '2 days'");
    assert_eq!(counted(&market).await, 0);
}

#[tokio::test]
async fn of_many_who_take_one_challenge_at_once_one_gets_it_and_no_more_are_open_than_allowed() {
    let market = Market::new().await;
    let (profile, ..) = market.register().await;
    let expires_at = market.now() + chrono::TimeDelta::minutes(5);
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..12 {
        let (catalogue, id) = (market.catalogue.clone(), profile.id);
        tasks.spawn(async move {
            let challenge =
                OpenChallenge { profile: id, challenge: format!("challenge-{number}"), difficulty: 5, expires_at };
            catalogue.open_challenge(&challenge, 5).await.unwrap()
        });
    }
    assert_eq!(tasks.join_all().await.into_iter().filter(|opened| *opened).count(), 5);
    assert_eq!(market.catalogue.take_challenge(profile.id, None).await.unwrap(), Taken::Several);
    assert_eq!(market.catalogue.take_challenge(profile.id, Some("\0")).await.unwrap(), Taken::None);
    market.execute("DELETE FROM listing_challenges WHERE challenge <> (SELECT max(challenge) FROM listing_challenges)");
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..12 {
        let (catalogue, id) = (market.catalogue.clone(), profile.id);
        tasks.spawn(async move { catalogue.take_challenge(id, None).await.unwrap() });
    }
    let taken = tasks.join_all().await;
    assert_eq!(taken.iter().filter(|taken| matches!(taken, Taken::Taken(_))).count(), 1);
}

#[tokio::test]
async fn the_application_can_neither_change_slugs_nor_categories_nor_delete_profiles() {
    let market = Market::new().await;
    let rights = |table: &str, right: &str| {
        market.number(&format!("SELECT has_table_privilege('crochet_app', '{table}', '{right}')::int")) == 1
    };
    for (table, right) in [
        ("listing_slugs", "UPDATE"),
        ("listing_slugs", "DELETE"),
        ("categories", "INSERT"),
        ("categories", "UPDATE"),
        ("profiles", "DELETE"),
        ("profile_wallets", "DELETE"),
        ("api_keys", "DELETE"),
        ("consumed_challenges", "UPDATE"),
    ] {
        assert!(!rights(table, right), "{right} on {table}");
    }
    // And what it can do is enough: every other test works as this role.
    assert!(market.identities.profile(market.new_profile().id).await.unwrap().is_none());
}
