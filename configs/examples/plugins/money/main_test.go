package main

import (
	"io"
	"net/http"
	"testing"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/sdktest"
)

func TestThePluginKeepsItsPromises(t *testing.T) {
	sdktest.Check(t, plugin(), sdktest.HTTP(service(http.StatusOK, `{"date":"2026-01-02","rates":{"USD":1.0321}}`)))
}

func service(status int, body string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET api.frankfurter.dev/v1/{day}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body) // what is not there is missed in the test
	})
	return mux
}

func TestAmountsAreWrittenWithTheirMinorUnits(t *testing.T) {
	for params, want := range map[string]string{
		`{"amount":123450,"currency":"EUR","separator":","}`:                    `{"text":"1,234.50 EUR","decimal":"1234.50"}`,
		`{"amount":-5,"currency":"EUR","point":","}`:                            `{"text":"-0,05 EUR","decimal":"-0.05"}`,
		`{"amount":1234567,"currency":"JPY","separator":"."}`:                   `{"text":"1.234.567 JPY","decimal":"1234567"}`,
		`{"amount":1,"currency":"BHD"}`:                                         `{"text":"0.001 BHD","decimal":"0.001"}`,
		`{"amount":-9223372036854775808,"currency":"CLF","separator":"\u00a0"}`: `{"text":"-922\u00a0337\u00a0203\u00a0685\u00a0477.5808 CLF","decimal":"-922337203685477.5808"}`,
		`{"amount":123,"currency":"EUR","separator":",","point":"."}`:           `{"text":"1.23 EUR","decimal":"1.23"}`,
		`{"amount":100000,"currency":"EUR","separator":"'"}`:                    `{"text":"1'000.00 EUR","decimal":"1000.00"}`,
	} {
		sdktest.Call(t, plugin(), "format", params).Is(want)
	}
	sdktest.Call(t, plugin(), "format", `{"amount":1,"currency":"XAU"}`).Fails(sdk.CodeRejected)
	sdktest.Call(t, plugin(), "format", `{"amount":1.5,"currency":"EUR"}`).Fails(sdk.CodeInvalidParams)
}

func TestAmountsAreReadOrRefused(t *testing.T) {
	for text, want := range map[string]int64{"1,234.50": 123450, "-0.05": -5, "7": 700, "7.": 700, "1.500": 150} {
		sdktest.Call(t, plugin(), "parse", parseParams{Text: text, Currency: "EUR", Separator: ",", Point: "."}).Is(amount{Amount: want, Currency: "EUR"})
	}
	for _, text := range []string{"1.505", "abc", "-", ".", ".5", "1.-5", "--1", "+1", "1.2.3", "1 000", "99999999999999999999"} {
		sdktest.Call(t, plugin(), "parse", parseParams{Text: text, Currency: "EUR", Separator: ",", Point: "."}).Fails(sdk.CodeRejected)
	}
}

func TestConversionIsExactAndRoundsAsAsked(t *testing.T) {
	for _, c := range []struct {
		params string
		want   converted
	}{
		{`{"amount":1000,"from":"EUR","to":"USD","rate":1.0321}`, converted{1032, "USD", false}},
		{`{"amount":10000,"from":"EUR","to":"USD","rate":1.0321}`, converted{10321, "USD", true}},
		{`{"amount":1000,"from":"EUR","to":"JPY","rate":161.25}`, converted{1612, "JPY", false}},
		{`{"amount":1000,"from":"EUR","to":"JPY","rate":161.35}`, converted{1614, "JPY", false}},
		{`{"amount":1000,"from":"EUR","to":"JPY","rate":161.25,"rounding":"half-up"}`, converted{1613, "JPY", false}},
		{`{"amount":-1000,"from":"EUR","to":"JPY","rate":161.25,"rounding":"half-up"}`, converted{-1613, "JPY", false}},
		{`{"amount":1000,"from":"EUR","to":"JPY","rate":161.99,"rounding":"down"}`, converted{1619, "JPY", false}},
		{`{"amount":9007199254740993,"from":"EUR","to":"EUR","rate":1.0}`, converted{9007199254740993, "EUR", true}},
	} {
		sdktest.Call(t, plugin(), "convert", c.params).Is(c.want)
	}
	for _, params := range []string{
		`{"amount":9223372036854775807,"from":"EUR","to":"EUR","rate":2}`,
		`{"amount":1,"from":"EUR","to":"EUR","rate":1e300}`,
	} {
		sdktest.Call(t, plugin(), "convert", params).Fails(sdk.CodeRejected)
	}
}

func TestDivisionLosesNothing(t *testing.T) {
	sdktest.Call(t, plugin(), "divide", `{"amount":100,"weights":[1,1,1]}`).Is(`{"shares":[34,33,33]}`)
	sdktest.Call(t, plugin(), "divide", `{"amount":-100,"weights":[0,2,1]}`).Is(`{"shares":[0,-67,-33]}`)
	sdktest.Call(t, plugin(), "divide", `{"amount":9223372036854775807,"weights":[1000000000,1]}`).Is(`{"shares":[9223372027631403780,9223372027]}`)
	sdktest.Call(t, plugin(), "divide", `{"amount":1,"weights":[0]}`).Fails(sdk.CodeRejected)
}

func TestRatesComeFromTheService(t *testing.T) {
	p := plugin()
	sdktest.Call(t, p, "rate", `{"from":"EUR","to":"USD","date":"2026-01-02"}`,
		sdktest.HTTP(service(http.StatusOK, `{"date":"2026-01-02","rates":{"USD":1.03210}}`))).
		Is(`{"rate":1.03210,"date":"2026-01-02"}`).Logs("date=2026-01-02")
	for status, want := range map[int]sdk.Code{404: sdk.CodeNotFound, 429: sdk.CodeRateLimited, 500: sdk.CodeUpstream, 302: sdk.CodeUpstream} {
		failure := sdktest.Call(t, p, "rate", `{"from":"EUR","to":"USD"}`, sdktest.HTTP(service(status, `{}`))).Fails(want)
		if failure.Outcome != sdk.OutcomeNotExecuted || failure.Retryable == (status == 404) {
			t.Errorf("%d: %#v", status, failure)
		}
	}
	sdktest.Call(t, p, "rate", `{"from":"EUR","to":"USD"}`, sdktest.HTTP(service(http.StatusOK, `{"rates":{}}`))).Fails(sdk.CodeUpstream)
	sdktest.Call(t, p, "rate", `{"from":"EUR","to":"USD"}`).Fails(sdk.CodeUnavailable)
	if err := sdktest.ConfigureFails(t, p, `{"ratesUrl":"nowhere"}`); err == nil {
		t.Error("an address that is none is taken")
	}
}
