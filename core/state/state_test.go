package state_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/core/state"
)

func TestBoundsSelectWhatAfterSays(t *testing.T) {
	for _, test := range []struct {
		r           state.Range
		from, below string
	}{
		{state.Range{}, "", ""},
		{state.Range{After: "k"}, "k\x00", ""},
		{state.Range{After: "k", Reverse: true}, "", "k"},
	} {
		if from, below := test.r.Bounds(); from != test.from || below != test.below {
			t.Errorf("%+v: got %q to %q, want %q to %q", test.r, from, below, test.from, test.below)
		}
	}
}

// FuzzBounds compares the bounds with what Range's comment says.
func FuzzBounds(f *testing.F) {
	f.Add("ab", "abc", false)
	f.Add("\xff\xff", "\xff\xff\x00", true)
	f.Add("", "\x00", true)
	f.Fuzz(func(t *testing.T, after, member string, reverse bool) {
		from, below := state.Range{After: after, Reverse: reverse}.Bounds()
		got := member >= from && (below == "" || member < below)
		want := true
		switch {
		case after == "":
		case reverse:
			want = member < after
		default:
			want = member > after
		}
		if got != want {
			t.Errorf("after %q, reverse %t: %q is in: %t, want %t", after, reverse, member, got, want)
		}
	})
}

func TestTimesAreRoundedUpToMilliseconds(t *testing.T) {
	now := time.UnixMilli(1_000_000).Add(900 * time.Microsecond)
	for _, test := range []struct {
		op   state.Op
		want int64
	}{
		{state.SetTimerAfter("q", "t", 0), 1_000_000},
		{state.SetTimerAfter("q", "t", -time.Hour), 1_000_000},
		{state.SetTimerAfter("q", "t", 1), 1_000_001},
		{state.SetTimerAfter("q", "t", time.Second), 1_001_000},
		{state.SetTimer("q", "t", time.UnixMilli(5)), 5},
		{state.SetTimer("q", "t", time.UnixMilli(5).Add(1)), 6},
		{state.SetTimer("q", "t", time.UnixMilli(-5).Add(1)), -4},
	} {
		if got := test.op.DueMillis(now); got != test.want {
			t.Errorf("%+v: got %d, want %d", test.op, got, test.want)
		}
	}
	for d, want := range map[time.Duration]int64{0: 0, 1: 1, time.Millisecond: 1, time.Millisecond + 1: 2} {
		if got := state.Millis(d); got != want {
			t.Errorf("%v: got %d, want %d", d, got, want)
		}
	}
}

func TestEveryConstructorMakesAValidOp(t *testing.T) {
	err := state.DefaultLimits.Validate([]state.Op{
		state.Insert("r", "a", nil, 0), state.Require("r", "a"), state.RequireValue("r", "a", nil),
		state.Append("j", 0, nil), state.RequireDue("q", "t"), state.Replace("r", "a", nil),
		state.Put("r", "a", nil, 0), state.Delete("r", "a"), state.Add("s", "m"), state.Remove("s", "m"),
		state.DropJournal("j"), state.SetTimerAfter("q", "t", 0), state.ClearTimer("q", "t"),
	})
	if err != nil {
		t.Error(err)
	}
}

func TestAConflictTellsWhichConditionFailed(t *testing.T) {
	conflict := &state.ConflictError{Index: 1, Op: state.RequireValue("run", "r1", []byte("old"))}
	for _, test := range []struct {
		name string
		op   state.Op
		want bool
	}{
		{"the condition", state.RequireValue("run", "r1", []byte("old")), true},
		{"the condition with another value", state.RequireValue("run", "r1", []byte("new")), true},
		{"another kind", state.Require("run", "r1"), false},
		{"another bucket", state.RequireValue("lease", "r1", []byte("old")), false},
		{"another id", state.RequireValue("run", "r2", []byte("old")), false},
	} {
		if got := conflict.Failed(test.op); got != test.want {
			t.Errorf("%s: Failed = %t, want %t", test.name, got, test.want)
		}
	}
}

func TestErrorsShowNoValue(t *testing.T) {
	op := state.RequireValue("lease", "l1", []byte("s3cret"))
	err := error(&state.ConflictError{Index: 3, Op: op})
	if !strings.Contains(err.Error(), "l1") || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("got %q", err)
	}
	op.TTL = -1
	if err := state.DefaultLimits.Validate([]state.Op{op}); !errors.Is(err, state.ErrInvalid) || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("got %v", err)
	}
}
