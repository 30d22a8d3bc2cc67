package bot

import (
	"path/filepath"
	"testing"

	"peyk/store"
)

// TestPostThatIsGoneIsNotShown shows a post that left the queue after it was read there, as when its group became a supergroup.
func TestPostThatIsGoneIsNotShown(t *testing.T) {
	st, err := store.Open(filepath.Join(t.TempDir(), "peyk.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	b := New(st, nil, nil, Options{})
	gone := store.Post{Chat: -5, Class: store.Known, ID: 1, Kind: store.PostSMS, Seq: 1}
	if err := b.poster.show(t.Context(), gone); err != nil { // there is no Telegram to show it at
		t.Errorf("show = %v: the queue is to be looked at again", err)
	}
}
