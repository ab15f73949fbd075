package chart_test

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"slices"
	"testing"
)

// meant are findings of kube-score that are as they should be.
func meant() []string {
	return []string{
		// A limit on CPU throttles a pod while its node is idle.
		"--ignore-container-cpu-limit",
		// A tag or a digest names one image for good: to pull it again at each start only makes starts fail.
		"--ignore-test", "container-image-pull-policy",
	}
}

// TestKubeScoreFindsNothingCritical scores everything that the chart and the overlays render.
func TestKubeScoreFindsNothingCritical(t *testing.T) {
	binary := tool(t, "../../hack/score", "github.com/zegl/kube-score/cmd/kube-score")
	for name, text := range map[string]string{
		"the chart":          scored(t, "image: {tag: v1}\nmirror: {enabled: true}\nnotifier: {enabled: true}\ncrds: {enabled: false}"),
		"an image by digest": scored(t, "image: {digest: 'sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef'}\ncrds: {enabled: false}"),
	} {
		found := score(t, binary, text)
		for _, finding := range found {
			t.Errorf("%s: %s", name, finding)
		}
	}
	// A container without bounds is one.
	if found := score(t, binary, scored(t, "image: {tag: latest}\ncrds: {enabled: false}")); !slices.ContainsFunc(found, func(f string) bool { return bytes.Contains([]byte(f), []byte("container-image-tag")) }) {
		t.Errorf("a tag that says nothing is not found: %q", found)
	}
}

func scored(t *testing.T, text string) string {
	t.Helper()
	r, err := render(t.Context(), load(t), values(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return r.text
}

// score are the critical findings.
func score(t *testing.T, binary, text string) []string {
	t.Helper()
	command := exec.CommandContext(t.Context(), binary, append([]string{"score", "-", "--output-format", "json", "--kubernetes-version", "v1.37"}, meant()...)...)
	command.Stdin = bytes.NewBufferString(text)
	out, err := command.Output()
	var objects []struct {
		ObjectName string `json:"object_name"`
		Checks     []struct {
			Check    struct{ ID, Name string }
			Grade    int
			Skipped  bool
			Comments []struct{ Path, Summary string }
		}
	}
	if unmarshal := json.Unmarshal(out, &objects); unmarshal != nil {
		t.Fatalf("kube-score: %v, %v\n%s", err, unmarshal, out)
	}
	if len(objects) < 10 {
		t.Fatalf("%d objects are scored", len(objects))
	}
	var found []string
	for _, o := range objects {
		for _, c := range o.Checks {
			const critical = 1
			if c.Grade == critical && !c.Skipped {
				comments, _ := json.Marshal(c.Comments)
				found = append(found, o.ObjectName+": "+c.Check.ID+": "+string(comments))
			}
		}
	}
	return found
}
