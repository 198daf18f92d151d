package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
)

// unreachable says in the words of an operator why no response came.
func (c *Client) unreachable(ctx context.Context, err error) error {
	return &connectionError{c.reasonOf(ctx, err), err}
}

// connectionError is that of a gateway from which no response came.
type connectionError struct {
	text  string
	cause error
}

// Error returns what is wrong, and what mends it.
func (e *connectionError) Error() string { return e.text }

// Unwrap returns the error of the connection.
func (e *connectionError) Unwrap() error { return e.cause }

// reasonOf says what is wrong with the connection.
func (c *Client) reasonOf(ctx context.Context, err error) string {
	var dns *net.DNSError
	var unknownAuthority x509.UnknownAuthorityError
	var hostname x509.HostnameError
	var invalid x509.CertificateInvalidError
	var notTLS tls.RecordHeaderError
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return "interrupted"
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Sprintf("no gateway listens at %s: start one with `backflow dev` or `backflow serve`, or set BACKFLOW_URL to where one is", c.address())
	case errors.As(err, &dns) && dns.IsNotFound:
		return fmt.Sprintf("there is no host %s: %s is wrong, or its name is not known here", dns.Name, c.address())
	case errors.As(err, &dns):
		return fmt.Sprintf("the name %s of %s could not be looked up: %s", dns.Name, c.address(), dns.Err)
	case errors.As(err, &unknownAuthority):
		return fmt.Sprintf("the certificate of %s is not trusted on this machine (SSL_CERT_FILE names a file of further authorities)", c.address())
	case errors.As(err, &hostname), errors.As(err, &invalid):
		return fmt.Sprintf("the certificate of %s is not valid: %s", c.address(), innermost(err))
	case errors.As(err, &notTLS), errors.Is(err, http.ErrSchemeMismatch):
		return fmt.Sprintf("%s does not speak TLS: its URL begins with http://", c.address())
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return fmt.Sprintf("the gateway at %s has not responded in time", c.address())
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return fmt.Sprintf("the gateway at %s closed the connection before its response was complete", c.address())
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return fmt.Sprintf("there is no way to %s: %s", c.address(), innermost(err))
	default:
		return fmt.Sprintf("the gateway at %s cannot be reached: %s", c.address(), innermost(err))
	}
}

// address names the gateway, and where its address was found.
func (c *Client) address() string {
	if c.AddressFrom == "" {
		return c.Address
	}
	return c.Address + " (" + c.AddressFrom + ")"
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// innermost returns the words of the error that the others wrap.
func innermost(err error) string {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err.Error()
		}
		err = next
	}
}

// noGateway says that something else has responded.
func (c *Client) noGateway(res *http.Response) error {
	kind := res.Header.Get("Content-Type")
	switch {
	case isJSON(res):
		kind = "JSON that cannot be read"
	case kind == "":
		kind = "no content type"
	}
	return &Problem{res.StatusCode, fmt.Sprintf("what responds at %s is no Backflow gateway, or something in between: %s and %s", c.address(), res.Status, kind)}
}

// redirected says where a gateway would be that redirects, which none does.
func (c *Client) redirected(res *http.Response) error {
	text := fmt.Sprintf("what responds at %s is no Backflow gateway: it redirects (%s)", c.address(), res.Status)
	if to, err := res.Location(); err == nil {
		text += " to " + strings.TrimRight(to.Scheme+"://"+to.Host, "/") + ": the token is not sent there; set BACKFLOW_URL to where the gateway is"
	}
	return &Problem{res.StatusCode, text}
}
