// Package settings reads the entry of the database under "credentials", all but what its
// url says, and publishes the schema of it.
//
// The package imports plugins/database/internal/access,
// plugins/database/internal/driver, sdk/suggest and sdk/value.
package settings

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/backflow/backflow/plugins/database/internal/access"
	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/sdk/suggest"
)

// Settings are what the config says of the database.
type Settings struct {
	// URL is nil where the config has none.
	URL *string
	// Migrations is the folder as it is written; empty for none.
	Migrations string
	Queries    map[string]Query
	// Tables is nil where every table is open.
	Tables map[string]access.Rule
	// NumbersAsText says that integers of 64 bits and decimals are shown as strings.
	NumbersAsText bool
	Options       driver.Options
}

// Query is a statement that the config names.
type Query struct {
	SQL string `json:"sql"`
	// Write says that the statement may change rows.
	Write bool `json:"write"`
}

// Defaults are the options that hold where the config says nothing else.
var Defaults = driver.Options{
	MaxConnections:   20,
	MaxIdle:          20,
	MaxIdleTime:      5 * time.Minute,
	MaxLifetime:      30 * time.Minute,
	ConnectTimeout:   5 * time.Second,
	StatementTimeout: 30 * time.Second,
	LockTimeout:      5 * time.Second,
}

// MaxConnections is the largest pool that can be asked for.
const MaxConnections = 1000

// entry is the JSON of Settings; Schema says the same.
type entry struct {
	URL        *string                `json:"url"`
	Migrations *string                `json:"migrations"`
	Queries    map[string]Query       `json:"queries"`
	Tables     *map[string]tableEntry `json:"tables"`
	Numbers    *string                `json:"numbers"`
	Pool       struct {
		MaxConnections *int    `json:"maxConnections"`
		MaxIdle        *int    `json:"maxIdle"`
		MaxIdleTime    *string `json:"maxIdleTime"`
		MaxLifetime    *string `json:"maxLifetime"`
	} `json:"pool"`
	Timeouts struct {
		Connect   *string `json:"connect"`
		Statement *string `json:"statement"`
		Lock      *string `json:"lock"`
	} `json:"timeouts"`
}

type tableEntry struct {
	Operations *[]access.Operation `json:"operations"`
	Exclude    *[]string           `json:"exclude"`
}

// Read reads the entry strictly. An error names every fault with its field and what to
// write instead, and holds nothing of the url.
func Read(text []byte) (Settings, error) {
	var read entry
	if err := json.Unmarshal(text, &read, json.RejectUnknownMembers(true)); err != nil {
		return Settings{}, unreadable(err)
	}
	found := Settings{URL: read.URL, Queries: read.Queries, Options: Defaults}
	var faults faults
	if read.Migrations != nil {
		if found.Migrations = *read.Migrations; found.Migrations == "" {
			faults.add("migrations", "is empty; write the path of a folder, such as migrations")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(read.Queries)) {
		field := "queries." + name
		if name == "" {
			faults.add("queries", "a query has no name")
		} else if strings.TrimSpace(read.Queries[name].SQL) == "" {
			faults.add(field+".sql", `is missing; write one statement, such as "SELECT id FROM orders WHERE status = :status"`)
		}
	}
	if read.Tables != nil {
		found.Tables = faults.tables(*read.Tables)
	}
	switch numbers := read.Numbers; {
	case numbers == nil || *numbers == "exact":
	case *numbers == "string":
		found.NumbersAsText = true
	default:
		faults.add("numbers", `%q is neither "exact" nor "string"`, *numbers)
	}
	faults.options(&read, &found.Options)
	return found, errors.Join(faults...)
}

// faults are those of an entry.
type faults []error

func (f *faults) add(field, format string, args ...any) {
	*f = append(*f, fmt.Errorf("database: credentials: %s: %s", field, fmt.Sprintf(format, args...)))
}

func (f *faults) tables(given map[string]tableEntry) map[string]access.Rule {
	rules := make(map[string]access.Rule, len(given))
	if len(given) == 0 {
		f.add("tables", "is empty, which closes every table; name those that are open, or leave it out")
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		var rule access.Rule
		field, entry := "tables."+name, given[name]
		switch {
		case name == "":
			f.add("tables", "a table has no name")
		case access.IsOwn(name):
			f.add(field, "belongs to Backflow itself and is closed to every action")
		}
		if entry.Operations != nil {
			if rule.Operations = *entry.Operations; len(rule.Operations) == 0 {
				f.add(field+".operations", "is empty; name those that are open, or leave the table out")
			}
			for i, operation := range rule.Operations {
				if !slices.Contains(access.Operations, operation) {
					f.add(fmt.Sprintf("%s.operations[%d]", field, i), "there is no operation %q; %s", operation, hint(string(operation)))
				}
			}
		}
		if entry.Exclude != nil {
			if rule.Exclude = *entry.Exclude; len(rule.Exclude) == 0 {
				f.add(field+".exclude", "is empty; name columns, or leave it out")
			}
			if slices.Contains(rule.Exclude, "") {
				f.add(field+".exclude", "a column has no name")
			}
		}
		rules[name] = rule
	}
	return rules
}

func hint(operation string) string {
	known := make([]string, len(access.Operations))
	for i, each := range access.Operations {
		known[i] = string(each)
	}
	return suggest.Hint(operation, known)
}

// options reads the pool and the times.
func (f *faults) options(read *entry, into *driver.Options) {
	for _, span := range []struct {
		field string
		text  *string
		into  *time.Duration
	}{
		{"pool.maxIdleTime", read.Pool.MaxIdleTime, &into.MaxIdleTime},
		{"pool.maxLifetime", read.Pool.MaxLifetime, &into.MaxLifetime},
		{"timeouts.connect", read.Timeouts.Connect, &into.ConnectTimeout},
		{"timeouts.statement", read.Timeouts.Statement, &into.StatementTimeout},
		{"timeouts.lock", read.Timeouts.Lock, &into.LockTimeout},
	} {
		if span.text == nil {
			continue
		}
		length, err := time.ParseDuration(*span.text)
		if err != nil || length <= 0 {
			f.add(span.field, "%q is no span of time; write one such as 5s", *span.text)
			continue
		}
		*span.into = length
	}
	if most := read.Pool.MaxConnections; most != nil {
		if into.MaxConnections = *most; *most < 1 || *most > MaxConnections {
			f.add("pool.maxConnections", "is %d; write a number from 1 to %d", *most, MaxConnections)
		}
		into.MaxIdle = min(into.MaxIdle, *most)
	}
	if idle := read.Pool.MaxIdle; idle != nil {
		if into.MaxIdle = *idle; *idle < 0 || *idle > into.MaxConnections {
			f.add("pool.maxIdle", "is %d; write a number from 0 to that of pool.maxConnections, %d", *idle, into.MaxConnections)
		}
	}
}

// unreadable says what is wrong with an entry whose JSON does not fit, without a value.
func unreadable(err error) error {
	var wrong *json.SemanticError
	if !errors.As(err, &wrong) {
		return errors.New("database: credentials: must be a JSON object in which no name stands twice")
	}
	field := strings.ReplaceAll(strings.TrimPrefix(string(wrong.JSONPointer), "/"), "/", ".")
	if errors.Is(wrong.Err, json.ErrUnknownName) {
		return fmt.Errorf("database: credentials: unknown field %q%s", field, known(wrong))
	}
	return fmt.Errorf("database: credentials: %s: cannot unmarshal %s here", cmp.Or(field, "the entry"), kinds[wrong.JSONKind])
}

var kinds = map[jsontext.Kind]string{'n': "null", 't': "true", 'f': "false", '"': "a string", '0': "a number", '{': "an object", '[': "a list"}

// known is a hint which field was meant.
func known(wrong *json.SemanticError) string {
	if wrong.GoType == nil || wrong.GoType.Kind() != reflect.Struct {
		return ""
	}
	var names []string
	for i := range wrong.GoType.NumField() {
		names = append(names, wrong.GoType.Field(i).Tag.Get("json"))
	}
	return "; " + suggest.Hint(wrong.JSONPointer.LastToken(), names)
}
