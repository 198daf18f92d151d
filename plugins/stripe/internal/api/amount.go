package api

import (
	"fmt"
	"net/url"
	"strings"
)

// decimals are how many decimals an amount has at Stripe, for the currencies that have
// not two (https://docs.stripe.com/currencies).
var decimals = map[string]int{
	"bif": 0, "clp": 0, "djf": 0, "gnf": 0, "jpy": 0, "kmf": 0, "krw": 0, "mga": 0, "pyg": 0, "rwf": 0, "vnd": 0, "vuv": 0, "xaf": 0, "xof": 0, "xpf": 0,
	"bhd": 3, "jod": 3, "kwd": 3, "omr": 3, "tnd": 3,
}

// wholeOnly are currencies with two decimals at Stripe that have to be 00.
var wholeOnly = map[string]bool{"isk": true, "ugx": true}

// aboutAmount are codes of refused amounts (https://docs.stripe.com/error-codes).
var aboutAmount = map[string]bool{
	"amount_too_small": true, "amount_too_large": true,
	"invalid_charge_amount": true, "invalid_charge_amount_no_decimal_compatible": true,
}

// explainAmount says how Stripe counts money, where it refuses an amount: with the
// currency of the request where one is known. It returns nothing for other refusals.
func explainAmount(said stripeError, sent Body) string {
	name := said.Param[strings.LastIndexByte(said.Param, '[')+1:]
	isAmount := strings.Contains(name, "amount") && !strings.Contains(name, "decimal")
	if !aboutAmount[said.Code] && !(isAmount && (said.Code == "" || said.Code == "parameter_invalid_integer")) {
		return ""
	}
	const page = "https://docs.stripe.com/currencies"
	currency := strings.ToLower(sent.currency(said.Param))
	shown := strings.ToUpper(currency)
	places, special := decimals[currency]
	switch {
	case !isCurrency(currency):
		return fmt.Sprintf("Stripe takes an amount as an integer in the currency's smallest unit: 1999 is 19.99 USD, 500 is 500 JPY, 5120 is 5.120 KWD (%s)", page)
	case wholeOnly[currency]:
		return fmt.Sprintf("Stripe takes an amount in %s as an integer with two decimals that are 00: 500 is 5 %s (%s#special-cases)", shown, shown, page)
	case special && places == 0:
		return fmt.Sprintf("Stripe takes an amount in %s as an integer without decimals: 500 is 500 %s (%s#zero-decimal)", shown, shown, page)
	case special:
		return fmt.Sprintf("Stripe takes an amount in %s as an integer with three decimals, of which the last is 0: 5120 is 5.120 %s (%s#three-decimal)", shown, shown, page)
	default:
		return fmt.Sprintf("Stripe takes an amount in %s as an integer in the smallest unit: 1999 is 19.99 %s (%s)", shown, shown, page)
	}
}

func isCurrency(text string) bool {
	return len(text) == 3 && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz") == ""
}

// currency returns what a form says of the currency of a param: in the same object, or
// the nearest around it.
func (b Body) currency(param string) string {
	if b.contentType != formType {
		return ""
	}
	values, err := url.ParseQuery(string(b.content))
	if err != nil {
		return ""
	}
	for around := param; ; {
		end := strings.LastIndexByte(around, '[')
		if end < 0 {
			return values.Get("currency")
		}
		around = around[:end]
		if found := values.Get(around + "[currency]"); found != "" {
			return found
		}
	}
}
