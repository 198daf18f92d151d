package mysql

import (
	"errors"
	"testing"
	"time"

	"github.com/backflow/backflow/plugins/database/internal/driver"
)

// TestATableIsReadAnewByOneCallBeforeItIsTooOld: the others go on with what is known,
// until that is a second old.
func TestATableIsReadAnewByOneCallBeforeItIsTooOld(t *testing.T) {
	start := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	now := start
	known := newTables(func() time.Time { return now })
	reads := 0
	describe := func(meanwhile func()) *driver.Table {
		t.Helper()
		table, err := known.describe("a", func() (*driver.Table, error) {
			reads++
			read := &driver.Table{View: reads%2 == 0}
			meanwhile()
			return read, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return table
	}
	nothing := func() {}
	first := describe(nothing)
	now = start.Add(refreshAfter - 1)
	if describe(nothing) != first || reads != 1 {
		t.Errorf("it was read %d times within half of its time", reads)
	}
	now = start.Add(refreshAfter)
	second := describe(func() {
		if describe(nothing) != first || reads != 2 {
			t.Error("while one call reads it anew, another did not go on with what is known")
		}
		now = start.Add(describedFor)
		if describe(nothing) == first || reads != 3 {
			t.Error("what is a second old is still used")
		}
		now = start.Add(refreshAfter)
	})
	if second == first {
		t.Error("what was read anew is not returned")
	}
	if known.forget("a"); describe(nothing) == second || reads != 4 {
		t.Error("what was forgotten is still used")
	}
	now = start // a clock that was set back says nothing of how old it is
	if describe(nothing); reads != 5 {
		t.Error("what was read later than now is used")
	}
	now = start.Add(refreshAfter)
	gone := errors.New("gone")
	if _, err := known.describe("a", func() (*driver.Table, error) { return nil, gone }); !errors.Is(err, gone) {
		t.Errorf("error %v", err)
	}
	if describe(nothing); reads != 6 {
		t.Error("a table that could not be read is still known")
	}
}
