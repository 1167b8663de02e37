-- What a seller says of the request that a listing takes, for who pays without having read its documentation, and for
-- who indexes listings. Apart from the listing, since whoever lists listings, calls one, or searches never reads it.
-- The type is json and not jsonb: it comes back as it was given, and nothing looks inside.
CREATE TABLE listing_inputs (
    listing_id    uuid PRIMARY KEY REFERENCES listings,
    input_schema  json CHECK (json_typeof(input_schema) = 'object' AND octet_length(input_schema::text) <= 16384),
    example_input json CHECK (json_typeof(example_input) <> 'null' AND octet_length(example_input::text) <= 4096),
    CONSTRAINT listing_inputs_say_something CHECK (input_schema IS NOT NULL OR example_input IS NOT NULL)
);
COMMENT ON TABLE listing_inputs IS 'A JSON Schema and an example of the body that a listing takes. Without either there is no row.';
GRANT SELECT, INSERT, UPDATE, DELETE ON listing_inputs TO crochet_app;
