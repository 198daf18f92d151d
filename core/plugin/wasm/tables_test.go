package wasm

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/abi"
)

// funcref and tableGrow are what the tests need of reference types:
// https://www.w3.org/TR/wasm-core-2/#table-instructions
const (
	funcref   = "\x70"
	nullFunc  = "\xd0\x70"
	tableGrow = "\xfc\x0f"
)

func elements(n uint64) string { return string(binary.AppendUvarint(nil, n)) }

// grown is a guest that has its tables grow and answers, as JSON, whether it could
// by less than the bound and by more than it.
func grown(table string, by int32) string {
	// The answer is one byte of the data, which lies at 1024: "1" where it grew.
	return i32(1024+abi.HeaderSize+abi.FieldSize) + i32('0') + nullFunc + i32(by) + tableGrow + table +
		i32(-1) + "\x47" + "\x6a" + "\x3a\x00\x00" + answering(1024, abi.HeaderSize+abi.FieldSize+1)
}

func TestTablesOfAGuestAreBounded(t *testing.T) {
	one := abi.Append(abi.Begin(nil, abi.OK), abi.Body, "?")
	for name, c := range map[string]struct {
		tables string
		call   string
		want   string
	}{
		"it may grow":             {"\x01" + funcref + "\x00\x01", grown("\x00", 1000), "1"},
		"not beyond the bound":    {"\x01" + funcref + "\x00\x01", grown("\x00", maxElements), "0"},
		"nor as it declares":      {"\x01" + funcref + "\x01\x01" + elements(1<<32-1), grown("\x00", maxElements), "0"},
		"nor beyond its own":      {"\x01" + funcref + "\x01\x01\x05", grown("\x00", 5), "0"},
		"nor by a second table":   {"\x02" + funcref + "\x00\x01" + funcref + "\x00\x01", grown("\x01", 1000), "0"},
		"the last element counts": {"\x01" + funcref + "\x00\x01", grown("\x00", maxElements-1), "1"},
	} {
		i, err := launchHandmade(t, handmade{tables: c.tables, call: c.call, data: one})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		result, err := i.Execute(t.Context(), time.Now().Add(ample), sdk.Call{Action: "greet", Params: []byte(`{}`)})
		if string(result.Body) != c.want {
			t.Errorf("%s: got %q %v, want %q", name, result.Body, err, c.want)
		}
	}
}

func TestTablesThatBeginTooLargeAreRefused(t *testing.T) {
	for _, tables := range []string{
		"\x01" + funcref + "\x00" + elements(maxElements+1),
		"\x02" + strings.Repeat(funcref+"\x00"+elements(maxElements/2+1), 2),
	} {
		_, err := launchHandmade(t, handmade{tables: tables, data: []byte{byte(abi.OK)}})
		if err == nil || !strings.Contains(err.Error(), "tables begin with more than") {
			t.Errorf("got %v", err)
		}
	}
}

func TestASecondSectionOfTablesIsRefused(t *testing.T) {
	small := handmade{tables: "\x01" + funcref + "\x00\x01"}.module()
	at := bytes.Index(small, []byte("\x04\x04\x01"+funcref))
	twice := append(bytes.Clone(small[:at]), small[at:at+6]...)
	if _, err := boundTables(append(twice, small[at:]...)); err == nil {
		t.Error("accepted")
	}
}

func FuzzBoundTables(f *testing.F) {
	f.Add(handmade{tables: "\x01" + funcref + "\x00\x01"}.module())
	f.Add(handmade{tables: "\x01" + funcref + "\x01\x01\x05"}.module())
	f.Add([]byte("\x00asm\x01\x00\x00\x00\x04\x05"))
	f.Fuzz(func(t *testing.T, module []byte) {
		bounded, err := boundTables(module)
		if err != nil {
			return
		}
		again, err := boundTables(bounded)
		if err != nil || !bytes.Equal(again, bounded) {
			t.Errorf("bounding %x again: %x %v", bounded, again, err)
		}
	})
}
