-- +goose Up
CREATE TABLE messages (
    id        INTEGER PRIMARY KEY,
    recipient TEXT NOT NULL,
    text      TEXT NOT NULL
);
CREATE TABLE shipments (
    id       INTEGER PRIMARY KEY,
    sku      TEXT    NOT NULL,
    quantity INTEGER NOT NULL CHECK (quantity > 0)
);

-- +goose Down
DROP TABLE shipments;
DROP TABLE messages;
