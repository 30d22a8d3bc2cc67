package main

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// TestTheReadmesSandboxLinesWork pastes the blocks of README.md into a shell, each whole, while peyk sandbox runs.
func TestTheReadmesSandboxLinesWork(t *testing.T) {
	needs(t, "curl")
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	// What the sandbox must tell after each block.
	after := [][]string{
		{`Support +Peyk: 📩 09121111111`, `Support +Ali ↩ It leaves today`, `\[Send\] \[Cancel\]`, `panel +30001234 → 09122222222  We are closed`},
		{`bridge +killed`, `telephone +09122222222`, `Support +Peyk: 📩 09122222222`},
	}
	blocks := regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllStringSubmatch(string(readme), -1)
	if len(blocks) != len(after) {
		t.Fatalf("README.md has %d blocks to paste, this test knows %d", len(blocks), len(after))
	}

	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	sandbox := exec.CommandContext(ctx, "peyk", "sandbox")
	sandbox.Cancel = func() error { return sandbox.Process.Signal(syscall.SIGTERM) }
	out, err := sandbox.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := sandbox.Start(); err != nil {
		t.Fatal(err)
	}
	told := bufio.NewScanner(out)
	read := ""
	wait := func(pattern string) []string {
		t.Helper()
		for re := regexp.MustCompile(pattern); told.Scan(); {
			read += told.Text() + "\n"
			if found := re.FindStringSubmatch(told.Text()); found != nil {
				return found
			}
		}
		t.Fatalf("the sandbox does not tell %q:\n%s", pattern, read)
		return nil
	}
	address := wait(`http://(\S+)/`)[1]
	wait(`bridge +started`)
	for i, block := range blocks {
		lines := strings.ReplaceAll(block[1], "127.0.0.1:8383", address)
		lines = strings.ReplaceAll(lines, "curl ", "curl --fail-with-body -sS ")
		answer, err := exec.CommandContext(ctx, "sh", "-e", "-c", lines).CombinedOutput()
		if err != nil {
			t.Fatalf("%s\n%v %s", lines, err, answer)
		}
		for _, pattern := range after[i] {
			wait(pattern)
		}
	}
	if err := sandbox.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	wait(`bridge +stopped: exit status 0`)
	for told.Scan() {
	}
	if err := sandbox.Wait(); err != nil {
		t.Errorf("peyk sandbox: %v", err)
	}
}
