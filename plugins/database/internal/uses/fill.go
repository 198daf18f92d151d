package uses

import (
	"strconv"

	"github.com/backflow/backflow/plugins/database/internal/access"
	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/plugins/database/internal/request"
	"github.com/backflow/backflow/plugins/database/internal/store"
	"github.com/backflow/backflow/sdk/pointer"
)

// filler puts something that the action can be looked at with in the place of values that
// are not known.
type filler struct {
	open   map[string]bool
	at     string
	action string
	// table is the one that is named, nil if it is not there or not open.
	table *driver.Table
	// made are the pointers to what was made up whole: what is said of it is not meant.
	made map[string]bool
}

// tableOf returns the table of a use, nil where there is no such table, which the action itself reports.
func tableOf(tx *store.Tx, at, name, action string) *driver.Table {
	table, err := tx.Table(at, name, access.Operation(action))
	if err != nil {
		return nil
	}
	return table
}

// params returns the params of the action without what is not known.
func (f *filler) params(given map[string]any) map[string]any {
	filled := make(map[string]any, len(given))
	for name, v := range given {
		at := pointer.Join(f.at, name)
		if !f.open[at] {
			filled[name] = f.fill(at, v, name == "filters")
			continue
		}
		if made := f.whole(name); made != nil {
			filled[name] = made
		}
		if _, text := filled[name].(string); !text {
			f.made[at] = true
		}
	}
	if f.action == request.ActionUpsert {
		f.giveKey(filled)
	}
	return filled
}

// giveKey gives the data of an upsert values for the columns of onConflict, where one of
// the two is made up.
func (f *filler) giveKey(filled map[string]any) {
	data, isObject := filled["data"].(map[string]any)
	key, isList := filled["onConflict"].([]any)
	if !isObject || !isList || !f.made[pointer.Join(f.at, "data")] && !f.made[pointer.Join(f.at, "onConflict")] {
		return
	}
	for _, column := range key {
		if name, ok := column.(string); ok && data[name] == nil {
			data[name] = placeholder
		}
	}
}

// whole returns what stands for a param that is not known, nil if it is left out.
func (f *filler) whole(name string) any {
	switch name {
	case "data":
		if f.action == request.ActionUpdate {
			return f.row()
		}
		return map[string]any{}
	case "rows":
		return []any{map[string]any{}}
	case "filters":
		if f.action == request.ActionSelect || f.action == request.ActionCount || f.table == nil {
			return nil
		}
		return []any{map[string]any{"column": f.table.Columns[0].Name, "operator": string(request.Is), "value": nil}}
	case "key":
		key := placeholder
		for i := 1; f.table != nil && i < len(f.table.PrimaryKey); i++ {
			key += "," + placeholder
		}
		return key
	case "onConflict":
		if f.table == nil || len(f.table.UniqueKeys) == 0 {
			return []any{placeholder}
		}
		var key []any
		for _, column := range f.table.UniqueKeys[0] {
			key = append(key, column)
		}
		return key
	case "table", "name":
		return placeholder
	}
	return nil
}

// row is a change of a row: of the first column that takes a value.
func (f *filler) row() map[string]any {
	if f.table != nil {
		for _, column := range f.table.Columns {
			if !column.Generated {
				return map[string]any{column.Name: placeholder}
			}
		}
	}
	return map[string]any{placeholder: placeholder}
}

// fill returns a value that stands at a pointer without what is not known in it. filter
// says that it is a part of filters.
func (f *filler) fill(at string, v any, filter bool) any {
	if f.open[at] {
		return placeholder
	}
	switch v := v.(type) {
	case []any:
		filled := make([]any, len(v))
		for i, item := range v {
			filled[i] = f.fill(pointer.Join(at, strconv.Itoa(i)), item, filter)
		}
		return filled
	case map[string]any:
		filled := make(map[string]any, len(v))
		for name, member := range v {
			filled[name] = f.fill(pointer.Join(at, name), member, filter)
		}
		if filter && f.open[pointer.Join(at, "value")] {
			filled["value"] = f.operand(filled["operator"])
		}
		return filled
	}
	return v
}

// operand is what stands for the value of a filter that is not known.
func (f *filler) operand(operator any) any {
	switch operator {
	case string(request.In):
		return []any{placeholder}
	case string(request.Between):
		return []any{placeholder, placeholder}
	case string(request.Is):
		return nil
	}
	return placeholder
}
