//! What answers carry, as components of their own.
//!
//! The library writes a generic type out whole for each of its uses, under a name that lists the types. Here
//! `Answer_Vec_Wallet` becomes `WalletListAnswer`, and its items refer to `Wallet`.

use utoipa::openapi::schema::ArrayItems;
use utoipa::openapi::{Components, OpenApi, PathItem, Ref, RefOr, Schema};

use super::complete::operations;

const BELOW: &str = "#/components/schemas/";

/// Names the envelopes, and what is in them.
pub(super) fn name(document: &mut OpenApi) {
    let Some(components) = &mut document.components else { return };
    let generic: Vec<String> = components.schemas.keys().filter(|name| Name::of(name).is_some()).cloned().collect();
    for old in generic {
        let Some(Name { new, carries, is_list }) = Name::of(&old) else { continue };
        if let Some(mut schema) = components.schemas.remove(&old) {
            take_out(&mut schema, &carries, is_list, components);
            components.schemas.insert(new, schema);
        }
    }
    document.paths.paths.values_mut().for_each(rename);
}

/// What a generic component is called, and what it carries.
struct Name {
    new: String,
    carries: String,
    is_list: bool,
}

impl Name {
    fn of(old: &str) -> Option<Self> {
        let (carries, kind, is_list) = match (old.strip_prefix("Answer_"), old.strip_prefix("Page_")) {
            (Some(one), _) => match one.strip_prefix("Vec_") {
                Some(each) => (each, "ListAnswer", true),
                None => (one, "Answer", false),
            },
            (None, Some(each)) => (each, "Page", true),
            (None, None) => return None,
        };
        Some(Self { new: format!("{carries}{kind}"), carries: carries.to_owned(), is_list })
    }
}

/// Puts what stands written out in `data` among the components, and a reference in its place.
fn take_out(schema: &mut RefOr<Schema>, carries: &str, is_list: bool, components: &mut Components) {
    let RefOr::T(Schema::Object(envelope)) = schema else { return };
    let data = envelope.properties.get_mut("data");
    let carried = match data {
        Some(RefOr::T(Schema::Array(list))) if is_list => match &mut list.items {
            ArrayItems::RefOrSchema(items) => items.as_mut(),
            ArrayItems::False => return,
        },
        Some(data) => data,
        None => return,
    };
    let reference = RefOr::Ref(Ref::new(format!("{BELOW}{carries}")));
    if let RefOr::T(written_out) = std::mem::replace(carried, reference) {
        components.schemas.entry(carries.to_owned()).or_insert(RefOr::T(written_out));
    }
}

fn rename(item: &mut PathItem) {
    for (_, operation) in operations(item) {
        for response in operation.responses.responses.values_mut() {
            let RefOr::T(response) = response else { continue };
            for content in response.content.values_mut() {
                if let RefOr::T(content) = content
                    && let Some(RefOr::Ref(reference)) = &mut content.schema
                    && let Some(name) = reference.ref_location.strip_prefix(BELOW).and_then(Name::of)
                {
                    reference.ref_location = format!("{BELOW}{}", name.new);
                }
            }
        }
    }
}
