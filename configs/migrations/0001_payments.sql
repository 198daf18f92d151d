-- +goose Up
-- One row for each received payment. An event that Stripe sends twice is
-- recognised by its id before anything is inserted, so stripe_id needs no
-- UNIQUE for that; the index is for looking a payment up.
CREATE TABLE payments (
    id         INTEGER PRIMARY KEY,
    stripe_id  TEXT    NOT NULL,
    amount     INTEGER NOT NULL, -- in the smallest unit of the currency, such as cents
    created_at TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);
CREATE INDEX payments_stripe_id ON payments (stripe_id);

-- +goose Down
DROP TABLE payments;
