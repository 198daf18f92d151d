// Package address reads the urls of database servers: where a server is, as whom to
// connect, whether and how the connection is encrypted, and what else is said of it.
//
// Nothing but the url decides: no environment, no file of an account's home. No error
// holds a part of a url that may be a password. The package imports nothing of the
// project. It knows no database.
package address

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Address is what a url says of a server.
type Address struct {
	// Hosts are to be tried in order. There is at least one.
	Hosts    []Host
	User     string
	Password string
	Database string

	baseDir string
	// parameters are those that nobody has taken yet.
	parameters map[string]string
}

// Host is one of the places where a server may be.
type Host struct {
	// Name is a name or an address; or the path of a socket, or of the directory it is
	// in, which begins with a slash.
	Name string
	Port uint16
}

// IsSocket reports whether the host is a Unix socket.
func (h Host) IsSocket() bool { return strings.HasPrefix(h.Name, "/") }

// IsLocal reports whether what is sent to the host stays on this machine.
func (h Host) IsLocal() bool {
	if h.IsSocket() || strings.EqualFold(h.Name, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(h.Name)
	return err == nil && address.Unmap().IsLoopback()
}

// errEncode is the error of a url that can be read in two ways.
var errEncode = errors.New("is not of the form USER:PASSWORD@HOST:PORT/DATABASE?NAME=VALUE; within a part, write %40 for @, %2F for /, %3A for :, %3F for ?, %23 for #, %25 for %")

// shownName is a name of a parameter that may be shown: nothing else is one.
var shownName = regexp.MustCompile(`^[a-z_]{1,40}$`)

// Parse reads what follows "SCHEME://" in a url: USER:PASSWORD@HOST:PORT/DATABASE, with
// parameters after a question mark. Several hosts stand side by side with commas. The
// parameters host and port stand for those of a url that has none there, so that a
// socket can be named: host=/run/db. Paths are relative to baseDir.
func Parse(location, baseDir string, defaultPort uint16) (*Address, error) {
	rest, query, _ := strings.Cut(location, "?")
	authority, database, _ := strings.Cut(rest, "/")
	credentials, hosts, found := strings.Cut(authority, "@")
	// A character that was not encoded would make a part of the password something else.
	if strings.ContainsAny(location, "#\x00") || strings.Contains(hosts+database+query, "@") || strings.Contains(database, "/") {
		return nil, errEncode
	}
	if !found {
		return nil, errors.New("names no user; write USER:PASSWORD@HOST/DATABASE")
	}
	user, password, _ := strings.Cut(credentials, ":")
	if strings.Contains(password, ":") {
		return nil, errEncode
	}
	a := &Address{baseDir: baseDir}
	var err error
	for _, part := range []struct {
		to   *string
		text string
	}{{&a.User, user}, {&a.Password, password}, {&a.Database, database}} {
		if *part.to, err = decode(part.text); err != nil {
			return nil, err
		}
	}
	if a.User == "" {
		return nil, errors.New("names no user; write USER:PASSWORD@HOST/DATABASE")
	}
	if a.Database == "" {
		return nil, errors.New("names no database; write USER:PASSWORD@HOST/DATABASE")
	}
	if a.parameters, err = parameters(query); err != nil {
		return nil, err
	}
	if a.Hosts, err = a.hosts(hosts, defaultPort); err != nil {
		return nil, err
	}
	return a, nil
}

func decode(text string) (string, error) {
	decoded, err := url.PathUnescape(text)
	if err != nil || strings.ContainsRune(decoded, 0) {
		return "", errEncode
	}
	return decoded, nil
}

func parameters(query string) (map[string]string, error) {
	read := make(map[string]string)
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		if !shownName.MatchString(name) {
			return nil, errors.New("has a parameter with a name that no parameter has")
		}
		if _, twice := read[name]; twice {
			return nil, fmt.Errorf("gives the parameter %s twice", name)
		}
		decoded, err := decode(value)
		if err != nil {
			return nil, err
		}
		read[name] = decoded
	}
	return read, nil
}

// hosts reads HOST:PORT,HOST:PORT, or the parameters host and port where that is empty.
func (a *Address) hosts(text string, defaultPort uint16) ([]Host, error) {
	names, inQuery := a.Take("host")
	ports, portInQuery := a.Take("port")
	if text != "" {
		if inQuery || portInQuery {
			return nil, errors.New("names the host twice: before the database, and as a parameter")
		}
		var hosts []Host
		for one := range strings.SplitSeq(text, ",") {
			name, port := one, ""
			if i := strings.LastIndexByte(one, ':'); i >= 0 && !strings.HasSuffix(one, "]") {
				name, port = one[:i], one[i+1:]
			}
			host, err := newHost(name, port, defaultPort)
			if err != nil {
				return nil, err
			}
			hosts = append(hosts, host)
		}
		return hosts, nil
	}
	if !inQuery {
		return nil, errors.New("names no host; write USER:PASSWORD@HOST/DATABASE")
	}
	listed, each := strings.Split(names, ","), strings.Split(ports, ",")
	if len(each) != 1 && len(each) != len(listed) {
		return nil, errors.New("has neither one port nor one for each host")
	}
	var hosts []Host
	for i, name := range listed {
		host, err := newHost(url.PathEscape(name), each[min(i, len(each)-1)], defaultPort)
		if err != nil {
			return nil, err
		}
		hosts = append(hosts, host)
	}
	return hosts, nil
}

func newHost(name, port string, defaultPort uint16) (Host, error) {
	host := Host{Port: defaultPort}
	var err error
	if host.Name, err = decode(name); err != nil {
		return Host{}, err
	}
	if inner, ok := strings.CutPrefix(host.Name, "["); ok {
		host.Name, ok = strings.CutSuffix(inner, "]")
		if !ok {
			return Host{}, errEncode
		}
	}
	if host.Name == "" || strings.Contains(host.Name, ":") && !isAddress(host.Name) && !host.IsSocket() {
		return Host{}, errEncode
	}
	if port != "" {
		number, err := strconv.ParseUint(port, 10, 16)
		if err != nil || number == 0 {
			return Host{}, errors.New("has a port that is no number from 1 to 65535") // it may be a part of a password
		}
		host.Port = uint16(number)
	}
	return host, nil
}

func isAddress(name string) bool {
	_, err := netip.ParseAddr(name)
	return err == nil
}

// Take returns the value of a parameter, and ok whether it is there. What is taken is
// not left over.
func (a *Address) Take(name string) (value string, ok bool) {
	value, ok = a.parameters[name]
	delete(a.parameters, name)
	return value, ok
}

// Left returns an error that names the parameters that nobody took, for known are those
// that there are.
func (a *Address) Left(known ...string) error {
	if len(a.parameters) == 0 {
		return nil
	}
	var left []string
	for name := range a.parameters {
		left = append(left, name)
	}
	slices.Sort(left)
	return fmt.Errorf("does not take the parameter %s; there are %s", strings.Join(left, ", "), strings.Join(known, ", "))
}

// file returns the absolute path of a file that a parameter names.
func (a *Address) file(path string) (string, error) {
	if filepath.IsAbs(path) {
		return path, nil
	}
	if !filepath.IsAbs(a.baseDir) {
		return "", errors.New("a relative path needs the config file's directory, which is not known")
	}
	return filepath.Join(a.baseDir, path), nil
}
