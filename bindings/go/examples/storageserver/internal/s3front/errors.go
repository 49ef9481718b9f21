package s3front

import (
	"crypto/rand"
	"encoding/xml"
	"errors"
	"net/http"
	"strconv"
)

// apiError is a refusal in S3's words.
type apiError struct {
	status        int
	code, message string
}

func (e *apiError) Error() string { return e.code + ": " + e.message }

var (
	errNoSuchKey       = &apiError{http.StatusNotFound, "NoSuchKey", "The specified key does not exist."}
	errNoSuchBucket    = &apiError{http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist"}
	errBucketOwned     = &apiError{http.StatusConflict, "BucketAlreadyOwnedByYou", "Your previous request to create the named bucket succeeded and you already own it."}
	errBucketName      = &apiError{http.StatusBadRequest, "InvalidBucketName", "The specified bucket is not valid."}
	errKeyTooLong      = &apiError{http.StatusBadRequest, "KeyTooLongError", "Your key is too long"}
	errInvalidURI      = &apiError{http.StatusBadRequest, "InvalidURI", "Couldn't parse the specified URI."}
	errMethod          = &apiError{http.StatusMethodNotAllowed, "MethodNotAllowed", "The specified method is not allowed against this resource."}
	errTooLarge        = &apiError{http.StatusBadRequest, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size"}
	errNoLength        = &apiError{http.StatusLengthRequired, "MissingContentLength", "You must provide the Content-Length HTTP header."}
	errIncomplete      = &apiError{http.StatusBadRequest, "IncompleteBody", "You did not provide the number of bytes specified by the Content-Length HTTP header"}
	errBadChunks       = &apiError{http.StatusBadRequest, "InvalidRequest", "The body is not aws-chunked as its headers say."}
	errBadTrailer      = &apiError{http.StatusBadRequest, "MalformedTrailerError", "The request contained trailing data that was not well-formed or did not conform to our published schema."}
	errBadDigest       = &apiError{http.StatusBadRequest, "BadDigest", "A checksum you specified did not match what we received."}
	errInvalidDigest   = &apiError{http.StatusBadRequest, "InvalidDigest", "A checksum you specified is not valid."}
	errSHA256          = &apiError{http.StatusBadRequest, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed."}
	errMetadata        = &apiError{http.StatusBadRequest, "MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size."}
	errRange           = &apiError{http.StatusRequestedRangeNotSatisfiable, "InvalidRange", "The requested range is not satisfiable"}
	errPrecondition    = &apiError{http.StatusPreconditionFailed, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold"}
	errInvalidArgument = &apiError{http.StatusBadRequest, "InvalidArgument", "Invalid Argument"}
)

// unsupported refuses what S3 has and this server doesn't: to ignore it would
// be to do something else than what was asked.
func unsupported(what string) error {
	return &apiError{http.StatusNotImplemented, "NotImplemented", "This server does not support " + what + "."}
}

type errorAnswer struct {
	XMLName   xml.Name `xml:"Error"`
	Code      string
	Message   string
	Resource  string
	RequestID string `xml:"RequestId"`
}

// refuse answers with an error. One that isn't an *apiError is the server's own.
func refuse(w http.ResponseWriter, r *http.Request, err error) {
	var refusal *apiError
	if !errors.As(err, &refusal) {
		refusal = &apiError{http.StatusInternalServerError, "InternalError", err.Error()}
	}
	sendXML(w, r, refusal.status, errorAnswer{
		Code: refusal.code, Message: refusal.message,
		Resource: r.URL.EscapedPath(), RequestID: w.Header().Get(requestID),
	})
}

const requestID = "X-Amz-Request-Id"

func identify(w http.ResponseWriter) {
	w.Header().Set(requestID, rand.Text())
}

func sendXML(w http.ResponseWriter, r *http.Request, status int, answer any) {
	body, err := xml.Marshal(answer)
	if err != nil {
		http.Error(w, "the answer could not be encoded", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/xml")
	if r.Method == http.MethodHead {
		w.WriteHeader(status)
		return
	}
	body = append([]byte(xml.Header), body...)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	// A client that goes away while it is answered is not this server's error.
	_, _ = w.Write(body)
}
