package relocate

import (
	"archive/zip"
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

// serve makes a file system that is a module proxy, of one module, and returns
// what its go.sum line is.
func serve(t *testing.T, path, version, source string) (proxy, sum string) {
	t.Helper()
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	for name, contents := range map[string]string{"go.mod": "module " + path + "\n", "dep.go": source} {
		w, err := z.Create(path + "@" + version + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(contents)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	at := path + "/@v/" + version
	proxy = write(t, map[string]string{
		at + ".info": `{"Version": "` + version + `"}`,
		at + ".mod":  "module " + path + "\n",
		at + ".zip":  archive.String(),
	})
	out, err := goCommandWith([]string{"GOPROXY=file://" + proxy, "GOMODCACHE=" + modCache(t)}, t.TempDir(), "mod", "download", "-json", path+"@"+version)
	if err != nil {
		t.Fatal(err)
	}
	_, sum, _ = strings.Cut(string(out), `"Sum": "`)
	sum, _, _ = strings.Cut(sum, `"`)
	return proxy, sum
}

// modCache is an empty one, whose files can be removed.
func modCache(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "mod")
}

// A module that is not there is downloaded, and checked; what replaces it counts.
func TestDownload(t *testing.T) {
	t.Setenv("GONOSUMDB", "*")
	proxy, sum := serve(t, "example.com/other", "v1.2.0", "package dep\n")
	online := []string{"GOPROXY=file://" + proxy}
	for _, test := range []struct{ name, sum, want string }{
		{"as it was", sum, ""},
		{"another", "h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "SECURITY ERROR"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("GOMODCACHE", modCache(t))
			dir := write(t, map[string]string{
				"go.mod": "module example.com/a\n\ngo 1.26.0\n\nrequire example.com/dep v1.0.0\n\nreplace example.com/dep v1.0.0 => example.com/other v1.2.0\n",
				"go.sum": "example.com/other v1.2.0 " + test.sum + "\n",
				"a.go":   "package a\n\nimport _ \"example.com/dep\"\n",
			})
			modules, err := ModulesOf(dir, func(dir string, args ...string) ([]byte, error) { return goCommandWith(online, dir, args...) })
			if err != nil {
				t.Fatal(err)
			}
			tree, err := Copy(modules, "own", "example.com/a")
			if test.want == "" && (err != nil || string(tree["example.com/dep/dep.go"]) != "package dep\n") {
				t.Errorf("got %v, %v", tree, err)
			}
			if test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}
