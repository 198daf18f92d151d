package rows

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/plugins/database/internal/failure"
	"github.com/backflow/backflow/plugins/database/internal/request"
	"github.com/backflow/backflow/plugins/database/internal/statement"
	"github.com/backflow/backflow/plugins/database/internal/store"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/pointer"
)

// Query runs a statement of the config.
func Query(at string, params []byte) (Prepared, error) {
	asked, err := request.ReadQuery(at, params)
	if err != nil {
		return Prepared{}, err
	}
	return Prepared{
		Digest: digestOf(request.ActionQuery, params),
		Query:  asked.Name,
		Do:     func(tx *store.Tx) ([]byte, error) { return query(tx, asked) },
	}, nil
}

func query(tx *store.Tx, asked request.Query) ([]byte, error) {
	found, names := tx.Named(asked.Name)
	if found == nil {
		return nil, failure.Invalid(failure.Fault(asked.NameAt, "there is no query %s%s", failure.Shown(asked.Name), failure.Suggestion(asked.Name, names)))
	}
	values, err := parameters(tx, found.Params, asked)
	if err != nil {
		return nil, err
	}
	text := found.Text(&tx.Syntax, values)
	if found.Write {
		return run(tx, text, found.Rows, asked)
	}
	var body []byte
	err = tx.WithoutWriting(func() error {
		body, err = run(tx, text, found.Rows, asked)
		return err
	})
	return body, err
}

// run runs the statement of a query, which may return rows.
func run(tx *store.Tx, text *statement.Text, rows bool, asked request.Query) ([]byte, error) {
	if !rows {
		affected, err := tx.Exec(text)
		if err != nil {
			return nil, tx.Failed(err, nil, asked.ParamsAt)
		}
		return fmt.Appendf(nil, `{"affected":%d}`, affected), nil
	}
	r := &result{tx: tx, body: []byte(`{"data":[`)}
	if err := tx.Each(text, r.start, r.take); err != nil {
		if refused, ok := errors.AsType[*sdk.Error](err); ok {
			return nil, refused
		}
		return nil, tx.Failed(err, nil, asked.ParamsAt)
	}
	return append(r.body, "]}"...), nil
}

// parameters returns what is bound for the parameters of a query, of which these are known. It finds every fault,
// up to failure.MaxFaults.
func parameters(tx *store.Tx, known []string, asked request.Query) (map[string]any, error) {
	var faults []sdk.Fault
	values := make(map[string]any, len(known))
	for _, given := range asked.Params {
		at := pointer.Join(asked.ParamsAt, given.Name)
		if !slices.Contains(known, given.Name) {
			faults = append(faults, failure.Fault(at, "the query has no parameter %s%s", failure.Shown(given.Name), failure.Suggestion(given.Name, known)))
			continue
		}
		value, err := tx.BindParameter(given.Value)
		if err != nil {
			faults = append(faults, failure.Fault(at, "the parameter %v", err))
		}
		values[given.Name] = value
	}
	for _, name := range known {
		if !slices.ContainsFunc(asked.Params, func(given request.Member) bool { return given.Name == name }) {
			faults = append(faults, failure.Fault(asked.ParamsAt, "the parameter %q of the query is missing", name))
		}
	}
	if len(faults) > 0 {
		return nil, failure.Invalid(faults[:min(len(faults), failure.MaxFaults)]...)
	}
	return values, nil
}

// maxQueried is how many rows a query returns at most.
const maxQueried = 10_000

// result is the rows of a query.
type result struct {
	tx      *store.Tx
	columns []driver.Column
	body    []byte
	rows    int
}

func (r *result) start(types []*sql.ColumnType) error {
	r.columns = r.tx.ResultColumns(types)
	distinct(r.columns)
	return nil
}

// distinct gives columns whose name another one has before them a name that none has: the
// second id is id_2.
func distinct(columns []driver.Column) {
	taken := make(map[string]bool, len(columns))
	for _, column := range columns {
		taken[column.Name] = true
	}
	seen := make(map[string]bool, len(columns))
	for i, column := range columns {
		name := column.Name
		for n := 2; seen[name]; n++ {
			if other := column.Name + "_" + strconv.Itoa(n); !taken[other] {
				name = other
			}
		}
		seen[name], taken[name] = true, true
		columns[i].Name = name
	}
}

func (r *result) take(row []any) error {
	if r.rows++; r.rows > maxQueried {
		return sdk.Refuse(sdk.CodeRejected, "the query returns more than %d rows, the most that one call returns: give it a LIMIT", maxQueried)
	}
	if r.rows > 1 {
		r.body = append(r.body, ',')
	}
	var err error
	if r.body, err = appendRow(r.body, r.tx, r.columns, row); err != nil {
		return err
	}
	if len(r.body) > maxResult {
		return sdk.Refuse(sdk.CodeRejected, "the rows of the query have more than %d bytes together, the most that one call returns: give it a LIMIT, or fewer columns", maxResult)
	}
	return nil
}
