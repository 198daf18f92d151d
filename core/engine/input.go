package engine

import (
	"fmt"
	"strconv"

	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// checkRoots checks what a run starts with against its bounds and its schema.
func checkRoots(definition *workflow.Definition, roots map[string]value.Doc) error {
	size := 0
	for _, root := range roots {
		size += len(root.Raw())
	}
	if size > MaxInput {
		return fmt.Errorf("%w: %d bytes are more than %d", ErrTooLarge, size, MaxInput)
	}
	if input, ok := roots["input"]; ok {
		if err := checkInput(definition, input); err != nil {
			return err
		}
	}
	return nil
}

// checkInput checks an input against the schema of its workflow. The error has
// every fault.
func checkInput(definition *workflow.Definition, input value.Doc) *sdk.Error {
	if definition.Input == nil {
		return nil
	}
	faults := definition.Input.Faults(input.Value())
	if len(faults) == 0 {
		return nil
	}
	return &sdk.Error{
		Code: sdk.CodeInvalidParams, Message: fmt.Sprintf("the input of %s: %s", definition.ID, faults[0].Message),
		Outcome: sdk.OutcomeNotExecuted, Faults: faults,
	}
}

func invalidInput(format string, args ...any) *sdk.Error {
	return &sdk.Error{Code: sdk.CodeInvalidParams, Message: fmt.Sprintf(format, args...), Outcome: sdk.OutcomeNotExecuted}
}

// concurrencyKey is the key that counts a new run against the limit of its
// workflow; empty where none exists.
func concurrencyKey(definition *workflow.Definition, roots map[string]value.Doc) (string, error) {
	limit := definition.Concurrency
	if limit == nil {
		return "", nil
	}
	key := ""
	if limit.Key != nil {
		v, err := limit.Key.Render(template.Docs(roots))
		if err != nil {
			return "", fmt.Errorf("%w: concurrency.key: %w", ErrBadInput, err)
		}
		if key, err = value.Text(v); err != nil {
			return "", fmt.Errorf("%w: concurrency.key: %w", ErrBadInput, err)
		}
	}
	return definition.ID + "/" + strconv.Itoa(limit.Limit) + "/" + keyHash(key), nil
}
