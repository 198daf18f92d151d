package databasetest

import (
	"testing"
	"time"

	"github.com/backflow/backflow/sdk"
)

// Start makes a plugin that is not configured, which takes the time from now.
type Start func(now func() time.Time) sdk.Plugin

// Suite runs over one engine.
type Suite struct {
	Engine
	start Start
}

// NewSuite returns the means of the suite, for what is tested over one engine alone.
func NewSuite(start Start, e Engine) Suite { return Suite{Engine: e, start: start} }

// topics are the parts of the suite.
var topics = []struct {
	name string
	run  func(s Suite, t *testing.T)
}{
	{"insert", Suite.insert},
	{"filters", Suite.filters},
	{"select", Suite.selection},
	{"query", Suite.query},
	{"insertMany", Suite.insertMany},
	{"upsert", Suite.upsert},
	{"update", Suite.update},
	{"delete", Suite.delete},
	{"get", Suite.get},
	{"preconditions", Suite.preconditions},
	{"kinds of tables", Suite.tableKinds},
	{"changes at the same time", Suite.concurrent},
	{"refusals", Suite.refusals},
	{"once", Suite.once},
	{"old keys", Suite.sweep},
	{"schema changes", Suite.schemaChanges},
	{"transaction", Suite.transaction},
	{"access", Suite.access},
	{"check", Suite.check},
	{"injection", Suite.injection},
	{"what was inserted comes back equal", Suite.property},
}

// Run runs all topics over an engine, at the same time, each with databases of its own.
func Run(t *testing.T, start Start, e Engine) {
	t.Helper()
	s := NewSuite(start, e)
	for _, topic := range topics {
		t.Run(topic.name, func(t *testing.T) {
			t.Parallel()
			topic.run(s, t)
		})
	}
}
