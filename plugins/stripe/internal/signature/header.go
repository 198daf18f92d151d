package signature

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
)

const (
	// maxHeader is far above what Stripe sends (about 160 bytes while a secret
	// is rotated), and bounds the work that a stranger can ask for.
	maxHeader = 4096
	// maxSignatures bounds the comparisons. Stripe signs with each active
	// secret, of which there are a few at most.
	maxSignatures = 16
)

// header is a Stripe-Signature header, read.
type header struct {
	// timestamp is as written, because the signature covers the text.
	timestamp  string
	unix       int64
	signatures [][]byte
}

// parse reads "t=…,v1=…,v1=…,v0=…". As in Stripe's own libraries
// (https://github.com/stripe/stripe-go/blob/master/webhook/client.go and its like),
// schemes other than v1 are passed over, so that a sender cannot choose a weaker one;
// so are v1 signatures that cannot be one, and parts that are no pair; and of two
// timestamps the last one holds. The signature covers that, whichever it is.
func parse(text string) (header, error) {
	var h header
	unusable := false // whether a v1 signature was passed over
	if text == "" {
		return h, refuse("there is no %s header", Header)
	}
	if len(text) > maxHeader {
		return h, refuse("the %s header is longer than %d bytes", Header, maxHeader)
	}
	for part := range strings.SplitSeq(text, ",") {
		scheme, value, _ := strings.Cut(part, "=")
		switch strings.TrimSpace(scheme) {
		case "t":
			unix, err := seconds(value)
			if err != nil {
				return h, refuse("the %s header is malformed: the timestamp is not a number of seconds", Header)
			}
			h.timestamp, h.unix = value, unix
		case "v1":
			signature, err := hex.DecodeString(value)
			if err != nil || len(signature) != sha256.Size {
				unusable = true
				continue
			}
			if len(h.signatures) == maxSignatures {
				return h, refuse("the %s header has more than %d signatures", Header, maxSignatures)
			}
			h.signatures = append(h.signatures, signature)
		}
	}
	if h.timestamp == "" {
		return h, refuse("the %s header has no timestamp", Header)
	}
	if len(h.signatures) == 0 && unusable {
		return h, refuse("the %s header has no v1 signature of %d hexadecimal digits", Header, 2*sha256.Size)
	}
	if len(h.signatures) == 0 {
		return h, refuse("the %s header has no v1 signature", Header)
	}
	return h, nil
}

// seconds reads a Unix time: 1 to 12 digits and nothing else, so that no time
// is out of the range of a time.Duration by accident of its text.
func seconds(text string) (int64, error) {
	if len(text) > 12 || strings.Trim(text, "0123456789") != "" {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseInt(text, 10, 64)
}
