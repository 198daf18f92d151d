// Package outgoing reads what comes of an HTTP request that the gateway makes: why it
// got no response, and when it may be made again. The package imports nothing of the
// project.
package outgoing

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"
)

// Reason says why a connection failed, without addresses: the message reaches
// callers, who must not learn about the network behind the gateway.
func Reason(err error) string {
	var dns *net.DNSError
	var number syscall.Errno
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &dns):
		return "the name of its host is not known"
	case errors.As(err, &number):
		return number.Error()
	case errors.As(err, &certificate):
		return "its certificate is not valid: " + certificate.Err.Error()
	}
	// net adds the addresses to an error.
	var operation *net.OpError
	if errors.As(err, &operation) {
		err = operation.Err
	}
	return err.Error()
}

// MaxRetryAfter bounds how long a response can make a caller wait.
const MaxRetryAfter = 24 * time.Hour

// RetryAfter reads the header, seconds or a date (RFC 9110, section 10.2.3). It
// returns zero if the header says nothing.
func RetryAfter(header http.Header, now time.Time) time.Duration {
	text := header.Get("Retry-After")
	if text == "" {
		return 0
	}
	var wait time.Duration
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if errors.Is(err, strconv.ErrRange) {
		wait = MaxRetryAfter
	} else if at, err := http.ParseTime(text); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), MaxRetryAfter)
}
