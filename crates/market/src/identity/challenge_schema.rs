//! The schema of [`ChallengeRequest`]: which purpose takes which fields.

use crochet_primitives::ProfileId;
use crochet_wallet::WalletAddress;
use serde_json::{Value, json};
use utoipa::openapi::schema::SchemaType;
use utoipa::openapi::{Object, ObjectBuilder, OneOfBuilder, Ref, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::challenge::{ChallengePurpose, ChallengeRequest};

const PROFILE: &str = "profile_id";
const NEW: &str = "new_wallet_address";
const EXISTING: &str = "existing_wallet_address";

const WALLET: &str = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";

impl PartialSchema for ChallengeRequest {
    fn schema() -> RefOr<Schema> {
        let alone = request("Register or recover", "The wallet registers, or recovers its profile.", &ALONE)
            .property("purpose", purpose(&ALONE).default(Some(json!("register"))))
            .property(PROFILE, nothing())
            .property(NEW, nothing())
            .property(EXISTING, nothing());
        let allow = request("Allow a link or a change", "The wallet is one of the caller's, and allows it.", &LINK)
            .required("purpose")
            .property(PROFILE, or_null::<ProfileId>("The caller's own profile; may be left out."))
            .property(NEW, or_null::<WalletAddress>("The wallet that is to be linked or changed."))
            .property(EXISTING, nothing());
        let join = request("Be linked", "The wallet is to be linked, and agrees.", &LINK)
            .required("purpose")
            .required(EXISTING)
            .property(PROFILE, or_null::<ProfileId>("The caller's own profile; may be left out."))
            .property(NEW, nothing())
            .property(EXISTING, described::<WalletAddress>("The caller's wallet that allows it."));
        let claim = request("Claim an agent", "The wallet is the agent's.", &CLAIM)
            .required("purpose")
            .required(PROFILE)
            .property(PROFILE, described::<ProfileId>("The agent's profile."))
            .property(NEW, nothing())
            .property(EXISTING, nothing());
        OneOfBuilder::new()
            .description(Some("What is to be signed, and by whom. `link_wallet` takes an API key."))
            .item(alone)
            .item(allow)
            .item(join)
            .item(claim)
            .examples(examples())
            .into()
    }
}

impl ToSchema for ChallengeRequest {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((WalletAddress::name().into(), WalletAddress::schema()));
        schemas.push((ProfileId::name().into(), ProfileId::schema()));
    }
}

const ALONE: [ChallengePurpose; 2] = [ChallengePurpose::Register, ChallengePurpose::Recover];
const LINK: [ChallengePurpose; 1] = [ChallengePurpose::LinkWallet];
const CLAIM: [ChallengePurpose; 1] = [ChallengePurpose::ClaimAgent];

fn request(title: &str, description: &str, purposes: &[ChallengePurpose]) -> ObjectBuilder {
    ObjectBuilder::new()
        .title(Some(title))
        .description(Some(description))
        .property("wallet_address", described::<WalletAddress>("Who is to sign."))
        .property("purpose", purpose(purposes))
        .required("wallet_address")
        .additional_properties(Some(utoipa::openapi::schema::AdditionalProperties::FreeForm(false)))
}

fn purpose(purposes: &[ChallengePurpose]) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some("What for."))
        .enum_values(Some(purposes.iter().map(|purpose| purpose.as_str())))
}

fn described<T: ToSchema>(description: &str) -> Ref {
    let mut reference = Ref::from_schema_name(T::name());
    reference.description = description.to_owned();
    reference
}

fn or_null<T: ToSchema>(description: &str) -> OneOfBuilder {
    OneOfBuilder::new().item(described::<T>(description)).item(nothing())
}

/// A field that is for other purposes.
fn nothing() -> Object {
    ObjectBuilder::new().schema_type(SchemaType::new(Type::Null)).build()
}

fn examples() -> [Value; 3] {
    [
        json!({ "wallet_address": WALLET, "purpose": "register" }),
        json!({
            "wallet_address": WALLET,
            "purpose": "link_wallet",
            "new_wallet_address": "2xRiSnKRWfFwwtkBPewQ6E4QA2SK9kzypVukLh35hiS8"
        }),
        json!({
            "wallet_address": "2xRiSnKRWfFwwtkBPewQ6E4QA2SK9kzypVukLh35hiS8",
            "purpose": "link_wallet",
            "existing_wallet_address": WALLET
        }),
    ]
}
