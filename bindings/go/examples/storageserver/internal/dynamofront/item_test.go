package dynamofront

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestTheSizeOfAnItemIsItsNamesAndValues(t *testing.T) {
	for text, want := range map[string]int{
		`{}`:                                     0,
		`{"id":{"S":""}}`:                        2,
		`{"id":{"S":"höhe"}}`:                    2 + 5,
		`{"n":{"N":"-12.50"}}`:                   1 + 6,
		`{"n":{"N":"1e-7"}}`:                     1 + 4,
		`{"b":{"B":"AQID"}}`:                     1 + 3,
		`{"b":{"BOOL":false},"n":{"NULL":true}}`: 1 + 1 + 1 + 1,
		`{"s":{"SS":["a","bcd"]}}`:               1 + 4,
		`{"s":{"NS":["1","22"]}}`:                1 + 3,
		`{"s":{"BS":["AQ==","AQID"]}}`:           1 + 4,
		`{"l":{"L":[]}}`:                         1 + 3,
		`{"l":{"L":[{"S":"ab"},{"N":"1"}]}}`:     1 + 3 + 1 + 2 + 1 + 1,
		`{"m":{"M":{}}}`:                         1 + 3,
		`{"m":{"M":{"key":{"S":"ab"}}}}`:         1 + 3 + 1 + 3 + 2,
	} {
		var i item
		if err := json.Unmarshal([]byte(text), &i); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		data, size, err := i.encode()
		if err != nil || size != want {
			t.Errorf("%s: %d, %v; want %d", text, size, err, want)
		}
		again, size, err := decode(data)
		if err != nil || size != want || !reflect.DeepEqual(again, i) {
			t.Errorf("%s: stored as %s, of size %d, %v", text, data, size, err)
		}
	}
}

func TestWrongItemsHaveNoSize(t *testing.T) {
	deep := strings.Repeat(`{"L":[`, maxDepth+1) + `{"S":""}` + strings.Repeat(`]}`, maxDepth+1)
	for _, text := range []string{
		`{"":{"S":"a"}}`,
		`{"a":{}}`,
		`{"a":{"S":null}}`,
		`{"a":{"S":"a","N":"1"}}`,
		`{"a":{"N":""}}`,
		`{"a":{"N":"one"}}`,
		`{"a":{"N":"1 "}}`,
		`{"a":{"N":"."}}`,
		`{"a":{"N":"NaN"}}`,
		`{"a":{"SS":[]}}`,
		`{"a":{"NS":["1","x"]}}`,
		`{"a":{"L":[{"S":"a"},{}]}}`,
		`{"a":{"M":{"b":{"N":"x"}}}}`,
		`{"a":` + deep + `}`,
		`{"a":{"S":"` + strings.Repeat("x", maxItemBytes) + `"}}`,
	} {
		var i item
		if err := json.Unmarshal([]byte(text), &i); err != nil {
			t.Fatalf("%.60s: %v", text, err)
		}
		if _, size, err := i.encode(); err == nil {
			t.Errorf("%.60s: has size %d", text, size)
		}
	}
}
