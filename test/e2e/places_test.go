package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/backflow/backflow/core/access"
	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
)

const otherToken = "bf_e2eTokenOfAnotherCaller"

// busyConfig has two callers, two webhooks, and a workflow that waits.
func busyConfig(plugins string) string {
	return fmt.Sprintf(`{
  "auth": { "tokens": [
    { "name": "shop", "hash": %q, "scopes": ["*"] },
    { "name": "other", "hash": %q, "scopes": ["*"] }
  ] },
  "pluginDirs": [%q],
  "credentials": { "stripe": { "secretKey": %q, "webhookSecret": %q } },
  "webhooks": [
    { "name": "one", "path": "/hooks/one", "provider": "stripe", "actions": [{ "type": "set", "values": { "a": 1 } }] },
    { "name": "two", "path": "/hooks/two", "provider": "stripe", "actions": [{ "type": "set", "values": { "a": 1 } }] }
  ],
  "workflows": [{ "id": "waits", "steps": [{ "id": "w", "type": "waitForEvent", "event": "go" }] }]
}`, access.HashOf(apiToken), access.HashOf(otherToken), plugins, secretKey, webhookSecret)
}

// attacker opens connections that do what no honest client does.
type attacker struct {
	t       *testing.T
	address string
	mu      sync.Mutex // guards conns
	conns   []net.Conn
}

func (a *attacker) open(from string) net.Conn {
	a.t.Helper()
	dialer := net.Dialer{Timeout: 10 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := dialer.DialContext(a.t.Context(), "tcp", a.address)
	if err != nil {
		a.t.Fatal(err)
	}
	if err := c.(*net.TCPConn).SetReadBuffer(16 << 10); err != nil { // else it may grow to megabytes
		a.t.Fatal(err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.conns = append(a.conns, c)
	return c
}

// send opens n connections and sends each the text. The gateway may end any of them.
func (a *attacker) send(n int, text string) {
	a.t.Helper()
	for range n {
		_, _ = io.WriteString(a.open("127.0.0.1"), text)
	}
}

func (a *attacker) close() {
	for _, c := range a.conns {
		_ = c.Close() // many are closed already
	}
}

// heapBytes reads how much the gateway's heap held after its last collection, without
// garbage: the next one comes when it has doubled, at the latest.
func heapBytes(t *testing.T, g *program.Gateway) int {
	t.Helper()
	page := program.Want(t, 200, g.In(t).Get("/metrics")).Body
	for line := range strings.Lines(string(page)) {
		if text, ok := strings.CutPrefix(line, "go_memstats_next_gc_bytes "); ok {
			bytes, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
			if err != nil {
				t.Fatal(err)
			}
			return int(bytes / 2)
		}
	}
	t.Fatalf("no size of the heap in %.200s", page)
	return 0
}

// TestStrangersKeepNobodyOut floods the real program as a stranger or a caller can,
// and sees each time that others are served at once and that memory is bounded.
func TestStrangersKeepNobodyOut(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	site := program.NewSite(t, binaries)
	site.WriteConfig("backflow.json", busyConfig(site.Plugins))
	g := site.Serve(apiToken)
	post := func(path string, length int, headers string) string {
		return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %d\r\n\r\n", path, headers, length)
	}
	const bearer = "Content-Type: application/json\r\nAuthorization: Bearer " + apiToken + "\r\n"
	run := program.Want(t, 202, g.In(t).Post("/workflows/waits/runs", "{}")).Text("id")
	// More than the system keeps for one that does not read.
	large := program.Want(t, 202, g.In(t).Post("/workflows/waits/runs", `{"x":"`+strings.Repeat("x", 700<<10)+`"}`)).Text("id")
	for _, c := range []struct {
		name  string
		flood func(a *attacker)
	}{
		{"bodies that never come", func(a *attacker) { a.send(1100, post("/hooks/one", 1<<20, "")) }},
		{"bodies that end before their end", func(a *attacker) {
			a.send(150, post("/hooks/one", 1<<20, "")+strings.Repeat("x", 1<<20-1))
		}},
		{"chunks without an end", func(a *attacker) {
			a.send(1100, "POST /hooks/one HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
		}},
		{"heads that never end", func(a *attacker) { a.send(1100, "GET /runs HTTP/1.1\r\nHost: x\r\nX-A: ") }},
		{"bodies of a caller that never come", func(a *attacker) { a.send(1100, post("/workflows/waits/runs", 1000, bearer)) }},
		{"bodies of a request that needs none", func(a *attacker) {
			a.send(1100, "GET /runs HTTP/1.1\r\nHost: x\r\n"+bearer+"Content-Length: 10\r\n\r\n")
		}},
		{"bodies that wait to be asked for", func(a *attacker) {
			a.send(1100, post("/hooks/one", 100, "Expect: 100-continue\r\n"))
		}},
		{"bodies of strangers at a path for callers", func(a *attacker) { a.send(1100, post("/workflows/waits/runs", 1000, "")) }},
		{"pipelines that read nothing", func(a *attacker) {
			a.send(1100, strings.Repeat("GET /hooks/one HTTP/1.1\r\nHost: x\r\n\r\n", 100))
		}},
		{"pipelines of a caller that reads nothing", func(a *attacker) {
			a.send(1100, strings.Repeat("GET /runs/"+large+" HTTP/1.1\r\nHost: x\r\n"+bearer+"\r\n", 3))
		}},
		{"connections that are idle", func(a *attacker) { a.send(1100, "") }},
		{"connections that are half closed", func(a *attacker) {
			for range 1100 {
				c := a.open("127.0.0.1")
				_, _ = io.WriteString(c, post("/hooks/one", 100, ""))
				_ = c.(*net.TCPConn).CloseWrite()
			}
		}},
		{"streams that nobody reads", func(a *attacker) {
			a.send(1100, "GET /runs/"+run+"/stream HTTP/1.1\r\nHost: x\r\n"+bearer+"\r\n")
		}},
		{"waits of a caller", func(a *attacker) {
			a.send(1100, post("/workflows/waits/runs?wait=10m", 2, bearer)+"{}")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := g.In(t)
			a := &attacker{t: t, address: strings.TrimPrefix(g.URL, "http://")}
			defer a.close()
			c.flood(a)
			// Each is a client of its own, from where the flood comes.
			for _, r := range []struct {
				status int
				sent   string
			}{
				{200, "GET /runs?limit=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + otherToken + "\r\n\r\n"},
				{200, "GET /runs/" + run + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + otherToken + "\r\n\r\n"},
				{202, "POST /workflows/waits/runs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + otherToken + "\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"},
				{200, "GET /runs/" + run + "/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + otherToken + "\r\n\r\n"},
				{400, post("/hooks/two", 2, "Stripe-Signature: t=1,v1=00\r\n") + "{}"},
				{400, post("/hooks/one", 2, "Stripe-Signature: t=1,v1=00\r\n") + "{}"},
				{200, "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"},
			} {
				conn := a.open("127.0.0.1")
				_, err := io.WriteString(conn, r.sent)
				if err != nil {
					t.Fatal(err)
				}
				if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
					t.Fatal(err)
				}
				response, err := http.ReadResponse(bufio.NewReader(conn), nil)
				if err != nil {
					t.Fatal(err)
				}
				if response.StatusCode != r.status {
					t.Errorf("%.60q: %s", r.sent, response.Status)
				}
				// The connection ends with those of the flood: a stream goes on.
			}
			if heap := heapBytes(t, g); heap > 256<<20 {
				t.Errorf("the heap holds %d MiB", heap>>20)
			}
		})
	}
}
