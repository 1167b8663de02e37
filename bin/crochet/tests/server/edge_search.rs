//! Finding listings: filters, orders, pages, and queries that mean no good.

use serde_json::{Value, json};

use crate::support::{Account, RawRequest, TestGateway};

struct Catalogue {
    gateway: TestGateway,
    seller: Account,
}

impl Catalogue {
    /// Twelve listings, priced 0.12 to 0.01 from the oldest to the newest, every third one free.
    async fn open() -> Self {
        let gateway = TestGateway::start().await;
        let seller = Account::register(&gateway.api, "seller").await;
        let category = RawRequest::new(&gateway.api, "GET", "/categories").send().await.data(200)[0]["id"].clone();
        for n in 0..12 {
            let mut listing = json!({
                "name": format!("Listing {n:02}"),
                "description": if n == 5 { "Übersetzt Verträge für Agenten." } else { "A capability for agents." },
                "tags": if n % 2 == 0 { ["even"] } else { ["odd"] },
            });
            if n % 3 != 0 {
                listing["pricing_model"] = json!("per_call");
                listing["pricing_amount"] = serde_json::from_str(&format!("0.{:02}", 12 - n)).unwrap();
                listing["private_endpoint_url"] = json!("https://seller.example/");
            }
            if n < 4 {
                listing["category_id"] = category.clone();
            }
            seller.list(listing).await.data(201);
        }
        Self { gateway, seller }
    }

    async fn page(&self, query: &str) -> Value {
        let answer = RawRequest::new(&self.gateway.api, "GET", &format!("/listings?{query}")).send().await;
        answer.data(200);
        answer.json()
    }

    async fn names(&self, query: &str) -> Vec<String> {
        let page = self.page(query).await;
        let items = page["data"].as_array().unwrap().iter();
        items.map(|item| item["name"].as_str().unwrap().trim_start_matches("Listing ").to_owned()).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn listings_are_filtered_and_sorted() {
    let catalogue = Catalogue::open().await;
    assert_eq!(catalogue.names("limit=3").await, ["11", "10", "09"]);
    assert_eq!(catalogue.names("sort=newest&limit=2").await, ["11", "10"]);
    assert_eq!(catalogue.names("category=defi").await, ["03", "02", "01", "00"]);
    assert_eq!(catalogue.names("pricing_model=free").await, ["09", "06", "03", "00"]);
    assert_eq!(catalogue.names("pricing_model=monthly").await, [""; 0]);
    assert_eq!(catalogue.names("pricing_model=per_call&sort=price_low&limit=2").await, ["11", "10"]);
    assert_eq!(catalogue.names("pricing_model=per_call&sort=price_high&limit=2").await, ["01", "02"]);
    assert_eq!(catalogue.names("q=even&category=defi").await, ["02", "00"]);
    assert_eq!(catalogue.names("q=%C3%9Cbersetzt").await, ["05"]);
    assert_eq!(catalogue.names("q=listing+07").await, ["07"]);
    assert_eq!(catalogue.names("q=nowhere+to+be+found").await, [""; 0]);
    assert_eq!(catalogue.names("q=&category=&sort=").await.len(), 12);
    let by_id = catalogue.page("q=listing+01").await["data"][0]["category"]["id"].clone();
    assert_eq!(catalogue.names(&format!("category={}", by_id.as_str().unwrap())).await.len(), 4);
    assert_eq!(catalogue.names("category=nothing-of-that-kind").await, [""; 0]);
    // Popular: what was delivered most.
    catalogue.gateway.sql("UPDATE listings SET delivered_30d = 9 WHERE name = 'Listing 04'");
    assert_eq!(catalogue.names("sort=popular&limit=1").await, ["04"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_hold_every_listing_once() {
    let catalogue = Catalogue::open().await;
    for sort in ["newest", "popular", "price_low", "price_high"] {
        let mut seen = Vec::new();
        for page in 1..=3 {
            let answer = catalogue.page(&format!("sort={sort}&limit=5&page={page}")).await;
            let pagination = &answer["pagination"];
            assert_eq!((&pagination["page"], &pagination["limit"]), (&json!(page), &json!(5)));
            assert_eq!((&pagination["total"], &pagination["totalPages"]), (&json!(12), &json!(3)));
            seen.extend(answer["data"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        }
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 12, "{sort}");
    }
    let beyond = catalogue.page("page=4&limit=5").await;
    assert_eq!((&beyond["data"], &beyond["pagination"]["total"]), (&json!([]), &json!(12)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_shows_neither_long_texts_nor_anything_private() {
    let catalogue = Catalogue::open().await;
    let page = catalogue.page("limit=100").await;
    let mine = catalogue.seller.get("/listings?mine=true&limit=100").await;
    for text in [page.to_string(), mine.text()] {
        for word in ["seller.example", "whsec_", "private_endpoint", "api_key\":\"am_k"] {
            assert!(!text.contains(word), "{word}");
        }
    }
    assert!(page["data"][0].get("docs").is_none());
    assert_eq!(page["data"][0]["provider"]["display_name"], "seller");
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_queries_find_nothing_and_break_nothing() {
    let catalogue = Catalogue::open().await;
    for q in [
        "%27%20OR%201%3D1--",
        "%25%25%25",
        "_%5F%5C",
        "%5C",
        "a%26b%7Cc%21d",
        "%28%28%28",
        "%3A%2A",
        "%22unbalanced",
        "%3C-%3E",
        "%27%27%27%27",
        "%F0%9F%A7%B6",
        "%D0%9A%D0%B8%D1%82",
        "-",
        "%E2%80%8B",
        "+++",
        &"x".repeat(200),
        &"%25".repeat(200),
    ] {
        let answer = RawRequest::new(&catalogue.gateway.api, "GET", &format!("/listings?q={q}")).send().await;
        answer.data(200);
    }
    for query in [
        "q=%00",
        "q=%FF",
        "q=a%0Ab",
        "page=0",
        "page=-1",
        "page=1.5",
        "page=x",
        "page=99999999999999999999",
        "limit=0",
        "limit=101",
        "page=501&limit=20",
        "sort=best",
        "sort=price_low%3B",
        "pricing_model=weekly",
        "mine=yes",
        "q=a&q=b",
        "order=asc",
        "%00=1",
        "status=draft",
        &format!("q={}", "x".repeat(201)),
        &format!("category={}", "x".repeat(101)),
    ] {
        let answer = RawRequest::new(&catalogue.gateway.api, "GET", &format!("/listings?{query}")).send().await;
        let error = answer.refuses(400, "BAD_REQUEST");
        assert!(error["details"]["parameter"].is_string() || error["details"]["fields"].is_array(), "{query}: {error}");
    }
    assert_eq!(catalogue.names("limit=100").await.len(), 12);
}
