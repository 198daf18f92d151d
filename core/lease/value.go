package lease

import (
	"encoding/json"
	"fmt"
)

// formatVersion is the version of a lease's record.
const formatVersion = 1

// value is what a lease's record holds.
type value struct {
	Version int    `json:"version"`
	Node    string `json:"node"`
	// Inherited are leases that were taken away and whose work is not known to
	// be taken back.
	Inherited []string `json:"inherited,omitempty"`
}

func (v value) encode() []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings and a number always encode
	}
	return raw
}

// decode reads a record. One of a newer version is refused: what it holds
// besides would be lost.
func decode(raw []byte) (value, error) {
	var v value
	if err := json.Unmarshal(raw, &v); err != nil {
		return value{}, fmt.Errorf("read record: %w", err)
	}
	if v.Version != formatVersion {
		return value{}, fmt.Errorf("record has format %d, this version knows %d", v.Version, formatVersion)
	}
	return v, nil
}
