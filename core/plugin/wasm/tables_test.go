package wasm

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/core/plugin/wasm/internal/wasmtest"
	"github.com/backflow/backflow/core/plugin/wasm/modulecache"
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

// grown is the code of a guest that grows a table. It returns, as JSON, 1 if the table
// grew, else 0.
func grown(table string, by int32) string {
	// The result is one byte of the data at address 1024.
	return wasmtest.I32(1024+abi.HeaderSize+abi.FieldSize) + wasmtest.I32('0') + nullFunc + wasmtest.I32(by) + tableGrow + table +
		wasmtest.I32(-1) + "\x47" + "\x6a" + "\x3a\x00\x00" + wasmtest.Return(1024, abi.HeaderSize+abi.FieldSize+1)
}

func TestTablesOfAGuestAreBounded(t *testing.T) {
	one := abi.Append(abi.Begin(nil, abi.OK), abi.Body, "?")
	for name, c := range map[string]struct {
		tables string
		call   string
		want   string
	}{
		"it may grow":             {"\x01" + funcref + "\x00\x01", grown("\x00", 1000), "1"},
		"not beyond the bound":    {"\x01" + funcref + "\x00\x01", grown("\x00", modulecache.MaxTableElements), "0"},
		"nor as it declares":      {"\x01" + funcref + "\x01\x01" + elements(1<<32-1), grown("\x00", modulecache.MaxTableElements), "0"},
		"nor beyond its own":      {"\x01" + funcref + "\x01\x01\x05", grown("\x00", 5), "0"},
		"nor by a second table":   {"\x02" + funcref + "\x00\x01" + funcref + "\x00\x01", grown("\x01", 1000), "0"},
		"the last element counts": {"\x01" + funcref + "\x00\x01", grown("\x00", modulecache.MaxTableElements-1), "1"},
	} {
		i, err := launchModule(t, wasmtest.Module{Tables: c.tables, Call: c.call, Data: one})
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
		"\x01" + funcref + "\x00" + elements(modulecache.MaxTableElements+1),
		"\x02" + strings.Repeat(funcref+"\x00"+elements(modulecache.MaxTableElements/2+1), 2),
	} {
		_, err := launchModule(t, wasmtest.Module{Tables: tables, Data: []byte{byte(abi.OK)}})
		if err == nil || !strings.Contains(err.Error(), "tables begin with more than") {
			t.Errorf("got %v", err)
		}
	}
}
