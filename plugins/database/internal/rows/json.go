package rows

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/plugins/database/internal/exact"
)

// sameJSON reports whether two texts are the same JSON value: members in any order,
// numbers by their value, exactly.
func sameJSON(a, b driver.JSON) bool {
	a, b = a.Clone(), b.Clone()
	for _, value := range []*driver.JSON{&a, &b} {
		if value.Format(jsontext.ReorderRawObjects(true)) != nil {
			return bytes.Equal(a, b)
		}
	}
	left, right := jsontext.NewDecoder(bytes.NewReader(a)), jsontext.NewDecoder(bytes.NewReader(b))
	for {
		x, err := left.ReadToken()
		if err != nil {
			_, other := right.ReadToken()
			return errors.Is(err, io.EOF) && errors.Is(other, io.EOF)
		}
		y, err := right.ReadToken()
		if err != nil || x.Kind() != y.Kind() {
			return false
		}
		if x.Kind() == '0' {
			m, valid := exact.Parse(x.String())
			n, both := exact.Parse(y.String())
			if !valid || !both || m != n {
				return false
			}
			continue
		}
		if x.String() != y.String() {
			return false
		}
	}
}
