package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"

	"peyk/bot/text"
	"peyk/internal/connect"
	"peyk/smsapi"
	"peyk/store"
)

// ourErrors say nothing that the sentences do not.
var ourErrors = []error{
	smsapi.ErrProtocol, smsapi.ErrWantsHTTPS, smsapi.ErrFault, store.ErrDamaged, store.ErrNewer, store.ErrLocked, ErrFollows, context.DeadlineExceeded, io.ErrUnexpectedEOF, io.EOF,
}

// cause returns the words of an error for a line in the language t. Our own are English; in another language only what the system or a server said
// is left of them, if anything, and the finding's sentence stands for the rest.
func cause(t *text.Language, err error) string {
	if t == &text.English && err != nil {
		return err.Error()
	}
	failed, ours := errors.AsType[*smsapi.Error](err)
	if ours {
		err = failed.Err
	}
	network, connecting := errors.AsType[*net.OpError](err)
	status, answered := errors.AsType[connect.Status](err)
	switch {
	case ours && failed.Code != "":
		return fmt.Sprintf("%s: %s", failed.Code, text.Short(failed.Text, text.ReasonRunes))
	case answered:
		return fmt.Sprintf("HTTP %d", int(status))
	case connecting:
		return network.Error()
	case err == nil, slices.ContainsFunc(ourErrors, func(ours error) bool { return errors.Is(err, ours) }):
		return ""
	}
	return err.Error()
}
