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
    assert_eq!(catalogue.names("q=%C3%9CBERSETZEN").await, ["05"]);
    assert_eq!(catalogue.names("q=vertrage").await, ["05"]);
    assert_eq!(catalogue.names("q=listing+07").await, ["07"]);
    assert_eq!(catalogue.names("q=nowhere+to+be+found").await, [""; 0]);
    assert_eq!(catalogue.names("tag=EVEN&limit=2").await, ["10", "08"]);
    assert_eq!(catalogue.names("tag=even,odd").await, [""; 0]);
    assert_eq!(catalogue.names("delivery_type=api&limit=1").await, ["11"]);
    assert_eq!(catalogue.names("delivery_type=file").await, [""; 0]);
    assert_eq!(catalogue.names("min_price=0.02&max_price=0.05").await, ["10", "08", "07"]);
    assert_eq!(catalogue.names("min_price=0.020001&max_price=0.05").await, ["08", "07"]);
    assert_eq!(catalogue.names("q=capability&sort=price_high&min_price=0.1").await, ["01", "02"]);
    assert_eq!(catalogue.names("q=capability&tag=odd&category=defi&sort=newest").await, ["03", "01"]);
    let provider = catalogue.page("limit=1").await["data"][0]["provider_id"].as_str().unwrap().to_owned();
    assert_eq!(catalogue.names(&format!("provider_id={provider}&limit=100")).await.len(), 12);
    assert_eq!(catalogue.names("provider_id=0190a0b0-0000-7000-8000-000000000000").await, [""; 0]);
    assert_eq!(catalogue.names("q=").await.len(), 12);
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
async fn words_that_are_mistyped_or_begun_are_found_after_those_that_are_not() {
    let catalogue = Catalogue::open().await;
    for (name, docs) in [("Weather Oracle", "Knows the snow."), ("Leather Oracle", "Knows the cow.")] {
        let listing = json!({"name": name, "description": "It tells what will be.", "docs": docs});
        catalogue.seller.list(listing).await.data(201);
    }
    assert_eq!(catalogue.names("q=wea").await, ["Weather Oracle"]);
    assert_eq!(catalogue.names("q=weather").await, ["Weather Oracle", "Leather Oracle"]);
    assert_eq!(catalogue.names("q=waether+orcale").await, ["Weather Oracle"]);
    assert_eq!(catalogue.names("q=snow").await, ["Weather Oracle"]);
    assert_eq!(catalogue.names("q=oracle+-cow").await, ["Weather Oracle"]);
    assert_eq!(catalogue.names("q=%22tells+what%22&limit=1").await, ["Leather Oracle"]);
    let page = catalogue.page("q=oracle&limit=1").await;
    assert_eq!((&page["pagination"]["total"], &page["pagination"]["next_cursor"]), (&json!(2), &Value::Null));
    assert_eq!(page["pagination"]["total_is_capped"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crawl_by_cursors_sees_each_listing_once_while_others_are_published() {
    let catalogue = Catalogue::open().await;
    for sort in ["newest", "popular", "price_low", "price_high"] {
        let mut page = catalogue.page(&format!("sort={sort}&limit=5&q=agents")).await;
        let mut seen = Vec::new();
        loop {
            seen.extend(page["data"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()));
            let Some(cursor) = page["pagination"]["next_cursor"].as_str().map(str::to_owned) else { break };
            let listing = json!({"name": "Published meanwhile", "description": "Also for agents."});
            catalogue.seller.list(listing).await.data(201);
            page = catalogue.page(&format!("sort={sort}&limit=5&q=agents&cursor={cursor}")).await;
            assert_eq!((&page["pagination"]["page"], &page["pagination"]["total"]), (&Value::Null, &Value::Null));
            // With another order or filter it would lead to nowhere in particular.
            for other in ["sort=relevance&q=agents", "sort=newest&q=other", "sort=newest", "sort=price_low&page=1"] {
                let answer = catalogue.seller.get(&format!("/listings?{other}&cursor={cursor}")).await;
                answer.refuses(400, "BAD_REQUEST");
            }
        }
        seen.retain(|name| name.starts_with("Listing"));
        let length = seen.len();
        seen.sort();
        seen.dedup();
        assert_eq!((length, seen.len()), (11, 11), "{sort}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_end_where_cursors_go_on() {
    let catalogue = Catalogue::open().await;
    let answer = catalogue.seller.get("/listings?page=501&limit=20").await;
    assert_eq!(answer.refuses(400, "USE_CURSOR")["recovery"]["next_action"], "follow_cursor");
    assert_eq!(catalogue.names("page=500&limit=20").await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_searches_among_its_drafts() {
    let catalogue = Catalogue::open().await;
    let draft = json!({"name": "Draft of it", "description": "Not for everybody yet.", "status": "draft"});
    catalogue.seller.list(draft).await.data(201);
    let names = async |query: &str| {
        let answer = catalogue.seller.get(&format!("/listings?{query}")).await;
        let data = answer.data(200);
        data.as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("mine=true&status=draft").await, ["Draft of it"]);
    assert_eq!(names("mine=true&q=everybody").await, ["Draft of it"]);
    assert_eq!(names("mine=true&q=everybody&status=active").await, [""; 0]);
    assert_eq!(names("q=everybody").await, [""; 0]);
    let elsewhere = RawRequest::new(&catalogue.gateway.api, "GET", "/listings?mine=true&status=draft").send().await;
    elsewhere.refuses(401, "UNAUTHORIZED");
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
        "sort=best",
        "sort=price_low%3B",
        "pricing_model=weekly",
        "mine=yes",
        "q=a&q=b",
        "order=asc",
        "%00=1",
        "status=draft",
        "status=gone&mine=true",
        "sort=relevance",
        "sort=relevance&cursor=abc&q=a",
        "delivery_type=pigeon",
        "provider_id=me",
        "min_price=1e3",
        "min_price=-1",
        "max_price=0.0000001",
        "min_price=2&max_price=1",
        "tag=a,,b",
        "tag=a,b,c,d,e,f",
        "cursor=abc",
        "cursor=0190a0b0000070008000000000000001",
        &format!("q={}", "x".repeat(201)),
        &format!("category={}", "x".repeat(101)),
    ] {
        let answer = RawRequest::new(&catalogue.gateway.api, "GET", &format!("/listings?{query}")).send().await;
        let error = answer.refuses(400, "BAD_REQUEST");
        assert!(error["details"]["parameter"].is_string() || error["details"]["fields"].is_array(), "{query}: {error}");
    }
    assert_eq!(catalogue.names("limit=100").await.len(), 12);
}
