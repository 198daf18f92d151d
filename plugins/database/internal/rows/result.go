package rows

import (
	"strconv"

	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/plugins/database/internal/store"
	"github.com/backflow/backflow/sdk"
)

// maxResult is how large the rows may be that a call returns, in bytes.
const maxResult = 16 << 20

// renderList writes rows as the member data of an object, behind how many rows were
// affected if that is not negative.
func renderList(tx *store.Tx, table *driver.Table, affected int64, rows [][]any) ([]byte, error) {
	body := []byte{'{'}
	if affected >= 0 {
		body = append(strconv.AppendInt(append(body, `"affected":`...), affected, 10), ',')
	}
	body = append(body, `"data":[`...)
	for i, row := range rows {
		if i > 0 {
			body = append(body, ',')
		}
		one, err := render(tx, table, row)
		if err != nil {
			return nil, err
		}
		if body = append(body, one...); len(body) > maxResult {
			return nil, sdk.Refuse(sdk.CodeRejected, "the rows together are larger than %d bytes, the most that one call returns: write fewer at once", maxResult)
		}
	}
	return append(body, "]}"...), nil
}
