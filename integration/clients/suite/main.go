// Suite runs the tests of client libraries, each wrapped and captured, prints what
// came out, and writes docs/clients.md. It is started in the folder above, by make
// clients.
//
//	suite            runs all libraries
//	suite pgx nats   runs those
//	suite -page      runs none, and writes the page only
//	suite -packages  prints the names of Debian's packages that are needed
//
// It ends with status 1 if a test failed.
package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/netstats-go/netstats/integration/clients/server"
)

//go:generate go run . -C .. -page

func main() {
	dir := flag.String("C", ".", "the folder of the libraries")
	page := flag.Bool("page", false, "run nothing, write the page only")
	packages := flag.Bool("packages", false, "print the names of Debian's packages that are needed")
	ways := flag.String("ways", "wrapped,captured", "the ways to run libraries in, beside plain")
	flag.Parse()
	if *packages {
		fmt.Println(strings.Join(server.Packages, " "))
		return
	}
	if err := suite(*dir, *page, *ways, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "suite:", err)
		os.Exit(1)
	}
}

func suite(dir string, pageOnly bool, ways string, names []string) error {
	if err := os.Chdir(dir); err != nil {
		return err
	}
	var failed error
	if !pageOnly {
		if len(names) == 0 {
			names = libraries
		}
		for _, name := range names {
			if !slices.Contains(libraries, name) {
				return fmt.Errorf("no library %q: there are %q", name, libraries)
			}
		}
		failed = run(ways, names)
	}
	results, err := load()
	if err != nil {
		return err
	}
	text, err := page(results)
	if err != nil {
		return err
	}
	if err := os.WriteFile(pageFile, text, 0o644); err != nil { //nolint:gosec // it is for all to read
		return err
	}
	return failed
}
