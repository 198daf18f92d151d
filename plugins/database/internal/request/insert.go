package request

import (
	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/sdk/digest"
)

// The names of the actions that insert rows.
const (
	ActionInsert     = "insert"
	ActionInsertMany = "insertMany"
	ActionUpsert     = "upsert"
)

// MaxRows is how many rows one insertMany may insert.
const MaxRows = 1000

// Insert is what insert is asked for.
type Insert struct {
	Table string
	// Data is in the order in which the caller wrote it.
	Data []Member
}

// Digest is the same for the same params, in whatever order and with whatever space
// they are written. It is that of the first version: keys are recorded with it.
func (p Insert) Digest() string {
	parts := []string{ActionInsert, p.Table}
	for _, given := range sorted(p.Data) {
		parts = append(parts, given.Name, string(given.Value))
	}
	return digest.Hex(parts...)
}

// ReadInsert reads params that stand at a pointer.
func ReadInsert(at string, params []byte) (read Insert, err error) {
	err = readParams(ActionInsert, at, params, nil,
		required("table", func(p place) { read.Table = p.text() }),
		required("data", func(p place) { read.Data = p.members() }))
	return read, err
}

// InsertMany is what insertMany is asked for.
type InsertMany struct {
	Table string
	Rows  [][]Member
}

// ReadInsertMany reads params that stand at a pointer.
func ReadInsertMany(at string, params []byte) (read InsertMany, err error) {
	err = readParams(ActionInsertMany, at, params, nil,
		required("table", func(p place) { read.Table = p.text() }),
		required("rows", func(p place) {
			for _, row := range p.items(MaxRows) {
				read.Rows = append(read.Rows, row.members())
			}
		}))
	return read, err
}

// Upsert is what upsert is asked for.
type Upsert struct {
	Table string
	Data  []Member
	// OnConflict are columns, each named once.
	OnConflict []string
}

// Value returns the value for a column, if one is given.
func (p Upsert) Value(column string) (value driver.JSON, given bool) {
	for _, member := range p.Data {
		if member.Name == column {
			return member.Value, true
		}
	}
	return nil, false
}

// ReadUpsert reads params that stand at a pointer.
func ReadUpsert(at string, params []byte) (read Upsert, err error) {
	err = readParams(ActionUpsert, at, params, nil,
		required("table", func(p place) { read.Table = p.text() }),
		required("data", func(p place) { read.Data = p.members() }),
		required("onConflict", func(p place) { read.OnConflict = p.names() }))
	return read, err
}
