// Command mutants breaks the code, one change at a time, and looks whether the
// tests notice. A change that they do not notice has survived: what it breaks is
// not protected.
//
//	go run ./internal/mutants              # all; make mutants does the same
//	go run ./internal/mutants -run counter # those with such a name
//
// The changes are in testdata, a file for each file of the code. Such a document
// begins with the path of that file. Of each mutant it has the name, a sentence
// that says what is broken, and so what the tests protect; the tests that are to
// notice, as arguments of go test; and the lines that are changed:
//
//	file: internal/connstat/counter.go
//
//	# counter-spill-stores
//	What others add between the two steps of a spill is lost.
//	test: ./internal/connstat -run=TestAdditionsAmidSpills
//	-	c.packed.Add(-word)
//	+	c.packed.Store(0)
//
// The lines with a minus must be in the file exactly once; lines with a space
// are there to make them unique. Further keys, in a line of their own:
//
//	capture test:  as test, for a capture build, in the module integration
//	log test:      as test, in the module netstatslog
//	equivalent:    why no test can notice; the mutant is to survive
//
// Nothing is written to the tree: go test is given changed files by -overlay. Mutants
// that change one function are all in one build of each package's tests, which the
// environment tells which one to be. The others are built one by one, as are those
// whose tests fail in that build without any mutant.
//
// Where the code has changed so that a mutant cannot be made any more, that is said
// first. With -n that is all that is looked for.
package main
