package sandbox

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestAPageOfAnotherSiteCannotUseTheSandbox(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	port := b.address[strings.LastIndexByte(b.address, ':'):]
	for name, test := range map[string]struct {
		method, host string
		header       map[string]string
		refused      bool
	}{
		"a program":                      {http.MethodPost, b.address, nil, false},
		"a program, by name":             {http.MethodPost, "localhost" + port, nil, false},
		"a name that points here":        {http.MethodGet, "shop.example" + port, nil, true},
		"another port":                   {http.MethodGet, "127.0.0.1:1", nil, true},
		"no port":                        {http.MethodGet, "127.0.0.1", nil, true},
		"a form of another site":         {http.MethodPost, b.address, map[string]string{"Sec-Fetch-Site": "cross-site"}, true},
		"a form, of an old browser":      {http.MethodPost, b.address, map[string]string{"Origin": "https://shop.example"}, true},
		"a form of the sandbox's own":    {http.MethodPost, b.address, map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": "http://" + b.address}, false},
		"a link of another site, shown":  {http.MethodGet, b.address, map[string]string{"Sec-Fetch-Site": "cross-site"}, false},
		"a page that another port shows": {http.MethodPost, b.address, map[string]string{"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:3000"}, true},
	} {
		request, err := http.NewRequestWithContext(t.Context(), test.method, b.URL()+"/v1/customers", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = test.host
		request.SetBasicAuth(Key, "")
		for field, value := range test.header {
			request.Header.Set(field, value)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		if err := response.Body.Close(); err != nil {
			t.Fatal(err)
		}
		if refused := response.StatusCode == http.StatusForbidden; refused != test.refused || !refused && response.StatusCode != http.StatusOK {
			t.Errorf("%s: %d %s", name, response.StatusCode, body)
		}
	}
}
