package postgres

import (
	"slices"

	"github.com/backflow/backflow/plugins/database/internal/driver"
)

// details are what is known of the type of a column beside its kind.
type details struct {
	// base is the name of the type below all domains, if it is one of the system's own or
	// of an extension that is known here; empty otherwise.
	base string
	// length is the n of varchar(n) and char(n), fraction how many digits of a second are
	// kept, precision that of a decimal; -1 where nothing is declared. scale is that of a
	// decimal with a precision.
	length, fraction, precision, scale int
	// amounts says of money that an amount is written as a decimal with two digits.
	amounts bool
	// labels are those of an enum, nil for another type.
	labels []string
	// domains are the names of those that the type is made of.
	domains []string
}

// pgType is a row of pg_type.
type pgType struct {
	name   string
	system bool
	// kind is typtype: d for a domain, e for an enum.
	kind           string
	base, modifier int64
	element        int64
	notNull        bool
	labels         []string
	// shown is how the type is written.
	shown string
}

// typeTable is what columns are made of.
type typeTable struct {
	// types are by their numbers.
	types map[int64]pgType
	// plainMoney says that an amount of money is written as a decimal with two digits.
	plainMoney bool
}

// column returns a column of a type, without its name.
func (t typeTable) column(oid, modifier int64) driver.Column {
	column := driver.Column{Kind: driver.KindText, Nullable: true}
	d := &details{length: -1, fraction: -1, precision: -1}
	column.Details = d
	found := t.types[oid]
	for found.kind == "d" {
		d.domains = append(d.domains, found.name)
		column.Nullable = column.Nullable && !found.notNull
		if found.modifier >= 0 {
			modifier = found.modifier
		}
		found = t.types[found.base]
	}
	column.Type = found.shown
	if element, ok := t.types[found.element]; ok && found.element != 0 {
		item := t.column(found.element, modifier)
		if item.Kind == driver.KindArray || item.Details.(*details).base == "money" {
			return column
		}
		item.Type = element.shown
		column.Kind, column.Element = driver.KindArray, &item
		return column
	}
	if found.kind == "e" {
		d.labels = found.labels
		return column
	}
	if !found.system && found.name != "citext" {
		return column
	}
	d.base = found.name
	d.declared(modifier)
	if d.base == "money" { // 64 bits of cents
		d.amounts, d.precision, d.scale = t.plainMoney, 18, 2
	}
	if kind, ok := kinds[d.base]; ok {
		column.Kind = kind
	}
	column.Narrow = slices.Contains([]string{"int2", "int4"}, d.base)
	return column
}

// kinds are those of the types that are more than text. Every other type is text in
// PostgreSQL's own form, which the server reads.
var kinds = map[string]driver.Kind{
	"int2": driver.KindInteger, "int4": driver.KindInteger, "int8": driver.KindInteger, "oid": driver.KindInteger,
	"float4": driver.KindReal, "float8": driver.KindReal,
	"numeric": driver.KindNumeric, "money": driver.KindNumeric,
	"bytea": driver.KindBlob, "bool": driver.KindBoolean,
	"json": driver.KindJSON, "jsonb": driver.KindJSON,
	"date": driver.KindDate, "timestamp": driver.KindTime, "timestamptz": driver.KindTime,
}

// header is what the modifier of a type with a length or a precision counts from: the
// bytes of the length of a value.
const header = 4

// declared reads the modifier of a type, as format_type does.
func (d *details) declared(modifier int64) {
	if modifier < 0 {
		return
	}
	switch d.base {
	case "varchar", "bpchar":
		d.length = int(modifier) - header
	case "numeric":
		d.precision = int((modifier-header)>>16) & 0xffff
		d.scale = int((modifier-header)&0x7ff^1024) - 1024 // since version 15 it may be below zero
	case "timestamp", "timestamptz", "time", "timetz":
		d.fraction = int(modifier)
	}
}

// readExpression reads a column: as it is where pgx is exact, else as text.
func readExpression(column driver.Column) string {
	name := syntax.Identifier(column.Name)
	switch column.Details.(*details).base {
	case "money":
		return name + "::numeric::text"
	case "float4", "date", "timestamp", "timestamptz", "json", "jsonb", "bpchar", "oid", "xid", "cid", "xml":
		return name + "::text"
	}
	return name
}
