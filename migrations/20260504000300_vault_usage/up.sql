-- How many bytes of the replay vault each buyer uses: summed up once, not at every delivery.
CREATE TABLE vault_usage (
    buyer_id uuid PRIMARY KEY,
    sealed_bytes bigint NOT NULL CHECK (sealed_bytes >= 0)
) WITH (fillfactor = 50);
COMMENT ON TABLE vault_usage IS 'Bytes of sealed responses a buyer has in the vault, those among them that expired and are not yet purged. Where it says that there is no room, the responses are summed again.';
INSERT INTO vault_usage (buyer_id, sealed_bytes)
    SELECT buyer_id, sum(sealed_bytes) FROM response_vault GROUP BY buyer_id;
GRANT SELECT, INSERT, UPDATE ON vault_usage TO crochet_app;
