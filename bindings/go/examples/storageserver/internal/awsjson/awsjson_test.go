package awsjson

import (
	"errors"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
)

func newService() *Service {
	type input struct{ Name string }
	return &Service{
		Target: "Test_1.", Namespace: "com.example#", MaxBody: 100, CRC32: true,
		Unsupported: Error{Code: "Unsupported"},
		Operations: map[string]Operation{
			"Greet": Op(func(_ *http.Request, in *input) (any, error) {
				switch in.Name {
				case "":
					return nil, &Error{Code: "NoName", Message: "who?", QueryCode: "Older.NoName"}
				case "broken":
					return nil, errors.New("out of order")
				}
				return map[string]string{"Greeting": "hello " + in.Name}, nil
			}),
		},
	}
}

func TestAnOperationAnswersOrRefusesInTheProtocolsShape(t *testing.T) {
	long := `{"Name":"` + strings.Repeat("x", 100) + `"}`
	for _, c := range []struct {
		method, target, body string
		status               int
		answer               string
	}{
		{"POST", "Test_1.Greet", `{"Name":"you"}`, 200, `{"Greeting":"hello you"}`},
		{"POST", "Test_1.Greet", `{}`, 400, `{"__type":"com.example#NoName","message":"who?"}`},
		{"POST", "Test_1.Greet", `{"Name":"broken"}`, 500, `{"__type":"com.example#InternalServerError","message":"out of order"}`},
		{"POST", "Test_1.Greet", `{"Name":"you","Loud":true}`, 400, `{"__type":"com.example#Unsupported","message":"this server does not support the parameter \"Loud\""}`},
		{"POST", "Test_1.Greet", `{"Name":1}`, 400, "com.amazon.coral.service#SerializationException"},
		{"POST", "Test_1.Greet", `{"Name":"you"`, 400, "com.amazon.coral.service#SerializationException"},
		{"POST", "Test_1.Greet", `{"Name":"you"} {}`, 400, "com.amazon.coral.service#SerializationException"},
		{"POST", "Test_1.Greet", "", 400, "com.amazon.coral.service#SerializationException"},
		{"POST", "Test_1.Greet", long, 413, "com.example#RequestEntityTooLarge"},
		{"POST", "Test_1.Leave", "{}", 400, "com.amazon.coral.service#UnknownOperationException"},
		{"POST", "Other_1.Greet", "{}", 400, "com.amazon.coral.service#UnknownOperationException"},
		{"POST", "", "{}", 400, "com.amazon.coral.service#UnknownOperationException"},
		{"GET", "Test_1.Greet", "", 405, "com.amazon.coral.service#UnknownOperationException"},
	} {
		r := httptest.NewRequest(c.method, "/", strings.NewReader(c.body))
		r.Header.Set("X-Amz-Target", c.target)
		w := httptest.NewRecorder()
		newService().ServeHTTP(w, r)
		answer, err := io.ReadAll(w.Result().Body)
		if err != nil || w.Code != c.status || !strings.Contains(string(answer), c.answer) {
			t.Errorf("%s %s %.40s: %d %s, %v; want %d %s", c.method, c.target, c.body, w.Code, answer, err, c.status, c.answer)
		}
		if sum := strconv.FormatUint(uint64(crc32.ChecksumIEEE(answer)), 10); w.Header().Get("X-Amz-Crc32") != sum {
			t.Errorf("%s: the checksum is %s, want %s", answer, w.Header().Get("X-Amz-Crc32"), sum)
		}
		if older := w.Header().Get("X-Amzn-Query-Error"); (older == "Older.NoName;Sender") != strings.Contains(c.answer, "NoName") {
			t.Errorf("%s: the older code is %q", answer, older)
		}
	}
}
