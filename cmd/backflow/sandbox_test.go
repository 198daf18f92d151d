package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// sandboxGateway is a gateway with integrations that run in their sandbox. Its time
// moves as it is told to, and each move makes one event.
type sandboxGateway struct {
	names    []string
	now      time.Time
	failAt   int // the request for a move that fails, from 1; 0 for none
	commands []string
}

func (g *sandboxGateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if r.URL.Path == "/integrations" {
		list := `{"name":"database","status":{"state":"ready"},"actions":[]}`
		for _, name := range g.names {
			list += fmt.Sprintf(`,{"name":%q,"status":{"state":"ready"},"sandbox":true,"actions":[]}`, name)
		}
		fmt.Fprintf(w, `{"data":[%s],"nextCursor":null}`, list)
		return
	}
	body, _ := io.ReadAll(r.Body)
	g.commands = append(g.commands, strings.TrimPrefix(r.URL.Path, "/integrations/")+" "+string(body))
	switch {
	case strings.HasSuffix(r.URL.Path, "/advance"):
		if g.failAt--; g.failAt == 0 {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprint(w, `{"title":"Unavailable","status":503,"code":"unavailable","detail":"plugin stripe is failed"}`)
			return
		}
		var to struct{ To time.Time }
		if err := json.Unmarshal(body, &to); err != nil {
			panic(err)
		}
		g.now = to.To
		fmt.Fprintf(w, `{"time":%q,"fired":1,"events":{"invoice.paid":1}}`, g.now.Format(time.RFC3339Nano))
	default:
		fmt.Fprintf(w, `{"time":%q,"clocks":[{"id":"clock_1","time":"2026-06-01T00:00:00Z"},{"id":"clock_2","account":"acct_1","time":"2026-06-01T00:00:00Z"}],"objects":{"customer":1,"plan":2},"faults":[]}`, g.now.Format(time.RFC3339Nano))
	}
}

// newSandboxGateway starts a gateway at the end of a January.
func newSandboxGateway(t *testing.T, names ...string) (*sandboxGateway, map[string]string) {
	t.Helper()
	t.Chdir(t.TempDir())
	g := &sandboxGateway{names: names, now: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)}
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	return g, map[string]string{urlEnv: server.URL, tokenEnv: "t"}
}

func TestTimeInASandboxMovesInStepsToAPlace(t *testing.T) {
	for args, want := range map[string][]string{
		"31d":                            {`{"to":"2026-03-03T12:00:00Z"}`},
		"1mo":                            {`{"to":"2026-02-28T12:00:00Z"}`},
		"1w12h":                          {`{"to":"2026-02-08T00:00:00Z"}`},
		"70d":                            {`{"to":"2026-03-03T12:00:00Z"}`, `{"to":"2026-04-03T12:00:00Z"}`, `{"to":"2026-04-11T12:00:00Z"}`},
		"--to 2026-02-01":                {`{"to":"2026-02-01T00:00:00Z"}`},
		"--to 2026-02-01T01:00:00+01:00": {`{"to":"2026-02-01T00:00:00Z"}`},
		"1d --clock clock_1":             {`{"clock":"clock_1","to":"2026-06-02T00:00:00Z"}`},
		"--to 2026-01-31T12:00:00Z":      {},
		"1d --integration stripe":        {`{"to":"2026-02-01T12:00:00Z"}`},
		"1d --clock clock_2":             {`{"account":"acct_1","clock":"clock_2","to":"2026-06-02T00:00:00Z"}`},
		"--to 2026-06-01T00:00:01Z --clock clock_1": {`{"clock":"clock_1","to":"2026-06-01T00:00:01Z"}`},
	} {
		t.Run(args, func(t *testing.T) {
			g, env := newSandboxGateway(t, "stripe")
			code, out, errs := command(t, env, append([]string{"sandbox", "advance"}, strings.Fields(args)...)...)
			if code != exitOK {
				t.Fatalf("exit code %d: %s", code, errs)
			}
			var moves []string
			for _, c := range g.commands {
				if move, is := strings.CutPrefix(c, "stripe/sandbox/advance "); is {
					moves = append(moves, move)
				}
			}
			if strings.Join(moves, "\n") != strings.Join(want, "\n") {
				t.Errorf("the sandbox was asked %q, want %q", moves, want)
			}
			if progress := strings.Count(errs, "events"); progress != max(0, len(want)-1) {
				t.Errorf("%d steps are shown of %d: %s", progress, len(want), errs)
			}
			count := fmt.Sprintf("invoice.paid  %d", len(want))
			if len(want) == 0 {
				count = "nothing was due"
			}
			if !strings.Contains(out, count) {
				t.Errorf("%q is not in %s", count, out)
			}
		})
	}
}

func TestAMoveOfTimeThatFailsSaysHowItGoesOn(t *testing.T) {
	g, env := newSandboxGateway(t, "stripe")
	g.failAt = 2
	code, out, errs := command(t, env, "sandbox", "advance", "70d")
	if code != exitFailed || out != "" {
		t.Errorf("exit code %d: %s", code, out)
	}
	for _, words := range []string{"plugin stripe is failed", "2026-03-03T12:00:00Z", "backflow sandbox advance --to 2026-04-11T12:00:00Z"} {
		if !strings.Contains(errs, words) {
			t.Errorf("%q is not told: %s", words, errs)
		}
	}
	if code, _, errs := command(t, env, "sandbox", "advance", "--to", "2026-04-11T12:00:00Z"); code != exitOK || !g.now.Equal(time.Date(2026, 4, 11, 12, 0, 0, 0, time.UTC)) {
		t.Errorf("exit code %d, time is %s: %s", code, g.now, errs)
	}
}

func TestAMoveOfTimeAsJSONHasItsEvents(t *testing.T) {
	_, env := newSandboxGateway(t, "stripe")
	code, out, errs := command(t, env, "sandbox", "advance", "62d", "-o", "json")
	if code != exitOK {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	var got any
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	want := `map[events:map[invoice.paid:2] from:2026-01-31T12:00:00Z integration:stripe time:2026-04-03T12:00:00Z to:2026-04-03T12:00:00Z]`
	if fmt.Sprint(got) != want {
		t.Errorf("printed %v, want %s", got, want)
	}
}

func TestWhatIsNoCommandOfASandboxIsAFaultOfUsage(t *testing.T) {
	g, env := newSandboxGateway(t, "stripe")
	for line, want := range map[string]string{
		"advance":                          "give either",
		"advance 31d --to 2026-02-01":      "give either",
		"advance 31":                       `"31" is no span of time`,
		"advance 1month":                   `"1month" is no span of time`,
		"advance 0d":                       `"0d" is no span of time`,
		"advance 101y":                     "a hundred years at most",
		"advance 99999999999999999999d":    "a hundred years at most",
		"advance --to tomorrow":            `not "tomorrow"`,
		"fault":                            "give --kind, --delay or --clear",
		"fault --operation PostCharges":    "give --kind, --delay or --clear",
		"fault --clear --code x":           "--clear takes all faults back",
		"fault --clear --kind x":           "--clear takes all faults back",
		"fault --kind x --times 0":         "--times must be at least 1",
		"fault --kind x --retry-after -1s": "cannot be negative",
		"fault --delay 5":                  `--delay takes a duration such as 90s or 5m, not "5"`,
		"reset":                            "--yes does it",
		"status x":                         "unknown command",
		"advnce 31d":                       `did you mean "backflow sandbox advance"?`,
		"":                                 "needs a command below it",
	} {
		if code, _, errs := command(t, env, append([]string{"sandbox"}, strings.Fields(line)...)...); code != exitUsage || !strings.Contains(errs, want) {
			t.Errorf("sandbox %s: exit code %d, %q is not told: %s", line, code, want, errs)
		}
	}
	if len(g.commands) > 0 {
		t.Errorf("the sandbox was asked %q", g.commands)
	}
}

func TestASandboxIsAskedWhatTheFlagsSay(t *testing.T) {
	for line, want := range map[string]string{
		"status --integration stripe": `{}`,
		"status":                      `{}`,
		"reset --yes":                 `{}`,
		"fault --clear":               `{"clear":true}`,
		"fault --kind rate_limit --operation PostCharges --times 3 --delay 1500ms --retry-after 2s": `{"operation":"PostCharges","kind":"rate_limit","times":3,"delay":"1.5s","retryAfter":"2s"}`,
		"fault --delay 5s": `{"delay":"5s"}`,
		"fault --kind error_after --status 402 --code card_declined --decline-code lost_card": `{"kind":"error_after","status":402,"code":"card_declined","declineCode":"lost_card"}`,
	} {
		g, env := newSandboxGateway(t, "stripe")
		args := append([]string{"sandbox"}, strings.Fields(line)...)
		code, out, errs := command(t, env, args...)
		if asked := "stripe/sandbox/" + args[1] + " " + want; code != exitOK || len(g.commands) != 1 || g.commands[0] != asked {
			t.Errorf("%s: exit code %d, asked %q, want %q: %s", line, code, g.commands, asked, errs)
		}
		for _, shown := range []string{"integration  stripe", "time         2026-01-31T12:00:00Z", "clocks       id clock_1, time 2026-06-01T00:00:00Z", "objects      customer 1\n             plan 2\n", "faults       -"} {
			if !strings.Contains(out, shown) {
				t.Errorf("%s: %q is not shown:\n%s", line, shown, out)
			}
		}
		if code, out, _ := command(t, env, append(args, "-o", "json")...); code != exitOK || !json.Valid([]byte(out)) {
			t.Errorf("%s -o json: exit code %d: %s", line, code, out)
		}
	}
}

func TestWhichSandboxIsMeantIsFoundOut(t *testing.T) {
	for name, c := range map[string]struct {
		has  []string
		args []string
		want string // of the error; "" where it works
	}{
		"one":         {[]string{"stripe"}, nil, ""},
		"none":        {nil, nil, "runs in its sandbox: in `backflow dev`"},
		"two":         {[]string{"acme", "stripe"}, nil, "Give --integration: acme, stripe"},
		"one of two":  {[]string{"acme", "stripe"}, []string{"--integration", "acme"}, ""},
		"not a clock": {[]string{"stripe"}, []string{"--clock", "clock_3"}, "there is no clock clock_3, but clock_1, clock_2"},
		"the past":    {[]string{"stripe"}, []string{"--to", "2026-01-01"}, "it is 2026-01-31T12:00:00Z in the sandbox already"},
	} {
		t.Run(name, func(t *testing.T) {
			_, env := newSandboxGateway(t, c.has...)
			args := append([]string{"sandbox", "advance"}, c.args...)
			if name != "the past" {
				args = append(args, "1d")
			}
			code, _, errs := command(t, env, args...)
			if (code == exitOK) != (c.want == "") || code == exitUsage || !strings.Contains(errs, c.want) {
				t.Errorf("exit code %d: %s", code, errs)
			}
		})
	}
}
