package action_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// faultsOf returns the faults of params as "pointer: message".
func faultsOf(t *testing.T, a *action.Action, params string) []string {
	t.Helper()
	err := a.Check(document(params))
	if err == nil {
		return nil
	}
	var faults []string
	for _, fault := range wantError(t, err, sdk.CodeInvalidParams).Faults {
		faults = append(faults, fault.Pointer+": "+fault.Message)
	}
	return faults
}

func TestEveryFaultHasItsPointerAndReadsWell(t *testing.T) {
	a := pay(t)
	tests := map[string]struct {
		params string
		want   []string
	}{
		"valid":            {`{"amount":1,"currency":"usd"}`, nil},
		"integer as 2.0":   {`{"amount":2.0,"currency":"usd"}`, nil},
		"negative amount":  {`{"amount":-5,"currency":"usd"}`, []string{`/amount: must be at least 1`}},
		"zero amount":      {`{"amount":0,"currency":"usd"}`, []string{`/amount: must be at least 1`}},
		"fraction":         {`{"amount":20.5,"currency":"usd"}`, []string{`/amount: must be an integer, not a number with a fraction`}},
		"text":             {`{"amount":"abc","currency":"usd"}`, []string{`/amount: must be an integer, not a string`}},
		"digits as text":   {`{"amount":"5","currency":"usd"}`, []string{`/amount: must be an integer, not a string`}},
		"null":             {`{"amount":null,"currency":"usd"}`, []string{`/amount: must be an integer, not null`}},
		"missing":          {`{"currency":"usd"}`, []string{`/amount: "amount" is required`}},
		"exact comparison": {`{"amount":0.99999999999999999999,"currency":"usd"}`, []string{`/amount: must be an integer, not a number with a fraction`}},
		"beyond a float":   {`{"amount":12345678901234567890,"currency":"usd"}`, nil},
		"all at once, in order": {`{"currency":"us","capture":"later","x":1}`, []string{
			`/amount: "amount" is required`,
			`/capture: must be one of "automatic", "manual"`,
			`/currency: must have at least 3 characters, not 2`,
			`/x: unknown field "x"`}},
		"unknown field with a hint": {`{"amount":1,"currency":"usd","ammount":2}`, []string{`/ammount: unknown field "ammount" (did you mean "amount"?)`}},
		"unknown field deep down":   {`{"amount":1,"currency":"usd","items":[{},{"prise":"p"}]}`, []string{`/items/1/prise: unknown field "prise" (did you mean "price"?)`}},
		"pointer is escaped":        {`{"amount":1,"currency":"usd","a/b~c":1}`, []string{`/a~1b~0c: unknown field "a/b~c"`}},
		"decimal bound":             {`{"amount":1,"currency":"usd","rate":1.5}`, []string{`/rate: must be less than 1.5`}},
		"boolean as text":           {`{"amount":1,"currency":"usd","confirm":"false"}`, []string{`/confirm: must be a boolean, not a string`}},
		"not an object":             {`[]`, []string{`: must be an object, not an array`}},

		"anyOf: either form":             {`{"amount":1,"currency":"usd","mandate":"","metadata":{"a":"b"},"fee":0}`, nil},
		"anyOf: of neither type":         {`{"amount":1,"currency":"usd","mandate":5}`, []string{`/mandate: must be an object or a string, not a number`}},
		"anyOf: another text":            {`{"amount":1,"currency":"usd","mandate":"x"}`, []string{`/mandate: must be an object or "", not a string`}},
		"anyOf: the object was meant":    {`{"amount":1,"currency":"usd","mandate":{}}`, []string{`/mandate/acceptance: "acceptance" is required`}},
		"anyOf: unknown in the object":   {`{"amount":1,"currency":"usd","mandate":{"acceptance":{"at":1},"x":1}}`, []string{`/mandate/x: unknown field "x"`}},
		"anyOf: deep in the object":      {`{"amount":1,"currency":"usd","mandate":{"acceptance":{"at":"now"}}}`, []string{`/mandate/acceptance/at: must be an integer, not a string`}},
		"anyOf: a value of a map":        {`{"amount":1,"currency":"usd","metadata":{"a":1}}`, []string{`/metadata/a: must be a string, not a number`}},
		"anyOf: a bound of its branch":   {`{"amount":1,"currency":"usd","fee":-1}`, []string{`/fee: must be at least 0`}},
		"anyOf: enumeration comes first": {`{"amount":1,"currency":"usd","until":"later"}`, []string{`/until: must be "now" or an integer, not a string`}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := faultsOf(t, a, test.params); !slices.Equal(got, test.want) {
				t.Errorf("faults of %s:\n got %s\nwant %s", test.params, strings.Join(got, "\n     "), strings.Join(test.want, "\n     "))
			}
		})
	}
}

func TestTheMessageNamesTheFirstFieldAndCountsTheOthers(t *testing.T) {
	a := pay(t)
	for params, want := range map[string]string{
		`{"amount":0,"currency":"usd"}`: `shop.pay: amount: must be at least 1`,
		`{"currency":"usd"}`:            `shop.pay: "amount" is required`,
		`{"amount":0,"currency":5}`:     `shop.pay: amount: must be at least 1 (and 1 more)`,
		`[]`:                            `shop.pay: must be an object, not an array`,
	} {
		if got := wantError(t, a.Check(document(params)), sdk.CodeInvalidParams).Message; got != want {
			t.Errorf("message for %s:\n got %s\nwant %s", params, got, want)
		}
	}
}

func TestFaultsAreBounded(t *testing.T) {
	params := `{"amount":1,"currency":"usd"`
	for i := range 1000 {
		params += fmt.Sprintf(`,"x%d":1`, i)
	}
	if got := len(faultsOf(t, pay(t), params+"}")); got != 50 {
		t.Errorf("%d faults, want 50", got)
	}
}

func TestNoParamsAreAFault(t *testing.T) {
	registry, _ := registryOf(t, sdk.ActionSpec{Name: "do", Params: []byte(`{}`)})
	for _, a := range []*action.Action{pay(t), find(t, registry, "do")} {
		wantError(t, a.Check(value.Doc{}), sdk.CodeInvalidParams)
	}
}

func FuzzCheck(f *testing.F) {
	for _, seed := range []string{`{}`, `{"amount":-5,"mandate":{"x":1}}`, `{"mandate":[[]],"items":[{"prise":1},5]}`, `[1e999999]`} {
		f.Add([]byte(seed))
	}
	manifest := &sdk.Manifest{Actions: []sdk.ActionSpec{{Name: "pay", Params: []byte(paymentSchema)}}}
	registry, err := action.NewRegistry(&double{name: "shop", manifest: manifest})
	if err != nil {
		f.Fatal(err)
	}
	a, err := registry.Find("shop", "pay")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		params, err := value.NewDoc(text)
		if err != nil {
			return // no document
		}
		if err = a.Check(params); err == nil {
			return
		}
		again := wantError(t, a.Check(value.TrustedDoc(text)), sdk.CodeInvalidParams)
		if failed := wantError(t, err, sdk.CodeInvalidParams); failed.Message != again.Message || !slices.Equal(failed.Faults, again.Faults) {
			t.Errorf("the same params have other faults: %v, %v", failed.Faults, again.Faults)
		}
	})
}
