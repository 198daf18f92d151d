package access

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/plugins/database/internal/failure"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/pointer"
)

// Check returns what of the rules does not fit the schema, with pointers into the
// credentials.
func (r *Rules) Check(schema Schema) ([]sdk.Fault, error) {
	if r.tables == nil {
		return nil, nil
	}
	known, err := schema.TableNames()
	if err != nil {
		return nil, err
	}
	known = slices.DeleteFunc(known, IsOwn)
	var faults []sdk.Fault
	named := make(map[[2]string]string)
	for _, name := range r.names() {
		place := pointer.Join("/tables", name)
		table, err := schema.Describe(name)
		switch {
		case errors.Is(err, driver.ErrNoTable):
			faults = append(faults, failure.Fault(place, "there is no table %s%s", failure.Shown(name), failure.Suggestion(name, known)))
			continue
		case err != nil:
			return nil, fmt.Errorf("describe table: %w", err)
		}
		if other, ok := named[[2]string{table.Schema, table.Name}]; ok {
			faults = append(faults, failure.Fault(place, "is the table that %s names too", failure.Shown(other)))
		}
		named[[2]string{table.Schema, table.Name}] = name
		for i, excluded := range r.tables[name].Exclude {
			if !contains(table.ColumnNames(), excluded) {
				faults = append(faults, failure.Fault(pointer.Join(place, "exclude", strconv.Itoa(i)), "table %s has no column %s, and is closed until that is mended%s",
					failure.Shown(name), failure.Shown(excluded), failure.Suggestion(excluded, table.ColumnNames())))
			}
		}
	}
	return faults, nil
}
