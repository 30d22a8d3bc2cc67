package soap

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peyk/sandbox/panel"
	"peyk/sms"
	"peyk/smsapi"
)

// TestAnIDThatThePanelLeavesOutHidesNoOther asks a panel that answers by place and leaves out what it does not know.
func TestAnIDThatThePanelLeavesOutHidesNoOther(t *testing.T) {
	for name, test := range map[string]struct {
		good     int
		unknown  []int // places among the good
		requests int   // at most, the first time
	}{
		"the second of three":     {2, []int{1}, 7},
		"the first of sixty":      {59, []int{0}, 13},
		"the last of sixty":       {59, []int{59}, 13},
		"the middle of sixty":     {59, []int{30}, 13},
		"two side by side":        {30, []int{7, 8}, 21},
		"two of sixty, far apart": {58, []int{5, 44}, 25},
		"one of each piece":       {118, []int{3, 99}, 26},
		"one of two":              {1, []int{0}, 3},
		"the only one":            {0, []int{0}, 1},
		"all of three":            {0, []int{0, 1, 2}, 7},
	} {
		t.Run(name, func(t *testing.T) {
			p := panel.New(panel.Options{User: user, Password: password, LeavesOut: true})
			address, err := p.Start("")
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			c := newClient(t, address, Options{})
			var ids []sms.ID
			for i := range test.good {
				sent, err := c.Send(t.Context(), smsapi.Order{Line: line, To: []sms.Number{sms.Number(fmt.Sprintf("0912%07d", i))}, Text: text})
				if err != nil {
					t.Fatal(err)
				}
				ids = append(ids, sent.Results[0].ID)
			}
			for i, place := range test.unknown {
				ids = slices.Insert(ids, place, sms.ID(fmt.Sprint("77", i)))
			}
			p.SetStatusOf("*", 4)
			asked := func() (n int) {
				for _, r := range p.Requests() {
					if r.Method == "GetStatus" {
						n++
					}
				}
				return n
			}
			limit := test.requests
			for range 2 {
				before := asked()
				deliveries, err := c.Status(t.Context(), ids)
				if err != nil {
					t.Fatal(err)
				}
				for i, d := range deliveries {
					if got, want := d.Known(), !slices.Contains(test.unknown, i); got != want {
						t.Errorf("place %d: known %t, want %t", i, got, want)
					}
				}
				if n := asked() - before; n > limit {
					t.Errorf("the panel was asked %d times, want at most %d", n, limit)
				}
				limit = len(smsapi.Pieces(ids)) + 1 // the next time it is known which to ask for apart
			}
		})
	}
}

// TestAStrangerIsAskedForAgain: the panel may only have been slow to know an id.
func TestAStrangerIsAskedForAgain(t *testing.T) {
	p := panel.New(panel.Options{User: user, Password: password, LeavesOut: true})
	address, err := p.Start("")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	c := newClient(t, address, Options{})
	late := sms.ID("5000000002")
	for i := range 2 {
		if _, err := c.Send(t.Context(), smsapi.Order{Line: line, To: []sms.Number{sms.Number(fmt.Sprintf("0912%07d", i))}, Text: text}); err != nil {
			t.Fatal(err)
		}
		deliveries, err := c.Status(t.Context(), []sms.ID{"5000000001", late, "77"})
		if err != nil || !deliveries[0].Known() || deliveries[1].Known() != (i == 1) || deliveries[2].Known() {
			t.Errorf("after %d SMS: got %v, %v", i+1, deliveries, err)
		}
	}
}

// TestManyStrangersTakeTheirTime: so many as make one question too dear are found by the questions after it.
func TestManyStrangersTakeTheirTime(t *testing.T) {
	p := panel.New(panel.Options{User: user, Password: password, LeavesOut: true})
	address, err := p.Start("")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	c := newClient(t, address, Options{})
	if _, err := c.Send(t.Context(), smsapi.Order{Line: line, To: []sms.Number{alice}, Text: text}); err != nil {
		t.Fatal(err)
	}
	ids := []sms.ID{"5000000001"}
	for i := range 40 {
		ids = append(ids, sms.ID(fmt.Sprint("77", i)))
	}
	slices.Reverse(ids)
	before := len(p.Requests())
	for range 40 {
		deliveries, err := c.Status(t.Context(), ids)
		if err != nil {
			t.Fatal(err)
		}
		n := len(p.Requests())
		if n-before > 27 {
			t.Fatalf("one question took %d requests", n-before)
		}
		before = n
		if deliveries[len(ids)-1].Known() {
			return
		}
	}
	t.Error("the one that is known stays hidden")
}

func TestStatusesOfOtherForms(t *testing.T) {
	ids := []sms.ID{"51", "52", "53"}
	all := map[sms.ID]int{"51": 4, "52": 1, "53": 5}
	item := func(s string) string { return "<item>" + s + "</item>" }
	for name, test := range map[string]struct {
		result string
		want   map[sms.ID]int
	}{
		"structs in order":                {item("<statusId>4</statusId><status>رسیده به گوشی</status>") + item("<statusId>1</statusId><status>x</status>") + item("<status>نرسیده</status><statusId>5</statusId>"), all},
		"structs in order, JSON":          {`[{"statusId":4,"status":"a"},{"statusId":"1","status":"b"},{"statusId":5,"status":"c"}]`, all},
		"a status of words with a number": {item("<status>2</status><statusId>4</statusId>") + item("<statusId>1</statusId>") + item("<statusId>5</statusId>"), all},
		"fewer structs":                   {item("<statusId>4</statusId>") + item("<statusId>1</statusId>"), map[sms.ID]int{}},
		"structs of other ids":            {item("<id>81</id><status>4</status>") + item("<id>82</id><status>1</status>") + item("<id>83</id><status>5</status>"), map[sms.ID]int{}},
		"codes in one text":               {"4,1,5", all},
		"codes in one text, spaced":       {" 4 ، 1 ، 5 ", all},
		"fewer codes in one text":         {"4,1", map[sms.ID]int{}},
		"pairs in one text":               {"51:4,53:5,52:1", all},
		"pairs in one text, otherwise":    {"52=1;51=4", map[sms.ID]int{"51": 4, "52": 1}},
		"ids in one text":                 {"<ids>51,52,53</ids><statuses>4,1,5</statuses>", all},
		"ids in one text, one code":       {"<id>51,52</id><status>4</status>", map[sms.ID]int{"51": 4, "52": 4}},
		"ids in one text, fewer codes":    {"<ids>51,52,53</ids><statuses>4,1</statuses>", map[sms.ID]int{}},
		"ids in a list":                   {"<uniqueIds>" + item("53") + item("51") + "</uniqueIds><statusIds>" + item("5") + item("4") + "</statusIds>", map[sms.ID]int{"51": 4, "53": 5}},
		"a Map of several":                {"<item><key>51,52</key><value>4,1</value></item><item><key>53</key><value>5</value></item>", all},
		"a Map of structs":                {"<item><key>52</key><value><statusId>1</statusId><status>x</status></value></item><item><key>51</key><value><status>4</status></value></item>", map[sms.ID]int{"51": 4, "52": 1}},
		"a Map by place":                  {"<item><key>0</key><value>4</value></item><item><key>1</key><value>1</value></item><item><key>2</key><value>5</value></item>", all},
		"a Map of other ids":              {"<item><key>81</key><value>4</value></item><item><key>82</key><value>1</value></item><item><key>83</key><value>5</value></item>", map[sms.ID]int{}},
	} {
		t.Run(name, func(t *testing.T) {
			response, err := readResponse("", []byte(answered("0", test.result)))
			if err != nil {
				t.Fatal(err)
			}
			got, _, err := readStatuses(response, ids)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestStatuses(t *testing.T) {
	ids := []sms.ID{"51", "52", "4"}
	for _, test := range []struct {
		name, result string
		want         map[sms.ID]int
	}{
		{"as many codes as ids are parallel", "<item>1</item><item>۴</item><item></item>", map[sms.ID]int{"51": 1, "52": 4, "4": 0}},
		{"fewer codes are unknown", "<item>1</item><item>4</item>", map[sms.ID]int{}},
		{"a bare code for three is unknown", "4", map[sms.ID]int{}},
		{"a Map goes by ids", "<item><key>52</key><value>4</value></item><item><key>51</key><value>1</value></item>", map[sms.ID]int{"51": 1, "52": 4}},
		{"nusoap's names for ids", "<__numeric_4>5</__numeric_4>", map[sms.ID]int{"4": 5}},
		{"JSON goes by ids", `{"52":4,"51":"1"}`, map[sms.ID]int{"51": 1, "52": 4}},
		{"structs go by ids", "<item><id>52</id><status>4</status></item><item><status>3</status><unique_id>4</unique_id></item>", map[sms.ID]int{"52": 4, "4": 3}},
		{"one struct without its list", "<id>52</id><status>6</status>", map[sms.ID]int{"52": 6}},
		{"a statusId is not an id", "<item><statusId>4</statusId><id>51</id></item>", map[sms.ID]int{"51": 4}},
		{"codes nobody knows stay", "<item>9</item><item>x</item><item>-1</item>", map[sms.ID]int{"51": 9, "52": 0, "4": -1}},
		{"nothing", "", map[sms.ID]int{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			response, err := readResponse("", []byte(answered("0", test.result)))
			if err != nil {
				t.Fatal(err)
			}
			got, _, err := readStatuses(response, ids)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	t.Run("one code alone", func(t *testing.T) {
		response, err := readResponse("", []byte(answered("0", "4")))
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := readStatuses(response, ids[:1])
		if want := (map[sms.ID]int{"51": 4}); err != nil || !cmp.Equal(want, got) {
			t.Errorf("got %v, %v, want %v", got, err, want)
		}
	})
}

func TestStatusAsksInPieces(t *testing.T) {
	p := panel.New(panel.Options{User: user, Password: password})
	address, err := p.Start("")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	c := newClient(t, address, Options{})
	var ids []sms.ID
	for i := range 3 {
		var to []sms.Number
		for j := range smsapi.MaxRecipients {
			to = append(to, sms.Number(fmt.Sprintf("0912%03d%04d", i, j)))
		}
		sent, err := c.Send(t.Context(), smsapi.Order{Line: line, To: to, Text: text})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range sent.Results {
			ids = append(ids, r.ID)
		}
	}
	ids = append(ids, ids[0])
	p.SetStatus(string(ids[0]), 6)
	p.SetStatus(string(ids[100]), 3)
	deliveries, err := c.Status(t.Context(), ids)
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	for _, r := range p.Requests() {
		if r.Method == "GetStatus" {
			asked++
		}
	}
	if want := 3; asked != want {
		t.Errorf("the panel was asked %d times, want %d", asked, want)
	}
	for i, d := range deliveries {
		want := smsapi.Delivery{ID: ids[i], Code: "1", Status: sms.Sent}
		switch i {
		case 0, 180:
			want = smsapi.Delivery{ID: ids[i], Code: "6", Status: sms.Failed, Reason: sms.Blacklisted}
		case 100:
			want = smsapi.Delivery{ID: ids[i], Code: "3", Status: sms.AtTelecom}
		}
		if d != want {
			t.Errorf("place %d: got %v, want %v", i, d, want)
		}
	}
	if len(deliveries) != len(ids) {
		t.Errorf("got %d deliveries for %d ids", len(deliveries), len(ids))
	}
}
