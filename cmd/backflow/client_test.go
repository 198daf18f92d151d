package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// command runs a command line in an environment.
func command(t *testing.T, env map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	p := &program{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, lookupEnv: func(name string) (string, bool) {
		value, set := env[name]
		return value, set
	}}
	code = p.main(t.Context(), args)
	return code, out.String(), errs.String()
}

// asked is a gateway that notes the tokens that it is sent.
func asked(t *testing.T) (url string, tokens *[]string) {
	t.Helper()
	tokens = new([]string)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*tokens = append(*tokens, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"data":[],"nextCursor":null}`)
	}))
	t.Cleanup(server.Close)
	return server.URL, tokens
}

// TestAddressAndTokenComeFromOneSource: a token goes to the gateway that it is for,
// whatever a folder or the environment has besides.
func TestAddressAndTokenComeFromOneSource(t *testing.T) {
	ours, oursAsked := asked(t)
	foreign, foreignAsked := asked(t)
	type source map[string]string
	both := source{urlEnv: ours, tokenEnv: "env-token"}
	for name, c := range map[string]struct {
		env   source
		dev   string // of .backflow/dev.json, with ADDRESS; "" for no file
		sent  string // to the gateway that the source names
		fault []string
	}{
		"environment alone":                                    {env: both, sent: "env-token"},
		"environment, and a folder of dev":                     {env: both, dev: `{"address":"ADDRESS","token":"dev-token"}`, sent: "env-token"},
		"environment, and a folder that lies":                  {env: both, dev: `{{`, sent: "env-token"},
		"a folder of dev":                                      {dev: `{"address":"ADDRESS","token":"dev-token"}`, sent: "dev-token"},
		"token of the environment, URL of dev":                 {env: source{tokenEnv: "env-token"}, dev: `{"address":"ADDRESS","token":"dev-token"}`, fault: []string{tokenEnv, urlEnv, foreign, "dev.json", "unset"}},
		"token of the environment, URL of dev without a token": {env: source{tokenEnv: "env-token"}, dev: `{"address":"ADDRESS"}`, fault: []string{tokenEnv, urlEnv, foreign}},
		"URL of the environment, token of dev":                 {env: source{urlEnv: ours}, dev: `{"address":"ADDRESS","token":"dev-token"}`, fault: []string{urlEnv, tokenEnv, "dev.json", "unset"}},
		"token of the environment alone":                       {env: source{tokenEnv: "env-token"}, fault: []string{tokenEnv, urlEnv}},
		"URL of the environment alone":                         {env: source{urlEnv: ours}, fault: []string{urlEnv, tokenEnv}},
		"nothing":                                              {fault: []string{urlEnv, tokenEnv, "backflow dev"}},
		"a folder whose dev has not listened yet":              {dev: `{"token":"dev-token"}`, fault: []string{urlEnv, "backflow dev"}},
		"a folder that cannot be read":                         {dev: `{{`, fault: []string{"dev.json"}},
		"an empty URL":                                         {env: source{urlEnv: "", tokenEnv: "env-token"}, fault: []string{urlEnv + " is empty"}},
		"an empty token":                                       {env: source{urlEnv: ours, tokenEnv: ""}, fault: []string{tokenEnv + " is empty"}},
		"an empty token, URL of dev":                           {env: source{tokenEnv: ""}, dev: `{"address":"ADDRESS","token":"dev-token"}`, fault: []string{tokenEnv, urlEnv, foreign}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			*oursAsked, *foreignAsked = nil, nil
			if c.dev != "" {
				if err := os.Mkdir(devDir, 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(devStatePath(devDir), []byte(strings.ReplaceAll(c.dev, "ADDRESS", foreign)), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			code, _, stderr := command(t, c.env, "runs", "list")
			if (code == exitOK) != (c.fault == nil) {
				t.Errorf("exit code %d: %s", code, stderr)
			}
			for _, words := range c.fault {
				if !strings.Contains(stderr, words) {
					t.Errorf("%q is not named: %s", words, stderr)
				}
			}
			if strings.Contains(stderr, "env-token") || strings.Contains(stderr, "dev-token") {
				t.Errorf("a token is printed: %s", stderr)
			}
			for _, token := range *foreignAsked {
				if token != "dev-token" {
					t.Errorf("the address in the folder was sent %q", token)
				}
			}
			for _, token := range *oursAsked {
				if token != "env-token" {
					t.Errorf("the address in the environment was sent %q", token)
				}
			}
			if sent := append(*oursAsked, *foreignAsked...); c.sent != "" && (len(sent) != 1 || sent[0] != c.sent) || c.sent == "" && len(sent) != 0 {
				t.Errorf("sent were %q, want %q", sent, c.sent)
			}
		})
	}
}

func TestWhatIsNoAddressOrTokenIsToldForWhatItIs(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, c := range []struct{ url, token, want string }{
		{"localhost:3000", "t", "did you mean http://localhost:3000?"},
		{"127.0.0.1:3000", "t", "did you mean http://127.0.0.1:3000?"},
		{"pay.example.com/api", "t", "did you mean https://pay.example.com/api?"},
		{"ftp://x", "t", "another scheme"},
		{"http://", "t", "names no host"},
		{"http://x:y", "t", "is no URL"},
		{"http://ann:hunter2@x", "t", "holds a user or a password"},
		{"http://x?token=1", "t", "a query"},
		{" http://x", "t", urlEnv + " has white space around it"},
		{"http://x", "t\n", tokenEnv + " has white space around it"},
		{"http://x", "Bearer t", "begins with \"Bearer\""},
		{"http://x", "t\x00k", "a character that no token has"},
		{"http://x", "tök", "a character that no token has"},
	} {
		code, _, stderr := command(t, map[string]string{urlEnv: c.url, tokenEnv: c.token}, "runs", "list")
		if code != exitFailed || !strings.Contains(stderr, c.want) || strings.Contains(stderr, "hunter2") || strings.Contains(stderr, "goroutine") {
			t.Errorf("%q, %q: exit code %d: %s, want %q", c.url, c.token, code, stderr, c.want)
		}
	}
}

func TestAFailedConnectionIsToldInPlainWords(t *testing.T) {
	t.Chdir(t.TempDir())
	serve := func(handle http.HandlerFunc) string {
		server := httptest.NewServer(handle)
		t.Cleanup(server.Close)
		return server.URL
	}
	problem := func(status int, text string) string {
		return serve(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(status)
			fmt.Fprint(w, text)
		})
	}
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // the handshakes fail
	secure.StartTLS()
	t.Cleanup(secure.Close)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	plain := problem(404, `{"title":"Not found","status":404}`)
	elsewhere, elsewhereAsked := asked(t)
	for name, c := range map[string]struct {
		url  string
		want []string
	}{
		"nobody listens":         {nobody, []string{"no gateway listens at " + nobody, "backflow dev", urlEnv}},
		"no such host":           {"http://gateway.invalid:3000", []string{"gateway.invalid"}},
		"TLS where plain HTTP":   {strings.Replace(plain, "http://", "https://", 1), []string{"does not speak TLS", "http://"}},
		"plain HTTP where TLS":   {strings.Replace(secure.URL, "https://", "http://", 1), []string{"speaks TLS", "https://"}},
		"an unknown certificate": {secure.URL, []string{"certificate", "not trusted"}},
		"another server":         {serve(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }), []string{"is no Backflow gateway", "200 OK", "text/html"}},
		"another server's error": {serve(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", 418) }), []string{"is no Backflow gateway", "418", "text/plain"}},
		"JSON that is cut": {serve(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"data":[`)
		}), []string{"JSON that cannot be read"}},
		"a redirect":            {serve(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere+"/runs", 302) }), []string{"redirects", elsewhere, "the token is not sent there"}},
		"hung up":               {serve(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), []string{"closed the connection"}},
		"an unknown token":      {problem(401, `{"title":"Unauthorized","status":401,"detail":"a token is needed"}`), []string{"401", "The token in " + tokenEnv + " is not one of the gateway at", urlEnv}},
		"a token without scope": {problem(403, `{"title":"Forbidden","status":403,"detail":"the scope runs:read is needed"}`), []string{"403", "the scope runs:read is needed", "the one in " + tokenEnv}},
		"words that move text":  {problem(404, `{"title":"gone \u202e","status":404,"detail":"\u001b[2J","errors":[{"pointer":"/a\u0007","message":"b\u2066"}]}`), []string{`\u202e`, `\u001b[2J`, `\u0007`, `\u2066`}},
	} {
		code, stdout, stderr := command(t, map[string]string{urlEnv: c.url, tokenEnv: "t"}, "runs", "list")
		if code != exitFailed || stdout != "" {
			t.Errorf("%s: exit code %d, %q", name, code, stdout)
		}
		for _, words := range c.want {
			if !strings.Contains(stderr, words) {
				t.Errorf("%s: %q is not said: %s", name, words, stderr)
			}
		}
		for _, raw := range []string{"dial tcp", "Get \"", "lookup ", "x509:", "invalid character", "unexpected end", "EOF", "\x1b", "\u202e"} {
			if strings.Contains(stderr, raw) {
				t.Errorf("%s: %q is raw: %s", name, raw, stderr)
			}
		}
	}
	if len(*elsewhereAsked) != 0 {
		t.Errorf("a redirect was followed with %q", *elsewhereAsked)
	}
}

func TestFilesOfFlagsAreToldForWhatTheyAre(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for name, text := range map[string]string{"broken.json": "{\n  \"a\": 1,\n}", "empty.json": " \n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for input, want := range map[string]string{
		"@absent.json": "there is no file absent.json",
		"@" + dir:      "is a folder, not a file",
		"@":            "a file's name is missing",
		"@empty.json":  "is empty",
		"@-":           "--input - is empty",
		"":             "--input is empty",
		"@broken.json": "broken.json:2:9: not JSON",
		`{"a":1,}`:     "--input:1:7: not JSON",
	} {
		code, _, stderr := command(t, nil, "workflow", "run", "w", "--input", input)
		if code == exitOK || !strings.Contains(stderr, want) {
			t.Errorf("--input %s: exit code %d: %s, want %q", input, code, stderr, want)
		}
	}
}

func TestAFaultIsToldOnce(t *testing.T) {
	for body, want := range map[string]string{
		`{"title":"Invalid","detail":"/kind: must be cut","errors":[{"pointer":"/kind","message":"must be cut"}]}`:                                      "backflow: Invalid (422): /kind: must be cut\n",
		`{"title":"Invalid","detail":"/a: is wrong (and 1 more)","errors":[{"pointer":"/a","message":"is wrong"},{"pointer":"/b","message":"is odd"}]}`: "backflow: Invalid (422): /a: is wrong (and 1 more)\n  /a: is wrong\n  /b: is odd\n",
		`{"title":"Invalid","detail":"it is wrong","errors":[{"pointer":"/a","message":"is odd"}]}`:                                                     "backflow: Invalid (422): it is wrong\n  /a: is odd\n",
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusUnprocessableEntity)
			fmt.Fprint(w, body)
		}))
		t.Cleanup(server.Close)
		if code, _, errs := command(t, map[string]string{urlEnv: server.URL, tokenEnv: "t"}, "runs", "list"); code != exitFailed || errs != want {
			t.Errorf("%s: exit code %d, %s", body, code, errs)
		}
	}
}
