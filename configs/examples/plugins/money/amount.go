package main

import (
	"context"
	"encoding/json"
	"math/big"
	"regexp"
	"strconv"
	"strings"

	"github.com/backflow/backflow/sdk"
)

type formatParams struct {
	Amount    int64  `json:"amount" description:"In minor units: 123450 are 1234.50 EUR."`
	Currency  string `json:"currency" pattern:"^[A-Za-z]{3}$" description:"ISO 4217."`
	Separator string `json:"separator,omitempty" maxLength:"1" description:"Between thousands."`
	Point     string `json:"point" minLength:"1" maxLength:"1" default:"." description:"Before the minor unit."`
}

type formatted struct {
	Text    string `json:"text" description:"With the currency: 1,234.50 EUR."`
	Decimal string `json:"decimal" description:"For machines: 1234.50."`
}

func format(_ context.Context, in formatParams) (formatted, error) {
	in.Currency = strings.ToUpper(in.Currency)
	n, err := digits(in.Currency)
	if err != nil {
		return formatted{}, err
	}
	whole, minor, sign := split(in.Amount, n)
	text := sign + grouped(whole, in.Separator)
	decimal := sign + whole
	if n > 0 {
		text, decimal = text+in.Point+minor, decimal+"."+minor
	}
	return formatted{Text: text + " " + in.Currency, Decimal: decimal}, nil
}

// split returns the digits of the major and of the minor unit, and "-" or "".
func split(amount int64, n int) (whole, minor, sign string) {
	text := strconv.FormatInt(amount, 10)
	if text[0] == '-' {
		sign, text = "-", text[1:]
	}
	if len(text) <= n {
		text = strings.Repeat("0", n-len(text)+1) + text
	}
	return text[:len(text)-n], text[len(text)-n:], sign
}

// grouped puts a separator between each three digits.
func grouped(digits, separator string) string {
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteString(separator)
		}
		b.WriteRune(d)
	}
	return b.String()
}

type parseParams struct {
	Text      string `json:"text" minLength:"1" maxLength:"40"`
	Currency  string `json:"currency" pattern:"^[A-Za-z]{3}$" description:"ISO 4217."`
	Separator string `json:"separator,omitempty" maxLength:"1" description:"Between thousands; ignored wherever it stands."`
	Point     string `json:"point" minLength:"1" maxLength:"1" default:"." description:"Before the minor unit."`
}

var number = regexp.MustCompile(`^-?[0-9]+$`)

type amount struct {
	Amount   int64  `json:"amount" description:"In minor units."`
	Currency string `json:"currency"`
}

func parse(_ context.Context, in parseParams) (amount, error) {
	in.Currency = strings.ToUpper(in.Currency)
	n, err := digits(in.Currency)
	if err != nil {
		return amount{}, err
	}
	text := in.Text
	if in.Separator != "" && in.Separator != in.Point {
		text = strings.ReplaceAll(text, in.Separator, "")
	}
	whole, minor, _ := strings.Cut(text, in.Point)
	if len(minor) > n && strings.Trim(minor[n:], "0") != "" {
		return amount{}, sdk.Refuse(sdk.CodeRejected, "%s has %d digits behind the point, %q has more", in.Currency, n, in.Text)
	}
	minor = (minor + "0000")[:n]
	value, err := strconv.ParseInt(whole+minor, 10, 64)
	if err != nil || !number.MatchString(whole) || !number.MatchString("0"+minor) {
		return amount{}, sdk.Refuse(sdk.CodeRejected, "%q is no amount", in.Text)
	}
	return amount{Amount: value, Currency: in.Currency}, nil
}

type convertParams struct {
	Amount   int64       `json:"amount" description:"In minor units of from."`
	From     string      `json:"from" pattern:"^[A-Za-z]{3}$"`
	To       string      `json:"to" pattern:"^[A-Za-z]{3}$"`
	Rate     json.Number `json:"rate" exclusiveMinimum:"0" description:"Units of to for one unit of from, both major; used digit by digit."`
	Rounding string      `json:"rounding" enum:"half-even,half-up,down" default:"half-even"`
}

type converted struct {
	Amount   int64  `json:"amount" description:"In minor units of to."`
	Currency string `json:"currency"`
	Exact    bool   `json:"exact" description:"Whether nothing was rounded."`
}

// maxRate bounds the digits of a rate, and with them what a conversion costs.
const maxRate = 40

func convert(_ context.Context, in convertParams) (converted, error) {
	in.From, in.To = strings.ToUpper(in.From), strings.ToUpper(in.To)
	from, err := digits(in.From)
	if err != nil {
		return converted{}, err
	}
	to, err := digits(in.To)
	if err != nil {
		return converted{}, err
	}
	// An exponent would be a cheap way to ask for very many digits.
	rate, ok := new(big.Rat).SetString(string(in.Rate))
	if !ok || len(in.Rate) > maxRate || strings.ContainsAny(string(in.Rate), "eE") {
		return converted{}, sdk.Refuse(sdk.CodeRejected, "a rate has at most %d digits and no exponent", maxRate)
	}
	exact := rate.Mul(rate, new(big.Rat).SetInt64(in.Amount))
	exact.Mul(exact, new(big.Rat).SetFrac(power(to), power(from)))
	rounded := round(exact, in.Rounding)
	if !rounded.IsInt64() {
		return converted{}, sdk.Refuse(sdk.CodeRejected, "the amount is too large")
	}
	return converted{Amount: rounded.Int64(), Currency: in.To, Exact: exact.IsInt()}, nil
}

func power(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// round returns an integer near r: that nearer to zero, the nearest and of two the
// even one, or of two the one further from zero.
func round(r *big.Rat, how string) *big.Int {
	quotient, rest := new(big.Int).QuoRem(r.Num(), r.Denom(), new(big.Int))
	if how == "down" {
		return quotient
	}
	half := rest.Abs(rest).Lsh(rest, 1).Cmp(r.Denom())
	if half > 0 || half == 0 && (how == "half-up" || quotient.Bit(0) == 1) {
		quotient.Add(quotient, big.NewInt(int64(r.Sign())))
	}
	return quotient
}

type divideParams struct {
	Amount  int64   `json:"amount"`
	Weights []int64 `json:"weights" minItems:"1" maxItems:"1000" minimum:"0" maximum:"1000000000" description:"Shares are as these are to each other."`
}

type divided struct {
	Shares []int64 `json:"shares" description:"In the order of the weights; their sum is the amount."`
}

// divide gives each weight its part, rounded towards zero, and the units that are
// left one by one to the first that have a weight.
func divide(_ context.Context, in divideParams) (divided, error) {
	var total int64
	for _, weight := range in.Weights {
		total += weight
	}
	if total == 0 {
		return divided{}, sdk.Refuse(sdk.CodeRejected, "all weights are zero")
	}
	out := divided{Shares: make([]int64, len(in.Weights))}
	left := in.Amount
	for i, weight := range in.Weights {
		share := new(big.Int).Mul(big.NewInt(in.Amount), big.NewInt(weight))
		out.Shares[i] = share.Quo(share, big.NewInt(total)).Int64()
		left -= out.Shares[i]
	}
	unit := int64(1)
	if left < 0 {
		unit = -1
	}
	for i := 0; left != 0; i++ {
		if in.Weights[i] > 0 {
			out.Shares[i] += unit
			left -= unit
		}
	}
	return out, nil
}
