package gateway

import (
	"encoding/json"
	"fmt"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/schema"
	"github.com/backflow/backflow/sdk/value"
)

// bodySchema says which members the body of an endpoint of the gateway itself may have.
type bodySchema struct{ schema *schema.Schema }

// newBodySchema reads a JSON Schema that stands in the program.
func newBodySchema(text string) bodySchema {
	compiled, err := schema.Compile([]byte(text))
	if err != nil {
		panic(fmt.Sprintf("gateway: schema of a body: %v", err)) // it is not valid: a test would have found it
	}
	return bodySchema{compiled}
}

// read reads a body into the value given; no body leaves it as it is. The error is a
// 422 with every place that is wrong.
func (s bodySchema) read(body value.Doc, into any) error {
	if body.IsZero() {
		return nil
	}
	if faults := s.schema.Faults(body.Value()); len(faults) > 0 {
		return &apiError{code: sdk.CodeInvalidParams, detail: "the body is not what is needed here: " + faults[0].Message, faults: faults}
	}
	if err := json.Unmarshal(body.Raw(), into); err != nil {
		return &apiError{code: sdk.CodeInvalidParams, detail: "the body is not what is needed here", cause: err}
	}
	return nil
}
