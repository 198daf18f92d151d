package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/httpclient"
)

// rates asks a service that speaks as https://frankfurter.dev does.
type rates struct{ base string }

type rateParams struct {
	From string `json:"from" pattern:"^[A-Za-z]{3}$"`
	To   string `json:"to" pattern:"^[A-Za-z]{3}$"`
	Date string `json:"date,omitempty" format:"date" pattern:"^\\d{4}-\\d{2}-\\d{2}$" description:"Default: the latest."`
}

type rate struct {
	Rate json.Number `json:"rate" description:"Units of to for one unit of from, as the service wrote it."`
	Date string      `json:"date" description:"The day that the rate is of."`
}

func (r *rates) rate(ctx context.Context, in rateParams) (rate, error) {
	in.From, in.To = strings.ToUpper(in.From), strings.ToUpper(in.To)
	day := in.Date
	if day == "" {
		day = "latest"
	}
	address := r.base + "/v1/" + url.PathEscape(day) + "?" + url.Values{"base": {in.From}, "symbols": {in.To}}.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return rate{}, err
	}
	response, err := httpclient.New(10 * time.Second).Do(request)
	if err != nil {
		var told *sdk.Error
		if errors.As(err, &told) {
			return rate{}, told
		}
		return rate{}, sdk.Refuse(sdk.CodeUnavailable, "the service of rates does not answer").Later(0)
	}
	defer func() { _ = response.Body.Close() }() // it is read to its end, or an error says so
	if err := statusError(response); err != nil {
		return rate{}, err
	}
	var answer struct {
		Date  string                 `json:"date"`
		Rates map[string]json.Number `json:"rates"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.Rates[in.To] == "" {
		return rate{}, sdk.Refuse(sdk.CodeUpstream, "the service of rates answers without the rate")
	}
	sdk.Logger(ctx).Info("rate", "from", in.From, "to", in.To, "date", answer.Date)
	return rate{Rate: answer.Rates[in.To], Date: answer.Date}, nil
}

// statusError says what a status means for the caller, nil for success.
func statusError(response *http.Response) error {
	switch status := response.StatusCode; {
	case status == http.StatusOK:
		return nil
	case status == http.StatusNotFound || status == http.StatusUnprocessableEntity:
		return sdk.Refuse(sdk.CodeNotFound, "there is no such rate")
	case status == http.StatusTooManyRequests:
		seconds, _ := strconv.Atoi(response.Header.Get("Retry-After")) // 0 where it does not say
		return sdk.Refuse(sdk.CodeRateLimited, "the service of rates has had enough").Later(time.Duration(seconds) * time.Second)
	default:
		return sdk.Refuse(sdk.CodeUpstream, "the service of rates answers %d", status).Later(0)
	}
}
