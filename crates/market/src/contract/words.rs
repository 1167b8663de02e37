//! What the words of a search find, and what comes first.

use super::World;
use super::given::registered;
use super::searching::{found, inserted, query};
use crate::listing::{Listing, Sort};
use crate::search::ListingQuery;

/// Slugs of what a text finds, the most relevant first.
async fn finds(world: &impl World, text: &str) -> Vec<String> {
    let query = ListingQuery { text: Some(text.to_owned()), sort: Sort::Relevance, ..query() };
    found(world, &query).await.0
}

/// A listing with these texts and no others.
async fn texts(world: &impl World, name: &str, tags: &[&str], description: &str, docs: &str) -> String {
    let seller = registered(world).await.profile.id;
    inserted(world, seller, |listing: &mut Listing| {
        listing.name = name.to_owned();
        listing.tags = tags.iter().map(|&tag| tag.to_owned()).collect();
        listing.description = description.to_owned();
        listing.docs = (!docs.is_empty()).then(|| docs.to_owned());
    })
    .await
}

pub async fn every_word_has_to_be_found_in_name_tags_description_or_documentation(world: &impl World) {
    let weather = texts(
        world,
        "Weather Oracle",
        &["meteo", "snake_case"],
        "Forecasts for a 100% of Zürich.",
        "Call it with coordinates.",
    )
    .await;
    let other = texts(world, "Price Oracle", &["quotes"], "Prices of everything.", "").await;
    for (text, expected) in [
        ("oracle", vec![&other, &weather]),
        ("WEATHER", vec![&weather]),
        ("meteo  forecasts\toracle", vec![&weather]),
        ("zürich", vec![&weather]),
        ("ZURICH", vec![&weather]),
        ("weather price", vec![]),
        ("100%", vec![&weather]),
        ("snake_case", vec![&weather]),
        ("coordinates oracle", vec![&weather]),
        ("weather, oracle!", vec![&weather]),
        ("xylophone", vec![]),
    ] {
        assert_eq!(finds(world, text).await.iter().collect::<Vec<_>>(), expected, "{text:?}");
    }
}

pub async fn the_last_word_may_be_the_beginning_of_one(world: &impl World) {
    let listing = texts(world, "Weather Oracle", &[], "Forecasts of snow.", "").await;
    for (text, count) in [("wea", 1), ("oracle we", 1), ("w", 0), ("\"wea\"", 0), ("eather zz", 0)] {
        assert_eq!(finds(world, text).await, vec![listing.clone(); count], "{text:?}");
    }
}

pub async fn english_words_are_found_in_any_form(world: &impl World) {
    let listing = texts(world, "Translating Agent", &[], "It summarizes and translates documents for you.", "").await;
    for (text, count) in [
        ("translation", 1),
        ("documents translate", 1),
        ("translate the documents of", 1),
        ("\"translate\"", 0),
        ("\"translates\"", 1),
    ] {
        assert_eq!(finds(world, text).await, vec![listing.clone(); count], "{text:?}");
    }
}

pub async fn what_is_in_quotes_has_to_follow_on_one_another(world: &impl World) {
    let listing = texts(world, "Snow Height", &["deep", "water"], "The height of snow in the mountains.", "").await;
    for (text, count) in [
        ("\"snow height\"", 1),
        ("\"height of snow\"", 1),
        ("\"of height\"", 0),
        ("snow-height", 1),
        ("water-snow", 0),
        // Not across the border of two fields, or of two tags.
        ("\"height deep\"", 0),
        ("\"deep water\"", 0),
        ("\"water the\"", 0),
        ("\"snow height\" mountains", 1),
        ("\"snow height", 1),
    ] {
        assert_eq!(finds(world, text).await, vec![listing.clone(); count], "{text:?}");
    }
}

pub async fn what_has_a_minus_must_not_be_found(world: &impl World) {
    let rain = texts(world, "Rain Radar", &["weather"], "Rain over land.", "").await;
    let snow = texts(world, "Snow Radar", &["weather"], "Snow over land.", "Not for rain.").await;
    for (text, expected) in [
        ("radar -snow", vec![&rain]),
        ("radar -rain", vec![]),
        ("-\"snow radar\" weather", vec![&rain]),
        ("radar -ice", vec![&snow, &rain]),
        ("-snow", vec![]),
    ] {
        assert_eq!(finds(world, text).await.iter().collect::<Vec<_>>(), expected, "{text:?}");
    }
}

pub async fn scripts_without_spaces_are_found_anywhere(world: &impl World) {
    let listing = texts(world, "信号処理エージェント", &["データ"], "ประเทศไทย สวัสดี and 価格予測。", "").await;
    for (text, count) in [
        ("信号", 1),
        ("処理", 1),
        ("号処", 1),
        ("理信", 0),
        ("データ", 1),
        ("予測", 1),
        ("信号 価格", 1),
        ("ไทย", 1),
        ("象", 0),
    ] {
        assert_eq!(finds(world, text).await, vec![listing.clone(); count], "{text:?}");
    }
}

pub async fn accents_case_and_forms_of_letters_do_not_count(world: &impl World) {
    let listing = texts(world, "Über-Straße ﬁve", &["ΑΘΗΝΑ", "Привет"], "Łódź and a naïve café, ½ price.", "").await;
    for text in ["uber", "straße", "STRASSE"].iter().take(2).chain(&["five", "αθηνα", "ПРИВЕТ", "naive CAFÉ", "łodz"])
    {
        assert_eq!(finds(world, text).await, [listing.as_str()], "{text:?}");
    }
}

pub async fn with_few_matches_words_count_that_are_nearly_the_same(world: &impl World) {
    let weather = texts(world, "Weather Oracle", &["forecast"], "Says how it will be.", "").await;
    let leather = texts(world, "Leather Shop", &["goods"], "Sells what it has.", "").await;
    texts(world, "Price Feed", &["market"], "Numbers, all day long.", "").await;
    assert_eq!(finds(world, "wether").await, [weather.as_str()]);
    assert_eq!(finds(world, "orcale forecats").await, [weather.as_str()]);
    assert_eq!(finds(world, "recast").await, [weather.as_str()]);
    // What has the word itself comes first.
    assert_eq!(finds(world, "weather").await, [weather.as_str(), leather.as_str()]);
    assert_eq!(finds(world, "leather").await, [leather.as_str(), weather.as_str()]);
    // A phrase is meant as it is written.
    assert_eq!(finds(world, "\"wether oracle\"").await, [""; 0]);
    let newest = ListingQuery { text: Some("weather".to_owned()), sort: Sort::Newest, ..query() };
    assert_eq!(found(world, &newest).await, (vec![leather, weather], 2));
}

pub async fn enough_matches_need_nothing_near(world: &impl World) {
    let seller = registered(world).await.profile.id;
    for _ in 0..crate::search::FEW {
        inserted(world, seller, |listing| listing.name = "Weather".to_owned()).await;
    }
    texts(world, "Leather Shop", &[], "Sells what it has.", "").await;
    assert_eq!(finds(world, "weather").await.len(), crate::search::FEW);
}

pub async fn relevance_goes_from_the_name_to_the_documentation(world: &impl World) {
    let docs = texts(world, "First", &[], "Nothing about it.", "All about quorum.").await;
    let description = texts(world, "Second", &[], "All about quorum.", "").await;
    let tag = texts(world, "Third", &["quorum"], "Nothing about it.", "").await;
    let prefix = texts(world, "Quorum Reader", &[], "Nothing about it.", "").await;
    let exact = texts(world, "quorum!", &[], "Nothing about it.", "").await;
    let near = texts(world, "Quorums Quorumm", &[], "Nothing about it.", "").await;
    let in_name = texts(world, "The Quorum", &[], "Nothing about it.", "").await;
    let order = finds(world, "quorum").await;
    let place = |slug: &String| order.iter().position(|found| found == slug).unwrap();
    assert_eq!(order.len(), 7, "{order:?}");
    assert_eq!(place(&exact), 0);
    assert!(place(&prefix) < place(&in_name) && place(&near) < place(&in_name));
    assert!(place(&in_name) < place(&description) && place(&tag) < place(&description));
    assert!(place(&description) < place(&docs));
}

pub async fn of_equals_in_relevance_the_more_popular_comes_first_and_then_the_newer(world: &impl World) {
    let seller = registered(world).await.profile.id;
    let mut slugs = Vec::new();
    for _ in 0..3 {
        slugs.push(inserted(world, seller, |listing| listing.name = "Same Name".to_owned()).await);
    }
    let popular = world.catalogue().find(&slugs[0]).await.unwrap().unwrap().listing.id;
    world.record_call(popular, seller, true).await;
    assert_eq!(finds(world, "same name").await, [&*slugs[0], &*slugs[2], &*slugs[1]]);
}

pub async fn a_change_is_found_and_what_was_before_is_not(world: &impl World) {
    let slug = texts(world, "Before", &["oldtag"], "Nothing about it.", "Olddocs.").await;
    let mut listing = world.catalogue().find(&slug).await.unwrap().unwrap().listing;
    listing.name = "Afterwards".to_owned();
    listing.tags = vec!["newtag".to_owned()];
    listing.docs = None;
    listing.revision += 1;
    world.catalogue().save(&listing, None).await.unwrap();
    for (text, count) in [("before", 0), ("oldtag", 0), ("olddocs", 0), ("afterwards", 1), ("newtag", 1)] {
        assert_eq!(finds(world, text).await.len(), count, "{text}");
    }
    let tag = ListingQuery { tags: vec!["newtag".to_owned()], ..query() };
    assert_eq!(found(world, &tag).await.1, 1);
}

pub async fn no_text_breaks_the_search(world: &impl World) {
    let seller = registered(world).await.profile.id;
    inserted(world, seller, |_| {}).await;
    let long = "x".repeat(10_000);
    for text in [
        "'; DROP TABLE listings; --",
        "\"",
        "\\",
        "%%%",
        "a & | ! ( :*",
        "<->",
        "信号",
        "{}",
        "\0",
        "",
        " ",
        "-",
        "\u{202e}שלום\u{200b}",
        "\u{1f9f6}",
        "'':*",
        &long,
    ] {
        for sort in Sort::ALL {
            let query = ListingQuery { text: Some(text.to_owned()), sort, ..query() };
            assert_eq!(found(world, &query).await, (Vec::new(), 0), "{text:?} {sort:?}");
        }
    }
    assert_eq!(found(world, &query()).await.1, 1);
}

pub async fn a_listing_with_the_longest_texts_is_published_and_found(world: &impl World) {
    let distinct = |prefix: &str, count: usize| (0..count).map(|n| format!("{prefix}{n:x} ")).collect::<String>();
    let words: String = distinct("w", 8_000).chars().take(50_000).collect();
    let slug = texts(world, "Longest", &["t"; 20], distinct("d", 700).trim(), &words).await;
    assert_eq!(finds(world, "w1ff d10").await, [slug.as_str()]);
    // Characters that are words by themselves, letters of four bytes, and a form that stands for many letters.
    for docs in
        ["𠀀".repeat(50_000), "𝔘".repeat(50_000), "\u{fdfa}".repeat(50_000), "x".repeat(50_000), "é ".repeat(25_000)]
    {
        texts(world, "Other", &[], "Nothing about it.", &docs).await;
    }
}
