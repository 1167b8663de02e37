-- A payment that a provider reports, and that is for a quote which there is no record of: after a restore from a backup
-- that is older than the quote, for instance. It has neither call nor buyer, which is why it is none of
-- orphan_payments.
CREATE TABLE unknown_payments (
    id         uuid        PRIMARY KEY,
    provider   text        NOT NULL,
    reference  text        NOT NULL,
    payment    jsonb       NOT NULL,
    reason     text        NOT NULL CHECK (reason IN ('unknown_call')),
    noticed_at timestamptz NOT NULL,
    CONSTRAINT unknown_payments_noted_once UNIQUE (provider, reference)
);
COMMENT ON TABLE unknown_payments IS 'Money that arrived for a quote that nobody here knows, for the operator to see. Append-only.';
CALL crochet_make_append_only('unknown_payments');
