// Command backflow-plugin-money does arithmetic with money: it reads, writes,
// converts and divides amounts in minor units, exactly, and asks for exchange
// rates. It is an example of a WASM plugin: all that it needs of the world is one
// HTTP request.
//
//	make
package main

import (
	"context"
	"errors"
	"net/url"

	"github.com/backflow/backflow/sdk"
)

func main() { sdk.Serve(plugin()) }

// defaultRates is the public service of https://frankfurter.dev, which publishes
// the reference rates of central banks and takes no key.
const defaultRates = "https://api.frankfurter.dev"

type settings struct {
	RatesURL string `json:"ratesUrl,omitempty" description:"Where rates come from; the host has to be in allowedHosts." default:"https://api.frankfurter.dev"`
}

func plugin() sdk.Plugin {
	r := &rates{base: defaultRates}
	return sdk.New(sdk.Info{Name: "money", Version: "1.0.0", Description: "Arithmetic with money in minor units, and exchange rates."},
		sdk.Credentials[settings]{Configure: func(_ context.Context, s settings) error { return r.configure(s) }},
		sdk.Action[formatParams, formatted]{
			Name: "format", Description: "Writes an amount for people.", HTTP: sdk.POST("/format"),
			Examples: []formatParams{{Amount: 123450, Currency: "EUR", Separator: ",", Point: "."}}, Do: format,
		},
		sdk.Action[parseParams, amount]{
			Name: "parse", Description: "Reads an amount as people write it.", HTTP: sdk.POST("/parse"),
			Examples: []parseParams{{Text: "1,234.50", Currency: "EUR", Separator: ",", Point: "."}}, Do: parse,
		},
		sdk.Action[convertParams, converted]{
			Name: "convert", Description: "Converts an amount at a rate, and rounds to the currency's minor unit.", HTTP: sdk.POST("/convert"),
			Examples: []convertParams{{Amount: 1000, From: "EUR", To: "JPY", Rate: "161.235", Rounding: "half-even"}}, Do: convert,
		},
		sdk.Action[divideParams, divided]{
			Name: "divide", Description: "Divides an amount by weights so that no unit is lost.", HTTP: sdk.POST("/divide"),
			Examples: []divideParams{{Amount: 100, Weights: []int64{1, 1, 1}}}, Do: divide,
		},
		sdk.Action[rateParams, rate]{
			Name: "rate", Description: "Asks for the reference rate of a day.", HTTP: sdk.GET("/rates/:from/:to"),
			Examples: []rateParams{{From: "EUR", To: "USD"}}, Do: r.rate,
		},
	)
}

func (r *rates) configure(s settings) error {
	u, err := url.Parse(s.RatesURL)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("ratesUrl is not the address of a service")
	}
	r.base = s.RatesURL
	return nil
}
