package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
)

// shells are those that peyk completion knows, each with what writes its script.
var shells = map[string]func(io.Writer, []place){"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}

// completion writes a script that has a shell complete commands, flags and files. The script asks peyk nothing.
func (c *call) completion(context.Context) error {
	if len(c.args) != 1 || shells[c.args[0]] == nil {
		return wrongUse("it takes the name of a shell: bash, zsh or fish")
	}
	shells[c.args[0]](c.stdout, placesBelow(c.commands(), nil, c.commands()))
	return nil
}

// place is where something can be completed: what was typed before, and what may follow.
type place struct {
	typed []string    // the words of the command
	words [][2]string // commands or arguments, each with what it does
	flags []shownFlag
	files bool // an argument is a file
}

// takesFile reports whether the flag's value is a file or a directory.
func (f shownFlag) takesFile() bool { return f.value == "FILE" || f.value == "DIR" }

// placesBelow returns the places in a table of commands and in those below it, the longest typed first.
func placesBelow(table []command, typed []string, all []command) []place {
	named := func(rows []command) (words [][2]string) {
		for _, row := range rows {
			if row.name != "" {
				words = append(words, [2]string{row.name, row.does})
			}
		}
		return words
	}
	var places []place
	for _, row := range table {
		if row.name == "" {
			continue
		}
		at := slices.Concat(typed, []string{row.name})
		if row.below != nil {
			places = append(places, placesBelow(row.below, at, all)...)
			continue
		}
		p := place{typed: at, files: row.args == "FILE", flags: append(row.shownFlags(), shownFlag{"help", "", "show how it is used"})}
		switch {
		case strings.Contains(row.args, "COMMAND"):
			p.words = named(all)
		case strings.Contains(row.args, "|"):
			for word := range strings.SplitSeq(row.args, "|") {
				p.words = append(p.words, [2]string{word, ""})
			}
		}
		places = append(places, p)
	}
	here := place{typed: typed, words: named(table), flags: []shownFlag{{"help", "", "show how it is used"}}}
	if len(typed) == 0 {
		here.flags = append(here.flags, shownFlag{"version", "", "show the version"})
	}
	return append(places, here)
}

// fileFlags returns the flags that take a file, as typed.
func fileFlags(places []place) []string {
	var found []string
	for _, p := range places {
		for _, f := range p.flags {
			if f.takesFile() {
				found = append(found, "--"+f.name)
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// pattern is what bash and zsh match the words before the cursor with, each of them followed by a space. A word is completed once, flags and
// files again and again.
func (p place) pattern() string {
	typed := strings.Join(append(slices.Clone(p.typed), ""), " ")
	if p.words != nil {
		return inQuotes(typed)
	}
	return inQuotes(typed) + "*"
}

// inQuotes returns s in the single quotes of a shell.
func inQuotes(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func bashCompletion(w io.Writer, places []place) {
	fmt.Fprint(w, `# peyk in bash: source this, or keep it as /usr/share/bash-completion/completions/peyk
_peyk() {
    local cur=${COMP_WORDS[COMP_CWORD]} at= word words= files=
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        [[ $word == -* ]] || at+="$word "
    done
    case $at in
`)
	for _, p := range places {
		words := ""
		for _, word := range p.words {
			words += word[0] + " "
		}
		for _, f := range p.flags {
			words += "--" + f.name + " "
		}
		fmt.Fprintf(w, "    %s) words=%s", p.pattern(), inQuotes(strings.TrimSpace(words)))
		if p.files {
			fmt.Fprint(w, " files=1")
		}
		fmt.Fprintln(w, " ;;")
	}
	fmt.Fprintf(w, `    esac
    [[ " %s " != *" ${COMP_WORDS[COMP_CWORD-1]} "* ]] || words= files=1
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur"; [[ -z $files ]] || compgen -f -- "$cur")
    [[ -z $files ]] || compopt -o filenames 2>/dev/null
}
complete -F _peyk peyk
`, strings.Join(fileFlags(places), " "))
}

func zshCompletion(w io.Writer, places []place) {
	fmt.Fprint(w, `#compdef peyk
# peyk in zsh: keep this as _peyk in a directory of $fpath, or source it after compinit
_peyk() {
    local at= word files=
    local -a all
    for word in "${(@)words[2,CURRENT-1]}"; do
        [[ $word == -* ]] || at+="$word "
    done
    case $at in
`)
	for _, p := range places {
		var all []string
		for _, word := range p.words {
			all = append(all, inQuotes(strings.TrimSuffix(word[0]+":"+word[1], ":")))
		}
		for _, f := range p.flags {
			all = append(all, inQuotes("--"+f.name+":"+f.does))
		}
		fmt.Fprintf(w, "    %s) all=(%s)", p.pattern(), strings.Join(all, " "))
		if p.files {
			fmt.Fprint(w, " files=1")
		}
		fmt.Fprintln(w, " ;;")
	}
	fmt.Fprintf(w, `    esac
    [[ " %s " != *" ${words[CURRENT-1]} "* ]] || { all=(); files=1 }
    (( ! $#all )) || _describe peyk all
    [[ -z $files ]] || _files
}
if [[ ${funcstack[1]} == _peyk ]]; then _peyk "$@"; else compdef _peyk peyk; fi
`, strings.Join(fileFlags(places), " "))
}

func fishCompletion(w io.Writer, places []place) {
	fmt.Fprint(w, "# peyk in fish: keep this as ~/.config/fish/completions/peyk.fish\ncomplete -c peyk -f\n")
	for _, p := range places {
		when := "__fish_use_subcommand"
		if len(p.typed) > 0 {
			var seen []string
			for _, word := range p.typed {
				seen = append(seen, "__fish_seen_subcommand_from "+word)
			}
			if p.words != nil { // once
				var words []string
				for _, word := range p.words {
					if !slices.Contains(p.typed, word[0]) {
						words = append(words, word[0])
					}
				}
				seen = append(seen, "not __fish_seen_subcommand_from "+strings.Join(words, " "))
			}
			when = strings.Join(seen, "; and ")
		}
		complete := func(format string, args ...any) {
			fmt.Fprintf(w, "complete -c peyk -n %s %s\n", inQuotes(when), fmt.Sprintf(format, args...))
		}
		for _, word := range p.words {
			complete("-a %s -d %s", word[0], inQuotes(word[1]))
		}
		for _, f := range p.flags {
			value := ""
			switch {
			case f.takesFile():
				value = "-r -F "
			case f.value != "":
				value = "-x "
			}
			complete("-l %s %s-d %s", f.name, value, inQuotes(f.does))
		}
		if p.files {
			complete("-F")
		}
	}
}
