package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"peyk/sms"
	"peyk/smsapi"
)

func (p *panelCall) send(ctx context.Context) error {
	line, err := p.ourLine()
	if err != nil {
		return err
	}
	var to []sms.Number
	var wrong []string
	for _, typed := range p.to {
		if typed = strings.TrimSpace(typed); typed == "" {
			continue
		}
		recipient, err := sms.ParseRecipient(typed)
		if err != nil {
			wrong = append(wrong, fmt.Sprintf("%q", typed))
		}
		to = append(to, recipient)
	}
	switch {
	case len(wrong) > 0:
		return wrongUse("not a phone number, nothing was sent: " + strings.Join(wrong, ", "))
	case len(to) == 0:
		return wrongUse("--to is missing: the recipients")
	case len(p.args) > 1:
		return wrongUse("the text must be one argument after the flags, in quotes")
	case len(p.args) == 0 || strings.TrimSpace(p.args[0]) == "":
		return wrongUse("the text is missing")
	}
	return sendPieces(p, smsapi.Pieces(to), func(r sms.Number) sms.Number { return r }, func(piece []sms.Number) (smsapi.Sent, error) {
		return p.client.Send(ctx, smsapi.Order{Line: line, To: piece, Text: p.args[0]})
	})
}

// addressed is a text for one recipient.
type addressed struct {
	to   sms.Number
	text string
}

func (p *panelCall) sendEach(ctx context.Context) error {
	if err := p.noArguments(); err != nil {
		return err
	}
	line, err := p.ourLine()
	if err != nil {
		return err
	}
	input, err := io.ReadAll(p.stdin)
	if err != nil {
		return wrongUse(fmt.Sprintf("read standard input: %v", err))
	}
	if where := notUTF8(input); where != "" {
		return wrongUse("standard input is " + where + ", nothing was sent: save the file as 'CSV UTF-8'")
	}
	rows := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(input, []byte("\ufeff"))))
	rows.FieldsPerRecord = 2
	var each []addressed
	var wrong []string
	for {
		row, err := rows.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return wrongUse(fmt.Sprintf("standard input is not CSV of number,text, nothing was sent: %v", err))
		}
		at, _ := rows.FieldPos(0)
		recipient, err := sms.ParseRecipient(row[0])
		if err != nil {
			wrong = append(wrong, fmt.Sprintf("line %d: %q", at, row[0]))
		} else if strings.TrimSpace(row[1]) == "" {
			wrong = append(wrong, fmt.Sprintf("line %d: no text", at))
		}
		each = append(each, addressed{recipient, row[1]})
	}
	if len(wrong) > 0 {
		return wrongUse("not a phone number, or no text; nothing was sent: " + strings.Join(wrong, ", "))
	}
	if len(each) == 0 {
		return wrongUse("standard input is empty")
	}
	pieces := slices.Collect(slices.Chunk(each, smsapi.MaxRecipients))
	return sendPieces(p, pieces, func(a addressed) sms.Number { return a.to }, func(piece []addressed) (smsapi.Sent, error) {
		o := smsapi.Order{Line: line}
		for _, a := range piece {
			o.To, o.Texts = append(o.To, a.to), append(o.Texts, a.text)
		}
		return p.client.Send(ctx, o)
	})
}

// notUTF8 says where a file is not UTF-8, "" if it is UTF-8 throughout. Otherwise U+FFFD would be sent instead, which costs as much as the
// letter it replaces. A zero byte is half a letter of UTF-16.
func notUTF8(file []byte) string {
	if bytes.HasPrefix(file, []byte("\xff\xfe")) || bytes.HasPrefix(file, []byte("\xfe\xff")) || bytes.IndexByte(file, 0) >= 0 {
		return "UTF-16, from line 1 on"
	}
	line, first, more := 0, 0, 0
	for text := range bytes.Lines(file) {
		line++
		switch {
		case utf8.Valid(text):
		case first == 0:
			first = line
		default:
			more++
		}
	}
	switch {
	case first == 0:
		return ""
	case more == 0:
		return fmt.Sprintf("not UTF-8 in line %d", first)
	}
	return fmt.Sprintf("not UTF-8 in line %d and %d more", first, more)
}

// ourLine returns the line to send from.
func (p *panelCall) ourLine() (sms.Number, error) {
	if len(p.settings.Lines) == 0 {
		return "", wrongUse("SMS_LINES names no line to send from")
	}
	if p.line == "" {
		return p.settings.Lines[0], nil
	}
	form := func(line string) sms.Number { return cmp.Or(sms.NormalizeLine(line), sms.Normalize(line)) }
	for _, line := range p.settings.Lines {
		if form(string(line)) == form(p.line) {
			return line, nil
		}
	}
	return "", wrongUse(fmt.Sprintf("%q is not one of SMS_LINES", p.line))
}

// shownResult is what became of one recipient.
type shownResult struct {
	Recipient string      `json:"recipient"`
	ID        sms.ID      `json:"id,omitempty"`
	Error     *shownError `json:"error,omitempty"`
}

// sendPieces sends piece after piece and prints what became of each recipient. It stops at the first piece that fails: what was accepted before
// must be shown, what comes after was surely not sent.
func sendPieces[T any](p *panelCall, pieces [][]T, recipient func(T) sms.Number, send func([]T) (smsapi.Sent, error)) error {
	shown := struct {
		Results []shownResult `json:"results"`
		IDs     []sms.ID      `json:"ids,omitempty"`
	}{}
	failed := false
	for i, piece := range pieces {
		sent, err := send(piece)
		if err == nil {
			for _, r := range sent.Results {
				result := shownResult{Recipient: string(r.Recipient), ID: r.ID}
				if r.Err != nil {
					result.Error, failed = readableError(r.Err), true
				}
				shown.Results = append(shown.Results, result)
			}
			shown.IDs = append(shown.IDs, sent.IDs...)
			continue
		}
		cause := readableError(err)
		if i == 0 && (len(pieces) == 1 || cause.Kind != smsapi.Uncertain.String()) {
			return err // the same for all
		}
		for _, one := range piece {
			shown.Results = append(shown.Results, shownResult{Recipient: string(recipient(one)), Error: cause})
		}
		rest := &shownError{Kind: smsapi.Unavailable.String(), Text: "not sent: the request before it failed"}
		for _, one := range slices.Concat(pieces[i+1:]...) {
			shown.Results = append(shown.Results, shownResult{Recipient: string(recipient(one)), Error: rest})
		}
		failed = true
		break
	}
	if err := p.print(shown); err != nil || !failed {
		return err
	}
	return exit(1)
}
