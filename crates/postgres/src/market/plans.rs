//! How PostgreSQL goes about the queries of every call.

use std::sync::{Arc, Mutex};

use crochet_market::{ListingQuery, Sort};
use crochet_primitives::{ListingId, timestamp_from_millis};
use crochet_relay::ports::PayableQuery;
use crochet_secrets::ApiKey;
use diesel::connection::InstrumentationEvent;
use diesel::prelude::*;
use diesel::sql_types::Text;
use secrecy::ExposeSecret;

use super::{api_keys, payable, search};
use crate::directory;
use crate::testing::TestDatabase;

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    text: String,
}

/// The plans of what `work` asks, made without knowing the values. Empty tables are cheapest to read whole, so the
/// planner is told to avoid that: what it still reads whole, no index helps to find.
async fn plans<T>(work: impl FnOnce(&mut PgConnection) -> T) -> Vec<String> {
    let database = TestDatabase::new().await;
    let mut conn = PgConnection::establish(database.url().expose_secret()).unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            seen.lock().unwrap().push(query.to_string());
        }
    });
    drop(work(&mut conn));
    let queries = std::mem::take(&mut *asked.lock().unwrap());
    for setting in ["enable_seqscan = off", "enable_bitmapscan = off", "plan_cache_mode = force_generic_plan"] {
        diesel::sql_query(format!("SET {setting}")).execute(&mut conn).unwrap();
    }
    queries.iter().enumerate().map(|(number, query)| explain(&mut conn, &format!("plan_{number}"), query)).collect()
}

fn explain(conn: &mut PgConnection, name: &str, query: &str) -> String {
    let (sql, _) = query.split_once(" -- binds:").unwrap();
    diesel::sql_query(format!("PREPARE {name} AS {sql}")).execute(conn).unwrap();
    let parameters = (1..).take_while(|number| sql.contains(&format!("${number}"))).count();
    let arguments = if parameters == 0 { String::new() } else { format!("({})", vec!["NULL"; parameters].join(", ")) };
    let lines: Vec<Line> = diesel::sql_query(format!("EXPLAIN EXECUTE {name}{arguments}")).load(conn).unwrap();
    lines.into_iter().map(|line| line.text + "\n").collect()
}

#[tokio::test]
async fn authenticating_is_one_query_that_finds_both_rows_by_their_unique_index() {
    let plans = plans(|conn| api_keys::authenticate(conn, &ApiKey::generate([1; 32]).hash()).unwrap()).await;
    let [plan] = &plans[..] else { panic!("{plans:?}") };
    assert!(plan.contains("Index Scan using api_keys_by_hash"), "{plan}");
    assert!(plan.contains("Index Scan using profiles_pkey"), "{plan}");
    assert!(!plan.contains("Seq Scan"), "{plan}");
}

#[tokio::test]
async fn an_offer_is_one_query_that_finds_every_row_by_an_index() {
    let id = ListingId::new(timestamp_from_millis(1).unwrap(), [1; 10]).to_string();
    for (name, index) in [("a-slug", "listings_slug_key"), (id.as_str(), "listings_pkey")] {
        let plans = plans(|conn| directory::find(conn, name).unwrap().is_none()).await;
        let [plan] = &plans[..] else { panic!("{plans:?}") };
        for index in [index, "listing_gateway_endpoints_pkey", "profile_wallets_by_profile"] {
            assert!(plan.contains(&format!("Index Scan using {index}")), "{index}: {plan}");
        }
        assert!(!plan.contains("Seq Scan"), "{plan}");
    }
}

#[tokio::test]
async fn every_order_of_the_catalogue_is_read_from_its_index_without_sorting() {
    for (sort, index) in [
        (Sort::Newest, "listings_newest"),
        (Sort::Popular, "listings_popular"),
        (Sort::PriceLow, "listings_cheapest"),
        (Sort::PriceHigh, "listings_dearest"),
    ] {
        let query = ListingQuery { sort, limit: 20, ..ListingQuery::default() };
        let plans = plans(|conn| search::search(conn, &query).unwrap()).await;
        let page = plans.iter().find(|plan| plan.contains(&format!(" using {index} on listings"))).unwrap();
        assert!(!page.contains("Sort"), "{page}");
        assert!(plans.iter().all(|plan| !plan.contains("Seq Scan")), "{plans:?}");
    }
}

#[tokio::test]
async fn what_anybody_can_pay_for_is_one_query_that_reads_no_table_whole() {
    for is_brief in [true, false] {
        let query = PayableQuery { limit: 20, offset: 0, is_brief };
        let plans = plans(|conn| payable::page(conn, query).unwrap()).await;
        let [plan] = &plans[..] else { panic!("{plans:?}") };
        // The newest come first from the index; what is sorted is one page, and one seller's wallets.
        for index in
            ["listings_newest", "listing_gateway_endpoints_pkey", "profile_wallets_by_profile", "listings_pkey"]
        {
            assert!(plan.contains(&format!("using {index} on ")), "{index}: {plan}");
        }
        let sorted: Vec<&str> = plan.lines().filter_map(|line| line.trim().strip_prefix("Sort Key: ")).collect();
        assert!(sorted.iter().all(|key| key.starts_with("page.") || key.starts_with("profile_wallets")), "{plan}");
        assert!(!plan.contains("Seq Scan"), "{plan}");
    }
}
