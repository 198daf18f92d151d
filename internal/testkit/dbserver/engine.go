package dbserver

import (
	"database/sql"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/backflow/backflow/internal/testkit/daemon"
)

// Engine is a kind of server.
type Engine struct {
	// Name names it in errors and files.
	Name string
	// Programs are what has to be there: the server itself first.
	Programs []string
	// Places are patterns of directories that programs are in which are not on the PATH.
	Places []string
	// Accounts are what the server may run as where the test is root.
	Accounts []string
	// Last is the signal that ends a server which is not needed any more, and Stop the one
	// that ends it in order.
	Last, Stop string
	// Init returns the command that makes a data directory, given the programs.
	Init func(program func(name string) string, data string) []string
	// Roles are the statements that make the three users of Users in a new data directory.
	// Initial is the user whom Init made, who runs them.
	Roles   []string
	Initial User
	// RequireCertificate are the statements after which the server lets Owner in only with a
	// certificate; empty where Args have done it.
	RequireCertificate []string
	// Args are the arguments of the server.
	Args func(s Settings) ([]string, error)
	// Connect opens a database, as a test looks at it.
	Connect func(t Target) (*sql.DB, error)
	// URL is the address of a database, as a config has it.
	URL func(t Target) string
	// Where is a query for the data directory of the server that responds.
	Where string
	// Create returns the statements that make a database which Owner may do everything in
	// and Reader may read. Drop those that remove it.
	Create, Drop func(name string) []string
}

// User is a user of a server.
type User struct{ Name, Password string }

// Users of every server. Their passwords have characters that a URL must encode.
var (
	// Admin may do everything.
	Admin = User{"backflow_admin", "adm!n@/?#:%20"}
	// Owner may do everything in a database of a test, and nothing elsewhere.
	Owner = User{"backflow", "s3cret@/?#:%20"}
	// Reader may read the tables of a test's database.
	Reader = User{"backflow_reader", "r3ader@/?#:%20"}
)

// Settings are those of one server.
type Settings struct {
	// Data is its data directory, and Dir one for its other files.
	Data, Dir  string
	Host, Port string
	// Certificates are nil without TLS.
	Certificates *Certificates
	// ClientCertificates: a client has to show one.
	ClientCertificates bool
	// New: the data directory has no user yet but Initial, who needs no password.
	New bool
	// MaxConnections is never 0.
	MaxConnections int
	// More are settings of the test: "name=value".
	More []string
}

// Target is a database of a server.
type Target struct {
	// Addr is host:port.
	Addr string
	User User
	// Database may be empty for the admin.
	Database string
	// Certificates are nil without TLS.
	Certificates *Certificates
}

// find returns the paths of the programs by name, or what is missing.
func (e *Engine) find() (programs map[string]string, missing string) {
	programs = map[string]string{}
	for _, name := range e.Programs {
		path, err := exec.LookPath(name)
		for _, place := range e.Places {
			if err == nil {
				break
			}
			// Of several versions the newest, as far as names tell.
			found, _ := filepath.Glob(filepath.Join(place, name)) // the patterns are right
			slices.Sort(found)
			slices.Reverse(found)
			for _, candidate := range found {
				if path, err = exec.LookPath(candidate); err == nil {
					break
				}
			}
		}
		if err != nil {
			return nil, fmt.Sprintf("%s is neither on the PATH nor in %v", name, e.Places)
		}
		// A link on the PATH may lead to one program of a package, and not to the next.
		if programs[name], err = filepath.EvalSymlinks(path); err != nil {
			return nil, err.Error()
		}
	}
	return programs, ""
}

func (e *Engine) account() (daemon.Account, error) { return daemon.Unprivileged(e.Accounts...) }
