package action

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/backflow/backflow/sdk/pointer"
	"github.com/backflow/backflow/sdk/results"
	"github.com/backflow/backflow/sdk/schema"
	"github.com/backflow/backflow/sdk/value"
)

// ReadsResults reports whether what stands at a pointer in the params is for an inner
// call, which may take a value from the result of an earlier one.
func (d *Descriptor) ReadsResults(at string) bool {
	rest, ok := strings.CutPrefix(at, pointer.Join("", d.spec.Inner)+"/")
	index, rest, _ := strings.Cut(rest, "/")
	return d.spec.Inner != "" && ok && index != "" && strings.HasPrefix(rest, "params/")
}

// CheckMade holds params against the template that they were rendered from, source, a
// value of package value: which inner calls there are was written there, and so was what
// reads the result of an earlier one, where it may be. Neither came with data, which is
// never read as anything but itself. The error is *sdk.Error with CodeInvalidParams.
func (d *Descriptor) CheckMade(source any, params value.Doc) error {
	var faults []schema.Fault
	results.Walk(source, "", func(at string, _ results.Reference, _ error) {
		if !d.ReadsResults(at) {
			faults = append(faults, schema.Fault{Pointer: at, Message: NoResults})
		}
	})
	if d.spec.Inner != "" {
		faults = append(faults, d.madeCalls(source, params.Value())...)
		walkData(source, params.Value(), "", func(at string) {
			faults = append(faults, schema.Fault{Pointer: at, Message: "the data put there reads like the result of another call, and data is never read so"})
		})
	}
	if len(faults) == 0 {
		return nil
	}
	return d.invalid(faults[:min(len(faults), maxFaults)])
}

// madeCalls returns a fault for each inner call that is not in the source as it is in what
// was made of it.
func (d *Descriptor) madeCalls(source, made any) (faults []schema.Fault) {
	list := func(params any) []any {
		members, _ := params.(map[string]any)
		calls, _ := members[d.spec.Inner].([]any)
		return calls
	}
	name := func(call any) any {
		members, _ := call.(map[string]any)
		return members["action"]
	}
	written := list(source)
	for i, call := range list(made) {
		text, isName := name(call).(string)
		if i < len(written) && (!isName || name(written[i]) == any(text)) {
			continue // what is no name is a fault of Check
		}
		if faults = append(faults, schema.Fault{Pointer: pointer.Join("", d.spec.Inner, strconv.Itoa(i)), Message: writtenOut}); len(faults) == maxFaults {
			break
		}
	}
	return faults
}

// NoResults says that no result can be read where a reference to one stands.
const NoResults = `there are no "results" here: they are for the params of the calls within one action`

// walkData calls found for each text in made that reads the result of another call and
// is not written so in the source that it was rendered from.
func walkData(source, made any, at string, found func(at string)) {
	switch made := made.(type) {
	case string:
		if _, ok, _ := results.Parse(made); ok && source != any(made) {
			found(at)
		}
	case []any:
		from, _ := source.([]any)
		for i, item := range made {
			var written any
			if i < len(from) {
				written = from[i]
			}
			walkData(written, item, pointer.Join(at, strconv.Itoa(i)), found)
		}
	case map[string]any:
		from, _ := source.(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(made)) {
			walkData(from[name], made[name], pointer.Join(at, name), found)
		}
	}
}
