package mysql

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
)

// The words of sslmode, with which PostgreSQL's clients say it
// (https://www.postgresql.org/docs/current/libpq-ssl.html). Those that go on without
// encryption where the server has none, allow and prefer, are refused.
const (
	sslDisable    = "disable"
	sslRequire    = "require"
	sslVerifyCA   = "verify-ca"
	sslVerifyFull = "verify-full"
)

// tlsConfig returns nil for a connection without encryption, which is the default to
// this machine alone.
func tlsConfig(given map[string]string, host string, socket bool, baseDir string) (*tls.Config, error) {
	mode, ok := given["sslmode"]
	if !ok {
		mode = sslVerifyFull
		if socket || isLoopback(host) {
			mode = sslDisable
		}
	}
	switch mode {
	case sslDisable:
		for _, name := range []string{"sslrootcert", "sslcert", "sslkey"} {
			if _, ok := given[name]; ok {
				return nil, fmt.Errorf("gives %s, and the connection is not encrypted; write sslmode=%s", name, sslVerifyFull)
			}
		}
		return nil, nil //nolint:nilnil // it stands for no encryption
	case sslRequire, sslVerifyCA, sslVerifyFull:
	case "allow", "prefer":
		return nil, fmt.Errorf("sslmode=%s goes on without encryption where the server has none; write %s, or %s", mode, sslVerifyFull, sslDisable)
	default:
		return nil, fmt.Errorf("sslmode is one of %s, %s, %s, %s", sslDisable, sslRequire, sslVerifyCA, sslVerifyFull)
	}
	config := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	root, hasRoot := given["sslrootcert"]
	if hasRoot && root != "system" {
		path, err := absolute("sslrootcert", root, baseDir)
		if err != nil {
			return nil, err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("sslrootcert: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("sslrootcert: %s holds no certificate in PEM", path)
		}
	}
	if err := clientCertificate(config, given, baseDir); err != nil {
		return nil, err
	}
	// A root that is given with require is checked against, as PostgreSQL's clients do.
	switch {
	case mode == sslVerifyFull:
	case mode == sslVerifyCA, hasRoot:
		config.InsecureSkipVerify = true // the chain is verified below, and the name is not
		config.VerifyConnection = verifyChain(config.RootCAs)
	default:
		config.InsecureSkipVerify = true // as the operator wrote
	}
	return config, nil
}

func clientCertificate(config *tls.Config, given map[string]string, baseDir string) error {
	certificate, hasCertificate := given["sslcert"]
	key, hasKey := given["sslkey"]
	if hasCertificate != hasKey {
		return errors.New("gives one of sslcert and sslkey; a client's certificate needs both")
	}
	if !hasCertificate {
		return nil
	}
	certificatePath, err := absolute("sslcert", certificate, baseDir)
	if err != nil {
		return err
	}
	keyPath, err := absolute("sslkey", key, baseDir)
	if err != nil {
		return err
	}
	pair, err := tls.LoadX509KeyPair(certificatePath, keyPath)
	if err != nil {
		return fmt.Errorf("sslcert, sslkey: %w", err)
	}
	config.Certificates = []tls.Certificate{pair}
	return nil
}

// verifyChain verifies that the certificate was issued by one of the roots, whatever
// name it has; nil roots are those of the system.
func verifyChain(roots *x509.CertPool) func(tls.ConnectionState) error {
	return func(state tls.ConnectionState) error {
		if len(state.PeerCertificates) == 0 {
			return errors.New("the server has no certificate")
		}
		between := x509.NewCertPool()
		for _, certificate := range state.PeerCertificates[1:] {
			between.AddCert(certificate)
		}
		_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between})
		return err
	}
}

// isLoopback reports whether a host is this machine, without a look at the resolver: a
// name may stand for another address tomorrow.
func isLoopback(host string) bool {
	address := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || address != nil && address.IsLoopback()
}
