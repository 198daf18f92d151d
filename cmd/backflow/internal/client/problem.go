package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/backflow/backflow/cmd/backflow/internal/terminal"
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
func (c *Client) problemOf(res *http.Response, data []byte) error {
	if res.StatusCode < http.StatusBadRequest {
		return c.redirected(res)
	}
	if res.StatusCode == http.StatusBadRequest && strings.Contains(string(data), "HTTP request to an HTTPS server") {
		return &Problem{res.StatusCode, fmt.Sprintf("%s speaks TLS: its URL begins with https://", c.address())} // in the words of net/http
	}
	var document struct {
		Title  string `json:"title"`
		Detail string `json:"detail"`
		Errors []struct {
			Pointer string `json:"pointer"`
			Message string `json:"message"`
		} `json:"errors"`
	}
	if json.Unmarshal(data, &document) != nil || document.Title == "" {
		return c.noGateway(res)
	}
	text := fmt.Sprintf("%s (%d)", terminal.Printable(document.Title), res.StatusCode)
	if document.Detail != "" {
		text += ": " + terminal.Printable(document.Detail)
	}
	for _, fault := range document.Errors {
		if len(document.Errors) == 1 && strings.Contains(document.Detail, fault.Message) {
			break // it was said
		}
		text += "\n  " + terminal.Printable(fault.Pointer+": "+fault.Message)
	}
	return &Problem{res.StatusCode, text + c.aboutToken(res.StatusCode)}
}

// aboutToken says of a refused token where it was found.
func (c *Client) aboutToken(status int) string {
	switch {
	case status == http.StatusUnauthorized && c.Token == "":
		return "\nNo token was sent: set BACKFLOW_TOKEN"
	case status == http.StatusUnauthorized && c.TokenFrom != "":
		return fmt.Sprintf("\nThe token in %s is not one of the gateway at %s", c.TokenFrom, c.address())
	case status == http.StatusForbidden && c.TokenFrom != "":
		return fmt.Sprintf("\nThe token is the one in %s", c.TokenFrom)
	default:
		return ""
	}
}
