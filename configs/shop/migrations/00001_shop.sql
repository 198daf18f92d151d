-- Tables that are the same on SQLite, PostgreSQL and MariaDB. Ids are text: those of Stripe's,
-- and the id of the run that made an order. Amounts are integers in the smallest unit of
-- their currency.

-- +goose Up
CREATE TABLE customers (
  email      VARCHAR(255) NOT NULL PRIMARY KEY,
  name       VARCHAR(255),
  stripe_id  VARCHAR(64)  UNIQUE,
  created_at TIMESTAMP    NOT NULL DEFAULT CURRENT_TIMESTAMP
);

-- What is known of an order is four facts, each of which moves in one direction only: paid and
-- refunded grow, dispute goes from none to open and on to won or lost, outcome from none to
-- cancelled and on to declined. The status is worked out from them, so it is the same in
-- whatever order they came.
CREATE TABLE orders (
  id         VARCHAR(36)  NOT NULL PRIMARY KEY,
  customer   VARCHAR(255) NOT NULL REFERENCES customers (email),
  amount     BIGINT       NOT NULL CHECK (amount > 0),
  currency   VARCHAR(3)   NOT NULL,
  paid       BIGINT       NOT NULL DEFAULT 0 CHECK (paid >= 0),
  refunded   BIGINT       NOT NULL DEFAULT 0 CHECK (refunded >= 0),
  dispute    VARCHAR(8)   NOT NULL DEFAULT 'none' CHECK (dispute IN ('none', 'open', 'won', 'lost')),
  outcome    VARCHAR(16)  NOT NULL DEFAULT 'none' CHECK (outcome IN ('none', 'cancelled', 'declined')),
  status     VARCHAR(16)  GENERATED ALWAYS AS (
    CASE
      WHEN dispute = 'lost'      THEN 'dispute_lost'
      WHEN dispute = 'open'      THEN 'disputed'
      WHEN outcome = 'cancelled' THEN 'cancelled'
      WHEN refunded >= amount    THEN 'refunded'
      WHEN refunded > 0          THEN 'partly_refunded'
      WHEN paid > 0              THEN 'paid'
      WHEN outcome = 'declined'  THEN 'declined'
      ELSE 'open'
    END
  ) STORED,
  created_at TIMESTAMP    NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX orders_by_status ON orders (status, created_at);

-- A payment is a payment intent of Stripe's. It is here before any money moves, so that every
-- event about it finds its order.
CREATE TABLE payments (
  stripe_id    VARCHAR(64) NOT NULL PRIMARY KEY,
  order_id     VARCHAR(36) NOT NULL REFERENCES orders (id),
  amount       BIGINT      NOT NULL CHECK (amount > 0),
  currency     VARCHAR(3)  NOT NULL,
  status       VARCHAR(16) NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'succeeded', 'declined', 'cancelled')),
  decline_code VARCHAR(64),
  created_at   TIMESTAMP   NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX payments_by_order ON payments (order_id);

-- +goose Down
DROP TABLE payments;
DROP TABLE orders;
DROP TABLE customers;
