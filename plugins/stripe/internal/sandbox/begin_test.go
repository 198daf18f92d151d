package sandbox

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/store"
)

// TestASandboxThatDiedBeforeItHadItsFirstObjectsMakesThem: the state is there, and
// nothing in it yet. What was made later is not made anew.
func TestASandboxThatDiedBeforeItHadItsFirstObjectsMakesThem(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	state, err := store.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := state.Close(); err != nil {
		t.Fatal(err)
	}
	b := open(t, Options{Dir: dir})
	if got := b.send("GET", "/v1/customers/cus_123", ""); got.Status != 200 {
		t.Errorf("%d %s", got.Status, got.Raw)
	}
	b.send("POST", "/v1/customers/cus_123", "name=Jane")
	again := open(t, Options{Dir: dir}) // as when a gateway reloads
	if got := again.send("GET", "/v1/customers/cus_123", ""); got.text("name") != "Jane" {
		t.Errorf("after another start: %s", got.Raw)
	}
	if _, err := again.Do(t.Context(), "reset", nil); err != nil {
		t.Fatal(err)
	}
	if got := again.send("GET", "/v1/customers/cus_123", ""); got.text("name") == "Jane" {
		t.Errorf("after a reset: %s", got.Raw)
	}
}

// stopped is a clock that stands between two seconds.
type stopped struct{}

func (stopped) Now() time.Time { return time.Date(2027, 1, 31, 12, 0, 0, 400_000_000, time.UTC) }
func (stopped) Wait(ctx context.Context, _ time.Time, woken <-chan struct{}) {
	select {
	case <-ctx.Done():
	case <-woken:
	}
}

func TestTimeMovesToTheTimeThatIsNamedAndNotShortOfIt(t *testing.T) {
	t.Parallel()
	b := open(t, Options{Clock: stopped{}})
	for _, want := range []string{"2027-01-31T13:00:00Z", "2027-03-03T13:00:00Z"} {
		result, err := b.Do(t.Context(), "advance", json.RawMessage(`{"to":"`+want+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		var moved struct{ Time string }
		if err := json.Unmarshal(result, &moved); err != nil || moved.Time != want {
			t.Errorf("time is %s, want %s, %v", moved.Time, want, err)
		}
	}
}

func TestASandboxThatIsFullCreatesNothingUntilAReset(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	b.full.Store(true)
	b.refused(400, "invalid_request_error", "POST", "/v1/customers", "name=Ann")
	b.get("/v1/customers/cus_123", "")
	b.del("/v1/customers/cus_123")
	b.do("reset", "")
	b.post("/v1/customers", "name=Ann")
}
