package sandbox

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/sdk"
)

func TestWhatIsWrongWithACommandIsToldAtItsPlace(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	for line, want := range map[string]string{
		`advance {}`: "/by: either by or to is needed",
		`advance {"by":"1d","to":"2030-01-01T00:00:00Z"}`:      "/by: either by or to is needed",
		`advance {"by":"a month"}`:                             "/by: by is a span of time",
		`advance {"by":31}`:                                    "/by: must be a string",
		`advance {"by":"6y"}`:                                  "/by: time moves forward only, and by at most 1830 days",
		`advance {"to":"tomorrow"}`:                            "/to: to is a time",
		`advance {"to":"2001-01-01T00:00:00Z"}`:                "/to: time moves forward only",
		`advance {"by":"1d","clok":"clock_1"}`:                 `/clok: unknown field "clok" (did you mean "clock"?)`,
		`fault {"kind":"rate-limit"}`:                          "/kind: ",
		`fault {}`:                                             "/kind: kind is one of error, ",
		`fault {"kind":"cut","times":0}`:                       "/times: ",
		`fault {"kind":"error","status":200}`:                  "/status: ",
		`fault {"kind":"slow","delay":"11m"}`:                  "/delay: delay is a duration",
		`fault {"kind":"cut","operation":"Nothing"}`:           "/operation: ",
		`fault {"kind":"cut","operation":"PostPaymentIntent"}`: `/operation: "PostPaymentIntent" is no operationId of Stripe's (did you mean "PostPaymentIntents"?)`,
		`fault {"clear":true,"kind":"cut"}`:                    "/clear: ",
		`reset {"now":true}`:                                   "/now: unknown field",
		`status []`:                                            ": must be an object",
	} {
		name, params, _ := strings.Cut(line, " ")
		_, err := b.Do(t.Context(), name, json.RawMessage(params))
		refusal, ok := errors.AsType[*sdk.Error](err)
		if !ok || refusal.Code != sdk.CodeInvalidParams || refusal.Outcome != sdk.OutcomeNotExecuted || len(refusal.Faults) == 0 {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if got := refusal.Faults[0].Pointer + ": " + refusal.Faults[0].Message; !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
	if _, err := b.Do(t.Context(), "advanec", nil); err == nil || !strings.Contains(err.Error(), `did you mean "advance"?`) {
		t.Error(err)
	}
}

// TestTimeMovesByMonthsOfTheCalendar, too.
func TestTimeMovesByMonthsOfTheCalendar(t *testing.T) {
	t.Parallel()
	b := open(t, Options{Clock: stopped{}})
	for _, c := range []struct{ by, want string }{
		{"1mo", "2027-02-28T12:00:00Z"}, {"1w", "2027-03-07T12:00:00Z"}, {"1y12h", "2028-03-08T00:00:00Z"},
	} {
		result, err := b.Do(t.Context(), "advance", json.RawMessage(`{"by":"`+c.by+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		var moved struct{ Time time.Time }
		if err := json.Unmarshal(result, &moved); err != nil || !moved.Time.Truncate(12*time.Hour).Equal(mustTime(t, c.want)) {
			t.Errorf("%s leads to %s, want %s, %v", c.by, moved.Time, c.want, err)
		}
	}
}

func mustTime(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}
