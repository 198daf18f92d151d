package workflow

import (
	"testing"
	"time"

	"github.com/backflow/backflow/sdk"
)

func TestARunSaysWhatItWaitsFor(t *testing.T) {
	wait := `{"id":"wait","type":"wait","duration":"1h"}`
	signal := `{"id":"signal","type":"waitForEvent","event":"go"}`
	child := `{"id":"child","type":"workflow","workflow":"other"}`
	pay := `{"id":"pay","type":"shop","action":"pay","retry":{"initialInterval":"1m","maxInterval":"1m"}}`
	for name, test := range map[string]struct {
		steps string
		want  WaitingFor
		path  string
		until time.Time
	}{
		"a time":                    {wait, WaitingForTimer, "wait", noon.Add(time.Hour)},
		"a signal":                  {signal, WaitingForSignal, "signal", time.Time{}},
		"the end of a child":        {child, WaitingForChild, "child", time.Time{}},
		"the first that is due":     {`{"id":"p","type":"parallel","steps":[` + child + `,` + wait + `,` + signal + `]}`, WaitingForTimer, "p.wait", noon.Add(time.Hour)},
		"the first that can be":     {`{"id":"p","type":"parallel","steps":[` + signal + `,` + child + `]}`, WaitingForChild, "p.child", time.Time{}},
		"nothing, for it has ended": {`{"id":"set","type":"set","values":{}}`, "", "", time.Time{}},
		"nothing, for it calls":     {`{"id":"p","type":"parallel","steps":[` + wait + `,` + pay + `]}`, "", "", time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			m, _ := begin(t, `{"id":"w","steps":[`+test.steps+`]}`, `{}`)
			what, step, waits := m.Waiting()
			if what != test.want || waits != (test.want != "") || step.Path != test.path || !step.RetryAt.Equal(test.until) || step.WaitingFor() != what && waits {
				t.Errorf("it waits for %q at step %q until %s", what, step.Path, step.RetryAt)
			}
		})
	}
	m, _ := begin(t, `{"id":"w","steps":[`+pay+`]}`, `{}`)
	apply(t, m, m.Failed("pay", &sdk.Error{Code: sdk.CodeRateLimited, Retryable: true, Outcome: sdk.OutcomeNotExecuted}, Repeat{}, noon))
	if what, step, _ := m.Waiting(); what != WaitingForRetry || step.Path != "pay" || step.RetryAt.Before(noon.Add(30*time.Second)) {
		t.Errorf("after a failed attempt it waits for %q at step %q until %s", what, step.Path, step.RetryAt)
	}
}
