package payment

import (
	"fmt"
	"strings"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

// currencies are those that Stripe takes
// (https://docs.stripe.com/currencies#presentment-currencies).
const currencies = " usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn bzd cad cdf chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl htg huf idr ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle sos srd std szl thb tjs tnd top try ttd twd tzs uah ugx uyu uzs vnd vuv wst xaf xcd xof xpf yer zar zmw "

// zeroDecimal and threeDecimal are the currencies whose smallest unit is not a
// hundredth (https://docs.stripe.com/currencies#zero-decimal).
const (
	zeroDecimal  = " bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf "
	threeDecimal = " bhd jod kwd omr tnd "
)

// Minimum is the least that can be paid in a currency, in its smallest unit
// (https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts); 1 where
// Stripe names no amount.
func Minimum(currency string) int64 {
	switch currency {
	case "usd", "aud", "brl", "cad", "chf", "eur", "inr", "nzd", "sgd", "jpy":
		return 50
	case "aed", "myr", "pln", "ron":
		return 200
	case "bgn":
		return 100
	case "czk":
		return 1500
	case "dkk":
		return 250
	case "gbp":
		return 30
	case "hkd":
		return 400
	case "huf":
		return 17500
	case "mxn", "thb":
		return 1000
	case "nok", "sek":
		return 300
	}
	return 1
}

// Amounts, beside the minimum of their currency.
const (
	// maxAmount is the most that can be paid at once.
	maxAmount = 99_999_999
	// threeDecimalStep is what amounts of three-decimal currencies are multiples of.
	threeDecimalStep = 10
)

// Currency reads a currency from the params, in lower case.
func Currency(params Object) (string, *Refusal) {
	currency := strings.ToLower(params.Text("currency"))
	if len(currency) != 3 || !strings.Contains(currencies, " "+currency+" ") {
		return "", resource.Invalid("currency", "", "Invalid currency: %s. Stripe currently supports these currencies: %s", currency, strings.Join(strings.Fields(currencies), ", "))
	}
	return currency, nil
}

// checkAmount refuses an amount that cannot be paid.
func checkAmount(amount int64, currency string) *Refusal {
	least := Minimum(currency)
	switch {
	case amount < 1:
		return resource.Invalid("amount", "parameter_invalid_integer", "This value must be greater than or equal to 1.")
	case amount < least:
		return resource.Invalid("amount", "amount_too_small", "Amount must be at least %s", spell(least, currency))
	case amount > maxAmount:
		return resource.Invalid("amount", "amount_too_large", "Amount must be no more than %s", spell(maxAmount, currency))
	case strings.Contains(threeDecimal, " "+currency+" ") && amount%threeDecimalStep != 0:
		return resource.Invalid("amount", "parameter_invalid_integer", "Invalid amount: %s has three decimals, of which the last has to be 0.", currency)
	}
	return nil
}

// Decimals is how many digits after the point the main unit of a currency has.
func Decimals(currency string) int {
	switch {
	case strings.Contains(zeroDecimal, " "+currency+" "):
		return 0
	case strings.Contains(threeDecimal, " "+currency+" "):
		return 3
	}
	return 2
}

// Sign is what people write before an amount in a currency, empty for most.
func Sign(currency string) string {
	return map[string]string{"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}[currency]
}

// Spell writes an amount for people: "$0.50 usd".
func Spell(amount int64, currency string) string { return spell(amount, currency) }

// spell writes an amount for people: "$0.50 usd".
func spell(amount int64, currency string) string {
	switch Decimals(currency) {
	case 0:
		return fmt.Sprintf("%s%d %s", Sign(currency), amount, currency)
	case 3:
		return fmt.Sprintf("%s%d.%03d %s", Sign(currency), amount/1000, amount%1000, currency)
	}
	return fmt.Sprintf("%s%d.%02d %s", Sign(currency), amount/100, amount%100, currency)
}
