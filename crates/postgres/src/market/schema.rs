//! The market's tables, as Diesel sees them. The migrations are what counts.

diesel::table! {
    profiles (id) {
        id -> Uuid,
        display_name -> Text,
        account_type -> Text,
        role -> Text,
        bio -> Nullable<Text>,
        website -> Nullable<Text>,
        avatar_url -> Nullable<Text>,
        is_verified -> Bool,
        score -> Nullable<Integer>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    profile_wallets (id) {
        id -> Uuid,
        profile_id -> Uuid,
        chain -> Text,
        address -> Text,
        is_primary -> Bool,
        capabilities -> Array<Text>,
        status -> Text,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    api_keys (id) {
        id -> Uuid,
        profile_id -> Uuid,
        name -> Text,
        prefix -> Text,
        hash -> Bytea,
        scopes -> Array<Text>,
        created_at -> Timestamptz,
        expires_at -> Nullable<Timestamptz>,
        revoked_at -> Nullable<Timestamptz>,
        last_used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    consumed_challenges (id) {
        id -> Bytea,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    listing_challenges (profile_id, challenge) {
        profile_id -> Uuid,
        challenge -> Text,
        difficulty -> SmallInt,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    categories (id) {
        id -> Uuid,
        name -> Text,
        slug -> Text,
        description -> Text,
        sort_order -> Integer,
    }
}

diesel::table! {
    listings (id) {
        id -> Uuid,
        slug -> Text,
        provider_id -> Uuid,
        name -> Text,
        description -> Text,
        category_id -> Nullable<Uuid>,
        pricing_model -> Text,
        price_micros -> BigInt,
        preferred_currency -> Text,
        delivery_type -> Text,
        auth_method -> Text,
        formats -> Array<Text>,
        docs -> Nullable<Text>,
        connection_instructions -> Nullable<Text>,
        example_outputs -> Jsonb,
        demo_endpoint -> Nullable<Text>,
        github_url -> Nullable<Text>,
        logo_url -> Nullable<Text>,
        expected_delivery -> Nullable<Text>,
        risk_disclaimers -> Nullable<Text>,
        sla -> Nullable<Text>,
        tags -> Array<Text>,
        status -> Text,
        suspended_by -> Nullable<Text>,
        revision -> Integer,
        delivered_30d -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
        former_price_micros -> Nullable<BigInt>,
        price_changed_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    listing_inputs (listing_id) {
        listing_id -> Uuid,
        input_schema -> Nullable<Json>,
        example_input -> Nullable<Json>,
    }
}

diesel::table! {
    listing_slugs (slug) {
        slug -> Text,
        listing_id -> Uuid,
        used_at -> Timestamptz,
    }
}

diesel::table! {
    listing_gateway_endpoints (listing_id) {
        listing_id -> Uuid,
        private_url -> Bytea,
        host_hint -> Text,
        upstream_auth -> Nullable<Bytea>,
        signing_secret -> Bytea,
        previous_secret -> Nullable<Bytea>,
        previous_valid_until -> Nullable<Timestamptz>,
        timeout_ms -> Integer,
        max_request_bytes -> Integer,
        max_response_bytes -> Integer,
        status -> Text,
        revision -> Integer,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::joinable!(profile_wallets -> profiles (profile_id));
diesel::joinable!(api_keys -> profiles (profile_id));
diesel::joinable!(listings -> profiles (provider_id));
diesel::joinable!(listings -> categories (category_id));
diesel::joinable!(listing_inputs -> listings (listing_id));
diesel::joinable!(listing_gateway_endpoints -> listings (listing_id));
diesel::allow_tables_to_appear_in_same_query!(
    profiles,
    profile_wallets,
    api_keys,
    categories,
    listings,
    listing_inputs,
    listing_gateway_endpoints,
);
