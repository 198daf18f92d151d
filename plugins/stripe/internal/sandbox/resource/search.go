package resource

import (
	"encoding/base64"
	"strconv"
)

// Searcher is the operation that searches a type
// (https://docs.stripe.com/search). What was written can be found at once, where
// Stripe takes up to a minute.
func Searcher(kind string, fields SearchFields) Operation {
	return func(t *Tx, r *Request) (Object, *Refusal) {
		limit, refusal := page(r)
		if refusal != nil {
			return nil, refusal
		}
		q, err := parseQuery(r.Params.Text("query"), fields)
		if err != nil {
			return nil, Invalid("query", "", "We were unable to parse your search query: %v.", err)
		}
		older, refusal := pageToken(r.Params.Text("page"))
		if refusal != nil {
			return nil, refusal
		}
		data, more, last := []any{}, false, int64(0)
		var total int64
		t.scanBetween(Filter{Kind: kind, Keep: q.matches}, 0, 0, func(place int64, o Object) bool {
			total++
			switch {
			case older != 0 && place >= older:
			case len(data) == limit:
				more = true
			default:
				data, last = append(data, o), place
			}
			return true
		})
		result := Object{"object": "search_result", "data": data, "has_more": more, "next_page": nil, "url": r.Path}
		if more {
			result["next_page"] = base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(last, 10)))
		}
		var expand []any
		for _, path := range r.Params.Texts("expand") {
			if path == "total_count" {
				result["total_count"] = total
				continue
			}
			expand = append(expand, path)
		}
		r.Params["expand"] = expand
		return result, nil
	}
}

// pageToken reads where a page begins.
func pageToken(token string) (int64, *Refusal) {
	if token == "" {
		return 0, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(token)
	place, err2 := strconv.ParseInt(string(text), 10, 64)
	if err != nil || err2 != nil || place < 1 {
		return 0, Invalid("page", "parameter_invalid", "Invalid page: %s", token)
	}
	return place, nil
}
