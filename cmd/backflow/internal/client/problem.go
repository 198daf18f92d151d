package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// Problem is a response that is an error.
type Problem struct {
	Status int // of HTTP
	text   string
}

// Error returns the problem's title, detail and faults.
func (p *Problem) Error() string { return p.text }

// transient reports whether a request may succeed when it is sent again.
func transient(err error) bool {
	problem, responded := errors.AsType[*Problem](err)
	return !responded || problem.Status >= http.StatusInternalServerError || problem.Status == http.StatusTooManyRequests
}

// problemOf reads a response in application/problem+json (RFC 9457).
func problemOf(res *http.Response, data []byte) *Problem {
	var document struct {
		Title  string `json:"title"`
		Detail string `json:"detail"`
		Errors []struct {
			Pointer string `json:"pointer"`
			Message string `json:"message"`
		} `json:"errors"`
	}
	if json.Unmarshal(data, &document) != nil || document.Title == "" {
		return &Problem{res.StatusCode, "the gateway answered " + res.Status}
	}
	text := fmt.Sprintf("%s (%d)", document.Title, res.StatusCode)
	if document.Detail != "" {
		text += ": " + document.Detail
	}
	for _, fault := range document.Errors {
		text += "\n  " + fault.Pointer + ": " + fault.Message
	}
	return &Problem{res.StatusCode, text}
}
