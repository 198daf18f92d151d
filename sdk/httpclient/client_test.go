package httpclient_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/httpclient"
)

func TestErrorsInAProcessSayWhatIsKnownOfTheOutcome(t *testing.T) {
	t.Parallel()
	breaks := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	t.Cleanup(breaks.Close)
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	for name, c := range map[string]struct {
		url     string
		outcome sdk.Outcome
	}{
		"nobody listens":        {closed.URL, sdk.OutcomeNotExecuted},
		"the answer breaks off": {breaks.URL, sdk.OutcomeUnknown},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response, err := httpclient.New(0).Do(request)
		if err == nil {
			t.Fatalf("%s: got %s, %v", name, response.Status, response.Body.Close())
		}
		var told *sdk.Error
		if !errors.As(err, &told) || told.Code != sdk.CodeUnavailable || !told.Retryable || told.Outcome != c.outcome {
			t.Errorf("%s: got %#v of %v", name, told, err)
		}
		var dial *net.OpError
		if c.outcome == sdk.OutcomeNotExecuted && !errors.As(err, &dial) {
			t.Errorf("%s: the cause is lost: %v", name, err)
		}
	}
}

func TestARequestThatTakesTooLongIsATimeout(t *testing.T) {
	t.Parallel()
	hangs := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(hangs.Close)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, hangs.URL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := httpclient.New(time.Millisecond).Do(request)
	if err == nil {
		t.Fatalf("got %s, %v", response.Status, response.Body.Close())
	}
	// Package sdk returns the code timeout for this, unless the error says another.
	var told *sdk.Error
	if !errors.Is(err, context.DeadlineExceeded) || errors.As(err, &told) && told.Code != sdk.CodeTimeout {
		t.Errorf("got %v", err)
	}
}
