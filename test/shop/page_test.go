package shop

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
)

// pagePort is where the page's gateway listens.
const pagePort = "3000"

// block is a fenced block of the page: its language, what else the fence says, its lines.
type block struct{ language, says, text string }

var fenced = regexp.MustCompile("(?ms)^```([a-z]+)(?: ([^\n]+))?\n(.*?)^```$")

// blocks reads docs/shop.md.
func blocks(t *testing.T) (all []block) {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(testkit.Root(), "docs", "shop.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range fenced.FindAllStringSubmatch(string(page), -1) {
		all = append(all, block{found[1], found[2], found[3]})
	}
	return all
}

// printed is what a block of text says is printed, of which "…" is any part of a line.
func printed(text string) *regexp.Regexp {
	return regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(strings.TrimSpace(text)), "…", "[^\n]+") + "$")
}

// asOnThePage is a command of a shell at a site, with backflow on its PATH.
func asOnThePage(t *testing.T, site *program.Site, script string) *exec.Cmd {
	t.Helper()
	bin := filepath.Join(site.Dir, "bin")
	if err := errors.Join(os.Mkdir(bin, 0o700), os.Link(binaries.Backflow, filepath.Join(bin, "backflow")), os.Symlink(site.Plugins, filepath.Join(bin, "plugins"))); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", script)
	cmd.Dir = site.Dir
	cmd.Env = []string{"PATH=" + bin + string(filepath.ListSeparator) + os.Getenv("PATH"), "HOME=" + site.Dir}
	return cmd
}

// TestThePageOfTheShopIsFollowedToTheLetter: every command of docs/shop.md, in one shell,
// and all that each block of them prints.
func TestThePageOfTheShopIsFollowedToTheLetter(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	testkit.Need(t, "bash", "curl", "jq")
	_, port, _ := strings.Cut(program.StableAddress(t), ":")
	var script strings.Builder
	wanted := map[string]string{}
	mark := ""
	for i, b := range blocks(t) {
		switch {
		case b.language == "sh" && b.says == "": // "postgres" is of another database
			mark = fmt.Sprintf("--- block %d ---", i)
			fmt.Fprintf(&script, "echo '%s'\n%s", mark, strings.ReplaceAll(b.text, pagePort, port))
		case b.language == "text":
			wanted[mark] = strings.ReplaceAll(b.text, pagePort, port)
		}
	}
	if len(wanted) < 10 {
		t.Fatalf("the page tells only %d times what is printed", len(wanted))
	}

	site := site(t)
	cmd := asOnThePage(t, site, script.String())
	child := program.Start(t, cmd)
	t.Cleanup(func() { // the gateway runs on behind the script
		if err := syscall.Kill(-child.PID(), syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
			t.Errorf("end the gateway: %v", err)
		}
	})
	testkit.Eventually(t, 3*time.Minute, "the page is followed to its end", func() bool { return !child.Running() })
	stdout, stderr := child.Output()
	if code := child.Wait(); code != 0 {
		log, _ := os.ReadFile(filepath.Join(site.Dir, "my-shop", "gateway.log")) // not there if it has not come so far
		t.Fatalf("exit code %d:\n%s%s\nthe gateway:\n%s", code, stdout, stderr, log)
	}
	for mark, text := range wanted {
		_, got, _ := strings.Cut(stdout, mark+"\n")
		got, _, _ = strings.Cut(got, "--- block ")
		if got = strings.TrimSpace(got); !printed(text).MatchString(got) {
			t.Errorf("%s is to print\n%s\nand prints\n%s", mark, text, got)
		}
	}
}

// TestOneLineOfThePagePutsTheShopOnPostgreSQL: its command makes the config of which
// TestTheShop/postgres is a test.
func TestOneLineOfThePagePutsTheShopOnPostgreSQL(t *testing.T) {
	t.Parallel()
	testkit.Need(t, "bash")
	site := site(t)
	config := filepath.Join(site.Dir, directory, "backflow.json")
	before, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range blocks(t) {
		if b.says != "postgres" {
			continue
		}
		// On standard error validate may say which plugin it waits for.
		if out, err := asOnThePage(t, site, "cd "+directory+"; "+b.text).Output(); err != nil || string(out) != "backflow.json is valid\n" {
			t.Errorf("%v: %s", err, out)
		}
	}
	after, err := os.ReadFile(config)
	if err != nil || string(after) != strings.Replace(string(before), oneLine, strings.TrimPrefix(oneLine, "// "), 1) || string(after) == string(before) {
		t.Errorf("%v, the config is\n%s", err, after)
	}
}
