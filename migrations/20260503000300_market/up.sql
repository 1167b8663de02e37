-- Who acts on the marketplace, and what is offered there. All ids are UUIDv7 that the program makes, except those of the
-- seeded categories. Vocabularies and bounds are those of crochet_market, checked here once more.

CREATE TABLE profiles (
    id           uuid        PRIMARY KEY,
    display_name text        NOT NULL CHECK (char_length(display_name) BETWEEN 2 AND 50),
    account_type text        NOT NULL CHECK (account_type IN ('agent', 'human', 'human_claimed_agent')),
    role         text        NOT NULL CHECK (role IN ('buyer', 'provider', 'both')),
    bio          text        CHECK (char_length(bio) <= 500),
    website      text        CHECK (octet_length(website) <= 2048),
    avatar_url   text        CHECK (octet_length(avatar_url) <= 2048),
    is_verified  boolean     NOT NULL DEFAULT false,
    score        integer     CHECK (score BETWEEN 0 AND 1000),
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE profiles IS 'Agents, and later people. Its row lock guards what is decided over all wallets or challenges of a profile.';
GRANT SELECT, INSERT, UPDATE ON profiles TO crochet_app;

CREATE TABLE profile_wallets (
    id           uuid        PRIMARY KEY,
    profile_id   uuid        NOT NULL REFERENCES profiles (id),
    chain        text        NOT NULL CHECK (chain IN ('evm', 'solana')),
    address      text        NOT NULL CHECK (char_length(address) BETWEEN 32 AND 44),
    is_primary   boolean     NOT NULL,
    capabilities text[]      NOT NULL CHECK (capabilities <@ ARRAY['auth', 'recovery', 'payment', 'payout']
                                             AND array_position(capabilities, NULL) IS NULL),
    status       text        NOT NULL CHECK (status IN ('active', 'disabled')),
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL DEFAULT now(),
    -- An address belongs to one profile at most; it is stored in its canonical spelling.
    CONSTRAINT profile_wallets_one_owner UNIQUE (chain, address)
);
CREATE INDEX profile_wallets_by_profile ON profile_wallets (profile_id, id);
CREATE UNIQUE INDEX profile_wallets_one_primary ON profile_wallets (profile_id, chain) WHERE is_primary;
COMMENT ON TABLE profile_wallets IS 'Wallets that a profile has proved to own, and what each may be used for.';
GRANT SELECT, INSERT, UPDATE ON profile_wallets TO crochet_app;

CREATE TABLE api_keys (
    id           uuid        PRIMARY KEY,
    profile_id   uuid        NOT NULL REFERENCES profiles (id),
    name         text        NOT NULL CHECK (char_length(name) BETWEEN 1 AND 100),
    prefix       text        NOT NULL CHECK (char_length(prefix) BETWEEN 1 AND 12),
    hash         bytea       NOT NULL CHECK (octet_length(hash) = 32),
    scopes       text[]      NOT NULL CHECK (scopes <@ ARRAY['read', 'write', 'gateway'] AND array_position(scopes, NULL) IS NULL),
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz,
    revoked_at   timestamptz,
    last_used_at timestamptz,
    CONSTRAINT api_keys_by_hash UNIQUE (hash)
);
CREATE INDEX api_keys_by_profile ON api_keys (profile_id, id DESC) WHERE revoked_at IS NULL;
COMMENT ON TABLE api_keys IS 'SHA-256 hashes of API keys. Revoked keys stay, so that what they did can be told.';
GRANT SELECT, INSERT, UPDATE ON api_keys TO crochet_app;

CREATE TABLE consumed_challenges (
    id         bytea       PRIMARY KEY CHECK (octet_length(id) = 32),
    expires_at timestamptz NOT NULL
);
CREATE INDEX consumed_challenges_expired ON consumed_challenges (expires_at);
COMMENT ON TABLE consumed_challenges IS 'Sign-in challenges that were used. Purged once they could not be used anyway.';
GRANT SELECT, INSERT, DELETE ON consumed_challenges TO crochet_app;

CREATE TABLE listing_challenges (
    profile_id uuid        NOT NULL REFERENCES profiles (id),
    challenge  text        NOT NULL CHECK (char_length(challenge) BETWEEN 1 AND 500),
    difficulty smallint    NOT NULL CHECK (difficulty BETWEEN 0 AND 64),
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (profile_id, challenge)
);
CREATE INDEX listing_challenges_expired ON listing_challenges (expires_at);
COMMENT ON TABLE listing_challenges IS 'Proof-of-work challenges for new listings that were asked for and not used yet.';
GRANT SELECT, INSERT, DELETE ON listing_challenges TO crochet_app;

CREATE TABLE categories (
    id          uuid    PRIMARY KEY,
    name        text    NOT NULL,
    slug        text    NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND char_length(slug) <= 50),
    description text    NOT NULL,
    sort_order  integer NOT NULL
);
COMMENT ON TABLE categories IS 'What listings are sorted into. Changed by migrations only.';
GRANT SELECT ON categories TO crochet_app;

INSERT INTO categories (id, name, slug, description, sort_order) VALUES
    ('019dedb5-ae00-7000-8000-000000000001', 'DeFi', 'defi', 'Swaps, lending, liquidity and yield across protocols and chains.', 10),
    ('019dedb5-ae00-7000-8000-000000000002', 'Market Data', 'market-data', 'Prices, order books, trades and on-chain data, live and historical.', 20),
    ('019dedb5-ae00-7000-8000-000000000003', 'Trading Signals', 'trading-signals', 'Forecasts, alerts and strategies to act upon.', 30),
    ('019dedb5-ae00-7000-8000-000000000004', 'Analytics', 'analytics', 'Metrics, scoring, dashboards and anomaly detection over data of any kind.', 40),
    ('019dedb5-ae00-7000-8000-000000000005', 'Research', 'research', 'Reports, due diligence, literature and fact finding with sources.', 50),
    ('019dedb5-ae00-7000-8000-000000000006', 'Natural Language', 'natural-language', 'Writing, summaries, translation, classification and extraction from text.', 60),
    ('019dedb5-ae00-7000-8000-000000000007', 'Vision & Image', 'vision-image', 'Recognition, reading of documents, and generation of images and video.', 70),
    ('019dedb5-ae00-7000-8000-000000000008', 'Audio & Speech', 'audio-speech', 'Transcription, speech synthesis, music and sound analysis.', 80),
    ('019dedb5-ae00-7000-8000-000000000009', 'Code & DevTools', 'code-devtools', 'Code generation, review, testing, audits of contracts and sandboxes to run code in.', 90),
    ('019dedb5-ae00-7000-8000-00000000000a', 'Web & Search', 'web-search', 'Search, crawling, scraping and browsing.', 100),
    ('019dedb5-ae00-7000-8000-00000000000b', 'Identity & Compliance', 'identity-compliance', 'Verification, sanctions screening, reputation and risk checks.', 110),
    ('019dedb5-ae00-7000-8000-00000000000c', 'Infrastructure', 'infrastructure', 'Compute, storage, RPC nodes, queues and other services that agents run on.', 120),
    ('019dedb5-ae00-7000-8000-00000000000d', 'Other', 'other', 'Whatever fits nowhere else.', 1000);

CREATE TABLE listings (
    id                      uuid        PRIMARY KEY,
    slug                    text        NOT NULL UNIQUE,
    provider_id             uuid        NOT NULL REFERENCES profiles (id),
    name                    text        NOT NULL CHECK (char_length(name) BETWEEN 2 AND 100),
    description             text        NOT NULL CHECK (char_length(description) BETWEEN 10 AND 5000),
    category_id             uuid        REFERENCES categories (id),
    -- The retired models can be filtered by, and are stored nowhere.
    pricing_model           text        NOT NULL CHECK (pricing_model IN ('free', 'per_call')),
    price_micros            bigint      NOT NULL,
    preferred_currency      text        NOT NULL CHECK (preferred_currency IN ('USDC', 'ETH', 'SOL')),
    delivery_type           text        NOT NULL CHECK (delivery_type IN ('api', 'webhook', 'streaming', 'batch', 'file')),
    auth_method             text        NOT NULL CHECK (auth_method IN ('api_key', 'oauth2', 'bearer_token', 'none')),
    formats                 text[]      NOT NULL CHECK (cardinality(formats) <= 20 AND array_position(formats, NULL) IS NULL),
    docs                    text        CHECK (char_length(docs) <= 50000),
    connection_instructions text        CHECK (char_length(connection_instructions) <= 10000),
    example_outputs         jsonb       NOT NULL,
    demo_endpoint           text        CHECK (octet_length(demo_endpoint) <= 2048),
    github_url              text        CHECK (octet_length(github_url) <= 2048),
    logo_url                text        CHECK (octet_length(logo_url) <= 2048),
    expected_delivery       text        CHECK (char_length(expected_delivery) <= 100),
    risk_disclaimers        text        CHECK (char_length(risk_disclaimers) <= 5000),
    sla                     text        CHECK (char_length(sla) <= 5000),
    tags                    text[]      NOT NULL CHECK (cardinality(tags) <= 20 AND array_position(tags, NULL) IS NULL),
    status                  text        NOT NULL CHECK (status IN ('draft', 'active', 'suspended')),
    suspended_by            text        CHECK (suspended_by IN ('owner', 'operator')),
    revision                integer     NOT NULL CHECK (revision >= 1),
    delivered_30d           bigint      NOT NULL DEFAULT 0 CHECK (delivered_30d >= 0),
    created_at              timestamptz NOT NULL,
    updated_at              timestamptz NOT NULL,
    deleted_at              timestamptz,
    CONSTRAINT listings_price_fits_model CHECK (CASE pricing_model
        WHEN 'free' THEN price_micros = 0
        ELSE price_micros BETWEEN 1 AND 1000000000000 END),
    CONSTRAINT listings_suspension_has_author CHECK ((status = 'suspended') = (suspended_by IS NOT NULL)),
    CONSTRAINT listings_examples_are_a_list CHECK (CASE jsonb_typeof(example_outputs)
        WHEN 'array' THEN jsonb_array_length(example_outputs) <= 20
        ELSE false END)
);
-- One index for each order of the catalogue, each also within a category.
CREATE INDEX listings_newest ON listings (created_at DESC, id DESC) WHERE status = 'active' AND deleted_at IS NULL;
CREATE INDEX listings_popular ON listings (delivered_30d DESC, id DESC) WHERE status = 'active' AND deleted_at IS NULL;
CREATE INDEX listings_cheapest ON listings (price_micros, id DESC) WHERE status = 'active' AND deleted_at IS NULL;
CREATE INDEX listings_dearest ON listings (price_micros DESC, id DESC) WHERE status = 'active' AND deleted_at IS NULL;
CREATE INDEX listings_newest_of_category ON listings (category_id, created_at DESC, id DESC) WHERE status = 'active' AND deleted_at IS NULL;
CREATE INDEX listings_popular_of_category ON listings (category_id, delivered_30d DESC, id DESC) WHERE status = 'active' AND deleted_at IS NULL;
CREATE INDEX listings_by_provider ON listings (provider_id, created_at DESC, id DESC) WHERE deleted_at IS NULL;
COMMENT ON TABLE listings IS 'What sellers offer. A listing that was ever called is only marked as deleted.';
COMMENT ON COLUMN listings.delivered_30d IS 'Delivered calls among those made in the last 30 days, recounted now and then; for sort=popular.';
GRANT SELECT, INSERT, UPDATE, DELETE ON listings TO crochet_app;

-- Every slug that was ever used, also by drafts that are gone: a link never leads to somebody else's listing. Without a
-- foreign key, therefore, and without the right to change or delete.
CREATE TABLE listing_slugs (
    slug       text        PRIMARY KEY,
    listing_id uuid        NOT NULL,
    used_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT listing_slugs_form CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND char_length(slug) <= 200),
    -- A slug is never mistaken for an id.
    CONSTRAINT listing_slugs_are_no_uuids CHECK (slug !~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$')
);
COMMENT ON TABLE listing_slugs IS 'Every slug that was ever used, and by which listing. Append-only.';
CALL crochet_make_append_only('listing_slugs');
ALTER TABLE listings ADD CONSTRAINT listings_slug_is_recorded FOREIGN KEY (slug) REFERENCES listing_slugs (slug);

-- The bytea columns are AES-256-GCM ciphertexts, bound to listing and column: see crochet_secrets::MasterKeys.
CREATE TABLE listing_gateway_endpoints (
    listing_id           uuid        PRIMARY KEY REFERENCES listings (id) ON DELETE CASCADE,
    private_url          bytea       NOT NULL,
    host_hint            text        NOT NULL CHECK (char_length(host_hint) <= 300),
    upstream_auth        bytea,
    signing_secret       bytea       NOT NULL,
    previous_secret      bytea,
    previous_valid_until timestamptz,
    timeout_ms           integer     NOT NULL CHECK (timeout_ms BETWEEN 1000 AND 120000),
    max_request_bytes    integer     NOT NULL CHECK (max_request_bytes BETWEEN 1 AND 1048576),
    max_response_bytes   integer     NOT NULL CHECK (max_response_bytes BETWEEN 1 AND 8388608),
    status               text        NOT NULL CHECK (status IN ('active', 'disabled')),
    revision             integer     NOT NULL CHECK (revision >= 1),
    created_at           timestamptz NOT NULL,
    updated_at           timestamptz NOT NULL,
    CONSTRAINT listing_gateway_endpoints_overlap_ends CHECK ((previous_secret IS NULL) = (previous_valid_until IS NULL))
);
COMMENT ON TABLE listing_gateway_endpoints IS 'Where a listing''s calls go, encrypted. Never leaves through the API.';
GRANT SELECT, INSERT, UPDATE, DELETE ON listing_gateway_endpoints TO crochet_app;
