package operations

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
)

// arrival is one request as it came to the tap.
type arrival struct {
	lines  []string // as meant returns them
	header http.Header
	status int // of the mock's answer
	answer string
}

// tap stands between the plugin and the mock, and keeps what passes.
type tap struct {
	URL string

	mu       sync.Mutex
	arrivals map[string][]arrival // by Stripe-Account, which tells callers apart
	keys     map[string]bool      // every Idempotency-Key that came
	faults   []string
}

var listening = regexp.MustCompile(`Listening for HTTP at address: (\S+)`)

// startTap starts stripe-mock, and a tap in front of it.
func startTap(t *testing.T) *tap {
	t.Helper()
	child := program.Start(t, exec.Command(mock, "-http-addr", "127.0.0.1:0", "-https-addr", "127.0.0.1:0", "-strict-version-check"))
	var address string
	testkit.Eventually(t, time.Minute, "stripe-mock listens", func() bool {
		stdout, _ := child.Output()
		found := listening.FindStringSubmatch(stdout)
		if found != nil {
			address = found[1]
		}
		return found != nil
	})
	target := &url.URL{Scheme: "http", Host: address}
	tap := &tap{arrivals: map[string][]arrival{}, keys: map[string]bool{}}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			tap.fault("read: %v", err)
		}
		came := arrival{header: r.Header.Clone()}
		if came.lines, err = read(r, body); err != nil {
			tap.fault("%s %s: %v", r.Method, r.URL, err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		recorded := httptest.NewRecorder()
		proxy.ServeHTTP(recorded, r)
		came.status, came.answer = recorded.Code, recorded.Body.String()
		tap.add(r.Header.Get("Stripe-Account"), r.Method, came)
		for name, values := range recorded.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(recorded.Code)
		_, _ = w.Write(recorded.Body.Bytes())
	}))
	t.Cleanup(server.Close)
	tap.URL = server.URL
	return tap
}

func (p *tap) fault(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = append(p.faults, fmt.Sprintf(format, args...))
}

func (p *tap) add(account, method string, came arrival) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.arrivals[account] = append(p.arrivals[account], came)
	key := came.header.Get("Idempotency-Key")
	switch {
	case method == http.MethodPost && key == "":
		p.faults = append(p.faults, fmt.Sprintf("%v came without a key", came.lines))
	case method != http.MethodPost && key != "":
		p.faults = append(p.faults, fmt.Sprintf("%v came with a key", came.lines))
	case key != "" && p.keys[key]:
		p.faults = append(p.faults, fmt.Sprintf("the key %s came twice", key))
	}
	p.keys[key] = true
}

// take returns what came for an account since the last time.
func (p *tap) take(account string) []arrival {
	p.mu.Lock()
	defer p.mu.Unlock()
	came := p.arrivals[account]
	delete(p.arrivals, account)
	return came
}

// read writes a request as the lines that meant writes. It splits query and body by
// itself, so that nothing is merged, sorted or dropped on the way.
func read(r *http.Request, body []byte) ([]string, error) {
	lines := []string{r.Method + " " + r.URL.EscapedPath()}
	query, err := pairs("query", r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	lines = append(lines, query...)
	mediaType, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case len(body) == 0:
	case err != nil:
		return nil, err
	case mediaType == "multipart/form-data":
		files, err := parts(multipart.NewReader(bytes.NewReader(body), params["boundary"]))
		if err != nil {
			return nil, err
		}
		lines = append(lines, files...)
	case mediaType == "application/x-www-form-urlencoded":
		form, err := pairs("body", string(body))
		if err != nil {
			return nil, err
		}
		lines = append(lines, form...)
	default:
		return nil, fmt.Errorf("the content type is %s", mediaType)
	}
	slices.Sort(lines)
	return lines, nil
}

func pairs(where, encoded string) ([]string, error) {
	if encoded == "" {
		return nil, nil
	}
	var lines []string
	for pair := range strings.SplitSeq(encoded, "&") {
		name, value, _ := strings.Cut(pair, "=")
		decodedName, err := url.QueryUnescape(name)
		if err != nil {
			return nil, err
		}
		decodedValue, err := url.QueryUnescape(value)
		if err != nil {
			return nil, err
		}
		lines = append(lines, where+" "+decodedName+"="+decodedValue)
	}
	return lines, nil
}

func parts(reader *multipart.Reader) ([]string, error) {
	var lines []string
	for {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			return lines, nil
		}
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return nil, err
		}
		if part.FileName() != "" {
			lines = append(lines, fmt.Sprintf("file %s %q", part.FormName(), content))
		} else {
			lines = append(lines, "body "+part.FormName()+"="+string(content))
		}
	}
}
