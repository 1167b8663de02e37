-- How often listings were delivered, by the hour in which the call was made: popularity is added up from it, and only the
-- hours in which something may have changed are counted again (docs/adr/0037). Nothing of it is written by a call.
CREATE TABLE listing_deliveries (
    listing_id uuid        NOT NULL,
    hour       timestamptz NOT NULL,
    delivered  bigint      NOT NULL CHECK (delivered > 0),
    PRIMARY KEY (listing_id, hour)
);
CREATE INDEX listing_deliveries_by_hour ON listing_deliveries (hour);
COMMENT ON TABLE listing_deliveries IS 'Delivered calls of each listing, by the hour in which they were made; of the last 30 days. listings.delivered_30d is their sum.';

CREATE TABLE counted_hours (
    hour       timestamptz PRIMARY KEY,
    counted_at timestamptz NOT NULL
);
COMMENT ON TABLE counted_hours IS 'When the deliveries of an hour were counted last.';

-- What was counted so far stands until counting begins: it is of no hour, and taken away with those that are too long ago.
INSERT INTO listing_deliveries (listing_id, hour, delivered)
SELECT id, '-infinity', delivered_30d FROM listings WHERE delivered_30d > 0;

GRANT SELECT, INSERT, UPDATE, DELETE ON listing_deliveries, counted_hours TO crochet_app;
