package loadgen

import (
	"context"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// awsConfig is what the three clients of AWS have in common: the SDK's defaults,
// but for the address, credentials that the server doesn't check, and no retries:
// a request that is sent again after an error could count twice on the server
// and once here.
func awsConfig(addr string, workers int) (aws.Config, *http.Transport) {
	transport := &http.Transport{MaxIdleConnsPerHost: workers}
	return aws.Config{
		Region:       "us-east-1",
		BaseEndpoint: aws.String("http://" + addr),
		HTTPClient:   &http.Client{Transport: plainBodies{transport}},
		Retryer:      func() aws.Retryer { return aws.NopRetryer{} },
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "example", SecretAccessKey: "example"}, nil
		}),
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenSupported,
	}, transport
}

// plainBodies hides the WriteTo of the SDK's request bodies. The SDK closes a body
// as soon as there is an answer, and WriteTo then fails with io.EOF where Read says
// that the body is over. The transport looks once more whether it is, and would
// take that for a failed request and close the connection under the answer.
type plainBodies struct{ http.RoundTripper }

func (p plainBodies) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil && r.Body != http.NoBody {
		plain := *r
		plain.Body = struct{ io.ReadCloser }{r.Body}
		r = &plain
	}
	return p.RoundTripper.RoundTrip(r)
}
