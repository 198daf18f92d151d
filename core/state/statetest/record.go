package statetest

import (
	"bytes"
	"context"
	"testing"

	"github.com/backflow/backflow/core/state"
)

// oddNames are ids and members with everything that may confuse a store:
// separators of keys, zero bytes, bytes that are not UTF-8, patterns and quotes.
var oddNames = []string{
	" ", ":", "a:b", "a%3Ab", "%", "a%", "a/b", "..", "*", "a*", "[a]", "{a}", "'", `"`, `\`, "a\x00", "a\x00b", "\x00",
	"\xff", "\xff\xff", "a\xffb", "é", "日本", "a\nb", "a\r\nb", "NULL", "0", "-", "+", "(a",
}

func testRecord(t *testing.T, factory Factory) {
	promise(t, factory, "getReturnsInOrderAndNilForAbsent", func(t *testing.T, h Harness) {
		commit(t, h.Store, state.Put("r", "a", []byte("1"), 0), state.Put("r", "c", []byte("3"), 0))
		values, err := h.Store.Get(context.Background(),
			state.Ref{Bucket: "r", ID: "c"}, state.Ref{Bucket: "r", ID: "b"}, state.Ref{Bucket: "r", ID: "a"}, state.Ref{Bucket: "x", ID: "a"})
		if err != nil {
			t.Fatal(err)
		}
		if len(values) != 4 || string(values[0]) != "3" || values[1] != nil || string(values[2]) != "1" || values[3] != nil {
			t.Errorf("got %q", values)
		}
		values, err = h.Store.Get(context.Background())
		if err != nil || len(values) != 0 {
			t.Errorf("no refs: got %q, %v", values, err)
		}
	})
	promise(t, factory, "insertFailsIfThere", func(t *testing.T, h Harness) {
		commit(t, h.Store, state.Insert("r", "a", []byte("1"), 0))
		conflict(t, h.Store, 0, state.Insert("r", "a", []byte("2"), 0))
		if got := get(t, h.Store, "r", "a"); string(got) != "1" {
			t.Errorf("record holds %q", got)
		}
		commit(t, h.Store, state.Delete("r", "a"))
		commit(t, h.Store, state.Insert("r", "a", []byte("2"), 0))
	})
	promise(t, factory, "putReplaces", func(t *testing.T, h Harness) {
		commit(t, h.Store, state.Put("r", "a", []byte("1"), 0))
		commit(t, h.Store, state.Put("r", "a", []byte("22"), 0))
		if got := get(t, h.Store, "r", "a"); string(got) != "22" {
			t.Errorf("record holds %q", got)
		}
	})
	promise(t, factory, "deleteOfAbsentIsNoFault", func(t *testing.T, h Harness) {
		commit(t, h.Store, state.Delete("r", "a"))
	})
	promise(t, factory, "requireHoldsWhileThere", func(t *testing.T, h Harness) {
		conflict(t, h.Store, 0, state.Require("r", "a"))
		commit(t, h.Store, state.Put("r", "a", nil, 0))
		for range 3 {
			commit(t, h.Store, state.Require("r", "a"), state.Put("r", "other", nil, 0))
		}
		commit(t, h.Store, state.Delete("r", "a"))
		conflict(t, h.Store, 0, state.Require("r", "a"))
	})
	promise(t, factory, "requireValueComparesAllBytes", func(t *testing.T, h Harness) {
		conflict(t, h.Store, 0, state.RequireValue("r", "a", nil))
		commit(t, h.Store, state.Put("r", "a", []byte("one\x00two"), 0))
		conflict(t, h.Store, 0, state.RequireValue("r", "a", []byte("one")))
		conflict(t, h.Store, 0, state.RequireValue("r", "a", []byte("one\x00twO")))
		conflict(t, h.Store, 0, state.RequireValue("r", "a", nil))
		commit(t, h.Store, state.RequireValue("r", "a", []byte("one\x00two")), state.Put("r", "a", nil, 0))
		commit(t, h.Store, state.RequireValue("r", "a", []byte{}))
	})
	promise(t, factory, "timeToLiveEndsARecord", func(t *testing.T, h Harness) {
		commit(t, h.Store,
			state.Insert("r", "a", []byte("1"), 20*h.Tick),
			state.Put("r", "b", []byte("1"), h.Tick),
			state.Put("r", "stays", []byte("1"), 0))
		commit(t, h.Store, state.Require("r", "a"))
		conflict(t, h.Store, 0, state.Insert("r", "a", nil, 0))
		h.Advance(2 * h.Tick)
		if get(t, h.Store, "r", "a") == nil || get(t, h.Store, "r", "b") != nil || get(t, h.Store, "r", "stays") == nil {
			t.Error("after 2 ticks: want a, not b")
		}
		h.Advance(20 * h.Tick)
		if get(t, h.Store, "r", "a") != nil {
			t.Error("after 22 ticks: a is still read")
		}
		conflict(t, h.Store, 0, state.Require("r", "a"))
		conflict(t, h.Store, 0, state.RequireValue("r", "a", []byte("1")))
		commit(t, h.Store, state.Insert("r", "a", []byte("2"), 0))
		commit(t, h.Store, state.Require("r", "a"))
	})
	promise(t, factory, "putStartsTheTimeToLiveAnew", func(t *testing.T, h Harness) {
		commit(t, h.Store, state.Put("r", "a", nil, h.Tick), state.Put("r", "b", nil, h.Tick))
		commit(t, h.Store, state.Put("r", "a", nil, 0), state.Put("r", "b", nil, 100*h.Tick))
		h.Advance(2 * h.Tick)
		if get(t, h.Store, "r", "a") == nil {
			t.Error("a Put without time to live keeps the old one")
		}
		if get(t, h.Store, "r", "b") == nil {
			t.Error("a Put with a longer time to live keeps the old one")
		}
	})
	promise(t, factory, "replaceLeavesTheTimeToLiveAsItIs", func(t *testing.T, h Harness) {
		conflict(t, h.Store, 0, state.Replace("r", "absent", nil))
		commit(t, h.Store, state.Put("r", "a", []byte("1"), 10*h.Tick), state.Put("r", "stays", []byte("1"), 0))
		h.Advance(5 * h.Tick)
		commit(t, h.Store, state.Replace("r", "a", []byte("2")), state.Replace("r", "stays", []byte("2")))
		if string(get(t, h.Store, "r", "a")) != "2" || string(get(t, h.Store, "r", "stays")) != "2" {
			t.Error("the records were not replaced")
		}
		h.Advance(6 * h.Tick)
		if get(t, h.Store, "r", "a") != nil || get(t, h.Store, "r", "stays") == nil {
			t.Error("replacing a record changed how long it lives")
		}
		conflict(t, h.Store, 0, state.Replace("r", "a", []byte("3")))
	})
	promise(t, factory, "replaceOfWhatTheCommitRemovesMakesNothing", func(t *testing.T, h Harness) {
		commit(t, h.Store, state.Put("r", "a", nil, 0))
		commit(t, h.Store, state.Delete("r", "a"), state.Replace("r", "a", []byte("2")))
		if get(t, h.Store, "r", "a") != nil {
			t.Error("a removed record is back")
		}
	})
	promise(t, factory, "valuesHoldAnyBytes", func(t *testing.T, h Harness) {
		all := make([]byte, 256)
		for i := range all {
			all[i] = byte(i)
		}
		big := bytes.Repeat(all, 4096) // 1 MiB
		for name, value := range map[string][]byte{"nil": nil, "empty": {}, "all": all, "big": big, "number": []byte("007"), "utf8": []byte("\xff\xfe")} {
			commit(t, h.Store, state.Insert("r", name, value, 0), state.Append(name, 0, value))
			got := get(t, h.Store, "r", name)
			if got == nil || !bytes.Equal(got, value) {
				t.Errorf("%s: %d bytes came back as %d (nil: %t)", name, len(value), len(got), got == nil)
			}
			if got := journal(t, h.Store, name, 0); len(got) != 1 || got[0] != string(value) {
				t.Errorf("%s: entry of %d bytes came back changed", name, len(value))
			}
			commit(t, h.Store, state.RequireValue("r", name, value))
		}
	})
	promise(t, factory, "valuesAreCopied", func(t *testing.T, h Harness) {
		value := []byte("abc")
		commit(t, h.Store, state.Put("r", "a", value, 0))
		value[0] = 'X'
		get(t, h.Store, "r", "a")[1] = 'Y'
		if got := get(t, h.Store, "r", "a"); string(got) != "abc" {
			t.Errorf("record holds %q", got)
		}
	})
	promise(t, factory, "idsAndBucketsHoldAnyBytes", func(t *testing.T, h Harness) {
		for _, bucket := range oddNames {
			var ops []state.Op
			for _, id := range oddNames {
				ops = append(ops, state.Insert(bucket, id, []byte(bucket+"|"+id), 0))
			}
			commit(t, h.Store, ops...)
		}
		for _, bucket := range oddNames {
			for _, id := range oddNames {
				if got := get(t, h.Store, bucket, id); string(got) != bucket+"|"+id {
					t.Errorf("(%q, %q) holds %q", bucket, id, got)
				}
			}
		}
	})
	promise(t, factory, "kindsShareNoNames", func(t *testing.T, h Harness) {
		commit(t, h.Store, state.Put("n", "n", []byte("v"), 0), state.Add("n", "n"), state.Append("n", 0, []byte("e")), state.SetTimerAfter("n", "n", 0))
		commit(t, h.Store, state.Delete("n", "n"))
		if len(list(t, h.Store, state.Range{Set: "n", Limit: 1})) != 1 || len(journal(t, h.Store, "n", 0)) != 1 {
			t.Error("deleting a record touched a set or a journal")
		}
	})
}
