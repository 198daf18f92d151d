package daemon

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
)

// Account is what a server runs as: an account of this machine, or, as its zero value,
// that of the test.
type Account struct {
	uid, gid int
	other    bool
}

// Unprivileged returns the first of the names that is an account of this machine, for
// a server that refuses to run as root. Where the test itself is not root, it is that
// of the test.
func Unprivileged(names ...string) (Account, error) {
	if os.Getuid() != 0 {
		return Account{}, nil
	}
	for _, name := range names {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		if _, err := exec.LookPath("setpriv"); err != nil {
			return Account{}, fmt.Errorf("run a server as %s: %w", name, err)
		}
		account := Account{other: true}
		if account.uid, err = strconv.Atoi(found.Uid); err != nil {
			return Account{}, fmt.Errorf("account %s: %w", name, err)
		}
		if account.gid, err = strconv.Atoi(found.Gid); err != nil {
			return Account{}, fmt.Errorf("account %s: %w", name, err)
		}
		return account, nil
	}
	return Account{}, fmt.Errorf("the server does not run as root, and none of the accounts %v exists", names)
}

// Command is what runs a command as the account.
func (a Account) Command(command ...string) []string {
	if !a.other {
		return command
	}
	return append([]string{"setpriv", fmt.Sprint("--reuid=", a.uid), fmt.Sprint("--regid=", a.gid), "--init-groups"}, command...)
}

// Own makes what is below a path, and the path, the account's.
func (a Account) Own(path string) error {
	if !a.other {
		return nil
	}
	if output, err := exec.Command("chown", "-R", fmt.Sprint(a.uid, ":", a.gid), path).CombinedOutput(); err != nil {
		return fmt.Errorf("chown: %w: %s", err, output)
	}
	return nil
}
