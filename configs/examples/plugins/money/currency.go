package main

import (
	"strings"

	"github.com/backflow/backflow/sdk"
)

// The currencies of ISO 4217 that have a minor unit, by its number of digits: list
// one of the maintenance agency (https://www.six-group.com/en/products-services/financial-information/data-standards.html).
// One that was withdrawn is not there.
const (
	noDigits    = " BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF "
	threeDigits = " BHD IQD JOD KWD LYD OMR TND "
	fourDigits  = " CLF UYW "
	twoDigits   = " AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW" +
		" CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR" +
		" IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN" +
		" NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB" +
		" TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG "
)

// digits returns how many digits a currency's minor unit has.
func digits(currency string) (int, error) {
	for n, list := range []string{noDigits, "", twoDigits, threeDigits, fourDigits} {
		if len(currency) == 3 && strings.Contains(list, " "+currency+" ") {
			return n, nil
		}
	}
	return 0, sdk.Refuse(sdk.CodeRejected, "%q is no currency of ISO 4217 that has a minor unit", currency).With("currency", currency)
}
