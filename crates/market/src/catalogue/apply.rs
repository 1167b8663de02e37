//! From a body to a listing.

use crochet_pricing::Price;
use crochet_primitives::{ListingId, ProfileId, Timestamp};

use super::body::ListingBody;
use super::price::price;
use crate::fields::Problems;
use crate::listing::{AuthMethod, DeliveryType, ExampleOutput, Listing, ListingStatus, PayoutCurrency, SuspendedBy};
use crate::schema::{
    ConnectionInstructions, Description, Docs, ExampleContent, ExampleLabel, ExpectedDelivery, ListingName,
    RiskDisclaimers, ShortText, Sla,
};

/// How many formats, tags or examples a listing has at most.
const MAX_ITEMS: usize = 20;

/// A listing of which nothing was said yet.
pub(super) fn blank(id: ListingId, provider: ProfileId, now: Timestamp) -> Listing {
    Listing {
        id,
        slug: String::new(),
        provider,
        name: String::new(),
        description: String::new(),
        category: None,
        price: Price::Free,
        preferred_currency: PayoutCurrency::Usdc,
        delivery_type: DeliveryType::Api,
        auth_method: AuthMethod::ApiKey,
        formats: vec!["json".to_owned()],
        docs: None,
        connection_instructions: None,
        example_outputs: Vec::new(),
        input_schema: None,
        example_input: None,
        demo_endpoint: None,
        github_url: None,
        logo_url: None,
        expected_delivery: None,
        risk_disclaimers: None,
        sla: None,
        tags: Vec::new(),
        status: ListingStatus::Active,
        suspended_by: None,
        revision: 1,
        created_at: now,
        updated_at: now,
    }
}

/// Writes what the body says into the listing. Whether the category exists and the endpoint is allowed is for the
/// caller to see; everything else is checked here.
pub(super) fn apply(body: &ListingBody, listing: &mut Listing, problems: &mut Problems) {
    if let Some(name) = &body.name {
        listing.name = problems.line("name", name, ListingName::LENGTH);
    }
    if let Some(description) = &body.description {
        listing.description = problems.text("description", description, Description::LENGTH);
    }
    if let Some(category) = body.category_id {
        listing.category = category;
    }
    listing.price = price(body, listing.price, problems);
    listing.preferred_currency = body.preferred_currency.unwrap_or(listing.preferred_currency);
    listing.delivery_type = body.delivery_type.unwrap_or(listing.delivery_type);
    listing.auth_method = body.auth_method.unwrap_or(listing.auth_method);
    if let Some(formats) = &body.formats {
        listing.formats = short_texts("formats", formats, problems);
    }
    if let Some(tags) = &body.tags {
        listing.tags = short_texts("tags", tags, problems);
    }
    if let Some(examples) = &body.example_outputs {
        listing.example_outputs = example_outputs(examples, problems);
    }
    if let Some(schema) = &body.input_schema {
        listing.input_schema = problems.input_schema("input_schema", schema.as_ref());
    }
    if let Some(example) = &body.example_input {
        listing.example_input = problems.example_input("example_input", example.as_ref());
    }
    apply_texts(body, listing, problems);
    apply_status(body, listing, problems);
}

fn apply_texts(body: &ListingBody, listing: &mut Listing, problems: &mut Problems) {
    let texts = [
        ("docs", &body.docs, &mut listing.docs, Docs::LENGTH),
        (
            "connection_instructions",
            &body.connection_instructions,
            &mut listing.connection_instructions,
            ConnectionInstructions::LENGTH,
        ),
        ("expected_delivery", &body.expected_delivery, &mut listing.expected_delivery, ExpectedDelivery::LENGTH),
        ("risk_disclaimers", &body.risk_disclaimers, &mut listing.risk_disclaimers, RiskDisclaimers::LENGTH),
        ("sla", &body.sla, &mut listing.sla, Sla::LENGTH),
    ];
    for (field, said, target, length) in texts {
        if let Some(text) = said {
            *target = problems.optional_text(field, text.as_deref(), length);
        }
    }
    let urls = [
        ("demo_endpoint", &body.demo_endpoint, &mut listing.demo_endpoint),
        ("github_url", &body.github_url, &mut listing.github_url),
        ("logo_url", &body.logo_url, &mut listing.logo_url),
    ];
    for (field, said, target) in urls {
        if let Some(url) = said {
            *target = problems.web_url(field, url.as_deref());
        }
    }
}

/// Setting any status lifts a suspension; that only whoever suspended may do so is checked before.
fn apply_status(body: &ListingBody, listing: &mut Listing, problems: &mut Problems) {
    match body.status {
        None => {}
        Some(ListingStatus::Suspended) => {
            problems.add("status", "must be draft or active; DELETE suspends an active listing");
        }
        Some(status @ (ListingStatus::Draft | ListingStatus::Active)) => {
            listing.status = status;
            listing.suspended_by = None;
        }
    }
}

/// Whether `body` would lift a suspension that is not the owner's.
pub(super) fn lifts_operators_suspension(body: &ListingBody, listing: &Listing) -> bool {
    body.status.is_some() && listing.suspended_by == Some(SuspendedBy::Operator)
}

/// Each text once, in the order given.
fn short_texts(field: &str, texts: &[String], problems: &mut Problems) -> Vec<String> {
    if texts.len() > MAX_ITEMS {
        problems.add(field, format!("must have at most {MAX_ITEMS} items"));
    }
    let mut kept: Vec<String> = Vec::new();
    for (index, text) in texts.iter().take(MAX_ITEMS).enumerate() {
        let text = problems.line(&format!("{field}[{index}]"), text, ShortText::LENGTH);
        if !kept.contains(&text) {
            kept.push(text);
        }
    }
    kept
}

fn example_outputs(examples: &[ExampleOutput], problems: &mut Problems) -> Vec<ExampleOutput> {
    if examples.len() > MAX_ITEMS {
        problems.add("example_outputs", format!("must have at most {MAX_ITEMS} items"));
    }
    let read = |(index, example): (usize, &ExampleOutput)| ExampleOutput {
        label: problems.line(&format!("example_outputs[{index}].label"), &example.label, ExampleLabel::LENGTH),
        content: problems.text(&format!("example_outputs[{index}].content"), &example.content, ExampleContent::LENGTH),
    };
    examples.iter().take(MAX_ITEMS).enumerate().map(read).collect()
}
