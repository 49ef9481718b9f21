// Package awsjson serves the JSON protocols of AWS: a POST whose X-Amz-Target
// header names the operation and whose body is its input.
package awsjson

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strconv"
	"strings"
)

const contentType = "application/x-amz-json-1.0"

// Error is a refusal as its protocol words it.
type Error struct {
	Status  int    // HTTP; 0 is 400
	Code    string // such as ResourceNotFoundException
	Message string
	// QueryCode is the code under which clients of an older protocol know the
	// error; empty where there is none.
	QueryCode string
}

// Error returns code and message.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Operation answers one request, of which body was read already. The answer is
// encoded as JSON; an error that isn't an *Error is the server's own.
type Operation func(r *http.Request, body []byte) (answer any, err error)

// Op is an operation with a typed input. A member of the input that In doesn't
// have is refused, and not silently left out.
func Op[In any](run func(r *http.Request, in *In) (any, error)) Operation {
	return func(r *http.Request, body []byte) (any, error) {
		in := new(In)
		decoder := json.NewDecoder(bytes.NewReader(body))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(in); err != nil {
			return nil, decodeError(err)
		}
		if _, err := decoder.Token(); err != io.EOF {
			return nil, &Error{Code: serialization, Message: "there is more than one JSON value"}
		}
		return run(r, in)
	}
}

// unsupported is a parameter that the operation doesn't have, quoted. Each
// service has its own code for one.
type unsupported string

func (u unsupported) Error() string { return "this server does not support the parameter " + string(u) }

// decodeError tells a member that is not supported from JSON that is wrong.
func decodeError(err error) error {
	if member, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return unsupported(member)
	}
	return &Error{Code: serialization, Message: err.Error()}
}

// Errors that every service has, and their namespace.
const (
	coral            = "com.amazon.coral.service#"
	unknownOperation = "UnknownOperationException"
	serialization    = "SerializationException"
)

// Service is one protocol's operations.
type Service struct {
	Target     string // of X-Amz-Target, in front of the operation: "DynamoDB_20120810."
	Namespace  string // of the error codes: "com.amazonaws.dynamodb.v20120810#"
	MaxBody    int64  // longest body of a request, in bytes
	CRC32      bool   // whether answers carry an X-Amz-Crc32 header
	Operations map[string]Operation
	// Unsupported refuses a parameter that an operation doesn't have. It needs no
	// message.
	Unsupported Error
}

// ServeHTTP dispatches to an operation.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, err := s.dispatch(w, r)
	if err != nil {
		s.refuse(w, err)
		return
	}
	s.send(w, http.StatusOK, answer)
}

func (s *Service) dispatch(w http.ResponseWriter, r *http.Request) (any, error) {
	if r.Method != http.MethodPost {
		return nil, &Error{Status: http.StatusMethodNotAllowed, Code: unknownOperation, Message: "requests are POSTs"}
	}
	name, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), s.Target)
	run := s.Operations[name]
	if !ok || run == nil {
		return nil, &Error{Code: unknownOperation, Message: fmt.Sprintf("X-Amz-Target must be %s and an operation that this server has", s.Target)}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.MaxBody))
	if err != nil {
		var tooLong *http.MaxBytesError
		if errors.As(err, &tooLong) {
			return nil, &Error{Status: http.StatusRequestEntityTooLarge, Code: "RequestEntityTooLarge", Message: fmt.Sprintf("the body is longer than %d bytes", s.MaxBody)}
		}
		return nil, &Error{Code: serialization, Message: "the body could not be read"}
	}
	return run(r, body)
}

func (s *Service) refuse(w http.ResponseWriter, err error) {
	var refusal *Error
	if parameter, ok := err.(unsupported); ok {
		refused := s.Unsupported
		refused.Message = parameter.Error()
		refusal = &refused
	} else if !errors.As(err, &refusal) {
		refusal = &Error{Status: http.StatusInternalServerError, Code: "InternalServerError", Message: err.Error()}
	}
	namespace := s.Namespace
	if refusal.Code == unknownOperation || refusal.Code == serialization {
		namespace = coral
	}
	if refusal.QueryCode != "" {
		w.Header().Set("X-Amzn-Query-Error", refusal.QueryCode+";Sender")
	}
	status := refusal.Status
	if status == 0 {
		status = http.StatusBadRequest
	}
	s.send(w, status, map[string]string{"__type": namespace + refusal.Code, "message": refusal.Message})
}

func (s *Service) send(w http.ResponseWriter, status int, answer any) {
	body, err := json.Marshal(answer)
	if err != nil {
		http.Error(w, "the answer could not be encoded", http.StatusInternalServerError)
		return
	}
	header := w.Header()
	header.Set("Content-Type", contentType)
	header.Set("Content-Length", strconv.Itoa(len(body)))
	header.Set("X-Amzn-Requestid", rand.Text())
	if s.CRC32 {
		header.Set("X-Amz-Crc32", strconv.FormatUint(uint64(crc32.ChecksumIEEE(body)), 10))
	}
	w.WriteHeader(status)
	// A client that goes away while it is answered is not this server's error.
	_, _ = w.Write(body)
}
