package thirdparty

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
)

// block is a fenced block of a page: its language, what else the fence says, its
// lines.
type block struct{ language, says, text string }

var fenced = regexp.MustCompile("(?ms)^```([a-z]+)(?: ([^\n]+))?\n(.*?)^```$")

func blocks(page string) (all []block) {
	for _, found := range fenced.FindAllStringSubmatch(page, -1) {
		all = append(all, block{found[1], found[2], found[3]})
	}
	return all
}

// tutorialPort is where the page's gateway listens.
const tutorialPort = "8090"

// script is the page as a reader follows it who reads nothing else: commands are run
// as they stand, and what names a file is written into it. What is between two marks
// was printed by one block of commands.
func script(t *testing.T, all []block) (text string, wanted map[string][]string) {
	t.Helper()
	var b strings.Builder
	wanted = map[string][]string{}
	mark := ""
	for i, block := range all {
		switch {
		case block.language == "sh" && block.says == "once": // TestMain has done it
		case block.language == "sh":
			mark = fmt.Sprintf("--- block %d ---", i)
			fmt.Fprintf(&b, "echo; echo '%s'\n%s", mark, block.text)
		case block.language == "text":
			wanted[mark] = append(wanted[mark], strings.Split(strings.TrimSpace(block.text), "\n")...)
		case block.says != "":
			fmt.Fprintf(&b, "cat > '%s' <<'END-OF-FILE'\n%sEND-OF-FILE\n", block.says, block.text)
		default:
			t.Errorf("nobody knows what to do with the block of %s:\n%s", block.language, block.text)
		}
	}
	return b.String(), wanted
}

func TestTheTutorialCanBeFollowedBlindly(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	testkit.Need(t, "bash", "make", "curl")
	page, err := os.ReadFile(filepath.Join(testkit.Root(), "docs", "plugins", "tutorial.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := strings.Cut(program.StableAddress(t), ":")
	commands, wanted := script(t, blocks(strings.ReplaceAll(string(page), tutorialPort, port)))
	if len(wanted) < 5 {
		t.Fatalf("the page tells only %d answers", len(wanted))
	}

	dir := t.TempDir()
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", commands)
	cmd.Dir = dir
	cmd.Env = append(environment(), "BACKFLOW_SDK="+testkit.Root(), "HOME="+dir, "XDG_CACHE_HOME="+filepath.Join(dir, "cache"),
		"PATH="+filepath.Dir(binaries.Backflow)+string(filepath.ListSeparator)+os.Getenv("PATH"))
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH", "GOFLAGS", "GOPROXY"} {
		value, err := exec.Command("go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		cmd.Env = append(cmd.Env, name+"="+strings.TrimSpace(string(value)))
	}
	child := program.Start(t, cmd)
	t.Cleanup(func() { endGroup(t, child) })
	testkit.Eventually(t, 5*time.Minute, "the page is followed to its end", func() bool { return !child.Running() })
	stdout, stderr := child.Output()
	if code := child.Wait(); code != 0 {
		log, _ := os.ReadFile(filepath.Join(dir, "probe", "gateway.log")) // not there if it has not come so far
		t.Fatalf("exit code %d:\n%s%s\nthe gateway:\n%s", code, stdout, stderr, log)
	}
	for mark, lines := range wanted {
		_, printed, _ := strings.Cut(stdout, mark+"\n")
		printed, _, _ = strings.Cut(printed, "\n--- block ")
		for _, line := range lines {
			if !strings.Contains(printed, line) {
				t.Errorf("%s is to print %s, it prints:\n%s", mark, line, printed)
			}
		}
	}
}
