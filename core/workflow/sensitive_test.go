package workflow

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/sdk"
)

func TestASensitiveMemberIsKeptOnlyWhereTheDefinitionReadsIt(t *testing.T) {
	const (
		intent   = `{"id": "pi_1", "amount":1.50, "client_secret":"pi_1_secret_x","next":{"list":[{"client_secret":"nested_y"}],"n":1}}`
		without  = `{"id":"pi_1","amount":1.50,"next":{"list":[{}],"n":1}}`
		withOwn  = `{"id":"pi_1","amount":1.50,"client_secret":"pi_1_secret_x","next":{"list":[{}],"n":1}}`
		withNext = `{"id":"pi_1","amount":1.50,"next":{"list":[{"client_secret":"nested_y"}],"n":1}}`
	)
	pay := `{"id":"pay","type":"stripe","action":"create"}`
	for name, test := range map[string]struct{ steps, output, want string }{
		"nothing reads":                        {steps: pay, want: without},
		"another member is read":               {steps: pay, output: `"{{steps.pay.result.id}}"`, want: without},
		"the output reads it":                  {steps: pay, output: `{"s":"{{steps.pay.result.client_secret}}"}`, want: withOwn},
		"a later step reads it":                {steps: pay + `,{"id":"b","type":"set","values":{"s":"x{{steps.pay.result.client_secret ?? \"none\"}}"}}`, want: withOwn},
		"a condition reads it":                 {steps: pay + `,{"id":"b","type":"set","values":{},"condition":"{{steps.pay.result.client_secret}} !== ''"}`, want: withOwn},
		"what undoes it reads it":              {steps: `{"id":"pay","type":"stripe","action":"create","compensate":[{"id":"u","type":"stripe","action":"cancel","params":{"s":"{{steps.pay.result.client_secret}}"}}]}`, want: withOwn},
		"a whole around it is read":            {steps: pay, output: `"{{steps.pay.result.next}}"`, want: withNext},
		"an element around it is read":         {steps: pay, output: `"{{steps.pay.result.next.list[0]}}"`, want: withNext},
		"another element is read":              {steps: pay, output: `"{{steps.pay.result.next.list[1]}}"`, want: without},
		"all of the result is read":            {steps: pay, output: `"{{steps.pay.result}}"`, want: intent},
		"its error is read":                    {steps: pay, output: `{"e":"{{steps.pay.error?}}"}`, want: without},
		"a place that is computed":             {steps: pay + `,{"id":"b","type":"set","values":{},"condition":"steps.pay.result[input.name] === 'x'"}`, want: intent},
		"in a loop that nothing reads":         {steps: `{"id":"e","type":"foreach","items":[1],"steps":[` + pay + `]}`, want: without},
		"in a loop whose result is read":       {steps: `{"id":"e","type":"foreach","items":[1],"steps":[` + pay + `]}`, output: `"{{steps.e.result[0]}}"`, want: intent},
		"in a step in a loop whose is read":    {steps: `{"id":"e","type":"foreach","items":[1],"steps":[{"id":"s","type":"sequence","steps":[` + pay + `]}]}`, output: `"{{steps.e.result}}"`, want: intent},
		"in a loop, and a step there reads it": {steps: `{"id":"e","type":"foreach","items":[1],"steps":[` + pay + `,{"id":"b","type":"set","values":{"s":"{{steps.pay.result.client_secret}}"}}]}`, want: withOwn},
	} {
		t.Run(name, func(t *testing.T) {
			if test.output == "" {
				test.output = "null"
			}
			m, _ := begin(t, fmt.Sprintf(`{"id":"w","steps":[%s],"output":%s}`, test.steps, test.output), `{"name":"x"}`)
			call := onlyCall(t, m)
			event := m.Conceal(m.Succeeded(call.Path, document(intent), noon), []string{"client_secret"})
			if diff := cmp.Diff(compact(test.want), compact(string(event.Result.Raw()))); diff != "" {
				t.Errorf("kept (-want +got):\n%s", diff)
			}
			if kept := strings.Contains(test.want, "client_secret"); kept != (len(event.Sensitive) > 0) {
				t.Errorf("the event says that %q are sensitive", event.Sensitive)
			}
		})
	}
}

func compact(text string) string { return strings.ReplaceAll(text, " ", "") }

func TestASensitiveMemberIsFoundHoweverItsNameIsWritten(t *testing.T) {
	m, _ := begin(t, `{"id":"w","steps":[{"id":"pay","type":"stripe","action":"create"}]}`, `{}`)
	for given, want := range map[string]string{
		`{"client\u005fsecret":"a","b":"c\"d"}`: `{"b":"c\"d"}`,
		`{"client_secret":{"a":[1]}}`:           `{}`,
		`["client_secret",{"client_secret":1}]`: `["client_secret",{}]`,
		`"client_secret"`:                       `"client_secret"`,
		`{"id":1e2,"other_secret":"x"}`:         `{"id":1e2,"other_secret":"x"}`,
	} {
		if got := m.Conceal(m.Succeeded("pay", document(given), noon), []string{"client_secret"}); string(got.Result.Raw()) != want {
			t.Errorf("%s became %s, want %s", given, got.Result.Raw(), want)
		}
	}
}

func TestNoSensitiveMemberOfAnErrorIsKept(t *testing.T) {
	for given, want := range map[string]string{
		`{"code":"card_declined","paymentIntent":{"id": "pi_1","client_secret":"s","amount":1.50}}`: `{"code":"card_declined","paymentIntent":{"id":"pi_1","amount":1.50}}`,
		`{"a":[{"client\u005fsecret":"s"}]}`: `{"a":[{}]}`,
		`{"code": "card_declined"}`:          `{"code": "card_declined"}`,
		``:                                   ``,
	} {
		failed := &sdk.Error{Code: sdk.CodeDeclined, Message: "no", Final: true, Details: []byte(given)}
		got := ConcealError(failed, []string{"client_secret"})
		if string(got.Details) != want || got.Code != failed.Code || got.Message != failed.Message || !got.Final {
			t.Errorf("%s became %s", given, got.Details)
		}
		if string(failed.Details) != given {
			t.Errorf("the error itself was changed: %s", failed.Details)
		}
	}
}

func TestTheSensitiveTextsOfARunAreKnownAfterAReplay(t *testing.T) {
	const definition = `{"id":"w","steps":[{"id":"pay","type":"stripe","action":"create"}],"output":"{{steps.pay.result}}"}`
	m, events := begin(t, definition, `{}`)
	events = append(events, m.Conceal(m.Succeeded("pay", document(`{"client_secret":"s_1","card":{"pin":["p_1",{"x":"p_2"}]},"id":"pi"}`), noon), []string{"client_secret", "pin"}))
	decoded, err := DecodeEntry(EncodeEntry(events))
	if err != nil {
		t.Fatal(err)
	}
	replayed := NewMachine(parse(t, definition), "run-1")
	for _, event := range decoded {
		apply(t, replayed, event)
	}
	if diff := cmp.Diff([]string{"p_1", "p_2", "s_1"}, SensitiveTexts(replayed.Steps())); diff != "" {
		t.Errorf("texts (-want +got):\n%s", diff)
	}
}
