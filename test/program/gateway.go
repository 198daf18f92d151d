package program

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
)

// startLimit is how long a gateway may take from its start to ready; generous,
// because many tests run at once.
const startLimit = 60 * time.Second

var (
	listeningServe = regexp.MustCompile(`"msg":"listening","address":"([^"]+)"`)
	listeningDev   = regexp.MustCompile(`Backflow is listening on http://(\S+)\n`)
	tokenDev       = regexp.MustCompile(`Development token: (\S+)\n`)
)

// Gateway is a gateway that runs, or has run.
type Gateway struct {
	*Child
	// URL is where it answers, Token what lets in; a test may change it.
	URL, Token string
	site       *Site
	t          testing.TB
}

// In returns the gateway for use in a subtest.
func (g *Gateway) In(t testing.TB) *Gateway {
	here := *g
	here.t = t
	return &here
}

// Dev starts `backflow dev` and waits until it is ready.
func (s *Site) Dev() *Gateway {
	s.t.Helper()
	g := &Gateway{Child: Start(s.t, s.command("dev", "-c", s.config, "--listen", s.Listen)), site: s, t: s.t}
	g.await(&g.stdout, listeningDev)
	g.Token = g.stdout.find(tokenDev)
	return g
}

// Serve starts `backflow serve` and waits until it is ready. The token is one
// that the config must let in.
func (s *Site) Serve(token string) *Gateway {
	s.t.Helper()
	g := s.Launch(token)
	g.Ready()
	return g
}

// Launch starts `backflow serve` and does not wait.
func (s *Site) Launch(token string) *Gateway {
	s.t.Helper()
	return &Gateway{Child: Start(s.t, s.command("serve", "-c", s.config, "--listen", s.Listen)), Token: token, site: s, t: s.t}
}

// Ready waits until a gateway that was launched is ready.
func (g *Gateway) Ready() {
	g.t.Helper()
	g.await(&g.stderr, listeningServe)
}

func (g *Gateway) await(out *output, listening *regexp.Regexp) {
	g.t.Helper()
	testkit.Eventually(g.t, startLimit, "the gateway listens", func() bool {
		if !g.Running() {
			g.t.Fatalf("the gateway has ended with exit code %d", g.Wait())
		}
		address := out.find(listening)
		g.URL = "http://" + address
		return address != ""
	})
	testkit.Eventually(g.t, startLimit, "the gateway is ready", func() bool {
		answer, err := g.Send(Request{Method: http.MethodGet, Path: "/readyz"})
		return err == nil && answer.Status == http.StatusOK
	})
}

// KeepAddress has later gateways of the site listen where this one does.
func (g *Gateway) KeepAddress() { g.site.Listen = strings.TrimPrefix(g.URL, "http://") }

// PluginPID waits for the process of a plugin and returns its id, another than
// that of the process which the test has killed.
func (g *Gateway) PluginPID(name string, killed int) int {
	g.t.Helper()
	var pid int
	testkit.Eventually(g.t, startLimit, "plugin "+name+" runs", func() bool {
		pids := Processes(g.t, g.site.Plugins)["backflow-plugin-"+name]
		if len(pids) != 1 || pids[0] == killed {
			return false
		}
		pid = pids[0]
		return true
	})
	return pid
}
