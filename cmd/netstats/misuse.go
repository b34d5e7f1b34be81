package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ownFlags are those of our own commands, besides -C.
var ownFlags = map[string][]string{
	"diff":    {"auto", "overlay"},
	"doctor":  {"compiler", "coverpkg", "overlay"},
	"help":    nil,
	"overlay": {"overlay"},
	"version": nil,
}

// takenFlags are those that the go command does not get to see as they were
// given, so that it cannot judge them.
var takenFlags = []string{"auto", "exporters", "overlay", "tags"}

// autoCommands are the commands that -auto is for: they make programs.
var autoCommands = []string{"build", "install", "run", "test"}

// misuse says what is wrong with a call, and the way out. It is nil if nothing
// is; the arguments are for the command to look at.
func (c *call) misuse() error {
	known, own := ownFlags[c.command]
	for _, f := range c.flags {
		switch {
		case f.name == "C":
			return errors.New("the flag -C needs a folder, as in netstats " + c.command + " -C dir")
		case own && !slices.Contains(known, f.name):
			return fmt.Errorf("netstats %s takes no flag -%s; it takes %s", c.command, f.name, listFlags(known))
		case !own && !slices.Contains(takenFlags, f.name):
			continue // for the go command to judge
		}
		if err := c.misused(f); err != nil {
			return err
		}
	}
	return nil
}

// misused is misuse for a flag that netstats reads.
func (c *call) misused(f flag) error {
	switch {
	case f.name == "auto":
		return c.misusedAuto(f)
	case f.name == "exporters":
		return c.misusedExporters(f)
	case len(f.words) == 1 && !f.hasValue():
		return fmt.Errorf("the flag -%s needs a value, as in -%[1]s=x", f.name)
	}
	return nil
}

func (c *call) misusedAuto(f flag) error {
	on, err := f.on()
	switch {
	case err != nil:
		return fmt.Errorf("-auto=%s is neither true nor false: say -auto, or leave it out", f.value)
	case on && !slices.Contains(autoCommands, c.command) && !slices.Contains(ownFlags[c.command], "auto"):
		return fmt.Errorf("netstats %s takes no flag -auto, which changes programs: it is for %s", c.command, strings.Join(autoCommands, ", "))
	}
	return nil
}

func (c *call) misusedExporters(f flag) error {
	if _, ok := variants[f.value]; !ok {
		return fmt.Errorf("-exporters=%s is not known: use none, otlp or all", f.value)
	}
	if !c.auto() {
		return errors.New("-exporters is for what -auto adds: say -auto as well, or leave it out")
	}
	return nil
}

// listFlags names flags as help does.
func listFlags(names []string) string {
	list := []string{"-C dir"}
	for _, name := range names {
		if name != "auto" {
			name += "=x"
		}
		list = append(list, "-"+name)
	}
	return strings.Join(list, ", ")
}

// noArguments is for commands that take none.
func (c *call) noArguments() error {
	if len(c.args) > 0 {
		return fmt.Errorf("netstats %s takes no argument %s; it takes %s", c.command, c.args[0], listFlags(ownFlags[c.command]))
	}
	return nil
}

// hasValue reports whether a value stands in the flag's own word.
func (f flag) hasValue() bool { return strings.Contains(f.words[0], "=") }

// on is the value of a flag that takes none.
func (f flag) on() (bool, error) {
	if !f.hasValue() {
		return true, nil
	}
	return strconv.ParseBool(f.value)
}

// parseOwn reads the arguments of one of our own commands.
func parseOwn(command string, args []string) (*call, error) {
	c, err := parse(command, args)
	if err != nil {
		return nil, err
	}
	return c, c.misuse()
}

// nothingElse is for commands that have nothing to read.
func nothingElse(command string, args []string) error {
	c, err := parseOwn(command, args)
	if err != nil {
		return err
	}
	return c.noArguments()
}
