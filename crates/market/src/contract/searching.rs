//! Finding listings.

use crochet_pricing::{MicroUsd, Price};
use crochet_primitives::ProfileId;

use super::World;
use super::given::{insert, listing, new_slug, published, registered};
use crate::listing::{Listing, ListingQuery, ListingStatus, PricingModel, Sort, SuspendedBy};

fn query() -> ListingQuery {
    ListingQuery { page: 1, limit: 100, ..ListingQuery::default() }
}

/// What is found, and how many are said to be.
async fn found(world: &impl World, query: &ListingQuery) -> (Vec<String>, u64) {
    let (views, total) = world.catalogue().search(query).await.unwrap();
    (views.into_iter().map(|view| view.listing.slug).collect(), total)
}

async fn inserted(world: &impl World, seller: ProfileId, change: impl FnOnce(&mut Listing)) -> String {
    let mut listing = listing(seller, &new_slug());
    change(&mut listing);
    insert(world, &listing, None).await;
    listing.slug
}

fn micros(micros: u64) -> Price {
    Price::PerCall(MicroUsd::from_micros(micros))
}

pub async fn everybody_finds_active_listings_only(world: &impl World) {
    let seller = registered(world).await.profile.id;
    let active = inserted(world, seller, |_| {}).await;
    inserted(world, seller, |listing| listing.status = ListingStatus::Draft).await;
    inserted(world, seller, |listing| {
        listing.status = ListingStatus::Suspended;
        listing.suspended_by = Some(SuspendedBy::Owner);
    })
    .await;
    assert_eq!(found(world, &query()).await, (vec![active], 1));
}

pub async fn an_owner_finds_all_of_its_own_and_nothing_else(world: &impl World) {
    let (one, other) = (registered(world).await.profile.id, registered(world).await.profile.id);
    let active = inserted(world, one, |_| {}).await;
    let draft = inserted(world, one, |listing| listing.status = ListingStatus::Draft).await;
    inserted(world, other, |_| {}).await;
    let own = ListingQuery { owner: Some(one), ..query() };
    assert_eq!(found(world, &own).await, (vec![draft, active], 2));
}

pub async fn a_listing_comes_with_its_provider_its_category_and_whether_it_can_be_called(world: &impl World) {
    let seller = registered(world).await.profile;
    let category = world.catalogue().categories().await.unwrap().remove(0);
    let (called, _) = published(world, seller.id).await;
    inserted(world, seller.id, |listing| listing.category = Some(category.id)).await;
    let (views, _) = world.catalogue().search(&query()).await.unwrap();
    let [bare, full] = views.as_slice() else { panic!("{} found", views.len()) };
    assert_eq!(full.listing, called);
    assert!(full.has_endpoint && !bare.has_endpoint);
    assert_eq!((full.category.as_ref(), bare.category.as_ref()), (None, Some(&category)));
    assert!([full, bare].iter().all(|view| view.provider == seller));
}

pub async fn a_category_is_named_by_its_id_or_its_slug(world: &impl World) {
    let seller = registered(world).await.profile.id;
    let categories = world.catalogue().categories().await.unwrap();
    let (first, second) = (&categories[0], &categories[1]);
    let slug = inserted(world, seller, |listing| listing.category = Some(first.id)).await;
    inserted(world, seller, |listing| listing.category = Some(second.id)).await;
    inserted(world, seller, |_| {}).await;
    for name in [first.id.to_string(), first.slug.clone()] {
        let query = ListingQuery { category: Some(name), ..query() };
        assert_eq!(found(world, &query).await, (vec![slug.clone()], 1));
    }
    for name in ["no-such-category", "", "\0", "0190a0b0-0000-7000-8000-000000000000"] {
        let query = ListingQuery { category: Some(name.to_owned()), ..query() };
        assert_eq!(found(world, &query).await, (vec![], 0), "{name:?}");
    }
}

pub async fn listings_are_filtered_by_their_pricing_model(world: &impl World) {
    let seller = registered(world).await.profile.id;
    let paid = inserted(world, seller, |_| {}).await;
    let free = inserted(world, seller, |listing| listing.price = Price::Free).await;
    for (model, expected) in [
        (PricingModel::PerCall, vec![paid]),
        (PricingModel::Free, vec![free]),
        (PricingModel::Monthly, vec![]),
        (PricingModel::UsageTiered, vec![]),
    ] {
        let query = ListingQuery { pricing_model: Some(model), ..query() };
        assert_eq!(found(world, &query).await.0, expected, "{model:?}");
    }
}

pub async fn every_word_has_to_be_found_in_name_description_or_tags(world: &impl World) {
    let seller = registered(world).await.profile.id;
    let weather = inserted(world, seller, |listing| {
        listing.name = "Weather Oracle".to_owned();
        listing.description = "Forecasts for a 100% of Zürich.".to_owned();
        listing.tags = vec!["meteo".to_owned(), "snake_case".to_owned()];
    })
    .await;
    let other = inserted(world, seller, |listing| {
        listing.name = "Price Oracle".to_owned();
        listing.tags = vec!["snakeXcase".to_owned()];
    })
    .await;
    for (text, expected) in [
        ("oracle", vec![other.clone(), weather.clone()]),
        ("WEATHER", vec![weather.clone()]),
        ("meteo  forecasts\toracle", vec![weather.clone()]),
        ("Zürich", vec![weather.clone()]),
        ("weather price", vec![]),
        ("absent", vec![]),
        ("100%", vec![weather.clone()]),
        ("snake_case", vec![weather.clone()]),
    ] {
        let query = ListingQuery { text: Some(text.to_owned()), ..query() };
        assert_eq!(found(world, &query).await.0, expected, "{text:?}");
    }
}

pub async fn no_text_breaks_the_search(world: &impl World) {
    let seller = registered(world).await.profile.id;
    inserted(world, seller, |_| {}).await;
    for text in ["'; DROP TABLE listings; --", "\"", "\\", "%%%", "a & | ! ( :*", "<->", "信号", "{}", "\0"] {
        let query = ListingQuery { text: Some(text.to_owned()), ..query() };
        assert_eq!(found(world, &query).await.0, Vec::<String>::new(), "{text:?}");
    }
    assert_eq!(found(world, &query()).await.1, 1);
}

pub async fn listings_are_sorted_as_asked(world: &impl World) {
    let (seller, buyer) = (registered(world).await.profile.id, registered(world).await.profile.id);
    let middle = inserted(world, seller, |listing| listing.price = micros(20_000)).await;
    let dear = inserted(world, seller, |listing| listing.price = micros(30_000)).await;
    let cheap = inserted(world, seller, |listing| listing.price = Price::Free).await;
    let middle_id = world.catalogue().find(&middle).await.unwrap().unwrap().listing.id;
    let dear_id = world.catalogue().find(&dear).await.unwrap().unwrap().listing.id;
    for _ in 0..2 {
        world.record_call(middle_id, buyer, true).await;
    }
    world.record_call(dear_id, buyer, true).await;
    for _ in 0..3 {
        world.record_call(dear_id, buyer, false).await;
    }
    for (sort, expected) in [
        (Sort::Newest, [&cheap, &dear, &middle]),
        (Sort::PriceLow, [&cheap, &middle, &dear]),
        (Sort::PriceHigh, [&dear, &middle, &cheap]),
        (Sort::Popular, [&middle, &dear, &cheap]),
    ] {
        let query = ListingQuery { sort, ..query() };
        assert_eq!(found(world, &query).await.0.iter().collect::<Vec<_>>(), expected, "{sort:?}");
    }
}

pub async fn pages_follow_on_one_another_and_end(world: &impl World) {
    let seller = registered(world).await.profile.id;
    let mut all = Vec::new();
    for _ in 0..5 {
        // One price, so that only the tie-break keeps pages apart.
        all.insert(0, inserted(world, seller, |listing| listing.price = Price::Free).await);
    }
    for sort in [Sort::Newest, Sort::Popular, Sort::PriceLow, Sort::PriceHigh] {
        let mut seen = Vec::new();
        for (page, length) in [(1, 2), (2, 2), (3, 1), (4, 0), (5_000, 0)] {
            let (slugs, total) = found(world, &ListingQuery { sort, page, limit: 2, ..query() }).await;
            assert_eq!((slugs.len(), total), (length, 5), "{sort:?} {page}");
            seen.extend(slugs);
        }
        assert_eq!(seen, all, "{sort:?}");
    }
}
