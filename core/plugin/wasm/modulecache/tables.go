package modulecache

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Tables are memory too, of 8 bytes an element, but wazero's limit of a guest's
// memory does not count them: a module of a hundred bytes can ask for all memory
// there is, which would end the gateway. A Go guest has an element for each
// function.

// MaxTableElements bounds the elements of all tables of a guest together, which
// is 8 MiB.
const MaxTableElements = 1 << 20

// boundTables returns the module with a maximum for each table, so that they never
// hold more than MaxTableElements together. It refuses a module that begins with
// more. A malformed module is returned as it is, for wazero to refuse.
func boundTables(module []byte) ([]byte, error) {
	if len(module) < preambleSize {
		return module, nil
	}
	bounded, found := module[:preambleSize:preambleSize], false
	for rest := module[preambleSize:]; len(rest) > 0; {
		size, n := binary.Uvarint(rest[1:])
		if n <= 0 || size > uint64(len(rest)-1-n) {
			return module, nil
		}
		end := 1 + n + int(size)
		if rest[0] != sectionTable {
			bounded = append(bounded, rest[:end]...)
			rest = rest[end:]
			continue
		}
		tables, ok := readTables(rest[1+n : end])
		if !ok {
			return module, nil
		}
		if found {
			return nil, errors.New("the module has two sections of tables")
		}
		found = true
		if err := tables.bound(); err != nil {
			return nil, err
		}
		bounded = appendSection(bounded, sectionTable, tables.section())
		rest = rest[end:]
	}
	return bounded, nil
}

// table is the type of one table. least and most are in elements.
type table struct {
	element   byte
	least     uint64
	most      uint64
	unbounded bool
}

type tables []table

// readTables reads a section of tables.
func readTables(section []byte) (tables, bool) {
	count, n := binary.Uvarint(section)
	// Each has three bytes at least.
	if n <= 0 || count > uint64(len(section))/3 {
		return nil, false
	}
	rest := section[n:]
	list := make(tables, count)
	for i := range list {
		if len(rest) < 3 || rest[1] > 1 {
			return nil, false
		}
		t := table{element: rest[0], unbounded: rest[1] == 0}
		rest = rest[2:]
		for _, limit := range []*uint64{&t.least, &t.most} {
			if limit == &t.most && t.unbounded {
				continue
			}
			value, n := binary.Uvarint(rest)
			if n <= 0 {
				return nil, false
			}
			*limit, rest = value, rest[n:]
		}
		list[i] = t
	}
	return list, len(rest) == 0
}

// bound shares the elements among the tables: each table begins with what it asks
// for, and the first that can grow gets the rest.
func (t tables) bound() error {
	left := uint64(MaxTableElements)
	for i := range t {
		if t[i].least > left {
			return fmt.Errorf("the module's tables begin with more than %d elements", MaxTableElements)
		}
		left -= t[i].least
	}
	for i := range t {
		most := t[i].least + left
		if t[i].unbounded || t[i].most > most {
			t[i].most, t[i].unbounded = most, false
		}
		if t[i].most > t[i].least {
			left -= t[i].most - t[i].least
		}
	}
	return nil
}

// section writes the tables.
func (t tables) section() []byte {
	section := binary.AppendUvarint(nil, uint64(len(t)))
	for _, table := range t {
		section = binary.AppendUvarint(append(section, table.element, 1), table.least)
		section = binary.AppendUvarint(section, table.most)
	}
	return section
}
