package main

import (
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/backflow/backflow/cmd/backflow/internal/terminal"
	"github.com/backflow/backflow/core/plugin/conformance"
)

// formJUnit is the XML that CI systems read.
const formJUnit = "junit"

// writeReport prints what the conformance suite found.
func (p *program) writeReport(report *conformance.Report, t pluginTest) error {
	if t.out.form == formJUnit {
		data, err := xml.MarshalIndent(junitOf(report), "", "  ")
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(p.stdout, "%s%s\n", xml.Header, data)
		return err
	}
	return t.out.writeValue(p.stdout, struct {
		Passed bool `json:"passed"`
		*conformance.Report
	}{report.Count(conformance.Failed) == 0, report}, func(w io.Writer) error { return writeChecks(w, report, t.verbose) })
}

// writeChecks prints a table, and below it what it has no room for.
func writeChecks(w io.Writer, report *conformance.Report, verbose bool) error {
	fmt.Fprintf(w, "%s\n\n", terminal.Printable(title(report)))
	table := terminal.NewTable(w)
	fmt.Fprintln(table, "CHECK\tSTATUS\tTOOK\tPROMISE")
	for _, check := range report.Checks {
		took, promise := check.Took.Round(100*time.Microsecond).String(), check.Promise
		if check.Status == conformance.Skipped {
			took, promise = "", check.Reason
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", check.Name, check.Status, took, terminal.Printable(promise))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, check := range report.Checks {
		lines := check.Faults
		if verbose {
			lines = slices.Concat(lines, check.Notes)
		}
		for i, line := range lines {
			if i == 0 {
				fmt.Fprintf(w, "\n%s\n", check.Name)
			}
			fmt.Fprintf(w, "  %s\n", terminal.Printable(line))
		}
	}
	if report.Ran == conformance.NotAtAll && report.Plugin != "" {
		fmt.Fprintln(w, "\nIts actions were not called: --config JSON gives it the credentials (see --help first).")
	}
	_, err := fmt.Fprintf(w, "\n%d passed, %d failed, %d skipped, in %s\n", report.Count(conformance.Passed),
		report.Count(conformance.Failed), report.Count(conformance.Skipped), report.Took().Round(time.Millisecond))
	return err
}

// title names the plugin and how it was called.
func title(report *conformance.Report) string {
	text := report.Path
	if report.Plugin != "" {
		text = fmt.Sprintf("%s %s (%s)", report.Plugin, report.Version, report.Path)
	}
	if report.Ran == conformance.InSandbox {
		text += ", in its sandbox"
	}
	return text
}

// The elements of JUnit's XML that readers agree upon.
type junitSuite struct {
	XMLName  xml.Name    `xml:"testsuite"`
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Time     string      `xml:"time,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Time    string        `xml:"time,attr"`
	Failure *junitMessage `xml:"failure,omitempty"`
	Skipped *junitMessage `xml:"skipped,omitempty"`
	Output  string        `xml:"system-out,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

func junitOf(report *conformance.Report) junitSuite {
	class := report.Plugin
	if class == "" {
		class = report.Path
	}
	suite := junitSuite{
		Name: "backflow plugin test " + title(report), Tests: len(report.Checks),
		Failures: report.Count(conformance.Failed), Skipped: report.Count(conformance.Skipped), Time: seconds(report.Took()),
	}
	for _, check := range report.Checks {
		c := junitCase{Class: class, Name: check.Name, Time: seconds(check.Took), Output: strings.Join(check.Notes, "\n")}
		switch check.Status {
		case conformance.Failed:
			c.Failure = &junitMessage{Message: check.Promise, Text: strings.Join(check.Faults, "\n")}
		case conformance.Skipped:
			c.Skipped = &junitMessage{Message: check.Reason}
		}
		suite.Cases = append(suite.Cases, c)
	}
	return suite
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }
