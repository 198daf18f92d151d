// Package statement writes the SQL of the plugin's actions and of its table of
// idempotency keys, once for every database: what differs is in a driver.Syntax.
//
// It only makes texts. The package imports plugins/database/internal/driver.
package statement
