package address

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// TLSParameters are the names of the parameters that TakeTLS takes. They mean what they
// do to PostgreSQL's own clients
// (https://www.postgresql.org/docs/current/libpq-ssl.html).
var TLSParameters = []string{"sslmode", "sslrootcert", "sslcert", "sslkey"}

// Encryption says how connections are encrypted.
type Encryption struct {
	mode        string
	roots       *x509.CertPool
	certificate *tls.Certificate
}

// The values of sslmode. Those that would go on without encryption where a server has
// none, "allow" and "prefer", do not exist.
const (
	modeDisable    = "disable"
	modeRequire    = "require"
	modeVerifyCA   = "verify-ca"
	modeVerifyFull = "verify-full"
)

// systemRoots stands for the authorities of the system, as if sslrootcert were left out.
const systemRoots = "system"

// TakeTLS reads the parameters of TLS, with the files that they name. Without sslmode a
// connection that leaves the machine is encrypted and the server's certificate is
// verified with its name, and one that does not is plain.
func (a *Address) TakeTLS() (*Encryption, error) {
	mode, given := a.Take("sslmode")
	e := &Encryption{mode: mode}
	switch mode {
	case modeDisable, modeRequire, modeVerifyCA, modeVerifyFull:
	case "allow", "prefer":
		return nil, fmt.Errorf("sslmode=%s would go on without encryption where the server offers none; write %s, %s, %s or %s", mode, modeVerifyFull, modeVerifyCA, modeRequire, modeDisable)
	default:
		if given {
			return nil, fmt.Errorf("has an sslmode that there is not; write %s, %s, %s or %s", modeVerifyFull, modeVerifyCA, modeRequire, modeDisable)
		}
	}
	root, hasRoot := a.Take("sslrootcert")
	certificate, hasCertificate := a.Take("sslcert")
	key, hasKey := a.Take("sslkey")
	if mode == modeDisable && (hasRoot || hasCertificate || hasKey) {
		return nil, errors.New("names certificates, which sslmode=disable has no use for")
	}
	if !given && (hasRoot || hasCertificate || hasKey) {
		e.mode = modeVerifyFull // also on this machine
	}
	if hasRoot && e.mode == modeRequire { // as PostgreSQL's own clients have it
		e.mode = modeVerifyCA
	}
	if hasRoot && root != systemRoots {
		var err error
		if e.roots, err = a.readRoots(root); err != nil {
			return nil, err
		}
	}
	if hasCertificate != hasKey {
		return nil, errors.New("needs both sslcert and sslkey, or neither")
	}
	if hasCertificate {
		var err error
		if e.certificate, err = a.readCertificate(certificate, key); err != nil {
			return nil, err
		}
	}
	return e, nil
}

func (a *Address) readRoots(path string) (*x509.CertPool, error) {
	path, err := a.file(path)
	if err != nil {
		return nil, fmt.Errorf("sslrootcert: %w", err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("sslrootcert: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("sslrootcert: %s holds no certificate in PEM form", path)
	}
	return roots, nil
}

func (a *Address) readCertificate(certificate, key string) (*tls.Certificate, error) {
	certificate, err := a.file(certificate)
	if err != nil {
		return nil, fmt.Errorf("sslcert: %w", err)
	}
	if key, err = a.file(key); err != nil {
		return nil, fmt.Errorf("sslkey: %w", err)
	}
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		return nil, fmt.Errorf("sslcert and sslkey: %w", err)
	}
	return &pair, nil
}

// For returns the configuration of connections to a host, or nil if they are plain.
func (e *Encryption) For(host Host) *tls.Config {
	mode := e.mode
	if mode == "" {
		mode = modeVerifyFull
		if host.IsLocal() {
			mode = modeDisable
		}
	}
	if mode == modeDisable || host.IsSocket() {
		return nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: e.roots, ServerName: host.Name}
	if e.certificate != nil {
		config.Certificates = []tls.Certificate{*e.certificate}
	}
	switch mode {
	case modeRequire:
		config.InsecureSkipVerify = true // the operator wrote it
	case modeVerifyCA:
		config.InsecureSkipVerify = true // VerifyConnection verifies all but the name
		config.VerifyConnection = func(state tls.ConnectionState) error {
			options := x509.VerifyOptions{Roots: e.roots, Intermediates: x509.NewCertPool()}
			for _, certificate := range state.PeerCertificates[1:] {
				options.Intermediates.AddCert(certificate)
			}
			_, err := state.PeerCertificates[0].Verify(options)
			return err
		}
	}
	return config
}

// Explained adds to the error of a connection which parameter of the url it is about, where
// the server's certificate was not accepted.
func Explained(err error) error {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return fmt.Errorf("%w; write sslrootcert=FILE into the url, the certificate of the server's authority", err)
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return fmt.Errorf("%w; write the host into the url as the certificate has it, or sslmode=verify-ca", err)
	}
	return err
}
