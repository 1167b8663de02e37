//! The relay's tables, as `migrations/*_relay` makes them. Generated columns are left out: nobody writes them, and
//! what they say is in the documents they are made of.

diesel::table! {
    gateway_requests (id) {
        id -> Uuid,
        buyer_id -> Uuid,
        seller_id -> Uuid,
        listing_id -> Uuid,
        body_sha256 -> Binary,
        idempotency_key -> Nullable<Text>,
        origin -> Jsonb,
        gross_micros -> Nullable<Int8>,
        fee_micros -> Nullable<Int8>,
        seller_micros -> Nullable<Int8>,
        fee_basis_points -> Nullable<Int4>,
        state -> Text,
        quote_fence -> Int4,
        attempt -> Int4,
        lease_until -> Nullable<Timestamptz>,
        terms -> Nullable<Jsonb>,
        refusal -> Nullable<Jsonb>,
        payment_seen -> Bool,
        payment_failure -> Nullable<Text>,
        last_checked_at -> Nullable<Timestamptz>,
        settlement -> Nullable<Jsonb>,
        failures -> Int4,
        retry_not_before -> Nullable<Timestamptz>,
        last_failure -> Nullable<Jsonb>,
        delivery -> Nullable<Jsonb>,
        superseded_by -> Nullable<Uuid>,
        next_check_at -> Nullable<Timestamptz>,
        checks -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        check_wanted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    gateway_attempts (call_id, attempt) {
        call_id -> Uuid,
        attempt -> Int4,
        started_at -> Timestamptz,
        outcome -> Nullable<Text>,
        seller_status -> Nullable<Int4>,
        latency_ms -> Nullable<Int8>,
    }
}

diesel::table! {
    idempotency_keys (buyer_id, listing_id, key) {
        buyer_id -> Uuid,
        listing_id -> Uuid,
        key -> Text,
        call_id -> Uuid,
        fingerprint -> Binary,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    consumed_references (provider, reference) {
        provider -> Text,
        reference -> Text,
        call_id -> Uuid,
        consumed_at -> Timestamptz,
    }
}

diesel::table! {
    ledger_entries (id) {
        id -> Uuid,
        settlement_id -> Uuid,
        entry_type -> Text,
        adjusts -> Nullable<Text>,
        direction -> Text,
        profile_id -> Uuid,
        call_id -> Uuid,
        listing_id -> Uuid,
        amount_micros -> Int8,
        currency -> Text,
        fee_status -> Text,
        fee_collected_micros -> Nullable<Int8>,
        provider -> Text,
        provider_reference -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    unknown_payments (id) {
        id -> Uuid,
        provider -> Text,
        reference -> Text,
        payment -> Jsonb,
        reason -> Text,
        noticed_at -> Timestamptz,
    }
}

diesel::table! {
    orphan_payments (id) {
        id -> Uuid,
        call_id -> Uuid,
        buyer_id -> Uuid,
        provider -> Text,
        reference -> Text,
        payment -> Jsonb,
        reason -> Text,
        noticed_at -> Timestamptz,
    }
}

diesel::table! {
    response_vault (call_id) {
        call_id -> Uuid,
        buyer_id -> Uuid,
        sealed -> Binary,
        sealed_bytes -> Int8,
        key_prefix -> Text,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    vault_usage (buyer_id) {
        buyer_id -> Uuid,
        sealed_bytes -> Int8,
    }
}

diesel::table! {
    mock_quotes (call_id) {
        call_id -> Uuid,
        amount_micros -> Int8,
        recipient -> Text,
    }
}

diesel::table! {
    mock_payments (reference) {
        reference -> Text,
        call_id -> Uuid,
        outcome -> Text,
        settles_at -> Timestamptz,
        amount_micros -> Int8,
        created_at -> Timestamptz,
    }
}
