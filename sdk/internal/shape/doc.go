// Package shape reads off a Go type what its JSON looks like: the fields of a
// struct, their names, which of them may be left out. From that one table it
// writes the JSON Schema that a manifest publishes, and reads and writes values,
// so that the three cannot contradict each other.
//
// Values are read and written without encoding/json, which in a guest that can be
// interrupted costs more than all the rest of a call: docs/adr/0011 has the
// figures. The package imports sdk/pointer. All that it imports every guest
// carries anyway.
package shape
